"""Confidence intervals by resampling images, never single joints: joints of one picture err together.

Images are dealt into at most `MAX_GROUPS` groups and groups are resampled. Sums over groups are all a
resample needs, so forty thousand hands cost no more than four hundred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.ids import order_key

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_GROUPS = 400
"""Enough that the interval's own error (about 1/sqrt(2 * 400) = 3.5 % of its width) does not matter."""
_Z = 1.959964
"""Of the normal law, 97.5 %: intervals are of 95 %."""
MIN_GROUPS = 5
"""Below this many groups with data no interval is given (NaN): it would promise too much."""
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

    def mean(self, values: Floats, hand: Ints) -> Estimate:
        """Mean of `values` (n), NaN ones ignored, each belonging to `hand` (n)."""
        known = np.isfinite(values)
        group = self.group[hand[known]]
        total = np.bincount(group, values[known], minlength=self.n_groups)
        count = np.bincount(group, minlength=self.n_groups).astype(np.float64)
        value = float(total.sum() / count.sum()) if count.any() else float("nan")
        return self._estimate(value, self._weights @ total, self._weights @ count, count)

    def share(self, values: Floats, hand: Ints) -> Estimate:
        """Part of `values` (n) that are 1, the others 0, NaN ones ignored, each belonging to `hand` (n).

        The interval is Wilson's for as many independent values as would spread like the resamples: near 0 and 1, where
        most resamples hold none of the few exceptions, percentiles cover far too rarely.
        """
        known = np.isfinite(values)
        group = self.group[hand[known]]
        total = np.bincount(group, values[known], minlength=self.n_groups)
        count = np.bincount(group, minlength=self.n_groups).astype(np.float64)
        filled = int(np.count_nonzero(count))
        if filled < MIN_GROUPS:
            return self.mean(values, hand)
        part = float(total.sum() / count.sum())
        drawn = self._weights @ count
        spread = float(np.var((self._weights @ total)[drawn > 0] / drawn[drawn > 0])) * filled / (filled - 1)
        worth = min(part * (1 - part) / spread, float(count.sum())) if spread > 0 else float(filled)
        low, high = _wilson(part, worth, _student(filled - 1))
        return Estimate(part, low, high, int(count.sum()))

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
        heights = self._weights @ np.cumsum(table, axis=1).astype(np.float64)
        middle = (heights >= heights[:, -1:] / 2).argmax(axis=1)
        centers = np.exp(np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]]))[middle]
        low, high = _interval(centers[heights[:, -1] > 0], np.bincount(group, minlength=self.n_groups))
        return Estimate(float(np.median(chosen)), low, high, len(chosen))

    def _estimate(self, value: float, totals: Floats, counts: Floats, filled: Floats) -> Estimate:
        usable = counts > 0
        low, high = _interval(totals[usable] / counts[usable], filled)
        return Estimate(value, low, high, int(filled.sum()))


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
    T. Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015), expanded percentiles; t by its
    series in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5), 0.3 % off at four.
    """
    return 0.5 * math.erfc(math.sqrt(groups / (groups - 1)) * _student(groups - 1) / math.sqrt(2))


def _student(free: int) -> float:
    """Student's t, 97.5 %."""
    t = _Z + (_Z**3 + _Z) / (4 * free) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
    return t + (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / (384 * free**3)


def wilson(hits: int, n: int) -> Estimate:
    """A proportion with Wilson's 95 % interval; NaN of nothing.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc.
    22 (1927).
    """
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    low, high = _wilson(hits / n, n, _Z)
    return Estimate(hits / n, low, high, n)


def _wilson(part: float, n: float, z: float) -> tuple[float, float]:
    center = part + z * z / (2 * n)
    half = z * math.sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max((center - half) / whole, 0.0), min((center + half) / whole, 1.0)
