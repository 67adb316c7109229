"""Charts as inline SVG: no library, no script, colours from the page's own variables (so dark mode works)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

_WIDTH = 760
_TICKS = 5
_SERIES = 6
"""Colours of the style sheet; further series begin again."""
_LETTER = 7.4
"""Width of a letter of the 12 px text, on the wide side; for margins."""


def bar_chart(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    errors: Sequence[tuple[float, float]] | None = None,
    unit: str = "",
    title: str = "",
) -> Markup:
    """Horizontal bars from zero, one a label, NaN as a gap.

    Args:
        labels: one a bar, top to bottom.
        values: finite or NaN.
        errors: (low, high) ends of an interval about each value, drawn as a whisker.
        unit: under the axis.
        title: what the chart shows, for screen readers.

    Raises:
        ValueError: the lengths differ.
    """
    return grouped_bar_chart(
        labels, {"": values}, errors=None if errors is None else {"": errors}, unit=unit, title=title
    )


def grouped_bar_chart(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    errors: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    unit: str = "",
    title: str = "",
) -> Markup:
    """Horizontal bars from zero, one a label and series, with a legend where there are several series.

    Args:
        labels: one a group of bars, top to bottom.
        series: name -> values, finite or NaN.
        errors: name -> (low, high) ends of intervals, drawn as whiskers.
        unit: under the axis.
        title: what the chart shows, for screen readers.

    Raises:
        ValueError: the lengths differ.
    """
    ends = errors or {}
    for name, given in (*series.items(), *ends.items()):
        if len(given) != len(labels):
            raise ValueError(f"{name}: expected as many values and errors as labels, {len(labels)}, got {len(given)}")
    thick = 14 if len(series) == 1 else 9
    row = thick * len(series) + 8
    top = 6 + (22 * len(series) if len(series) > 1 else 0)
    left = min(max([len(str(t)) for t in labels], default=0), 34) * _LETTER + 14
    limits = [x for pairs in ends.values() for pair in pairs for x in pair]
    axis = _Axis.over([0.0, *(v for values in series.values() for v in values), *limits], left, _WIDTH - 60)
    bottom = top + row * len(labels)
    decimals = _decimals([v for values in series.values() for v in values])
    parts = [_vertical_grid(axis, top, bottom, unit), *_legend([n for n in series if len(series) > 1], left)]
    for i, label in enumerate(labels):
        middle = top + row * (i + 0.5)
        parts.append(
            f'<text class="strong" x="{left - 8:.1f}" y="{middle + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        )
        for k, (name, values) in enumerate(series.items()):
            center = middle + thick * (k - (len(series) - 1) / 2)
            shown = f"{values[i]:,.{decimals}f}"
            parts.append(_bar(axis, values[i], ends[name][i] if name in ends else None, center, thick, k, shown))
    described = "; ".join(
        f"{name} {t}: {_number(v)}".strip() for name, vs in series.items() for t, v in zip(labels, vs, strict=True)
    )
    return svg_picture(parts, bottom + (40 if unit else 24), title or "Bar chart", f"{described} {unit}".strip())


def _decimals(values: Sequence[float]) -> int:
    """Decimals that all figures of a chart share, so that they can be compared: three digits of the largest."""
    finite = [v for v in values if math.isfinite(v)]
    largest = max(map(abs, finite), default=0.0)
    if largest == 0 or all(v == round(v) for v in finite):
        return 0
    return min(max(2 - math.floor(math.log10(largest)), 0), 6)


def _bar(
    axis: _Axis, value: float, interval: tuple[float, float] | None, y: float, thick: int, k: int, shown: str
) -> str:
    """One bar with its whisker and its figure; nothing for NaN."""
    if not math.isfinite(value):
        return ""
    x0, x1 = sorted((axis(0.0), axis(value)))
    box = f'x="{x0:.1f}" y="{y - thick / 2:.1f}" width="{x1 - x0:.1f}" height="{thick - 1}" rx="2"'
    drawn, tip = f'<rect {box} fill="var(--series-{k % _SERIES + 1})"/>', x1
    if interval is not None and all(map(math.isfinite, interval)):
        low, high = (axis(e) for e in interval)
        drawn, tip = drawn + _whisker(low, high, y - 0.5, thick / 4 + 0.5), max(tip, high)
    return drawn + f'<text x="{tip + 6:.1f}" y="{y + 3.5:.1f}">{shown}</text>'


def line_chart(
    series: Mapping[str, Sequence[tuple[float, float]]], *, x_unit: str = "", y_unit: str = "", title: str = ""
) -> Markup:
    """Lines through (x, y) points, one a name, with a legend; points that are not finite interrupt their line."""
    points = [(x, y) for line in series.values() for x, y in line if math.isfinite(x) and math.isfinite(y)]
    legend = 22 * len(series)
    top, height, left = 14 + legend, 260, 62.0
    across = _Axis.over([x for x, _ in points], left, _WIDTH - 24)
    upward = _Axis.over([y for _, y in points], top + height, top)
    parts = [_vertical_grid(across, top, top + height, x_unit), _horizontal_grid(upward, left, _WIDTH - 24, y_unit)]
    parts += _legend(list(series), left)
    for i, line in enumerate(series.values()):
        colour = f"var(--series-{i % _SERIES + 1})"
        parts.append(f'<path class="series" stroke="{colour}" d="{_path(line, across, upward)}"/>')
    described = "; ".join(f"{n}: {len(p)} points" for n, p in series.items())
    return svg_picture(parts, top + height + (40 if x_unit else 24), title or "Line chart", described)


def histogram(
    values: Sequence[float],
    *,
    bins: int = 30,
    limits: tuple[float, float] | None = None,
    unit: str = "",
    title: str = "",
) -> Markup:
    """Counts of the finite values in equal bins; those beyond `limits` fall into the outermost bin.

    Raises:
        ValueError: `bins` is not positive.
    """
    if bins < 1:
        raise ValueError(f"bins: expected at least 1, got {bins}")
    finite = np.asarray([v for v in values if math.isfinite(v)], dtype=np.float64)
    low, high = limits or ((float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0))
    high = high if high > low else low + 1.0
    counts, edges = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    top, height, left = 10, 220, 62.0
    across = _Axis(low, high, left, _WIDTH - 24)
    upward = _Axis.over([0.0, float(counts.max())], top + height, top)
    parts = [_vertical_grid(across, top, top + height, unit), _horizontal_grid(upward, left, _WIDTH - 24, "count")]
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        x, y = across(float(start)) + 0.5, upward(float(count))
        width, tall = max(across(float(end)) - 0.5 - x, 0.5), top + height - y
        box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect {box} fill="var(--series-1)"/>')
    described = f"{len(finite)} values" + (
        f", median {_number(float(np.median(finite)))} {unit}" if len(finite) else ""
    )
    return svg_picture(parts, top + height + (40 if unit else 24), title or "Histogram", described.strip())


class _Axis:
    """A linear map from values to px, and round values to mark on it."""

    def __init__(self, low: float, high: float, start_px: float, end_px: float) -> None:
        self.low, self.high, self.start_px, self.end_px = low, high, start_px, end_px

    @classmethod
    def over(cls, values: Sequence[float], start_px: float, end_px: float) -> _Axis:
        """An axis that holds all finite `values`, its ends on round numbers."""
        finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if high == low:
            high = low + (abs(low) or 1.0)
        step = _step(high - low)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start_px, end_px)

    def __call__(self, value: float) -> float:
        return self.start_px + (value - self.low) / (self.high - self.low) * (self.end_px - self.start_px)

    def ticks(self) -> list[float]:
        """Round values within the ends."""
        step = _step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def _step(span: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) that divides `span` into about five."""
    power = 10.0 ** math.floor(math.log10(span / _TICKS))
    return next((m * power for m in (1, 2, 5) if span / (m * power) <= _TICKS + 0.5), 10 * power)


