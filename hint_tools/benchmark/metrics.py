"""PCK and joint errors, defined as HaMeR's evaluation defines them; numpy, no file and no network.

PCK (HaMeR, `EvaluatorPCK`): a joint is hit when its distance is at most t times the longer side of the un-enlarged
box; per joint, hits over counted joints of the whole set; then the plain mean over the 21 joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

THRESHOLDS: Final = (0.05, 0.10, 0.15)
_INTERVAL: Final = (0.025, 0.975)
_CHUNK: Final = 100
_M_TO_MM: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Pck:
    """Share of correct keypoints at one threshold.

    Args:
        threshold: part of the box's longer side.
        per_joint: (21,) share of hits; NaN for a joint that is never counted.
        mean: over the joints that are counted at all; NaN when none is. HaMeR's is NaN as soon as one is not.
        low: lower end of the 95% bootstrap interval of the mean; NaN without one.
        high: upper end.
    """

    threshold: float
    per_joint: Floats
    mean: float
    low: float
    high: float


def relative_distance(predicted_px: Floats, truth_px: Floats, size_px: Floats) -> Floats:
    """(n, 21) distances in units of the hands' sizes.

    Args:
        predicted_px: (n, 21, 2) px of the frame.
        truth_px: (n, 21, 2) px of the frame.
        size_px: (n,) longer side of the un-enlarged box.
    """
    distance: Floats = np.linalg.norm(predicted_px - truth_px, axis=-1) / size_px[:, None]
    return distance


def pck(
    distance: Floats,
    counted: Bools,
    threshold: float,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    resamplings: int = 0,
    seed: int = 0,
) -> Pck:
    """PCK of n hands at one threshold; as `pck_at`."""
    (one,) = pck_at(distance, counted, (threshold,), groups=groups, resamplings=resamplings, seed=seed)
    return one


def pck_at(
    distance: Floats,
    counted: Bools,
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    resamplings: int = 0,
    seed: int = 0,
) -> tuple[Pck, ...]:
    """PCK of n hands at several thresholds, with intervals from resampling whole images.

    Args:
        distance: (n, 21) in units of the hands' sizes.
        counted: (n, 21) which joints take part.
        thresholds: in the same units.
        groups: (n,) number of each hand's image; hands of one image are drawn together. Default: one image each.
        resamplings: how often to resample; 0 for no interval.
        seed: of the resampling; the same images are drawn for every threshold.
    """
    shares = curve(distance, counted, thresholds)
    low = high = np.full(len(shares), np.nan)
    if resamplings and counted.any():
        means = resampled_means(distance, counted, thresholds, groups=groups, resamplings=resamplings, seed=seed)
        low, high = (np.nanquantile(means, q, axis=0) for q in _INTERVAL)
    return tuple(
        Pck(t, row, float(_mean(row)), float(a), float(b))
        for t, row, a, b in zip(thresholds, shares, low, high, strict=True)
    )


def curve(distance: Floats, counted: Bools, thresholds: Sequence[float]) -> Floats:
    """(k, 21) per joint the share of counted distances of at most each threshold; NaN where none is counted."""
    total = counted.sum(axis=0, dtype=np.float64)
    hits = [((distance <= t) & counted).sum(axis=0, dtype=np.float64) for t in thresholds]
    return _shares(np.stack(hits), total)


def mean_over_joints(shares: Floats) -> Floats:
    """(...) mean of `shares` (..., 21) over the joints that are counted at all; NaN where none is."""
    return _mean(shares)


def resampled_means(
    distance: Floats,
    counted: Bools,
    thresholds: Sequence[float],
    *,
    groups: npt.NDArray[np.int64] | None = None,
    resamplings: int,
    seed: int,
) -> Floats:
    """(resamplings, k) mean PCK at each threshold when the images are drawn anew, with replacement. As `pck_at`."""
    sums = np.stack([(distance <= t) & counted for t in thresholds] + [counted], axis=1).astype(np.float64)
    if groups is not None:
        _, place = np.unique(groups, return_inverse=True)
        gathered = np.zeros((int(place.max()) + 1, *sums.shape[1:]))
        np.add.at(gathered, place, sums)
        sums = gathered
    count = len(sums)
    flat = sums.reshape(count, -1)
    random = np.random.default_rng(seed)
    means = []
    for start in range(0, resamplings, _CHUNK):
        # how often each image is drawn; counts times sums is the resampled sum, without copying hands
        times = random.multinomial(count, np.full(count, 1 / count), size=min(_CHUNK, resamplings - start))
        drawn = (times @ flat).reshape(len(times), *sums.shape[1:])
        means.append(_mean(_shares(drawn[:, :-1], drawn[:, -1:])))
    return np.concatenate(means)


def interval(values: Floats) -> tuple[float, float]:
    """Ends of the 95% interval of resampled `values`."""
    low, high = np.nanquantile(values, _INTERVAL)
    return float(low), float(high)


def _shares(hits: Floats, counted: Floats) -> Floats:
    shares: Floats = np.full(np.broadcast_shapes(hits.shape, counted.shape), np.nan)
    np.divide(hits, counted, out=shares, where=counted > 0)
    return shares


def _mean(shares: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is left."""
    known = ~np.isnan(shares)
    return _shares(np.where(known, shares, 0.0).sum(axis=-1), known.sum(axis=-1, dtype=np.float64))


def mpjpe_mm(predicted_m: Floats, truth_m: Floats) -> Floats:
    """(n,) mean joint error after putting the wrists together, mm.

    Args:
        predicted_m: (n, 21, 3) m.
        truth_m: (n, 21, 3) m.
    """
    difference = (predicted_m - predicted_m[:, :1]) - (truth_m - truth_m[:, :1])
    error: Floats = np.linalg.norm(difference, axis=-1).mean(axis=-1) * _M_TO_MM
    return error


def pa_mpjpe_mm(predicted_m: Floats, truth_m: Floats, *, reflections: bool = False) -> Floats:
    """(n,) mean joint error after the best similarity transform, mm.

    Args:
        predicted_m: (n, 21, 3) m.
        truth_m: (n, 21, 3) m.
        reflections: let the transform mirror, as FreiHAND's and HO-3D's official scripts do: a hand of the wrong side
            then scores 0. HaMeR's own evaluation does not.
    """
    aligned = align(predicted_m, truth_m, reflections=reflections)
    error: Floats = np.linalg.norm(aligned - truth_m, axis=-1).mean(axis=-1) * _M_TO_MM
    return error


def align(points: Floats, target: Floats, *, reflections: bool = False, guard: float = 0.0) -> Floats:
    """`points` (n, k, 3) moved onto `target` (n, k, 3) by scale, rotation and translation of least squared error.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991), eq. 40-43.

    Args:
        points: (n, k, 3).
        target: (n, k, 3).
        reflections: the rotation may mirror.
        guard: added to the extent (Frobenius norm) that the scale divides by.
    """
    source_mean, target_mean = points.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    source, wanted = points - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(wanted.transpose(0, 2, 1) @ source)
    signs = np.ones((len(points), 3))
    if not reflections:
        signs[:, 2] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    rotation = (u * signs[:, None, :]) @ vt
    spread = (np.sqrt((source**2).sum(axis=(1, 2))) + guard) ** 2
    scale = _shares((singular * signs).sum(axis=1), spread)
    scale = np.where(np.isnan(scale), 1.0, scale)
    moved: Floats = scale[:, None, None] * (source @ rotation.transpose(0, 2, 1)) + target_mean
    return moved
