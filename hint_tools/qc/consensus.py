"""Where the joints are, given all answers: a robust mean and its covariance.

Huber's M-estimator by iteratively reweighted means, begun at the geometric median: answers within
`HUBER` standard deviations count fully, farther ones ever less.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hint_tools.qc.scale import geometric_median

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HUBER = 1.5
"""Standardised distance from which on an answer loses weight; keeps 93 % of the mean's precision on clean answers."""
PRIOR_ANSWERS = 8.0
"""How many answers' worth the population's σ counts against the spread seen at this very joint: with two to
five answers the spread alone is nearly noise. At 8 the 95 % ellipse of three to five clean answers covers the truth in
94 %, at 4 in 92 to 93 %."""
_STEPS = 10
_CHUNK = 512
"""Hands at a time: what fits into a processor's cache."""


@dataclass(frozen=True, eq=False)
class Positions:
    """Consensus of H hands.

    Args:
        mean: (H, 21, 2) px, NaN where nobody placed the joint.
        covariance: (H, 21, 2, 2) px², of `mean`; NaN with it.
        weight: (H, A, 21) Huber weight of every answer, 0 where it took no part.
        distance: (H, A, 21) standardised distance of every answer to the mean, NaN without one.
    """

    mean: Floats
    covariance: Floats
    weight: Floats
    distance: Floats


def robust_positions(keypoints: Floats, sigma_px: Floats, excluded: Bools) -> Positions:
    """The consensus of all answers.

    The covariance is T / Σ(w/σ²), where T, the spread in units of σ, is shrunk to the identity:
    T = (κ I + Σ w u uᵀ) / (κ + n - 1) with u = (x - mean) / σ and κ = `PRIOR_ANSWERS`. As
    E[Σ u uᵀ] = (n - 1) I, it is right on average; one answer gets its population's σ².

    Args:
        keypoints: (H, A, 21, 2) px, NaN where absent.
        sigma_px: (H, A, 21) of a coordinate, px.
        excluded: (H, A, 21) left out, unless nothing else is there.
    """
    cuts = range(0, max(len(keypoints), 1), _CHUNK)
    parts = [_positions(keypoints[i : i + _CHUNK], sigma_px[i : i + _CHUNK], excluded[i : i + _CHUNK]) for i in cuts]
    return Positions(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Positions)))


def _positions(keypoints: Floats, sigma_px: Floats, excluded: Bools) -> Positions:
    known = np.isfinite(keypoints).all(axis=-1) & np.isfinite(sigma_px)
    kept = known & ~excluded
    kept = np.where(kept.any(axis=1, keepdims=True), kept, known)
    points = np.where(kept[..., None], keypoints, np.nan)
    mean = geometric_median(points.swapaxes(1, 2))
    precision = np.where(kept, 1 / np.where(kept, sigma_px, 1.0) ** 2, 0.0)
    filled = np.nan_to_num(points)
    for _ in range(_STEPS):
        weight = _huber(points, mean, sigma_px)
        total = (weight * precision).sum(axis=1)
        moved = np.einsum("haj,hajx->hjx", weight * precision, filled)
        mean = np.divide(moved, total[..., None], out=np.full_like(mean, np.nan), where=total[..., None] > 0)
    weight = _huber(points, mean, sigma_px)
    return Positions(
        mean=mean,
        covariance=_covariance(points, mean, sigma_px, weight, precision),
        weight=weight,
        distance=np.linalg.norm(keypoints - mean[:, None], axis=-1) / sigma_px,
    )


def _huber(points: Floats, mean: Floats, sigma_px: Floats) -> Floats:
    apart = points - mean[:, None]
    distance = np.hypot(apart[..., 0], apart[..., 1]) / sigma_px
    return np.where(np.isnan(distance), 0.0, np.minimum(1.0, HUBER / np.maximum(distance, 1e-9)))


def _covariance(points: Floats, mean: Floats, sigma_px: Floats, weight: Floats, precision: Floats) -> Floats:
    apart = np.nan_to_num((points - mean[:, None]) / sigma_px[..., None])
    spread = np.einsum("haj,hajx,hajy->hjxy", weight, apart, apart)
    count = (precision > 0).sum(axis=1)
    shape = (PRIOR_ANSWERS * np.eye(2) + spread) / (PRIOR_ANSWERS + np.maximum(count - 1, 0))[..., None, None]
    total = (weight * precision).sum(axis=1)
    inverse = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0)
    return np.asarray(shape * inverse[..., None, None])
