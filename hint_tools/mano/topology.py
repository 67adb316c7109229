"""What every MANO-format hand shares: the tree of 16 joints, fingertip vertices and the loop at the wrist.

The ids are public (smplx's vertex ids, HaMeR's list of faces that close the wrist); the open hand keeps to them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import ORDERS

N_VERTICES: Final = 778
N_FACES: Final = 1538
N_ROTATIONS: Final = 16
"""The wrist and three joints of each finger."""
N_POSE: Final = 45
"""Axis-angle numbers of the 15 finger joints."""
N_BETAS: Final = 10
N_POSE_FEATURES: Final = 135

PARENTS: Final[tuple[int, ...]] = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
CHAINS: Final = MappingProxyType(
    {"index": (1, 2, 3), "middle": (4, 5, 6), "pinky": (7, 8, 9), "ring": (10, 11, 12), "thumb": (13, 14, 15)}
)
"""Joints of each finger from base to tip, in the order of the file."""

TIP_VERTICES: Final[tuple[int, ...]] = (744, 320, 443, 554, 671)
"""Fingertips, thumb to pinky."""
JOINT_ORDER: Final[tuple[int, ...]] = tuple(int(i) for i in np.argsort(ORDERS["mano"]))
"""For each of our 21 joints, its place in (16 rotations, 5 tips)."""

WRIST_LOOP: Final[tuple[int, ...]] = (92, 38, 122, 118, 117, 119, 120, 108, 79, 78, 121, 214, 215, 279, 239, 234)
"""Vertices around the open wrist, in order."""


def _wrist_faces() -> npt.NDArray[np.int64]:
    """14 triangles zig-zagging across the loop, facing out of the arm."""
    loop, low, high = WRIST_LOOP, 0, len(WRIST_LOOP) - 1
    faces = []
    while high - low > 1:
        faces.append((loop[low], loop[low + 1], loop[high]))
        low += 1
        if high - low > 1:
            faces.append((loop[high], loop[low], loop[high - 1]))
            high -= 1
    closed = np.array(faces, dtype=np.int64)
    closed.setflags(write=False)
    return closed


WRIST_FACES: Final = _wrist_faces()
"""Faces (14, 3) that close the wrist of a right hand."""
