"""The torch layer, against a reference layer's outputs and a checkpoint's buffers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hands, rodrigues
from hint_tools.mano.layer import ManoLayer, axis_angle_to_matrix

GOLDEN = Path(__file__).parents[2].parent / "shared/data/golden"
needs_golden = pytest.mark.skipif(
    not GOLDEN.exists(), reason="reference data (../shared/data) is not beside this checkout"
)


@pytest.mark.shared
@needs_golden
def test_outputs_are_the_reference_layers():
    golden = np.load(GOLDEN / "mano_layer.npz")
    rotations, betas = torch.tensor(golden["rotmats"]), torch.tensor(golden["betas"])
    out = ManoLayer(load_hand_model(GOLDEN / "mano_random"))(rotations[:, :1], rotations[:, 1:], betas)
    np.testing.assert_allclose(out.vertices, golden["vertices"], atol=1e-6)
    np.testing.assert_allclose(out.joints, golden["joints21"], atol=1e-6)


@pytest.mark.shared
@needs_golden
def test_buffers_have_the_checkpoints_names_shapes_and_values():
    listed = json.loads((GOLDEN / "state_dict_tiny.json").read_text())
    expected = {k.removeprefix("mano."): tuple(v["shape"]) for k, v in listed.items() if k.startswith("mano.")}
    layer = ManoLayer(load_hand_model(GOLDEN / "mano_random"))
    assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == expected
    stored = torch.load(GOLDEN / "hamer_tiny.ckpt", weights_only=True)["state_dict"]
    for key, value in layer.state_dict().items():
        assert torch.equal(value, stored[f"mano.{key}"]), key


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layer_and_numpy_agree_on_axis_angles(dtype):
    model = load_hand_model()
    rng = np.random.default_rng(0)
    root, pose, betas, shift = (rng.normal(0, 0.6, (5, n)) for n in (3, 45, 10, 3))
    posed = pose_hands(model, root, pose, betas, shift)
    given = [torch.tensor(v, dtype=dtype) for v in (root, pose, betas, shift)]
    out = ManoLayer(model, dtype)(*given, pose2rot=True)
    tolerance = 1e-6 if dtype is torch.float32 else 1e-12
    np.testing.assert_allclose(out.vertices, posed.vertices, atol=tolerance)
    np.testing.assert_allclose(out.joints, posed.joints, atol=tolerance)


def test_gradients_are_right_and_finite_at_the_flat_hand():
    layer = ManoLayer(load_hand_model(), torch.float64)
    pose = torch.zeros(1, 45, dtype=torch.float64, requires_grad=True)
    root, betas = torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, 10, dtype=torch.float64)
    layer(root, pose, betas, pose2rot=True).joints.square().sum().backward()
    assert torch.isfinite(pose.grad).all()
    step = 1e-6
    numeric = []
    for k in range(45):
        ends = []
        for sign in (1, -1):
            moved = torch.zeros(1, 45, dtype=torch.float64)
            moved[0, k] = sign * step
            ends.append(layer(root, moved, betas, pose2rot=True).joints.square().sum())
        numeric.append(float((ends[0] - ends[1]) / (2 * step)))
    np.testing.assert_allclose(pose.grad[0], numeric, atol=1e-8)


def test_rotations_are_numpys():
    vectors = np.random.default_rng(1).normal(0, 1, (50, 3))
    np.testing.assert_allclose(axis_angle_to_matrix(torch.tensor(vectors)), rodrigues(vectors), atol=1e-12)


def test_layer_moves_between_devices_and_dtypes_as_one():
    layer = ManoLayer(load_hand_model()).double()
    out = layer(*(torch.zeros(2, n, dtype=torch.float64) for n in (3, 45, 10)), pose2rot=True)
    assert out.vertices.dtype == torch.float64
    assert not list(layer.parameters())
