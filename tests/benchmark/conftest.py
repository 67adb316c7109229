"""The little project of the release tests, released."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from hint_tools.hamer.checkpoint import save_checkpoint
from hint_tools.hamer.config import BackboneConfig, DecoderConfig, HamerConfig
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model
from hint_tools.store.project import Project

sys.path.insert(0, str(Path(__file__).parents[1] / "release"))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one built release; read only."""
    from release_world import make_project

    from hint_tools.release.build import run_build
    from hint_tools.release.config import ReleaseBuildConfig

    made = make_project(tmp_path_factory.mktemp("benchmark") / "round")
    run_build(ReleaseBuildConfig(name="r1"), made)
    return made


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of a few thousand parameters, never trained."""
    torch.manual_seed(0)
    backbone = BackboneConfig(dim=32, depth=1, heads=2)
    decoder = DecoderConfig(dim=32, depth=1, heads=1, dim_head=16, mlp_dim=32, context_dim=32)
    config = HamerConfig(backbone=backbone, decoder=decoder)
    hand = load_hand_model()
    path = tmp_path_factory.mktemp("checkpoint") / "model.ckpt"
    save_checkpoint(path, Hamer(config, hand), step=7, hand_model=hand)
    return path
