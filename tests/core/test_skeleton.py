"""The 21 joints and every foreign order, against lists written out by hand from the datasets' own documents."""

import numpy as np
import pytest

from hint_tools.core import skeleton
from hint_tools.core.skeleton import JOINT_NAMES, ORDERS, PARENTS, from_order, to_order

# Each is "which of our joints stands at this place", copied by hand from the owners' documents.
HO3D_EVALUATION = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]
RHD_TIP_TO_BASE = [0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17]
INTERHAND_TIP_TO_BASE_WRIST_LAST = [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17, 0]
# HaMeR's map the other way round: our joint i is its joint [i] of 16 MANO joints + 5 tips.
HAMER_MANO_TO_OPENPOSE = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("ho3d", HO3D_EVALUATION),
        ("rhd", RHD_TIP_TO_BASE),
        ("interhand26m", INTERHAND_TIP_TO_BASE_WRIST_LAST),
        ("mano", np.argsort(HAMER_MANO_TO_OPENPOSE).tolist()),
        ("freihand", list(range(21))),
        ("mediapipe", list(range(21))),
    ],
)
def test_an_order_is_what_its_owners_say(dialect, expected):
    assert ORDERS[dialect].tolist() == expected


@pytest.mark.parametrize("dialect", sorted(ORDERS))
def test_there_and_back_is_the_identity(dialect):
    points = np.random.default_rng(0).normal(size=(3, 21, 2))
    np.testing.assert_array_equal(to_order(from_order(points, dialect), dialect), points)
    np.testing.assert_array_equal(from_order(to_order(points, dialect), dialect), points)


def test_from_mano_matches_hamers_joint_map():
    mano = np.arange(21, dtype=float)
    assert from_order(mano, "mano").tolist() == HAMER_MANO_TO_OPENPOSE


def test_a_wrong_number_of_joints_is_refused():
    with pytest.raises(ValueError, match="expected 21 joints"):
        from_order(np.zeros((20, 2)), "mano")


def test_names_and_parents():
    assert JOINT_NAMES[0] == "wrist"
    assert JOINT_NAMES[4] == "thumb_tip"
    assert JOINT_NAMES[20] == "pinky_tip"
    assert len(set(JOINT_NAMES)) == 21
    assert [PARENTS[j] for j in (1, 5, 9, 13, 17)] == [0] * 5
    assert all(PARENTS[j] == j - 1 for j in range(1, 21) if j % 4 != 1)
    assert skeleton.BONES[0] == (0, 1)
