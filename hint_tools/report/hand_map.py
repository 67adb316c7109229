"""Drawn hands with a disc at every joint: how large a figure is, and where on the hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from hint_tools.core.skeleton import BONES, JOINT_NAMES, N_JOINTS
from hint_tools.report.axes import svg_picture
from hint_tools.report.hand_chart import JOINT_PLACES

Floats = npt.NDArray[np.float64]

MOST_HANDS: Final = 2
"""Side by side; more would be too small to read."""
_UNIT_PX: Final = 380.0
_HAND_SIZE: Final = float(np.sqrt(np.ptp(JOINT_PLACES, axis=0).prod()))
"""Of the drawn hand, in its own units: what radii are parts of."""
_WRIST_AT: Final = ((208.0, 418.0), (588.0, 418.0))
_ROOM_PX: Final = 16.0
"""Up to this radius figures stand beside a disc, else on it."""
_HEIGHT: Final = 466.0


def hand_map(series: Mapping[str, Floats], *, unit: str, radius: float = 1.0, title: str = "") -> Markup:
    """One hand a series, its thumb at the left, each joint a disc.

    Args:
        series: name, empty for one alone -> (21,) figures; NaN where nothing is known. At most `MOST_HANDS`.
        unit: what the figures are.
        radius: of the disc of a figure of 1, in sizes of the drawn hand.
        title: what it shows, for screen readers.

    Raises:
        ValueError: too many series, or not 21 joints.
    """
    if not 0 < len(series) <= MOST_HANDS or any(v.shape != (N_JOINTS,) for v in series.values()):
        raise ValueError(f"expected 1 or 2 series of 21 radii, got {[v.shape for v in series.values()]}")
    parts: list[str] = []
    told: list[str] = []
    for number, (name, figures) in enumerate(series.items()):
        x, y = _WRIST_AT[number] if len(series) > 1 else (398.0, 418.0)
        at = np.stack([x - _UNIT_PX * JOINT_PLACES[:, 1], y - _UNIT_PX * JOINT_PLACES[:, 0]], axis=1)
        parts += _hand(at, figures, radius * _UNIT_PX * _HAND_SIZE, second=number > 0)
        parts.append(f'<text class="strong" x="{x - 24:.1f}" y="18" text-anchor="middle">{escape(name)}</text>')
        told += [
            f"{name}{', ' * bool(name)}{JOINT_NAMES[j].replace('_', ' ')}: {figures[j]:.3f}"
            for j in np.flatnonzero(np.isfinite(figures))
        ]
    return svg_picture(parts, _HEIGHT, title or "Figures of each joint", f"{unit}. {'; '.join(told)}")


def _hand(at: Floats, figures: Floats, px: float, *, second: bool) -> list[str]:
    """A hand whose discs have a radius of `px` times their figure."""
    radii = px * figures
    parts = [
        f'<line class="bone" x1="{at[a, 0]:.1f}" y1="{at[a, 1]:.1f}" x2="{at[b, 0]:.1f}" y2="{at[b, 1]:.1f}"/>'
        for a, b in BONES
    ]
    kind = "area second" if second else "area"
    for joint in range(N_JOINTS):
        x, y = at[joint]
        if math.isfinite(radii[joint]):
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radii[joint]:.1f}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="var(--text)"/>')
    for joint in np.flatnonzero(np.isfinite(radii)).tolist():
        radius = float(radii[joint])
        x, y = at[joint][0] + (radius if radius < _ROOM_PX else 3.0) + 3, at[joint][1]
        shown = f"{figures[joint]:.3f}".removeprefix("0")
        parts.append(f'<text class="strong" x="{x:.1f}" y="{y + 4:.1f}">{shown}</text>')
    return parts
