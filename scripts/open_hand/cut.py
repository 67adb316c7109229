"""The hand cut off at the wrist by a plane.

New vertices are interpolated between old ones, so everything that is linear in the vertices (shapes,
weights) carries over by one matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HAND_SHARE = 0.02
"""Skinning weight from which on a vertex may belong to the hand."""


def cut_hand(rested: Floats, triangles: Ints, hand_share: Floats, plane_x: float) -> tuple[sparse.csr_matrix, Ints]:
    """The part of the hand with x below the plane.

    Args:
        rested: (n, 3) the body in the hand's rest pose, m.
        triangles: (t, 3) of the skin.
        hand_share: (n,) skinning weight of the hand.
        plane_x: where to cut, m.

    Returns:
        A matrix (m, n) that makes the hand's vertices from the body's, and triangles (k, 3).
    """
    near = triangles[(hand_share[triangles] > HAND_SHARE).any(axis=1)]
    inside = rested[:, 0] < plane_x
    made: dict[tuple[int, int], int] = {}

    def vertex(a: int, b: int) -> int:
        """The row of the vertex `a`, or of the cut through the edge (a, b)."""
        return made.setdefault((min(a, b), max(a, b)), len(made))

    kept: list[list[int]] = []
    for triangle in near.tolist():
        flags = [bool(inside[v]) for v in triangle]
        if all(flags):
            kept.append([vertex(v, v) for v in triangle])
        elif any(flags):
            kept += _clipped(triangle, flags, vertex)
    return _largest_part(_mixing(made, rested, plane_x), np.array(kept))


def _clipped(triangle: list[int], flags: list[bool], at: Callable[[int, int], int]) -> list[list[int]]:
    single = sum(flags) == 1
    odd = flags.index(single)
    a, b, c = triangle[odd], triangle[(odd + 1) % 3], triangle[(odd + 2) % 3]
    ab, ac = at(a, b), at(a, c)
    if single:
        return [[at(a, a), ab, ac]]
    return [[ab, at(b, b), at(c, c)], [ab, at(c, c), ac]]


def _mixing(made: dict[tuple[int, int], int], rested: Floats, plane_x: float) -> sparse.csr_matrix:
    rows = sparse.lil_matrix((len(made), len(rested)))
    for (a, b), row in made.items():
        if a == b:
            rows[row, a] = 1.0
        else:
            share = (plane_x - rested[a, 0]) / (rested[b, 0] - rested[a, 0])
            rows[row, a], rows[row, b] = 1 - share, share
    return rows.tocsr()


def _largest_part(mixing: sparse.csr_matrix, triangles: Ints) -> tuple[sparse.csr_matrix, Ints]:
    count = mixing.shape[0]
    ends = (triangles.ravel(), np.roll(triangles, 1, axis=1).ravel())
    graph = sparse.coo_matrix((np.ones(triangles.size), ends), (count, count))
    labels = sparse.csgraph.connected_components(graph, directed=False)[1]
    mine = labels == np.bincount(labels).argmax()
    renumbered = np.cumsum(mine) - 1
    return mixing[mine], renumbered[triangles[mine[triangles].all(axis=1)]]
