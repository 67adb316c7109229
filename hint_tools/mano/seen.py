"""What a camera sees of one hand alone: which of its vertices, and which joints its own skin does not hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.mano.camera import Camera
from hint_tools.mano.joint_visibility import face_parts, visibility
from hint_tools.mano.raster import NEAR_M, rasterise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SIZE_PX: Final = 256
_FILLED: Final = 0.9
"""Of the picture: a face of a hand then covers some 30 pixels, so hardly any falls between their centres."""


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """The triangles of a hand model, the bones they belong to, and the mean hand they cover.

    Args:
        faces: (f, 3) vertex ids.
        parts: (f,) bone, in MANO's order of 16.
        rest: (778, 3) m, flat.
    """

    faces: Ints
    parts: Ints
    rest: Floats

    @classmethod
    def of(cls, faces: npt.ArrayLike, weights: npt.ArrayLike, rest: npt.ArrayLike) -> Skin:
        """From a model's faces (f, 3), skinning weights (778, 16) and mean vertices (778, 3) m."""
        triangles = np.asarray(faces, dtype=np.int64)
        parts = face_parts(np.asarray(weights, dtype=np.float64), triangles)
        return cls(triangles, parts, np.asarray(rest, dtype=np.float64))


def view_of(vertices: Floats) -> Camera | None:
    """The camera at the origin that a hand fills; None where a part of it is behind or beside the camera.

    What hides what depends on where the camera stands alone, not on its focal length: a hand far away is looked at
    through a long lens.

    Args:
        vertices: (v, 3) m in the camera's frame.
    """
    if not np.isfinite(vertices).all() or vertices[:, 2].min() <= NEAR_M:
        return None
    rays = vertices[:, :2] / vertices[:, 2:]
    low, high = rays.min(axis=0), rays.max(axis=0)
    extent = float((high - low).max())
    if extent == 0:
        return None
    focal = _FILLED * _SIZE_PX / extent
    x, y = (_SIZE_PX - 1) / 2 - focal * (low + high) / 2
    return Camera(focal, float(x), float(y), _SIZE_PX, _SIZE_PX)


def seen_vertices(vertices: Floats, faces: Ints) -> Bools | None:
    """(v,) which vertices belong to a face that the camera sees anything of; None where it can't see the hand.

    Args:
        vertices: (v, 3) m in the camera's frame, z forward.
        faces: (f, 3).
    """
    camera = view_of(vertices)
    if camera is None:
        return None
    raster = rasterise(vertices, faces, camera)
    seen = np.zeros(len(vertices), dtype=np.bool_)
    seen[faces[np.unique(raster.face_id[raster.hit])]] = True
    return seen


def seen_joints(vertices: Floats, joints: Floats, skin: Skin) -> Bools | None:
    """(21,) which joints the hand's own skin does not hide (`joint_visibility`); None where the camera can't see it.

    Args:
        vertices: (v, 3) m in the camera's frame, z forward.
        joints: (21, 3) m, in the same frame, our order.
        skin: of the hand.
    """
    camera = view_of(np.concatenate([vertices, joints]))
    if camera is None:
        return None
    raster = rasterise(vertices, skin.faces, camera)
    owner = np.zeros(len(skin.faces), dtype=np.int64)
    states = visibility(raster, owner, skin.parts, 0, camera.project(joints), joints)
    return np.asarray(states == Visibility.VISIBLE, dtype=np.bool_)
