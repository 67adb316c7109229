from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from golden_paths import SHARED

from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel, load_hand_model


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def golden() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no reference data at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def random_hand(golden: Path) -> HandModel:
    return load_hand_model(golden / "mano_random" / "mano" / "MANO_RIGHT.pkl")


@pytest.fixture(scope="session")
def reference_network(golden: Path, random_hand: HandModel) -> Hamer:
    """The tiny network with the weights the reference implementation was run with."""
    return load_checkpoint(golden / "hamer_tiny.ckpt", hand_model=random_hand).network.eval()


@pytest.fixture(scope="session")
def arrays(golden: Path):
    def load(name: str) -> dict[str, torch.Tensor]:
        with np.load(golden / f"{name}.npz") as stored:
            return {key: torch.from_numpy(stored[key]) for key in stored.files}

    return load
