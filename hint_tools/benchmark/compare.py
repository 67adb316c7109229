"""Two models on the same hands: differences with intervals from resampling the same images for both.

Pairing makes small differences visible: what is hard for one model is mostly hard for the other, and drops out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.metrics import THRESHOLDS, interval, pck_at, relative_distance, resampled_means
from hint_tools.benchmark.results import SUBSET_WORDS, SourceScore, image_numbers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two models.

    Args:
        source: of the hands.
        subset: `all`, `vis` or `occ`.
        metric: such as `PCK@0.05`.
        own: this model's.
        other: the other one's.
        low: lower end of the 95% interval of own - other; NaN without one.
        high: upper end.
    """

    source: str
    subset: str
    metric: str
    own: float
    other: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """The interval does not hold 0."""
        return self.low > 0 or self.high < 0


def pck_differences(one: SourceScore, other_px: Floats, *, resamplings: int, seed: int) -> list[Difference]:
    """PCK of a scored source against the keypoints of another model.

    Args:
        one: the scored source.
        other_px: (n, 21, 2) of the other model, in the set's order, px of the frame.
        resamplings: for the intervals.
        seed: of them.
    """
    other = relative_distance(other_px, one.hands.keypoints_2d, one.hands.sizes_px)
    images = image_numbers(one.hands)
    found = []
    for subset in one.hands.subsets:
        if not subset.counted.any():
            continue
        theirs = pck_at(other, subset.counted)
        ours = pck_at(one.distance, subset.counted)
        low = high = np.full(len(THRESHOLDS), np.nan)
        if resamplings:
            drawn = [
                resampled_means(d, subset.counted, THRESHOLDS, groups=images, resamplings=resamplings, seed=seed)
                for d in (one.distance, other)
            ]
            low, high = np.array([interval(column) for column in (drawn[0] - drawn[1]).T]).T
        found += [
            Difference(one.source, subset.name, f"PCK@{a.threshold:g}", a.mean, b.mean, float(lo), float(hi))
            for a, b, lo, hi in zip(ours, theirs, low, high, strict=True)
        ]
    return found


def mean_difference(source: str, metric: str, own: Floats, other: Floats, *, resamplings: int, seed: int) -> Difference:
    """Difference of the means of a figure that every hand has.

    Args:
        source: of the hands.
        metric: its name.
        own: (n,) this model's.
        other: (n,) the other one's, of the same hands.
        resamplings: for the interval.
        seed: of it.
    """
    low = high = float("nan")
    if resamplings and len(own):
        drawn = np.random.default_rng(seed).integers(len(own), size=(resamplings, len(own)))
        low, high = interval((own - other)[drawn].mean(axis=1))
    return Difference(source, "all", metric, float(own.mean()), float(other.mean()), low, high)


def as_json(differences: Sequence[Difference], model: str) -> dict[str, Any]:
    """The comparison as plain values."""
    rows = [
        {
            "source": d.source,
            "joints": SUBSET_WORDS[d.subset],
            "metric": d.metric,
            "own": _plain(d.own),
            "other": _plain(d.other),
            "difference": _plain(d.own - d.other),
            "low": _plain(d.low),
            "high": _plain(d.high),
        }
        for d in differences
    ]
    return {"other_model": model, "differences": rows}


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
