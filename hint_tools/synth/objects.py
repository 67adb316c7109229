"""Things hands hold or hide behind: boxes, cans, bottles, balls, cups and tools, a few hundred triangles each."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hint_tools.synth.mesh import Mesh, join, plain_mesh

Floats = npt.NDArray[np.float64]
_SIDES = 20


def _turned(profile: Floats, colour: Floats, gloss: float) -> Mesh:
    """A body of revolution about x.

    Args:
        profile: `(k, 2)`, position along x and radius, m, from one closed end to the other.
        colour: `(3,)` or one a ring `(k, 3)`.
        gloss: strength of the highlight.
    """
    angle = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
    rings = [np.stack([np.full(_SIDES, x), r * np.cos(angle), r * np.sin(angle)], axis=1) for x, r in profile]
    colours = np.repeat(np.broadcast_to(colour, (len(profile), 3)), _SIDES, axis=0)
    a = np.arange(_SIDES)
    b = (a + 1) % _SIDES
    faces = []
    for k in range(len(profile) - 1):
        low, high = k * _SIDES, (k + 1) * _SIDES
        faces += [np.stack([low + a, low + b, high + a], 1), np.stack([low + b, high + b, high + a], 1)]
    return plain_mesh(np.concatenate(rings), np.concatenate(faces), colours, gloss)


def box(size: Floats, colour: Floats, gloss: float = 0.1) -> Mesh:
    """A cuboid of `size` (3,) m about the origin; its corners are not shared, so that its edges stay sharp."""
    vertices: list[Floats] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
            quad = [sign * np.eye(3)[axis] + s * u + t * v for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            start = len(vertices)
            vertices += quad
            order = (0, 1, 2, 3) if sign > 0 else (3, 2, 1, 0)
            faces += [[start + order[0], start + order[1], start + order[2]]]
            faces += [[start + order[0], start + order[2], start + order[3]]]
    return plain_mesh(np.array(vertices) * size / 2, np.array(faces, np.int64), colour, gloss)


def _box(rng: np.random.Generator) -> Mesh:
    return box(rng.uniform([0.09, 0.04, 0.025], [0.18, 0.09, 0.06]), rng.uniform(0.1, 0.9, 3), 0.1)


def _can(rng: np.random.Generator) -> Mesh:
    half, radius = rng.uniform(0.05, 0.085), rng.uniform(0.018, 0.033)
    rim, label = rng.uniform(0.5, 0.9, 3).mean(), rng.uniform(0.1, 0.9, 3)
    edge = 0.8 * half
    profile = [[-half, 0], [-half, radius], [-edge, radius], [-edge, radius], [edge, radius], [edge, radius]]
    profile += [[half, radius], [half, 0]]
    colours = np.array([[rim] * 3] * 3 + [label] * 2 + [[rim] * 3] * 3)
    return _turned(np.array(profile), colours, 0.35)


def _bottle(rng: np.random.Generator) -> Mesh:
    half, radius = rng.uniform(0.08, 0.11), rng.uniform(0.02, 0.03)
    neck = 0.4 * radius
    profile = [[-half, 0], [-half, radius], [0.3 * half, radius], [0.6 * half, neck], [half, neck], [half, 0]]
    return _turned(np.array(profile), rng.uniform(0.05, 0.8, 3), 0.5)


def _ball(rng: np.random.Generator) -> Mesh:
    radius, t = rng.uniform(0.025, 0.04), np.linspace(0, np.pi, 11)
    return _turned(np.stack([-radius * np.cos(t), radius * np.sin(t)], 1), rng.uniform(0.1, 0.95, 3), 0.2)


def _cup(rng: np.random.Generator) -> Mesh:
    half, radius = rng.uniform(0.04, 0.055), rng.uniform(0.03, 0.038)
    outside = rng.uniform(0.3, 0.98, 3)
    profile = [[-half, 0], [-half, 0.8 * radius], [half, radius], [half, 0.93 * radius], [-0.8 * half, 0.75 * radius]]
    profile += [[-0.8 * half, 0]]
    return _turned(np.array(profile), np.array([outside] * 3 + [0.75 * outside] * 3), 0.4)


def _hammer(rng: np.random.Generator) -> Mesh:
    grip, reach = rng.uniform(0.011, 0.016), rng.uniform(0.11, 0.15)
    profile = [[-0.1, 0], [-0.1, grip], [0.02, grip], [0.03, 0.7 * grip], [reach, 0.7 * grip], [reach, 0]]
    handle = _turned(np.array(profile), rng.uniform(0.1, 0.7, 3), 0.15)
    head = box(np.array([0.026, 0.09, 0.026]), np.full(3, rng.uniform(0.25, 0.5)), 0.5)
    return join([handle, moved(head, np.eye(3), np.array([reach, 0, 0]))])


def _screwdriver(rng: np.random.Generator) -> Mesh:
    grip = rng.uniform(0.012, 0.017)
    profile = [[-0.08, 0], [-0.08, grip], [0.03, grip], [0.035, 0.6 * grip], [0.035, 0.003], [0.16, 0.003], [0.16, 0]]
    colours = np.array([rng.uniform(0.1, 0.9, 3)] * 4 + [[0.55, 0.56, 0.58]] * 3)
    return _turned(np.array(profile), colours, 0.4)


MAKERS: MappingProxyType[str, Callable[[np.random.Generator], Mesh]] = MappingProxyType(
    {
        "box": _box,
        "can": _can,
        "bottle": _bottle,
        "ball": _ball,
        "cup": _cup,
        "hammer": _hammer,
        "screwdriver": _screwdriver,
    }
)
"""Name -> maker of a thing about the origin, its long axis along x."""


def make_object(rng: np.random.Generator, name: str) -> Mesh:
    """A thing of random size and colour about the origin, its long axis along x.

    Raises:
        KeyError: no such thing.
    """
    return MAKERS[name](rng)


def moved(mesh: Mesh, rotation: Floats, translation: Floats) -> Mesh:
    """The mesh turned by `rotation` (3, 3), then shifted by `translation` (3,) m."""
    return Mesh(
        vertices=mesh.vertices @ rotation.T + translation,
        faces=mesh.faces,
        colours=mesh.colours,
        nail=mesh.nail,
        owner=mesh.owner,
        part=mesh.part,
        gloss=mesh.gloss,
    )
