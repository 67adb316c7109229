"""Coloured triangle meshes whose faces know what they belong to; everything that is rendered is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OBJECT = -1
"""Owner of faces that belong to no hand."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles with colours and owners.

    Args:
        vertices: `(n, 3)`, m, camera frame (x right, y down, z forward).
        faces: `(m, 3)` indices, wound so that the normal points outwards.
        colours: `(n, 3)`, sRGB in [0, 1].
        nail: `(n,)`, above 0 within a finger nail; interpolated across a face, its zero is the nail's rim.
        owner: `(m,)`, number of the hand a face belongs to, or `OBJECT`.
        part: `(m,)`, the bone a hand's face belongs to, in MANO's order of 16; -1 for objects.
        gloss: `(m,)`, strength of the highlight.
    """

    vertices: Floats
    faces: Ints
    colours: Floats
    nail: Floats
    owner: Ints
    part: Ints
    gloss: Floats


def plain_mesh(vertices: Floats, faces: Ints, colour: Floats, gloss: float) -> Mesh:
    """An object of one colour, or of one colour a vertex (`colour` `(3,)` or `(n, 3)`)."""
    n_faces = len(faces)
    return Mesh(
        vertices=vertices,
        faces=faces,
        colours=np.broadcast_to(colour, vertices.shape).astype(np.float64),
        nail=np.full(len(vertices), -1.0),
        owner=np.full(n_faces, OBJECT, np.int64),
        part=np.full(n_faces, -1, np.int64),
        gloss=np.full(n_faces, gloss),
    )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several, faces renumbered.

    Raises:
        ValueError: nothing to join.
    """
    offsets = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    return Mesh(
        vertices=np.concatenate([m.vertices for m in meshes]),
        faces=np.concatenate([m.faces + o for m, o in zip(meshes, offsets, strict=False)]),
        colours=np.concatenate([m.colours for m in meshes]),
        nail=np.concatenate([m.nail for m in meshes]),
        owner=np.concatenate([m.owner for m in meshes]),
        part=np.concatenate([m.part for m in meshes]),
        gloss=np.concatenate([m.gloss for m in meshes]),
    )
