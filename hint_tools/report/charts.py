"""Charts as inline SVG: no library, no script, colours from the page's own variables (so dark mode works)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from hint_tools.report.axes import SERIES, WIDTH, Axis, horizontal_grid, legend, number, svg_picture, vertical_grid

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
    axis = Axis.over([0.0, *(v for values in series.values() for v in values), *limits], left, WIDTH - 60)
    bottom = top + row * len(labels)
    decimals = _decimals([v for values in series.values() for v in values])
    parts = [vertical_grid(axis, top, bottom, unit), *legend([n for n in series if len(series) > 1], left)]
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
        f"{name} {t}: {number(v)}".strip() for name, vs in series.items() for t, v in zip(labels, vs, strict=True)
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
    axis: Axis, value: float, interval: tuple[float, float] | None, y: float, thick: int, k: int, shown: str
) -> str:
    """One bar with its whisker and its figure; nothing for NaN."""
    if not math.isfinite(value):
        return ""
    x0, x1 = sorted((axis(0.0), axis(value)))
    box = f'x="{x0:.1f}" y="{y - thick / 2:.1f}" width="{x1 - x0:.1f}" height="{thick - 1}" rx="2"'
    drawn, tip = f'<rect {box} fill="var(--series-{k % SERIES + 1})"/>', x1
    if interval is not None and all(map(math.isfinite, interval)):
        low, high = (axis(e) for e in interval)
        drawn, tip = drawn + _whisker(low, high, y - 0.5, thick / 4 + 0.5), max(tip, high)
    return drawn + f'<text x="{tip + 6:.1f}" y="{y + 3.5:.1f}">{shown}</text>'


def line_chart(
    series: Mapping[str, Sequence[tuple[float, float]]], *, x_unit: str = "", y_unit: str = "", title: str = ""
) -> Markup:
    """Lines through (x, y) points, one a name, with a legend; points that are not finite interrupt their line."""
    points = [(x, y) for line in series.values() for x, y in line if math.isfinite(x) and math.isfinite(y)]
    top, height, left = 14 + 22 * len(series), 260, 62.0
    across = Axis.over([x for x, _ in points], left, WIDTH - 24)
    upward = Axis.over([y for _, y in points], top + height, top)
    parts = [vertical_grid(across, top, top + height, x_unit), horizontal_grid(upward, left, WIDTH - 24, y_unit)]
    parts += legend(list(series), left)
    for i, line in enumerate(series.values()):
        colour = f"var(--series-{i % SERIES + 1})"
        parts.append(f'<path class="series" stroke="{colour}" d="{_path(line, across, upward)}"/>')
    described = "; ".join(f"{name}: {_course(line)}" for name, line in series.items())
    return svg_picture(parts, top + height + (40 if x_unit else 24), title or "Line chart", described)


def _course(line: Sequence[tuple[float, float]]) -> str:
    """Where a line begins and ends, and how low and high it gets, in words."""
    known = [(x, y) for x, y in line if math.isfinite(x) and math.isfinite(y)]
    if not known:
        return "no points"
    (x0, y0), (x1, y1), ys = known[0], known[-1], [y for _, y in known]
    ends = f"{number(y0)} at {number(x0)}, {number(y1)} at {number(x1)}"
    return f"{ends}; lowest {number(min(ys))}, highest {number(max(ys))}; {len(known)} points"


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
    across = Axis(low, high, left, WIDTH - 24)
    upward = Axis.over([0.0, float(counts.max())], top + height, top)
    parts = [vertical_grid(across, top, top + height, unit), horizontal_grid(upward, left, WIDTH - 24, "count")]
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        x, y = across(float(start)) + 0.5, upward(float(count))
        width, tall = max(across(float(end)) - 0.5 - x, 0.5), top + height - y
        box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect {box} fill="var(--series-1)"/>')
    described = f"{len(finite)} values" + (f", median {number(float(np.median(finite)))} {unit}" if len(finite) else "")
    return svg_picture(parts, top + height + (40 if unit else 24), title or "Histogram", described.strip())


def _path(line: Sequence[tuple[float, float]], across: Axis, upward: Axis) -> str:
    pieces, pen_down = [], False
    for x, y in line:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{across(x):.1f} {upward(y):.1f}")
        pen_down = True
    return "".join(pieces)


def _whisker(low: float, high: float, y: float, cap: float) -> str:
    ends = "".join(f"M{x:.1f} {y - cap:.1f}v{2 * cap:.1f}" for x in (low, high))
    return f'<path class="whisker" d="M{low:.1f} {y:.1f}H{high:.1f}{ends}"/>'
