"""Which joints a camera sees, decided by the surface that is really in front of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.mano.raster import Raster
from hint_tools.mano.topology import JOINT_ORDER, N_ROTATIONS, PARENTS, TIP_VERTICES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_FLESH_M = 0.035
"""A joint sits at most this deep under its own skin; a hand is nowhere thicker than twice this."""
BEHIND_M = 0.004
"""A surface this far behind a joint can't hide it: at a silhouette the ray passes the fingertip."""
_WINDOW = 1
"""Pixels on each side of the joint that vote with it."""
_TIP_PARENTS = (15, 3, 6, 12, 9)
_THUMB_BASE, _THUMB_MIDDLE = 13, 14


def _own_parts() -> tuple[frozenset[int], ...]:
    """For each of our joints, the bones whose skin may lie over it: its own and its parent's."""
    parts = []
    for joint in range(N_JOINTS):
        place = JOINT_ORDER[joint]
        if place >= N_ROTATIONS:
            parts.append(frozenset({_TIP_PARENTS[place - N_ROTATIONS]}))
        elif place == _THUMB_BASE:  # the thumb's first bone is buried in the palm; the next one's skin reaches over it
            parts.append(frozenset({_THUMB_BASE, 0, _THUMB_MIDDLE}))
        else:
            parts.append(frozenset({place, max(0, PARENTS[place])}))
    return tuple(parts)


OWN_PARTS = _own_parts()
"""Per joint (our order), the parts (MANO order) that belong to it."""
assert len(TIP_VERTICES) == len(_TIP_PARENTS)  # noqa: S101

_ALLOWED = np.array([[p in own for p in range(N_ROTATIONS)] for own in OWN_PARTS])


def face_parts(weights: Floats, faces: Ints) -> Ints:
    """The bone `(f,)`, in MANO's order of 16, that each of a hand's `faces` `(f, 3)` belongs to.

    The middle one of its corners' main bones, by their skinning `weights` `(778, 16)`.
    """
    return np.asarray(np.sort(weights.argmax(axis=1)[faces], axis=1)[:, 1], dtype=np.int64)


def hides(owner: int, part: int, depth_m: float, *, hand: int, joint: int, joint_depth_m: float) -> bool:
    """Whether a surface hit on the way to a joint hides it.

    It does when it is in front of the joint and either is not skin of the joint's own or parent bone,
    or lies more than `MAX_FLESH_M` in front (the far side of a fist).
    """
    if depth_m > joint_depth_m + BEHIND_M:
        return False
    is_own = owner == hand and bool(_ALLOWED[joint, part])
    return not is_own or joint_depth_m - depth_m >= MAX_FLESH_M


def visibility(
    raster: Raster, owner: Ints, part: Ints, hand: int, keypoints: Floats, joints: Floats
) -> npt.NDArray[np.int8]:
    """State of the joints of one hand `(21,)` as `core.records.Visibility` numbers.

    A joint whose pixel is outside the image is not annotatable. Otherwise the 3 x 3 pixels around it vote;
    it is occluded when something `hides` it in more than half of them.

    Args:
        raster: of everything that may hide it, one ray through each pixel's centre.
        owner: `(f,)` number of the hand a face belongs to, or -1.
        part: `(f,)` the bone a hand's face belongs to (`face_parts`).
        hand: the hand's number in `owner`.
        keypoints: `(21, 2)` px.
        joints: `(21, 3)` m, camera frame.
    """
    height, width = raster.face_id.shape
    states = np.full(N_JOINTS, Visibility.NOT_ANNOTATABLE, np.int8)
    for joint, (point, place) in enumerate(zip(keypoints, joints, strict=True)):
        x, y = np.rint(point).astype(int)
        if not (0 <= x < width and 0 <= y < height):
            continue
        rows = slice(max(0, y - _WINDOW), min(height, y + _WINDOW + 1))
        columns = slice(max(0, x - _WINDOW), min(width, x + _WINDOW + 1))
        faces, depths = raster.face_id[rows, columns].ravel(), raster.depth[rows, columns].ravel()
        hidden = [
            f >= 0 and hides(int(owner[f]), int(part[f]), float(d), hand=hand, joint=joint, joint_depth_m=place[2])
            for f, d in zip(faces, depths, strict=True)
        ]
        states[joint] = Visibility.OCCLUDED if 2 * sum(hidden) > len(hidden) else Visibility.VISIBLE
    return states
