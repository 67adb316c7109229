"""Which figures changed since earlier rounds, beyond doubt.

Two values are held against each other by their intervals: the distance from each value to its end that faces the other
one, squared and added, is the square of half the interval of the difference (R. G. Newcombe, "Interval estimation for
the difference between independent proportions", Statist. Med. 17, 1998, of Wilson's intervals; G. Y. Zou and A. Donner,
"Construction of confidence limits about effect measures", Statist. Med. 27, 2008, of any). Of positive figures these
are distances of logarithms. How much wider the intervals would have to be to just meet says how improbable so large a
difference is; as they come from some twenty pictures or more, by Student's law for the fewer of both rounds.

Many figures are compared at once, so what is said is chosen by S. Holm's procedure ("A simple sequentially rejective
multiple test procedure", Scand. J. Statist. 6, 1979): of two rounds alike in everything at most one pair in twenty has
a word said on any figure of anybody, however the figures hang together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy.optimize import brentq
from scipy.special import stdtr

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.quoted_names import plain, quoted
from hint_tools.qc.bootstrap import MAX_GROUPS, Estimate, student, wilson_ends
from hint_tools.qc.round_figures import PERSON_FIGURES, ROUND_FIGURES, Figure, RoundFigures, Scale, ends, figures_json
from hint_tools.qc.wording import in_words

FALSE_ALARMS = 0.05
"""Chance that anything is said of two rounds alike in everything."""
SAME_ANSWERS = 0.25
"""Difference in answers per hand up to which figures that grow with them are compared."""
_Z = 1.959964
_MOST = 60.0
"""Standard errors beyond which more say nothing more: their chance is no number any more."""


@dataclass(frozen=True, eq=False)
class Change:
    """One figure in an earlier round and in this one.

    Args:
        figure: which.
        annotator: whose; None for that of all people together.
        since: name of the earlier round.
        before, after: its values.
        chance: of a difference as large or larger if nothing had changed; NaN where they can't be compared.
        certain: it is beyond doubt.
    """

    figure: Figure
    annotator: str | None
    since: str
    before: Estimate
    after: Estimate
    chance: float
    certain: bool = False

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or for what is neither `less` and `more`; empty where nothing is certain."""
        if not self.certain:
            return ""
        up = self.after.value > self.before.value
        if self.figure.better:
            return "better" if up == (self.figure.better > 0) else "worse"
        return "more" if up else "less"

    @property
    def words(self) -> str:
        """What changed, without a name."""
        return self.figure.rises if self.after.value > self.before.value else self.figure.falls


@dataclass(frozen=True, eq=False)
class Comparison:
    """This round beside earlier ones.

    Args:
        earlier: oldest first; one or more.
        this: the round at hand.
        compared: each figure with what it was in the last of the earlier rounds; each annotator's with what it was in
            the last of them that could measure it.
    """

    earlier: tuple[RoundFigures, ...]
    this: RoundFigures
    compared: tuple[Change, ...]

    def certain(self) -> list[Change]:
        """What is beyond doubt: of all people first, then by annotator."""
        return [c for c in self.compared if c.certain]


def compare_rounds(earlier: Sequence[RoundFigures], this: RoundFigures) -> Comparison:
    """How this round differs from earlier ones, oldest first."""
    compared = list(_side_by_side(earlier, this))
    order = sorted((k for k, c in enumerate(compared) if math.isfinite(c.chance)), key=lambda k: compared[k].chance)
    for rank, k in enumerate(order):
        if compared[k].chance > FALSE_ALARMS / (len(order) - rank):
            break
        compared[k] = replace(compared[k], certain=True)
    return Comparison(tuple(earlier), this, tuple(compared))


def _side_by_side(earlier: Sequence[RoundFigures], this: RoundFigures) -> Iterator[Change]:
    last = earlier[-1]
    for figure in ROUND_FIGURES:
        yield _change(figure, None, last, this, last.figures[figure.key], this.figures[figure.key])
    for name, own in this.people.items():
        there = [r for r in reversed(earlier) if name in r.people]
        for figure in PERSON_FIGURES if there else ():
            since = next((r for r in there if math.isfinite(r.people[name][figure.key].low)), there[0])
            yield _change(figure, name, since, this, since.people[name][figure.key], own[figure.key])


