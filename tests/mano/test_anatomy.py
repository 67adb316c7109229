"""The pose sampler: within limits, without collisions, bending the right way."""

from pathlib import Path

import numpy as np
import pytest

from hint_tools.mano.anatomy import LIMITS_DEG, MODES, HandAnatomy, sample_hand_pose, sample_wide_pose
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hand, rodrigues


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def anatomy(model):
    return HandAnatomy.of(model, np.zeros(10))


def test_same_seed_same_pose_other_seed_other_pose(model):
    first, again, other = (sample_hand_pose(np.random.default_rng(s), model, np.zeros(10)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_flexion_curls_every_finger_to_the_palm_and_extension_away(model, anatomy):
    flat = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10)).joints
    angles = np.zeros((15, 3))
    angles[:12, 0] = 0.6
    curled = pose_hand(model, np.zeros(3), anatomy.to_axis_angle(angles), np.zeros(10)).joints
    assert (curled[[8, 12, 16, 20], 1] < flat[[8, 12, 16, 20], 1] - 0.02).all(), "the palm looks to -y"


def test_abduction_goes_towards_the_thumb(model, anatomy):
    flat = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10)).joints
    angles = np.zeros((15, 3))
    angles[0, 1] = 0.3  # index
    spread = pose_hand(model, np.zeros(3), anatomy.to_axis_angle(angles), np.zeros(10)).joints
    assert abs(spread[8, 2] - flat[8, 2]) > 0.01
    assert abs(spread[8, 1] - flat[8, 1]) < 0.005


def test_no_drawn_pose_collides_and_every_shape_works(model):
    rng = np.random.default_rng(0)
    for wide in (False, True):
        for _ in range(60):
            anatomy = HandAnatomy.of(model, rng.standard_normal(10))
            pose = anatomy.draw(rng, wide=wide)
            assert anatomy.capsules.overlap_m(rodrigues(pose.reshape(15, 3))) <= 0


def test_flat_hand_is_free_and_a_finger_through_another_is_not(anatomy):
    assert anatomy.capsules.overlap_m(rodrigues(np.zeros((15, 3)))) <= 0
    angles = np.zeros((15, 3))
    angles[0, 1], angles[3, 1] = -0.5, 0.5  # index and middle lean into each other
    crossed = [
        anatomy.capsules.overlap_m(rodrigues(anatomy.to_axis_angle(a).reshape(15, 3))) for a in (angles, -angles)
    ]
    assert max(crossed) > 0.003


def test_angles_stay_within_the_limits(model, anatomy):
    """PIP joints are hinges: their rotation is the flexion, about the flexion axis, and nothing else."""
    rng = np.random.default_rng(5)
    low, high = np.radians(LIMITS_DEG["pip"][0])
    for _ in range(100):
        vectors = sample_wide_pose(rng, model, np.zeros(10)).reshape(15, 3)
        for joint in (1, 4, 7, 10):
            flexion = vectors[joint] @ anatomy.axes[joint, 1]
            np.testing.assert_allclose(vectors[joint], flexion * anatomy.axes[joint, 1], atol=1e-9)
            assert low - 1e-9 <= flexion <= high + 1e-9


def test_modes_differ_as_their_names_say(model):
    """Over many draws, some hands are fists and some are open."""
    rng = np.random.default_rng(0)
    anatomy = HandAnatomy.of(model, np.zeros(10))
    bends = []
    for _ in range(150):
        vectors = anatomy.draw(rng).reshape(15, 3)
        bends.append(np.linalg.norm(vectors[[1, 4, 7, 10]], axis=1).mean())
    assert min(bends) < 0.2
    assert max(bends) > 1.2
    assert sum(MODES.values()) == pytest.approx(1)


def test_builder_and_package_agree_on_where_the_asset_lives():
    assert (Path(__file__).parents[2] / "hint_tools/mano/open_hand_778.npz").exists()
