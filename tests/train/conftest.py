from __future__ import annotations

from pathlib import Path

import pytest
import torch
from drawn_release import make_release

from hint_tools.mano.assets import HandModel, load_hand_model


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HINT_MANO", raising=False)


@pytest.fixture(scope="session")
def hand_model() -> HandModel:
    return load_hand_model()


@pytest.fixture(scope="session")
def release(tmp_path_factory, hand_model) -> Path:
    """Twelve drawn hands, half of them left, one without a fit: small, but every number in it is consistent."""
    return make_release(tmp_path_factory.mktemp("release") / "r1", hand_model, count=12)