def _change(
    figure: Figure, annotator: str | None, since: RoundFigures, this: RoundFigures, before: Estimate, after: Estimate
) -> Change:
    apart = abs(since.answers_per_hand - this.answers_per_hand)
    alike = not figure.same_answers or apart <= SAME_ANSWERS
    errors = standard_errors_apart(before, after, figure.scale) if alike else math.nan
    return Change(figure, annotator, since.name, before, after, chance_of(errors, min(since.pictures, this.pictures)))


def chance_of(errors: float, pictures: int) -> float:
    """Chance of two values so many standard errors apart or more, of as many pictures: 5 % at 1.96, by Student's t."""
    free = max(min(pictures, MAX_GROUPS) - 1, 1)
    return float(2 * stdtr(free, -errors / _Z * student(free)))


def standard_errors_apart(one: Estimate, other: Estimate, scale: Scale) -> float:
    """How many standard errors two values are apart; NaN where one has no interval.

    Args:
        one: a figure.
        other: the same of another round.
        scale: of the figure.
    """
    low, high = sorted((one, other), key=lambda e: e.value)
    known = all(math.isfinite(v) for e in (one, other) for v in (e.value, e.low, e.high))
    if not known or any(e.low == e.high for e in (one, other)):
        return math.nan
    if scale is Scale.SHARE:
        return _shares_apart(low, high)
    if scale is Scale.RATIO:
        if low.low <= 0 or high.low <= 0:
            return math.nan
        low, high = (_logarithms(e) for e in (low, high))
    half = math.hypot(low.high - low.value, high.value - high.low)
    return min(_Z * (high.value - low.value) / half, _MOST) if half > 0 else math.nan


def _logarithms(figure: Estimate) -> Estimate:
    value, low, high = map(math.log, ends(figure))
    return Estimate(value, low, high, figure.n)


def _shares_apart(low: Estimate, high: Estimate) -> float:
    """Standard errors at which Newcombe's interval of the difference of two shares just meets zero."""
    worth = [_worth(e) for e in (low, high)]
    if not min(worth) > 0:
        return math.nan

    def beyond(z: float) -> float:
        up = wilson_ends(low.value, worth[0], z)[1] - low.value
        down = high.value - wilson_ends(high.value, worth[1], z)[0]
        return high.value - low.value - math.hypot(up, down)

    return 0.0 if beyond(0.0) <= 0 else _MOST if beyond(_MOST) > 0 else float(brentq(beyond, 0.0, _MOST))


def _worth(share: Estimate) -> float:
    """As many independent values as Wilson's interval of a share is of: (p - x)² = z² x (1 - x) / n at either end x."""
    end = share.low if share.value - share.low > share.high - share.value else share.high
    return _Z**2 * end * (1 - end) / (share.value - end) ** 2


def round_findings(found: Comparison) -> list[Finding]:
    """One warning for each figure that got worse beyond doubt."""
    return [
        Finding(
            code="qc.round-worse",
            severity=Severity.WARNING,
            message=plain(
                f"{'all' if c.annotator is None else quoted(c.annotator)}: {c.figure.title}: {_shown(c, c.after)}, "
                f"in {quoted(c.since)} {_shown(c, c.before)}"
            ),
            suggestion="other pictures, or other instructions: compare hands of both rounds",
            subjects=() if c.annotator is None else (c.annotator,),
        )
        for c in found.certain()
        if c.verdict == "worse"
    ]


def _shown(change: Change, value: Estimate) -> str:
    """One of its values with the interval, in words."""
    return in_words(value, change.figure.decimals, change.figure.factor)


def rounds_json(found: Comparison) -> dict[str, Any]:
    """The earlier rounds and what was compared, as plain values."""
    return {
        "earlier": [{"round": r.name, **figures_json(r)} for r in found.earlier],
        "compared": [
            {
                "figure": c.figure.key,
                "annotator": c.annotator,
                "since": c.since,
                "before": ends(c.before),
                "after": ends(c.after),
                "chance": c.chance,
                "verdict": c.verdict or None,
            }
            for c in found.compared
        ],
    }
