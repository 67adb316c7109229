"""Figures as words: numbers with their intervals, one or several of a thing."""

from __future__ import annotations

import math

from hint_tools.qc.bootstrap import Estimate


def with_interval(estimate: Estimate, decimals: int, factor: float = 1.0) -> str:
    """A figure with its interval, for a cell."""
    if not math.isfinite(estimate.value):
        return "–"
    value, low, high = (f"{factor * v:.{decimals}f}" for v in (estimate.value, estimate.low, estimate.high))
    return value if not math.isfinite(estimate.low) else f"{value} ({low} to {high})"


def on_two_lines(estimate: Estimate, decimals: int, factor: float = 1.0, unit: str = "") -> str:
    """A figure, and its interval on a second line, for a card."""
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
