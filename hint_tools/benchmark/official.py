"""The scores of FreiHAND's and HO-3D's own evaluation, number for number, in one pass and without holding the data.

What those scripts define (FreiHAND `eval.py`, HO-3D `eval.py`): errors are means over points and hands; the area under
the curve is over 100 thresholds from 0 to 50 mm, `<=`, trapezoidal; the F-score at 5 and 15 mm is the harmonic mean of
the shares of predicted and of true vertices with a neighbour nearer than that, `<`; alignment is a similarity that
may mirror (so a hand of the wrong side scores 0). HO-3D also aligns by the wrist and the length to the middle knuckle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.fscore import f_scores
from hint_tools.benchmark.metrics import align, mpjpe_mm
from hint_tools.core.skeleton import JOINT_INDEX

Floats = npt.NDArray[np.float64]

CURVE_M: Final[Floats] = np.linspace(0.0, 0.05, 100, dtype=np.float64)
_MIDDLE: Final = JOINT_INDEX["middle_mcp"]
_M_TO_CM: Final = 100.0
_GUARD_M: Final = 1e-8
"""The scripts add it to extents: a perfect answer is 1e-9 m off, so its area under the curve is 0.994949, not 1."""


@dataclass(slots=True)
class Curve:
    """Mean and share-within-threshold of distances that come in pieces.

    Args:
        thresholds_m: rising.
    """

    thresholds_m: Floats = field(default_factory=CURVE_M.copy)
    _sum_m: float = 0.0
    _count: int = 0
    _within: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._within = np.zeros(len(self.thresholds_m))

    def add(self, distance_m: Floats) -> None:
        """Take further distances of any shape, m."""
        ordered = np.sort(distance_m, axis=None)
        self._sum_m += float(ordered.sum())
        self._count += ordered.size
        self._within += np.searchsorted(ordered, self.thresholds_m, side="right")

    @property
    def mean_m(self) -> float:
        """The mean distance; NaN without any."""
        return self._sum_m / self._count if self._count else float("nan")

    @property
    def shares(self) -> Floats:
        """(k,) share of distances of at most each threshold; NaN without any."""
        return self._within / (self._count or np.nan)

    @property
    def area(self) -> float:
        """Area under the curve, 1 for a perfect one."""
        return float(area_under(self.shares, self.thresholds_m))


def area_under(shares: Floats, thresholds: Floats) -> Floats:
    """(...) trapezoidal area under `shares` (..., k) over `thresholds` (k,), divided by their range."""
    steps = np.diff(thresholds)
    area: Floats = ((shares[..., 1:] + shares[..., :-1]) / 2 * steps).sum(axis=-1) / steps.sum()
    return area


@dataclass(slots=True, eq=False)
class HandErrors:
    """Errors of n hands, for intervals and comparisons; vertices' are None without a mesh.

    Args:
        mpjpe_mm: (n,) joints, wrists put together.
        pa_mpjpe_mm: (n,) joints, aligned by a rotation: a mirrored hand is an error.
        pa_mpjpe_reflected_mm: (n,) aligned as the official scripts do, mirroring allowed.
        pa_mpvpe_mm: (n,) vertices, aligned by a rotation.
        pa_mpvpe_reflected_mm: (n,) mirroring allowed.
        f: (n, 2) F-scores at 5 and 15 mm of vertices aligned as the official scripts do.
    """

    mpjpe_mm: Floats
    pa_mpjpe_mm: Floats
    pa_mpjpe_reflected_mm: Floats
    pa_mpvpe_mm: Floats | None
    pa_mpvpe_reflected_mm: Floats | None
    f: Floats | None


class OfficialScores:
    """Gathers hands in any number of pieces; the pieces don't change the scores beyond rounding (1e-15).

    Args:
        scale_and_wrist: HO-3D's further alignment is asked for too.
    """

    def __init__(self, *, scale_and_wrist: bool = False) -> None:
        names = ["xyz", "xyz_al", "mesh", "mesh_al"] + (["xyz_sc"] if scale_and_wrist else [])
        self.curves = {name: Curve() for name in names}
        self.hands = 0
        self.meshes = 0
        self._f = np.zeros(4)

    def add(
        self, joints_m: Floats, true_joints_m: Floats, mesh_m: Floats | None = None, true_mesh_m: Floats | None = None
    ) -> HandErrors:
        """The errors of the hands of one piece, which are counted.

        Args:
            joints_m: (n, 21, 3) predicted, m, camera, our order.
            true_joints_m: (n, 21, 3).
            mesh_m: (n, v, 3) predicted vertices; None without.
            true_mesh_m: (n, v, 3).
        """
        mirrored = align_officially(joints_m, true_joints_m)
        self.curves["xyz"].add(_distance(joints_m, true_joints_m))
        self.curves["xyz_al"].add(_distance(mirrored, true_joints_m))
        if "xyz_sc" in self.curves:
            self.curves["xyz_sc"].add(_distance(_by_wrist_and_scale(joints_m, true_joints_m), true_joints_m))
        self.hands += len(joints_m)
        errors = HandErrors(
            mpjpe_mm=mpjpe_mm(joints_m, true_joints_m),
            pa_mpjpe_mm=_mean_mm(align(joints_m, true_joints_m), true_joints_m),
            pa_mpjpe_reflected_mm=_mean_mm(mirrored, true_joints_m),
            pa_mpvpe_mm=None,
            pa_mpvpe_reflected_mm=None,
            f=None,
        )
        if mesh_m is not None and true_mesh_m is not None:
            self._add_mesh(mesh_m, true_mesh_m, errors)
        return errors

    def _add_mesh(self, mesh: Floats, truth: Floats, errors: HandErrors) -> None:
        mirrored = align_officially(mesh, truth)
        self.curves["mesh"].add(_distance(mesh, truth))
        self.curves["mesh_al"].add(_distance(mirrored, truth))
        plain, aligned = f_scores(mesh, mirrored, truth)
        self._f += np.concatenate([plain.sum(axis=0), aligned.sum(axis=0)])
        self.meshes += len(mesh)
        errors.pa_mpvpe_mm = _mean_mm(align(mesh, truth), truth)
        errors.pa_mpvpe_reflected_mm = _mean_mm(mirrored, truth)
        errors.f = aligned

    def scores(self) -> dict[str, float]:
        """The scores under the official names; means in cm, as those scripts print them."""
        between = "procrustes_al" if "xyz_sc" in self.curves else "al"
        words = {"xyz": "xyz", "xyz_al": f"xyz_{between}", "xyz_sc": "xyz_scale_trans_al"}
        words |= {"mesh": "mesh", "mesh_al": "mesh_al"} if self.meshes else {}
        result = {}
        for name, curve in self.curves.items():
            if name in words:
                result[f"{words[name]}_mean3d"] = curve.mean_m * _M_TO_CM
                result[f"{words[name]}_auc3d"] = curve.area
        if self.meshes:
            f = (self._f / self.meshes).tolist()
            result |= dict(zip(("f_score_5", "f_score_15", "f_al_score_5", "f_al_score_15"), f, strict=True))
        return result


def align_officially(points: Floats, target: Floats) -> Floats:
    """`points` (n, k, 3) m moved onto `target` by a similarity that may mirror, as the official scripts do."""
    return align(points, target, reflections=True, guard=_GUARD_M)


def _distance(points: Floats, truth: Floats) -> Floats:
    distance: Floats = np.sqrt(np.square(points - truth).sum(axis=-1))
    return distance


def _mean_mm(points: Floats, truth: Floats) -> Floats:
    error: Floats = _distance(points, truth).mean(axis=-1) * 1000
    return error


def _by_wrist_and_scale(joints: Floats, truth: Floats) -> Floats:
    """`joints` (n, 21, 3) with the true wrist and the true length from it to the middle knuckle (HO-3D)."""
    length, wanted = (np.linalg.norm(p[:, _MIDDLE] - p[:, 0], axis=-1) for p in (joints, truth))
    scale = wanted / np.where(length > 0, length, 1.0)
    moved: Floats = (joints - joints[:, :1]) * scale[:, None, None] + truth[:, :1]
    return moved
