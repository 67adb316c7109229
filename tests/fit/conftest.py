import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Two threads on a shared machine are slower than one for these small matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
