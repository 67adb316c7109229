"""Whether people change: errors and agreement by period, and the moment an annotator's error changed.

The test of change is that of cumulated sums: D = max_t |Σ_{i≤t} (x_i - mean)| / (s sqrt(n)) over an annotator's
pictures in the order of their answers, where x is the mean distance to the others in σ. Without a change D follows
Kolmogorov's law. Source: W. Ploberger and W. Krämer, "The CUSUM test with OLS residuals", Econometrica 60 (1992).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.times import NEVER, moment
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.occlusion import occlusion_agreement, occlusion_counts
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FALSE_ALARM = 0.01
"""Chance that a whole round without any change gets a finding, shared by its annotators."""
LEAST_CHANGE = 0.15
"""Smaller changes of the error are not worth a word, however certain."""
_LEAST_PICTURES = 30
_CUT = 6.0
"""Distances in σ above this count as this: one slip is not a change."""


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """Figures of one period.

    Args:
        period: its first day.
        hands: how many.
        error: median error of all annotators, × σ of the whole round.
        ac1: Gwet's AC1 on occlusion.
        annotators: error of each annotator (index), × σ.
    """

    period: str
    hands: int
    error: Estimate
    ac1: float
    annotators: dict[int, Estimate]


@dataclass(frozen=True, slots=True)
class Change:
    """The moment an annotator's error changed.

    Args:
        annotator: index.
        since: day of the first answer after the change.
        before: mean distance to the others before it, in σ.
        after: the same after it.
        statistic: D of the test.
    """

    annotator: int
    since: str
    before: float
    after: float
    statistic: float


def measure_periods(panel: Panel, pairs: Pairs, relative: Floats, resampler: Resampler) -> list[PeriodFigures]:
    """Figures of each period, in order.

    Args:
        panel: the answers.
        pairs: of the panel.
        relative: (P, 21) d² / (σ² s²) of every pair; its median is 4 ln 2 for people who err by σ.
        resampler: of the panel's pictures.
    """
    who = [panel.annotator[pairs.hand, k] for k in (pairs.first, pairs.second)]
    found = []
    for k, name in enumerate(panel.periods):
        chosen = panel.period[pairs.hand] == k
        counts = occlusion_counts(panel)[panel.period == k]
        each = {
            a: _error(relative, pairs, chosen & ((who[0] == a) | (who[1] == a)), resampler)
            for a in range(len(panel.annotators))
        }
        found.append(
            PeriodFigures(
                period=name,
                hands=int((panel.period == k).sum()),
                error=_error(relative, pairs, chosen, resampler),
                ac1=occlusion_agreement(counts).ac1,
                annotators={a: e for a, e in each.items() if e.n},
            )
        )
    return found


def _error(relative: Floats, pairs: Pairs, chosen: npt.NDArray[np.bool_], resampler: Resampler) -> Estimate:
    values = relative[chosen]
    hand = np.repeat(pairs.hand[chosen], values.shape[1])
    squared = resampler.median(values.ravel(), hand)
    value, low, high = (math.sqrt(v / (4 * math.log(2))) for v in (squared.value, squared.low, squared.high))
    return Estimate(value, low, high, squared.n)


def find_changes(panel: Panel, pairs: Pairs, relative: Floats) -> list[Change]:
    """Annotators whose distance to the others changed at some moment, beyond doubt and by `LEAST_CHANGE` or more."""
    critical = math.sqrt(-math.log(FALSE_ALARM / max(len(panel.annotators), 1) / 2) / 2)
    found = []
    for k in range(len(panel.annotators)):
        day, value = _sequence(panel, pairs, relative, k)
        if len(value) < _LEAST_PICTURES or len(set(day)) < 2:
            continue
        center = value - value.mean()
        sums = np.cumsum(center)[:-1]
        spread = float(center.std()) * math.sqrt(len(value))
        if spread <= 0:
            continue
        at = int(np.abs(sums).argmax())
        statistic = float(abs(sums[at])) / spread
        before, after = float(value[: at + 1].mean()), float(value[at + 1 :].mean())
        if statistic > critical and abs(after / before - 1) >= LEAST_CHANGE:
            found.append(Change(k, day[at + 1], before, after, statistic))
    return found


def _sequence(panel: Panel, pairs: Pairs, relative: Floats, annotator: int) -> tuple[list[str], Floats]:
    """Day and mean distance to the others, in σ, of each picture this annotator answered, in order of time."""
    at = np.where(panel.annotator[pairs.hand, pairs.first] == annotator, pairs.first, pairs.second)
    mine = np.flatnonzero(panel.annotator[pairs.hand, at] == annotator)
    distance = np.sqrt(relative[mine])
    known = np.isfinite(distance)
    total = np.where(known, np.minimum(distance, _CUT), 0.0).sum(axis=1)
    image = panel.image[pairs.hand[mine]]
    n_images = int(image.max(initial=-1)) + 1
    sums, counts = (np.bincount(image, v, minlength=n_images) for v in (total, known.sum(axis=1)))
    when: dict[int, datetime] = {}
    for pair in mine.tolist():
        answer = panel.submissions[int(pairs.hand[pair])][int(at[pair])]
        if answer is not None:
            picture = int(panel.image[pairs.hand[pair]])
            when[picture] = max(when.get(picture, NEVER), moment(answer.updated_at))
    # what nobody knows the time of has no place in the order
    order = sorted((i for i in when if counts[i] and when[i] != NEVER), key=lambda i: (when[i], i))
    return [when[i].date().isoformat() for i in order], np.array([sums[i] / counts[i] for i in order])


def drift_findings(panel: Panel, changes: Sequence[Change]) -> list[Finding]:
    """One finding for each change."""
    return [
        Finding(
            code="qc.drift",
            severity=Severity.WARNING,
            message=f"{shortened(panel.annotators[c.annotator])} is {c.after:.2f} σ from the others since "
            f"{c.since or 'a while'}, {c.before:.2f} σ before (D = {c.statistic:.1f})",
            suggestion="compare answers of before and after; a change of the instructions shows in everybody's",
            subjects=(panel.annotators[c.annotator],),
        )
        for c in changes
    ]
