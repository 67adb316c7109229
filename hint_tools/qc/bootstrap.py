"""Confidence intervals over images, never single joints: joints of one picture err together.

Images are dealt into at most `MAX_GROUPS` groups and groups are resampled. Sums over groups are all an
interval needs, so forty thousand hands cost no more than four hundred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from hint_tools.core.ids import order_key

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_GROUPS = 400
"""Enough that the interval's own error (about 1/sqrt(2 * 400) = 3.5 % of its width) does not matter."""
_Z = 1.959964
"""Of the normal law, 97.5 %: intervals are of 95 %."""
MIN_GROUPS = 6
"""Below this many groups with data no interval of a mean or median is given (NaN): with five, one in twenty resamples
holds two pictures or fewer, and bootstrap-t intervals of exponential data become ten times too wide."""
_ROUNDING = 1e-6
"""Part of the largest standard error below which one is nothing but rounding, which comes to some 1e-8."""
_BINS = 256
_CENTRAL = (0.1, 0.9)
"""Quantiles between which a resample's median is looked for."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure with the ends of its 95 % interval; `n` is what it was computed from."""

    value: float
    low: float
    high: float
    n: int


class Resampler:
    """Resamples of images, made once so that all figures of a report see the same ones.

    Args:
        image: index of the picture of each hand.
        resamples: how many.
        seed: of the resamples.
    """

    def __init__(self, image: Ints, resamples: int, seed: int) -> None:
        n_images = int(image.max(initial=-1)) + 1
        generator = np.random.default_rng(int(order_key(seed, "qc.bootstrap")[:16], 16))
        self.n_groups = max(min(n_images, MAX_GROUPS), 1)
        dealt = generator.permutation(n_images) % self.n_groups
        self.group = dealt[image] if n_images else np.zeros(0, dtype=np.int64)
        chance = np.full(self.n_groups, 1 / self.n_groups)
        self._weights = generator.multinomial(self.n_groups, chance, size=resamples).astype(np.float64)

    def _weights_of(self, groups: Ints) -> Floats:
        return self._weights if len(groups) == self.n_groups else self._weights[:, groups]

    def sums(self, values: Floats, hand: Ints) -> Floats:
        """Sum of `values` (n), each belonging to `hand` (n), over every group (n_groups)."""
        return np.bincount(self.group[hand], values, minlength=self.n_groups).astype(np.float64)

    def mean(self, values: Floats, hand: Ints, also: Floats | None = None) -> Estimate:
        """Mean of `values` (n), NaN ones ignored, each belonging to `hand` (n).

        The interval is the bootstrap-t's: resamples tell how the error of a mean spreads in units of its own standard
        error, which a few large values make lopsided. Source: P. Hall, "Theoretical comparison of bootstrap confidence
        intervals", Ann. Statist. 16 (1988).

        Args:
            values: (n).
            hand: (n).
            also: (n_groups) how far each group moves the mean by way of what `values` were computed with.
        """
        known = np.isfinite(values)
        chosen, where = values[known], hand[known]
        count = self.sums(np.ones(len(chosen)), where)
        number = float(count.sum())
        if np.count_nonzero(count) < MIN_GROUPS:
            return Estimate(float(chosen.mean()) if number else float("nan"), float("nan"), float("nan"), int(number))
        total = self.sums(chosen, where)
        value = float(total.sum() / number)
        if also is not None:
            total = total + number * also
        own = math.sqrt(float(((total - value * count) ** 2).sum())) / number
        low, high = value, value
        errors = self._standardised(total, count, value)
        if own > 0 and len(errors):
            early, late = np.quantile(errors, [0.025, 0.975]).tolist()
            low, high = value - late * own, value - early * own
        return Estimate(value, max(low, float(chosen.min())), min(high, float(chosen.max())), int(number))

    def _standardised(self, total: Floats, count: Floats, value: float) -> Floats:
        """Error of the mean of each resample in units of that resample's own standard error.

        Without resamples that hold one picture: their standard error is 0, but for rounding.
        """
        some = np.flatnonzero((total != 0) | (count != 0))
        rest, number = total[some] - value * count[some], count[some]
        totals, counts, squares, products, squared_counts = (
            self._weights_of(some) @ np.stack([rest, number, rest**2, rest * number, number**2], axis=1)
        ).T
        usable = counts > 0
        off = totals[usable] / counts[usable]
        left = squares[usable] - 2 * off * products[usable] + off**2 * squared_counts[usable]
        spread = np.sqrt(np.maximum(left, 0.0)) / counts[usable]
        different = spread > _ROUNDING * spread.max(initial=0.0)
        return np.asarray(off[different] / spread[different])

    def share(self, values: Floats, hand: Ints, like: Floats | None = None) -> Estimate:
        """Part of `values` (n) that are 1, the others 0, NaN ones ignored, each belonging to `hand` (n).

        The interval is Wilson's for as many independent values as would spread like the groups do, never more than
        there are, with Student's t for its factor. Its degrees of freedom are Satterthwaite's: where two pictures hold
        most of the exceptions, the spread is known from two. Sources: E. L. Korn and B. I. Graubard, "Confidence
        intervals for proportions with small expected number of positive counts estimated from survey data", Survey
        Methodology 24 (1998); F. E. Satterthwaite, "An approximate distribution of estimates of variance components",
        Biometrics Bulletin 2 (1946). Where all values are the same each group counts for one.

        Args:
            values: (n) 0, 1 or NaN.
            hand: (n).
            like: (n) 0 or 1 that cluster in pictures at least as little as `values`, but are less rare: exceptions that
                go with the hand are never taken for more independent than these.
        """
        known = np.isfinite(values)
        chosen, where = values[known], hand[known]
        count = self.sums(np.ones(len(chosen)), where)
        filled, number = int(np.count_nonzero(count)), float(count.sum())
        if not filled:
            return Estimate(float("nan"), float("nan"), float("nan"), 0)
        part = float(chosen.mean())
        effect, free = design_effect(self.sums(chosen, where), count)
        if like is not None:
            usual, usual_free = design_effect(self.sums(like[known], where), count)
            effect, free = (max(effect, usual), free) if math.isfinite(effect) else (usual, usual_free)
        worth = number / max(effect, 1.0) if math.isfinite(effect) else float(filled)
        low, high = wilson_ends(part, worth, student(free))
        return Estimate(part, low, high, int(number))

    def median(self, values: Floats, hand: Ints) -> Estimate:
        """Median of positive `values` (n), NaN ones ignored, each belonging to `hand` (n).

        The value is exact; the interval comes from a histogram of logarithms, fine to about 1 %.
        """
        known = np.isfinite(values) & (values > 0)
        chosen = values[known]
        if len(chosen) == 0:
            return Estimate(float("nan"), float("nan"), float("nan"), 0)
        logs = np.log(chosen)
        group = self.group[hand[known]]
        start, end = np.quantile(logs, _CENTRAL).tolist()
        edges = np.linspace(start, end, _BINS - 1)
        place = np.searchsorted(edges, logs)
        table = np.bincount(group * _BINS + place, minlength=self.n_groups * _BINS).reshape(self.n_groups, _BINS)
        # a resample is a weighted sum of groups, and so are its cumulated counts
        some = np.flatnonzero(table.any(axis=1))
        heights = self._weights_of(some) @ np.cumsum(table[some], axis=1).astype(np.float64)
        middle = (heights >= heights[:, -1:] / 2).argmax(axis=1)
        centers = np.exp(np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]]))[middle]
        low, high = _interval(centers[heights[:, -1] > 0], np.bincount(group, minlength=self.n_groups))
        return Estimate(float(np.median(chosen)), low, high, len(chosen))


