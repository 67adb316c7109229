"""95 % intervals of agreement on visible or occluded, over pictures.

Raw agreement is a share and has a share's interval. Gwet's AC1 is 1 - d / e: the part d of pairs that differ, over the
part e that would by chance. How it spreads is seen by leaving out one group of pictures at a time; the interval is
Wilson's for d, of as many joints as would spread like that, over e. So it is lopsided where nearly all agree, and does
not claim certainty where all do. Gwet's own variance takes joints for independent. Alpha and kappa have none: where one
state is rare, the same covered 86 % in rounds of 15 pictures. Source: B. Efron and C. Stein, "The jackknife estimate of
variance", Ann. Statist. 9 (1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.qc.bootstrap import MIN_GROUPS, Estimate, Resampler, student, wilson_ends

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OcclusionEstimates:
    """Raw agreement and AC1 of `CategoryAgreement` with their intervals; NaN without a unit rated twice."""

    raw: Estimate
    ac1: Estimate


def occlusion_estimates(of_hands: Ints, resampler: Resampler) -> OcclusionEstimates:
    """Raw agreement and AC1 with 95 % intervals.

    Args:
        of_hands: (hands, joints, categories) how many raters put each joint into each category.
        resampler: of the pictures.
    """
    counts, hand = of_hands.reshape(-1, of_hands.shape[2]), np.repeat(np.arange(len(of_hands)), of_hands.shape[1])
    rated = counts.sum(axis=1).astype(np.float64)
    twice = rated >= 2
    agreeing = (counts * (counts - 1.0)).sum(axis=1)
    alike = np.divide(agreeing, rated * (rated - 1), out=np.full(len(rated), np.nan), where=twice)
    raw = resampler.share(alike, hand)
    part = np.divide(counts, rated[:, None], out=np.zeros(counts.shape), where=rated[:, None] > 0)
    columns = (rated > 0, twice, np.where(twice, alike, 0.0), *part.T)
    sums = np.stack([resampler.sums(column.astype(np.float64), hand) for column in columns], axis=1)
    total = sums.sum(axis=0)
    without = total - sums[sums[:, 1] > 0]
    return OcclusionEstimates(raw, _ac1(raw, float(_by_chance(total[None])[0]), _part(without) / _by_chance(without)))


def _part(sums: Floats) -> Floats:
    """(N) part of the pairs that differ, from N sums: units, units rated twice, their agreement, categories' parts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - sums[:, 2] / sums[:, 1])


def _by_chance(sums: Floats) -> Floats:
    """(N) part of the pairs that would differ by chance, after Gwet."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = sums[:, 3:] / sums[:, :1]
        return np.asarray(1 - (share * (1 - share)).sum(axis=1) / (share.shape[1] - 1))


def _ac1(raw: Estimate, by_chance: float, without: Floats) -> Estimate:
    """AC1 with its interval, from 1 - AC1 without each group of pictures; none where there are few of them."""
    groups, differing = len(without), 1 - raw.value
    value = 1 - differing / by_chance
    if groups < MIN_GROUPS or not np.isfinite(without).all():
        return Estimate(value, float("nan"), float("nan"), raw.n)
    rest = (without - without.mean()) ** 2
    spread = by_chance * float(np.sqrt((groups - 1) / groups * rest.sum()))
    worth, free = float(groups), groups - 1.0
    if spread > 0 and raw.value > 0:
        worth = min(differing * raw.value / spread**2, raw.n)
        peaked = float((rest**2).sum() / rest.sum() ** 2) - 1 / groups
        free = max(min(2 / max(peaked, 1e-12), groups - 1.0), 1.0)
    low, high = wilson_ends(differing, worth, student(free))
    return Estimate(value, 1 - high / by_chance, 1 - low / by_chance, raw.n)
