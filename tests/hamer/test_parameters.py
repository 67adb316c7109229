from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hint_tools.hamer import HandParameters, to_left, to_smplx
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hand

FLIP = np.diag([-1.0, 1.0, 1.0])


def drawn(seed: int, side: str = "right") -> HandParameters:
    rng = np.random.default_rng(seed)
    numbers = (rng.normal(0, 1, 3), rng.normal(0, 0.5, 45), rng.normal(0, 1, 10), rng.normal(0, 0.2, 3))
    return HandParameters(side, *numbers)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_left_hand_is_the_mirror_image(seed) -> None:
    """Conjugation with the mirror, F R F, computed on matrices."""
    right = drawn(seed)
    left = to_left(right)
    for mine, theirs in ((left.global_orient[None], right.global_orient[None]),
                         (left.hand_pose.reshape(15, 3), right.hand_pose.reshape(15, 3))):  # fmt: skip
        expected = FLIP @ Rotation.from_rotvec(theirs).as_matrix() @ FLIP
        np.testing.assert_allclose(Rotation.from_rotvec(mine).as_matrix(), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(left.betas, right.betas)


def test_a_left_hands_vertices_are_mirrored() -> None:
    model, right = load_hand_model(), drawn(1)
    left = to_left(right)
    posed = [pose_hand(model, h.global_orient, h.hand_pose, h.betas, h.transl, h.side).vertices for h in (right, left)]
    np.testing.assert_allclose(posed[1], posed[0] * [-1, 1, 1], rtol=0, atol=1e-12)


def test_a_left_hand_stays_one() -> None:
    with pytest.raises(ValueError, match="left"):
        to_left(to_left(drawn(2)))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_body_that_adds_the_mean_pose_ends_up_at_the_same_hand(side) -> None:
    model, hand = load_hand_model(), drawn(3, side)
    key = f"{side}_hand_pose"
    flat = to_smplx(hand, model, flat_hand_mean=True)
    np.testing.assert_array_equal(flat[key], hand.hand_pose)
    curled = to_smplx(hand, model, flat_hand_mean=False)
    mirror = np.array([1.0, -1, -1]) if side == "left" else np.ones(3)
    added = (np.asarray(model.hands_mean).reshape(15, 3) * mirror).ravel()
    np.testing.assert_allclose(curled[key] + added, hand.hand_pose, rtol=0, atol=1e-12)
    assert np.abs(curled[key] - hand.hand_pose).max() > 0.01
    assert set(flat) == {key, f"{side}_wrist_global_orient"}


def test_the_wrist_is_relative_to_the_forearm() -> None:
    model, hand = load_hand_model(), drawn(4)
    elbow = Rotation.from_rotvec([0.3, -1.1, 0.4]).as_matrix()
    made = to_smplx(hand, model, flat_hand_mean=True, elbow=elbow)
    whole = elbow @ Rotation.from_rotvec(made["right_wrist_pose"]).as_matrix()
    np.testing.assert_allclose(whole, Rotation.from_rotvec(hand.global_orient).as_matrix(), rtol=0, atol=1e-12)