def design_effect(total: Floats, count: Floats) -> tuple[float, float]:
    """How many times a share's variance is that of independent values, and its degrees of freedom.

    The variance is the linearised one of a ratio; the degrees of freedom are 2 / CV² of that variance, by its fourth
    moment. NaN where all values are the same, or in one group.

    Args:
        total: (groups) sum of the values, 0 or 1, in every group.
        count: (groups) how many there are.
    """
    groups, number = int(np.count_nonzero(count)), float(count.sum())
    part = float(total.sum()) / number
    rest = (total - part * count) ** 2
    if groups < 2 or not 0 < part < 1 or not rest.sum() > 0:
        return float("nan"), float(max(groups - 1, 1))
    variance = groups / (groups - 1) * float(rest.sum()) / number**2
    peaked = float((rest**2).sum() / rest.sum() ** 2) - 1 / groups
    free = min(2 / max(peaked, 1e-12), groups - 1.0)
    return variance * number / (part * (1 - part)), max(free, 1.0)


def _interval(replicates: Floats, filled: npt.NDArray[np.number]) -> tuple[float, float]:
    """Percentile interval, widened for few groups; NaN where too few have data."""
    groups = int(np.count_nonzero(filled))
    if groups < MIN_GROUPS or len(replicates) == 0:
        return float("nan"), float("nan")
    outside = _tail(groups)
    low, high = np.quantile(replicates, [outside, 1 - outside])
    return float(low), float(high)


def _tail(groups: int) -> float:
    """Part of the replicates left out at either end.

    Resampling n groups spreads sqrt((n - 1) / n) too little and knows nothing of Student's t: the plain percentiles
    cover 87 to 90 % with ten pictures. So the normal tail at sqrt(n / (n - 1)) t is left out instead of 2.5 %. Source:
    T. Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015), expanded percentiles.
    """
    return 0.5 * math.erfc(math.sqrt(groups / (groups - 1)) * student(groups - 1) / math.sqrt(2))


def student(free: float, part: float = 0.975) -> float:
    """Student's t, 97.5 % or another part."""
    return float(stdtrit(free, part))


def wilson(hits: int, n: int) -> Estimate:
    """A proportion with Wilson's 95 % interval; NaN of nothing.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc.
    22 (1927).
    """
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    low, high = wilson_ends(hits / n, n, _Z)
    return Estimate(hits / n, low, high, n)


def wilson_ends(part: float, n: float, z: float) -> tuple[float, float]:
    """Ends of Wilson's interval of a proportion of `n` values, `z` standard errors to either side."""
    center = part + z * z / (2 * n)
    half = z * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    # at 0 and 1 an end is the proportion itself, but for rounding
    return max(min((center - half) / whole, part), 0.0), min(max((center + half) / whole, part), 1.0)
