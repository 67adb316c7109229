"""A figure of every two people as a square: who is near to whom, at a glance."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from hint_tools.report.axes import svg_picture

Floats = npt.NDArray[np.float64]

MOST_PEOPLE: Final = 16
"""More would have cells too narrow for a figure of three digits."""
_WIDTH: Final = 760.0
_ROW_PX: Final = 30.0
_HEAD_PX: Final = 28.0
_WIDEST_CELL_PX: Final = 76.0
_NAME_PX: Final = 280.0
_LETTER_PX: Final = 7.8
"""Width of a figure, of which some names are made; letters are narrower on average, wide ones count twice."""
_PALEST, _STRONGEST = 0.06, 0.5
"""Opacity of the least and the largest figure's cell; words stay readable on either, in light and dark."""


def matrix_chart(names: Sequence[str], values: Floats, *, decimals: int = 3, title: str = "") -> Markup:
    """Rows and columns are people, a cell the figure of two of them, the stronger its colour the larger.

    Args:
        names: of the people; columns are named by their numbers.
        values: (n, n); NaN where two have nothing in common.
        decimals: of the figures.
        title: what it shows, for screen readers.

    Raises:
        ValueError: not square, or more than `MOST_PEOPLE`.
    """
    n = len(names)
    if values.shape != (n, n) or not 0 < n <= MOST_PEOPLE:
        raise ValueError(f"expected a square of 1 to {MOST_PEOPLE} people, got {values.shape} for {n} names")
    shown = [_short(f"{k}  {name}") for k, name in enumerate(names, start=1)]
    left = 12 + min(_NAME_PX, _LETTER_PX * max(map(_letters, shown)))
    cell = min(_WIDEST_CELL_PX, (_WIDTH - left - 12) / n)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    parts, told = [], []
    for k, name in enumerate(shown):
        y = _HEAD_PX + _ROW_PX * k
        parts.append(f'<text class="strong" x="8" y="{y + 18:.1f}">{escape(name)}</text>')
        parts.append(f'<text x="{left + cell * (k + 0.5):.1f}" y="18" text-anchor="middle">{k + 1}</text>')
        for m in range(n):
            value = float(values[k, m])
            place = f'x="{left + cell * m:.1f}" y="{y:.1f}" width="{cell - 2:.1f}" height="{_ROW_PX - 2:.1f}"'
            if math.isfinite(value):
                part = (value - low) / (high - low) if high > low else 0.0
                opacity = _PALEST + (_STRONGEST - _PALEST) * part
                parts.append(f'<rect class="cell" {place} rx="3" fill-opacity="{opacity:.2f}"/>')
                told += [f"{names[k]} and {names[m]}: {value:.{decimals}f}"] if k < m else []
            words = f"{value:.{decimals}f}" if math.isfinite(value) else "" if k == m else "–"
            parts.append(
                f'<text class="strong" x="{left + cell * (m + 0.5) - 1:.1f}" y="{y + 18:.1f}" '
                f'text-anchor="middle">{words}</text>'
            )
    return svg_picture(parts, _HEAD_PX + _ROW_PX * n + 6, title or "Every two people", "; ".join(told))


def _short(name: str) -> str:
    """As much of a name as there is room for."""
    most = int(_NAME_PX / _LETTER_PX)
    if _letters(name) <= most:
        return name
    while _letters(name) > most - 1:
        name = name[:-1]
    return f"{name}…"


def _letters(name: str) -> int:
    """How many letters' room a name takes: Chinese signs and the like take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)
