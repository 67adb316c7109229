"""Figures as words: numbers with their intervals, one or several of a thing, lists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.qc.bootstrap import Estimate


def with_interval(estimate: Estimate, decimals: int, factor: float = 1.0) -> str:
    """A figure with its interval, for a cell; lines break between the two and nowhere else."""
    if not math.isfinite(estimate.value):
        return "–"
    value, low, high = (f"{factor * v:.{decimals}f}" for v in (estimate.value, estimate.low, estimate.high))
    return value if not math.isfinite(estimate.low) else f"{value} ({low}\u00a0to\u00a0{high})"


def in_words(estimate: Estimate, decimals: int, factor: float = 1.0, unit: str = "") -> str:
    """A figure and its interval, for a sentence."""
    return on_two_lines(estimate, decimals, factor, unit).replace("\n", " (") + ")" * math.isfinite(estimate.low)


def on_two_lines(estimate: Estimate, decimals: int, factor: float = 1.0, unit: str = "") -> str:
    """A figure, and its interval on a second line."""
    if not math.isfinite(estimate.value):
        return "–"
    value, low, high = (f"{factor * v:.{decimals}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value}{unit}" if not math.isfinite(estimate.low) else f"{value}{unit}\n95 %: {low} to {high}"


def several(number: int, one: str, more: str = "") -> str:
    """`1 hand`, `2 hands`.

    Args:
        number: how many.
        one: the word for one of them.
        more: for several, where that is not `one` with an s.
    """
    return f"{counted(number)} {one if number == 1 else more or one + 's'}"


def counted(number: int) -> str:
    """`1 500`, with a narrow space that no line is broken at."""
    return f"{number:,}".replace(",", "\u202f")


def times(number: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{counted(number)} times")


def listed(words: Sequence[str]) -> str:
    """`thumb, middle and ring`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def signed(value: float, decimals: int) -> str:
    """`+0.017`, `−0.017`."""
    return f"{value:+.{decimals}f}".replace("-", "\u2212")


def span(values: Iterable[float], decimals: int) -> str:
    """`29.0 to 120.5`, one figure where both are the same, a dash for nothing."""
    known = sorted(v for v in values if math.isfinite(v))
    ends = dict.fromkeys(f"{v:.{decimals}f}" for v in (*known[:1], *known[-1:]))
    return " to ".join(ends) or "–"


def percent(share: float) -> str:
    """`57 %`."""
    return f"{100 * share:.0f} %"


def spoken(joint: int) -> str:
    """`ring dip`."""
    return JOINT_NAMES[joint].replace("_", " ")
