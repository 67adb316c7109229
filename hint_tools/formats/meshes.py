"""A triangle mesh with a name, as the mesh formats take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NamedMesh:
    """A mesh.

    Args:
        name: what viewers show.
        vertices: (v, 3) m.
        faces: (f, 3) vertex ids, counter-clockwise from outside.
        colour: linear RGB in [0, 1].

    Raises:
        DataError: wrong shapes, numbers that are not finite, or faces of vertices that are not there.
    """

    name: str
    vertices: Floats
    faces: Ints
    colour: tuple[float, float, float] = (0.8, 0.72, 0.66)

    def __post_init__(self) -> None:
        for what, values in (("vertices", self.vertices), ("faces", self.faces)):
            if values.ndim != 2 or values.shape[1] != 3 or len(values) == 0:
                raise DataError(f"mesh {self.name}: expected {what} of shape (n, 3), got {values.shape}")
        if not np.isfinite(self.vertices).all():
            raise DataError(f"mesh {self.name}: expected finite vertices, got NaN or infinity")
        if self.faces.min() < 0 or self.faces.max() >= len(self.vertices):
            raise DataError(f"mesh {self.name}: expected faces of {len(self.vertices)} vertices, got ids beyond them")

    @property
    def normals(self) -> Floats:
        """Unit normals (v, 3), the area-weighted mean of the faces around each vertex, or (0, 0, 1)."""
        corners = self.vertices[self.faces]
        of_faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        summed = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(summed, self.faces[:, corner], of_faces)
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        known: Floats = np.where(length > 0, summed / np.maximum(length, np.finfo(float).tiny), [0.0, 0.0, 1.0])
        return known
