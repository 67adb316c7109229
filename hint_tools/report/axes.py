"""What charts share: axes with round marks, a legend, figures as words, and the picture they are put into."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH = 760
"""Of every drawing, px."""
SERIES = 6
"""Colours of the style sheet; further series begin again."""
_TICKS = 5


class Axis:
    """A linear map from values to px, and round values to mark on it."""

    def __init__(self, low: float, high: float, start_px: float, end_px: float) -> None:
        self.low, self.high, self.start_px, self.end_px = low, high, start_px, end_px

    @classmethod
    def over(cls, values: Sequence[float], start_px: float, end_px: float) -> Axis:
        """An axis that holds all finite `values`, its ends on round numbers."""
        finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if high == low:
            high = low + (abs(low) or 1.0)
        step = _step(high - low)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start_px, end_px)

    def __call__(self, value: float) -> float:
        """Where a value lies, px."""
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


def vertical_grid(axis: Axis, top: float, bottom: float, unit: str) -> str:
    """Lines at the round values of an axis across the page, each with its figure, and the unit under them."""
    parts = []
    for tick in axis.ticks():
        x = axis(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{number(tick)}</text>')
    if unit:
        x = (axis.start_px + axis.end_px) / 2
        parts.append(f'<text x="{x:.1f}" y="{bottom + 34}" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def horizontal_grid(axis: Axis, left: float, right: float, unit: str) -> str:
    """The same for an axis up the page."""
    parts = []
    for tick in axis.ticks():
        y = axis(tick)
        parts.append(f'<line class="axis" x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    if unit:
        y = (axis.start_px + axis.end_px) / 2
        parts.append(f'<text transform="translate(14 {y:.1f}) rotate(-90)" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def legend(names: Sequence[str], left: float) -> list[str]:
    """The name of each series beside its colour, one under the other."""
    return [
        f'<rect x="{left:.1f}" y="{6 + 22 * i}" width="14" height="6" rx="2" fill="var(--series-{i % SERIES + 1})"/>'
        f'<text class="strong" x="{left + 22:.1f}" y="{13 + 22 * i}">{escape(name)}</text>'
        for i, name in enumerate(names)
    ]


def number(value: float) -> str:
    """Three digits of a figure; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


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
    # every part is a literal of this room with numbers and escaped text filled in
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="t{name} d{name}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="t{name}">{escape(title)}</title>'
        f'<desc id="d{name}">{escape(description)}</desc>{body}</svg>'
    )
