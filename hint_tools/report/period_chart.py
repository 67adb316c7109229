"""Figures by period as points with whiskers: what changed, and what could be chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from markupsafe import Markup, escape

from hint_tools.report.axes import SERIES, WIDTH, Axis, horizontal_grid, number, svg_picture

Interval: TypeAlias = tuple[float, float, float]
"""A figure and the ends of its interval; NaN where unknown."""

_HEIGHT: Final = 260.0
_LEFT: Final = 62.0
_LABEL_PX: Final = 84.0
"""Room of a date; where there is less only every second or third is written."""
_SHAPES: Final = (
    "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "m-3.5-3.5h7v7h-7z",
    "m0-5.2l4.8 8.7h-9.6z",
    "m0-5l5 5l-5 5l-5-5z",
    "m0 5.2l4.8-8.7h-9.6z",
    "m-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
)
"""Disc, square, triangle, diamond, triangle on its tip, cross."""
_ASIDE_PX: Final = 7.0
"""Between the points of two series in one period, so that their whiskers stay apart."""


def period_chart(
    periods: Sequence[str],
    series: Mapping[str, Sequence[Interval]],
    *,
    x_unit: str = "",
    y_unit: str = "",
    title: str = "",
) -> Markup:
    """A point a period and series, with its interval, joined by thin lines; unknown figures interrupt them.

    Args:
        periods: their names, in order.
        series: name -> a figure for each period.
        x_unit: what the names are.
        y_unit: what the figures are.
        title: what it shows, for screen readers.

    Raises:
        ValueError: a series has another number of figures than there are periods.
    """
    for name, figures in series.items():
        if len(figures) != len(periods):
            raise ValueError(f"{name}: expected a figure for each of {len(periods)} periods, got {len(figures)}")
    top = 14.0 + 22 * len(series)
    across = Axis(0.5, len(periods) + 0.5, _LEFT, WIDTH - 24)
    known = [v for figures in series.values() for figure in figures for v in figure]
    upward = Axis.over(known, top + _HEIGHT, top)
    parts = [horizontal_grid(upward, _LEFT, WIDTH - 24, y_unit), *_names(periods, across, top + _HEIGHT, x_unit)]
    for k, (name, figures) in enumerate(series.items()):
        parts.append(_mark(k, _LEFT + 7, 9.0 + 22 * k))
        parts.append(f'<text class="strong" x="{_LEFT + 22:.1f}" y="{13 + 22 * k}">{escape(name)}</text>')
        aside = _ASIDE_PX * (k - (len(series) - 1) / 2)
        places = [(across(i + 1.0) + aside, figure) for i, figure in enumerate(figures)]
        parts.append(_points(places, upward, k))
    told = [
        f"{name}, {period}: {number(value)}" + (f" ({number(low)} to {number(high)})" if math.isfinite(low) else "")
        for name, figures in series.items()
        for period, (value, low, high) in zip(periods, figures, strict=True)
        if math.isfinite(value)
    ]
    return svg_picture(parts, top + _HEIGHT + 40, title or "Figures by period", "; ".join(told))


def _names(periods: Sequence[str], across: Axis, bottom: float, unit: str) -> list[str]:
    """The periods under the chart, as many as there is room for, and what they are."""
    step = max(1, math.ceil(_LABEL_PX / (across(2.0) - across(1.0))))
    drawn = [
        f'<text x="{across(i + 1.0):.1f}" y="{bottom + 16}" text-anchor="middle">{escape(name)}</text>'
        for i, name in enumerate(periods)
        if i % step == 0
    ]
    middle = (across.start_px + across.end_px) / 2
    return [*drawn, f'<text x="{middle:.1f}" y="{bottom + 34}" text-anchor="middle">{escape(unit)}</text>']


def _points(places: Sequence[tuple[float, Interval]], upward: Axis, k: int) -> str:
    """The line of one series, its whiskers, and its points above both."""
    line, whiskers, points, pen_down = "", "", "", False
    for x, (value, low, high) in places:
        if not math.isfinite(value):
            pen_down = False
            continue
        y = upward(value)
        line += f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}"
        pen_down = True
        points += _mark(k, x, y)
        if math.isfinite(low) and math.isfinite(high):
            whiskers += f"M{x:.1f} {upward(low):.1f}V{upward(high):.1f}"
    return (
        f'<path class="series faint" stroke="{_colour(k)}" d="{line}"/>'
        f'<path class="series" stroke="{_colour(k)}" d="{whiskers}"/>{points}'
    )


def _mark(k: int, x: float, y: float) -> str:
    """The point of the k-th series: its shape tells it from those whose colour is alike."""
    return f'<path class="mark" fill="{_colour(k)}" d="M{x:.1f} {y:.1f}{_SHAPES[k % SERIES]}"/>'


def _colour(k: int) -> str:
    return f"var(--series-{k % SERIES + 1})"
