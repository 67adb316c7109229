"""Posing with numpy, against a reference layer's recorded outputs and closed forms."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import (
    MIRROR_AXIS_ANGLE,
    MIRROR_POINTS,
    faces_of_side,
    matrix_to_axis_angle,
    pose_hand,
    pose_hands,
    pose_rotations,
    rodrigues,
)

GOLDEN = Path(__file__).parents[2].parent / "shared/data/golden"


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.mark.shared
@pytest.mark.skipif(not GOLDEN.exists(), reason="reference data (../shared/data) is not beside this checkout")
def test_vertices_and_joints_are_the_reference_layers():
    golden = np.load(GOLDEN / "mano_layer.npz")
    made_up = load_hand_model(GOLDEN / "mano_random")
    posed = pose_rotations(made_up, golden["rotmats"].astype(float), golden["betas"].astype(float))
    np.testing.assert_allclose(posed.vertices, golden["vertices"], atol=1e-6)
    np.testing.assert_allclose(posed.joints, golden["joints21"], atol=1e-6)


def test_rodrigues_is_scipys_exponential_from_tiny_to_half_turns():
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((200, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.concatenate([[0.0, 1e-12, 1e-8, 1e-6, 1e-4, np.pi], rng.uniform(0, np.pi, 194)])
    vectors = axes * angles[:, None]
    np.testing.assert_allclose(rodrigues(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)
    back = matrix_to_axis_angle(rodrigues(vectors))
    np.testing.assert_allclose(rodrigues(back), rodrigues(vectors), atol=1e-9)
    assert np.linalg.norm(back, axis=1).max() <= np.pi + 1e-9


def test_a_bent_finger_moves_only_itself(model):
    pose = np.zeros((15, 3))
    pose[1, 2] = 0.8  # second joint of the index finger
    flat, bent = (pose_hand(model, np.zeros(3), p.ravel(), np.zeros(10)) for p in (np.zeros((15, 3)), pose))
    moved = np.linalg.norm(flat.joints - bent.joints, axis=1) > 1e-4
    assert set(np.flatnonzero(moved)) == {JOINT_INDEX["index_dip"], JOINT_INDEX["index_tip"]}


def test_global_orientation_turns_about_the_wrist(model):
    rng = np.random.default_rng(1)
    pose, betas, turn = rng.normal(0, 0.2, 45), rng.standard_normal(10), rng.standard_normal(3)
    flat = pose_hand(model, np.zeros(3), pose, betas)
    turned = pose_hand(model, turn, pose, betas, [0.1, -0.2, 0.7])
    expected = (flat.vertices - flat.joints[0]) @ Rotation.from_rotvec(turn).as_matrix().T + flat.joints[0]
    np.testing.assert_allclose(turned.vertices, expected + np.array([0.1, -0.2, 0.7]), atol=1e-12)


def test_left_hand_is_the_mirrored_right_hand(model):
    rng = np.random.default_rng(2)
    root, pose, betas, shift = (rng.normal(0, 0.4, n) for n in (3, 45, 10, 3))
    right = pose_hand(model, root, pose, betas, shift)
    mirrored = np.tile(MIRROR_AXIS_ANGLE, 15) * pose
    left = pose_hand(model, root * MIRROR_AXIS_ANGLE, mirrored, betas, shift * MIRROR_POINTS, "left")
    np.testing.assert_allclose(left.vertices, right.vertices * MIRROR_POINTS, atol=1e-12)
    np.testing.assert_allclose(left.joints, right.joints * MIRROR_POINTS, atol=1e-12)


def test_faces_look_outwards_on_both_sides(model):
    for side in ("left", "right"):
        posed = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10), side=side)
        corners = (posed.vertices - posed.joints[0])[faces_of_side(model, side)]
        assert np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


def test_batch_is_its_hands_one_by_one(model):
    rng = np.random.default_rng(3)
    root, pose, betas, shift = (rng.normal(0, 0.5, (4, n)) for n in (3, 45, 10, 3))
    sides = ["left", "right", "right", "left"]
    batch = pose_hands(model, root, pose, betas, shift, sides)
    for i, side in enumerate(sides):
        one = pose_hand(model, root[i], pose[i], betas[i], shift[i], side)
        np.testing.assert_allclose(batch.vertices[i], one.vertices, atol=1e-12)


def test_a_side_that_is_none_is_refused(model):
    with pytest.raises(ValueError, match="both"):
        pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10), side="both")


def test_joint_order_is_wrist_then_thumb_to_pinky(model):
    joints = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10)).joints
    bases = joints[[1, 5, 9, 13, 17]]
    assert (np.diff(bases[1:, 2]) < 0).all(), "index to pinky run away from the thumb"
    for finger in range(5):
        reach = np.linalg.norm(joints[1 + 4 * finger : 5 + 4 * finger] - joints[0], axis=1)
        assert (np.diff(reach) > 0).all(), "base to tip"
