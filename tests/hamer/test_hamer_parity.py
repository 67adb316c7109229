"""The same numbers as the published implementation, on the same weights and inputs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from golden_paths import COPIED

from hint_tools.hamer import load_hamer
from hint_tools.hamer.config import PRESETS
from hint_tools.hamer.losses import discriminator_losses, generator_loss, supervised_losses
from hint_tools.hamer.mean_parameters import mean_of_hand, read_mean_parameters
from hint_tools.hamer.network import Hamer
from hint_tools.hamer.precision import keep_in
from hint_tools.hamer.rotations import axis_angle_to_matrix, rotation_6d_to_matrix
from hint_tools.mano.assets import load_hand_model


@pytest.mark.parametrize(("preset", "file"), [("vit_h", "state_dict_full.json"), ("tiny", "state_dict_tiny.json")])
def test_parameters_have_the_reference_names_shapes_and_types(preset, file) -> None:
    expected = json.loads((COPIED / file).read_text())
    with torch.device("meta"):
        network = Hamer(PRESETS[preset], load_hand_model())
    learned = {name for name, _ in network.named_parameters()}
    got = {
        name: {"shape": list(v.shape), "dtype": str(v.dtype).removeprefix("torch."), "param": name in learned}
        for name, v in network.state_dict().items()
    }
    assert got == expected


def test_the_paper_network_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        network = Hamer(PRESETS["vit_h"], load_hand_model())
    counts = {n: sum(p.numel() for p in m.parameters()) for n, m in network.named_children()}
    assert counts == {"backbone": 630_912_000, "mano_head": 39_497_837, "discriminator": 1_545_211, "mano": 0}
    assert sum(counts.values()) == 671_955_048


@pytest.mark.shared
def test_outputs_equal_the_reference(reference_network, arrays) -> None:
    expected = arrays("forward_tiny")
    with torch.no_grad():
        output = reference_network({"img": arrays("inputs_img8")["img"]})
    parameters = {f"mano_{name}": values for name, values in output.pop("pred_mano_params").items()}
    got = output | parameters
    expected.pop("backbone_feats_0_1")
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        assert got[name].shape == values.shape
        torch.testing.assert_close(got[name], values, rtol=1e-5, atol=3e-6, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.shared
def test_features_equal_the_reference(reference_network, arrays) -> None:
    with torch.no_grad():
        features = reference_network.backbone(arrays("inputs_img8")["img"][:2, :, :, 32:-32])
    torch.testing.assert_close(features, arrays("forward_tiny")["backbone_feats_0_1"], rtol=1e-5, atol=5e-6)


def test_rotations_equal_the_reference() -> None:
    with np.load(COPIED / "disc_geom.npz") as stored:
        golden = {name: torch.from_numpy(stored[name]) for name in stored.files}
    torch.testing.assert_close(rotation_6d_to_matrix(golden["x6"]), golden["x6_rotmat"], rtol=0, atol=2e-6)
    torch.testing.assert_close(axis_angle_to_matrix(golden["aa"]), golden["aa_rotmat"], rtol=0, atol=1e-6)
    torch.testing.assert_close(axis_angle_to_matrix(torch.zeros(1, 3)), golden["aa_zero_rotmat"], rtol=0, atol=0)


def test_three_rotations_at_once_are_each_turned_by_themselves() -> None:
    """A cross product that looks for "the first axis of length three" takes the batch for the vector here."""
    values = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    together = rotation_6d_to_matrix(values)
    torch.testing.assert_close(together, torch.stack([rotation_6d_to_matrix(v) for v in values]))
    torch.testing.assert_close(together @ together.transpose(1, 2), torch.eye(3).expand(3, 3, 3), rtol=0, atol=1e-6)
    torch.testing.assert_close(torch.linalg.det(together), torch.ones(3))


def test_the_collinear_root_of_the_mean_pose_still_decodes() -> None:
    mean = mean_of_hand(load_hand_model().hands_mean)
    root = rotation_6d_to_matrix(torch.tensor(mean.pose[:6]))
    torch.testing.assert_close(root, torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))


@pytest.mark.shared
def test_mean_parameters_equal_the_reference_file_bit_for_bit(golden, reference_network) -> None:
    stored = read_mean_parameters(golden / "mano_random" / "mano_mean_params.npz")
    made = mean_of_hand(np.zeros(45))
    assert made.pose[:6].tobytes() == stored.pose[:6].tobytes()
    assert made.camera.tobytes() == stored.camera.tobytes()
    assert reference_network.mano_head.init_hand_pose[0].numpy().tobytes() == stored.pose.tobytes()


def test_the_mean_pose_is_the_hand_models() -> None:
    mean_pose = np.linspace(-1, 1, 45)
    joints = rotation_6d_to_matrix(torch.tensor(mean_of_hand(mean_pose).pose[6:]).reshape(15, 6))
    expected = axis_angle_to_matrix(torch.tensor(mean_pose, dtype=torch.float32).reshape(15, 3))
    torch.testing.assert_close(joints, expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def batch(golden):
    made: dict = {}
    with np.load(golden / "loss_batch.npz") as stored:
        for name in stored.files:
            group, _, key = name.rpartition(".")
            (made.setdefault(group, {}) if group else made)[key] = torch.from_numpy(stored[name])
    return made


@pytest.mark.shared
def test_losses_and_gradients_equal_the_reference(golden, reference_network, arrays, batch) -> None:
    expected = json.loads((golden / "metrics_losses.json").read_text())
    network = reference_network
    output = network({"img": arrays("inputs_img8")["img"]})
    losses = supervised_losses(output, batch, network.config.loss_weights)
    for name, value in losses.items():
        stored = expected["losses"]["loss" if name == "loss" else f"loss_{name}"]
        assert value.item() == pytest.approx(stored, rel=1e-6), name
    pose, betas = (output["pred_mano_params"][n] for n in ("hand_pose", "betas"))
    adversarial = generator_loss(network.discriminator(pose, betas))
    assert adversarial.item() == pytest.approx(expected["loss_gen"], rel=1e-6)
    network.zero_grad()
    (losses["loss"] + network.config.loss_weights.adversarial * adversarial).backward()
    norms = {n: p.grad.norm().item() for n, p in network.named_parameters() if not n.startswith("discriminator.")}
    assert norms.keys() == expected["grad_norms"].keys()
    for name, norm in norms.items():
        assert norm == pytest.approx(expected["grad_norms"][name], rel=1e-5, abs=1e-6), name


@pytest.mark.shared
def test_the_discriminator_equals_the_reference(golden, reference_network, arrays, batch) -> None:
    expected = json.loads((golden / "metrics_losses.json").read_text())
    scores, predicted = arrays("disc_geom"), arrays("forward_tiny")
    with torch.no_grad():
        fake = reference_network.discriminator(predicted["mano_hand_pose"], predicted["mano_betas"])
        rotations = axis_angle_to_matrix(batch["mocap"]["hand_pose"].reshape(-1, 15, 3))
        real = reference_network.discriminator(rotations, batch["mocap"]["betas"])
    torch.testing.assert_close(fake, scores["disc_fake"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(real, scores["disc_real"], rtol=1e-5, atol=1e-6)
    losses = discriminator_losses(fake, real)
    assert losses["fake"].item() == pytest.approx(expected["loss_disc_fake"], rel=1e-6)
    assert losses["real"].item() == pytest.approx(expected["loss_disc_real"], rel=1e-6)


@pytest.mark.slow
def test_the_paper_network_is_read_and_runs(tmp_path) -> None:
    """From a file of the released layout, with random weights, on a CPU: half a minute, 5 GB of memory, 1.3 of disk."""
    path = tmp_path / "hamer.ckpt"
    state = Hamer(PRESETS["vit_h"], load_hand_model()).state_dict()
    torch.save({"state_dict": {n: v.half() if v.is_floating_point() else v for n, v in state.items()}}, path)
    del state
    loaded = load_hamer(path)
    path.unlink()
    assert not loaded.keys.missing
    assert not loaded.keys.unexpected
    assert loaded.config == PRESETS["vit_h"]
    network = loaded.network
    assert sum(p.numel() for p in network.parameters()) == 671_955_048
    assert len(network.state_dict()) == 563
    crop = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        full = network({"img": crop})
        keep_in(network, "bf16")
        half = network({"img": crop})
    assert full["pred_vertices"].shape == (1, 778, 3)
    assert full["pred_keypoints_2d"].isfinite().all()
    assert 0 < (full["pred_vertices"] - half["pred_vertices"]).norm(dim=-1).max() < 0.002
