from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.formats.ho3d_eval import decode_list, decode_meta, joints_to_ho3d, joints_to_ours, turned

# HO-3D's own list: wrist, then index, middle, pinky, ring, thumb base to tip without tips, then tips thumb to pinky
OFFICIAL = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]


def test_order_and_axes_are_the_official_ones_and_come_back() -> None:
    ours = np.random.default_rng(0).normal(size=(3, 21, 3))
    theirs = joints_to_ho3d(ours)
    np.testing.assert_array_equal(theirs, ours[:, OFFICIAL] * [1, -1, -1])
    np.testing.assert_array_equal(joints_to_ours(theirs), ours)
    np.testing.assert_array_equal(turned(turned(ours)), ours)
    assert JOINT_NAMES[OFFICIAL[4]] == "middle_mcp"


def test_the_list_keeps_its_order_and_refuses_others() -> None:
    assert decode_list(b"SM1/0003\nMPM10/0001\n", "x") == [("SM1", "0003"), ("MPM10", "0001")]
    with pytest.raises(DataError, match="got 1 others of 2"):
        decode_list(b"SM1/0003\n../../etc\n", "x")
    with pytest.raises(DataError, match="1 of 2 lines stand there twice"):
        decode_list(b"SM1/0003\nSM1/0003\n", "x")


class _Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch /tmp/owned",)


def test_a_meta_pickle_gives_box_and_camera_and_starts_nothing() -> None:
    matrix = np.array([[600.0, 0, 320], [0, 610, 240], [0, 0, 1]])
    content = {"handBoundingBox": [10, 20, 110, 140], "camMat": matrix, "objName": "x", "handJoints3D": np.zeros(3)}
    meta = decode_meta(pickle.dumps(content, protocol=2), "m.pkl")
    np.testing.assert_array_equal(meta.box, [10, 20, 110, 140])
    np.testing.assert_array_equal(meta.camera_matrix, matrix)
    for bad, words in (
        (content | {"objName": _Evil()}, "never needs"),
        ({"camMat": matrix}, "handBoundingBox and camMat"),
        (content | {"handBoundingBox": [1, 2, 3]}, "4 numbers"),
        (content | {"handBoundingBox": [10, 20, 5, 140]}, "box with an extent"),
    ):
        with pytest.raises(DataError, match=words):
            decode_meta(pickle.dumps(bad, protocol=2), "m.pkl")
