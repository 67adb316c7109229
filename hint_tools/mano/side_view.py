"""A hand from its side, and hands whose wrist is closed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import faces_of_side
from hint_tools.mano.shade import shade_mesh
from hint_tools.mano.topology import WRIST_FACES

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BACKDROP = 46
_MARGIN = 1.25
_DISTANCE = 6.0
"""Of the camera, in half sizes of the hand: little perspective."""


def closed_faces(model: HandModel, side: str) -> Ints:
    """Triangles (1552, 3) of a side's hand with the wrist closed, counter-clockwise from outside."""
    wrist = WRIST_FACES if side == Side.RIGHT else WRIST_FACES[:, ::-1]
    return np.concatenate([faces_of_side(model, side), wrist])


def side_view(vertices: Floats, faces: Ints, size_px: int, colour: npt.ArrayLike) -> Image:
    """The mesh (size_px, size_px, 3) turned by a quarter about the vertical, so that depth goes to the right.

    Args:
        vertices: (v, 3) in the camera, m.
        faces: (f, 3).
        size_px: side of the picture.
        colour: (3,) linear RGB in [0, 1].
    """
    center = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    turned = (vertices - center)[:, [2, 1, 0]] * [1, 1, -1]
    reach = float(np.abs(turned).max()) * _MARGIN
    camera = Camera.centered(_DISTANCE * size_px / 2, size_px, size_px)
    backdrop = np.full((size_px, size_px, 3), _BACKDROP, dtype=np.uint8)
    return shade_mesh(backdrop, turned + np.array([0, 0, _DISTANCE * reach]), faces, camera, colour=colour)