def _vertical_grid(axis: _Axis, top: float, bottom: float, unit: str) -> str:
    parts = []
    for tick in axis.ticks():
        x = axis(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_number(tick)}</text>')
    if unit:
        x = (axis.start_px + axis.end_px) / 2
        parts.append(f'<text x="{x:.1f}" y="{bottom + 34}" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def _horizontal_grid(axis: _Axis, left: float, right: float, unit: str) -> str:
    parts = []
    for tick in axis.ticks():
        y = axis(tick)
        parts.append(f'<line class="axis" x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    if unit:
        y = (axis.start_px + axis.end_px) / 2
        parts.append(f'<text transform="translate(14 {y:.1f}) rotate(-90)" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def _path(line: Sequence[tuple[float, float]], across: _Axis, upward: _Axis) -> str:
    pieces, pen_down = [], False
    for x, y in line:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{across(x):.1f} {upward(y):.1f}")
        pen_down = True
    return "".join(pieces)


def _legend(names: Sequence[str], left: float) -> list[str]:
    return [
        f'<rect x="{left:.1f}" y="{6 + 22 * i}" width="14" height="6" rx="2" fill="var(--series-{i % _SERIES + 1})"/>'
        f'<text class="strong" x="{left + 22:.1f}" y="{13 + 22 * i}">{escape(name)}</text>'
        for i, name in enumerate(names)
    ]


def _whisker(low: float, high: float, y: float, cap: float) -> str:
    ends = "".join(f"M{x:.1f} {y - cap:.1f}v{2 * cap:.1f}" for x in (low, high))
    return f'<path class="whisker" d="M{low:.1f} {y:.1f}H{high:.1f}{ends}"/>'


def _number(value: float) -> str:
    return (
        f"{value:.3g}"
        if math.isfinite(value) and abs(value) < 1000
        else f"{value:,.0f}"
        if math.isfinite(value)
        else "–"
    )


def svg_picture(parts: Sequence[str], height: float, title: str, description: str) -> Markup:
    """Drawn parts as one picture that tells screen readers what it shows.

    Args:
        parts: SVG elements, every text in them escaped.
        height: px, of a width of 760.
        title: what it shows.
        description: the figures in words.
    """
    body = "".join(parts)
    name = hashlib.sha256((title + description + body).encode()).hexdigest()[:10]
    # every part is a literal of this file with numbers and escaped text filled in
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-labelledby="t{name} d{name}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="t{name}">{escape(title)}</title>'
        f'<desc id="d{name}">{escape(description)}</desc>{body}</svg>'
    )
