"""Nothing is left behind on the processor: the network, its losses and its discriminator on another device.

The `meta` device refuses to compute with tensors of the processor just as a GPU does, and every machine has it.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch

from hint_tools.hamer.camera import frame_focal, frame_translation
from hint_tools.hamer.config import PRESETS, LossWeights
from hint_tools.hamer.device import choose_device
from hint_tools.hamer.losses import discriminator_losses, generator_loss, supervised_losses
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.rotations import axis_angle_to_matrix
from hint_tools.mano.assets import load_hand_model

AWAY = torch.device("meta")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Hamer:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none for this device
    return copy.deepcopy(Hamer(PRESETS["tiny"], load_hand_model())).to(AWAY)


def away(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device=AWAY)


def batch() -> dict:
    return {
        "img": away(4, 3, 256, 256),
        "keypoints_2d": away(4, 21, 3),
        "keypoints_3d": away(4, 21, 4),
        "mano_params": {"global_orient": away(4, 3), "hand_pose": away(4, 45), "betas": away(4, 10)},
        "has_mano_params": {"global_orient": away(4), "hand_pose": away(4), "betas": away(4)},
        # the one thing a step reads back: it may stay on the processor
        "mano_params_is_axis_angle": {k: torch.ones(4, dtype=torch.bool) for k in ("global_orient", "hand_pose")},
    }


def test_the_device_would_notice(network: Hamer) -> None:
    with pytest.raises(RuntimeError, match=r"(?i)device"):
        network({"img": torch.zeros(1, 3, 256, 256)})
    with pytest.raises(RuntimeError, match="device meta"):
        away(3) + torch.zeros(3)


@pytest.mark.parametrize("training", [False, True])
def test_everything_stays_on_the_device(network: Hamer, training: bool) -> None:
    network.train(training)
    assert {t.device for t in (*network.parameters(), *network.buffers())} == {AWAY}
    given = batch()
    answer = network(given)
    flat = {k: v for k, v in answer.items() if k != "pred_mano_params"} | answer["pred_mano_params"]
    assert {v.device for v in flat.values()} == {AWAY}
    losses = supervised_losses(answer, given, LossWeights())
    pose = answer["pred_mano_params"]
    scores = network.discriminator(pose["hand_pose"], pose["betas"])
    real = network.discriminator(axis_angle_to_matrix(away(8, 15, 3)), away(8, 10))
    apart = discriminator_losses(scores.detach(), real)
    for value in (*losses.values(), generator_loss(scores), *apart.values()):
        assert value.device == AWAY
    (losses["loss"] + generator_loss(scores)).backward()
    learned = [n for n, p in network.named_parameters() if p.grad is not None and p.grad.device == AWAY]
    assert len(learned) == len(list(network.parameters()))


def test_cameras_stay_on_the_device() -> None:
    size = away(4, 2)
    assert frame_translation(away(4, 3), away(4, 2), away(4), size, frame_focal(size, 5000.0, 256)).device == AWAY


@pytest.mark.parametrize(("rank", "name", "expected"), [
    (None, "auto", "cuda:0"), ("0", "auto", "cuda:0"), ("5", "cuda", "cuda:1"), ("1", "cuda:0", "cuda:0"),
    ("x", "auto", "cuda:0"), ("1", "cpu", "cpu"),
])  # fmt: skip
def test_processes_of_one_machine_share_its_gpus(monkeypatch: pytest.MonkeyPatch, rank, name, expected) -> None:
    used = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    monkeypatch.setattr(torch, "empty", lambda *_, **__: None)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert str(choose_device(name)) == expected
    assert [str(d) for d in used] == ([expected] if expected != "cpu" else [])
