"""The 21 joints of a hand, and every order other tools keep them in.

The order of this project (OpenPose, HInt, MediaPipe, COCO-WholeBody):
wrist, thumb 1-4, index 1-4, middle 1-4, ring 1-4, pinky 1-4, base to tip.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

N_JOINTS: Final = 21
FINGERS: Final = ("thumb", "index", "middle", "ring", "pinky")

_SEGMENTS: Final = {"thumb": ("cmc", "mcp", "ip", "tip")}
_SEGMENTS_LONG: Final = ("mcp", "pip", "dip", "tip")

JOINT_NAMES: Final[tuple[str, ...]] = (
    "wrist",
    *(f"{f}_{s}" for f in FINGERS for s in _SEGMENTS.get(f, _SEGMENTS_LONG)),
)
JOINT_INDEX: Final = MappingProxyType({name: i for i, name in enumerate(JOINT_NAMES)})

PARENTS: Final[tuple[int, ...]] = (-1, *(0 if k == 0 else 4 * f + k for f in range(5) for k in range(4)))
"""Parent of each joint; -1 for the wrist."""

BONES: Final[tuple[tuple[int, int], ...]] = tuple((PARENTS[j], j) for j in range(1, N_JOINTS))
"""(parent, child) pairs, 20 of them."""

FINGER_JOINTS: Final = MappingProxyType({f: tuple(range(1 + 4 * i, 5 + 4 * i)) for i, f in enumerate(FINGERS)})
TIP_JOINTS: Final[tuple[int, ...]] = (4, 8, 12, 16, 20)
PALM_JOINTS: Final[tuple[int, ...]] = (0, 5, 9, 13, 17)


def _order(*names: str) -> npt.NDArray[np.int64]:
    """Indices into our order, one for each place of the foreign order; checked to be a permutation."""
    index = np.array([JOINT_INDEX[n] for n in names], dtype=np.int64)
    if sorted(index.tolist()) != list(range(N_JOINTS)):
        raise AssertionError(f"not a permutation of the 21 joints: {names}")
    index.setflags(write=False)
    return index


def _base_to_tip(*fingers: str) -> tuple[str, ...]:
    return tuple(JOINT_NAMES[j] for f in fingers for j in FINGER_JOINTS[f])


def _tip_to_base(*fingers: str) -> tuple[str, ...]:
    return tuple(JOINT_NAMES[j] for f in fingers for j in reversed(FINGER_JOINTS[f]))


def _mano_names() -> tuple[str, ...]:
    """16 joints (wrist, index, middle, pinky, ring, thumb without tips), then tips thumb to pinky."""
    mano_fingers = ("index", "middle", "pinky", "ring", "thumb")
    inner = tuple(JOINT_NAMES[j] for f in mano_fingers for j in FINGER_JOINTS[f][:3])
    return ("wrist", *inner, *(JOINT_NAMES[j] for j in TIP_JOINTS))


_COMMON: Final = _order(*JOINT_NAMES)
_MANO: Final = _order(*_mano_names())

ORDERS: Final = MappingProxyType(
    {
        "hint": _COMMON,
        "openpose": _COMMON,
        "mediapipe": _COMMON,
        "coco_wholebody": _COMMON,
        "freihand": _COMMON,
        "onehand10k": _COMMON,
        "panoptic": _COMMON,
        "mano": _MANO,
        "ho3d": _MANO,
        "rhd": _order("wrist", *_tip_to_base(*FINGERS)),
        "interhand26m": _order(*_tip_to_base(*FINGERS), "wrist"),
    }
)
"""For each dialect, which of our joints stands at each of its places.

Sources: MANO (smplx joint names, tips appended as in HaMeR), HO-3D (official evaluation order),
RHD and InterHand2.6M (their own readme; tip to base).
"""


def from_order(values: npt.NDArray[np.generic], dialect: str) -> npt.NDArray[np.generic]:
    """`values` (..., 21, k) or (21,) of a foreign order, put into ours.

    Raises:
        KeyError: unknown dialect.
        ValueError: the joint axis does not have length 21.
    """
    order = ORDERS[dialect]
    axis = _joint_axis(values)
    inverse = np.argsort(order)
    return np.take(values, inverse, axis=axis)


def to_order(values: npt.NDArray[np.generic], dialect: str) -> npt.NDArray[np.generic]:
    """`values` (..., 21, k) or (21,) of ours, put into a foreign order; inverse of `from_order`.

    Raises:
        KeyError: unknown dialect.
        ValueError: the joint axis does not have length 21.
    """
    return np.take(values, ORDERS[dialect], axis=_joint_axis(values))


def _joint_axis(values: npt.NDArray[np.generic]) -> int:
    axis = -1 if values.ndim == 1 else -2
    if values.shape[axis] != N_JOINTS:
        raise ValueError(f"expected 21 joints on axis {axis}, got shape {values.shape}")
    return axis
