"""F-scores of meshes: how much of each surface has the other within reach."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]

REACH_M: Final = (0.005, 0.015)
_BEYOND: Final = 1 + 1e-9
"""Trees give up past the largest reach: farther neighbours count for nothing."""


def f_scores(mesh_m: Floats, aligned_m: Floats, truth_m: Floats) -> tuple[Floats, Floats]:
    """F-scores (n, 2) at 5 and 15 mm of `mesh_m` and of `aligned_m` against `truth_m`.

    With p and r the shares of points of one set that have a point of the other nearer than the reach: 2pr / (p + r),
    0 where both are 0.

    Args:
        mesh_m: (n, v, 3) m.
        aligned_m: (n, v, 3) m; the same meshes, aligned.
        truth_m: (n, v, 3) m.
    """
    plain, aligned = np.zeros((len(mesh_m), len(REACH_M))), np.zeros((len(mesh_m), len(REACH_M)))
    for i, truth in enumerate(truth_m):
        tree = cKDTree(truth, balanced_tree=False, compact_nodes=False)
        plain[i] = _f(mesh_m[i], truth, tree)
        aligned[i] = _f(aligned_m[i], truth, tree)
    return plain, aligned


def _f(mesh: Floats, truth: Floats, tree: cKDTree) -> Floats:
    farthest = REACH_M[-1] * _BEYOND
    own = cKDTree(mesh, balanced_tree=False, compact_nodes=False)
    to_truth, _ = tree.query(mesh, distance_upper_bound=farthest)
    to_mesh, _ = own.query(truth, distance_upper_bound=farthest)
    share = np.array([[(d < reach).mean() for reach in REACH_M] for d in (to_truth, to_mesh)])
    total = share.sum(axis=0)
    score: Floats = np.divide(2 * share.prod(axis=0), total, out=np.zeros_like(total), where=total > 0)
    return score
