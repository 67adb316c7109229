"""A hand whose joints have the colour of their scores: which fingers a model gets wrong, at a glance."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup, escape

from hint_tools.core.skeleton import BONES, FINGERS, JOINT_NAMES, N_JOINTS

_WIDTH: Final = 760
_HEIGHT: Final = 400
_RADIUS: Final = 15
_SPREAD_DEG: Final = (-52.0, -17.0, -1.0, 14.0, 30.0)
"""Directions of the fingers from the wrist, thumb first; 0 is up."""
_REACH: Final = (
    (62.0, 118.0, 166.0, 208.0),
    (168.0, 230.0, 272.0, 312.0),
    (168.0, 240.0, 288.0, 330.0),
    (160.0, 226.0, 270.0, 310.0),
    (152.0, 200.0, 234.0, 268.0),
)
"""Distances of each finger's joints from the wrist, base to tip."""


def skeleton_map(
    values: Sequence[float], *, title: str, unit: str = "%", errors: bool = False, digits: int = 0
) -> Markup:
    """A drawn hand (SVG) with each joint's value in its place, blue the more the nearer to the best.

    Args:
        values: 21, in our order; NaN is drawn empty.
        title: what the values are.
        unit: of them.
        errors: the smaller the better; else the larger.
        digits: decimals to write.

    Raises:
        ValueError: there are not 21 values.
    """
    if len(values) != N_JOINTS:
        raise ValueError(f"expected {N_JOINTS} values, got {len(values)}")
    places = _places()
    known = [v for v in values if math.isfinite(v)]
    best = min(known, default=0.0) if errors else max(known, default=0.0)
    lines = "".join(
        f'<line x1="{places[a][0]:.1f}" y1="{places[a][1]:.1f}" x2="{places[b][0]:.1f}" y2="{places[b][1]:.1f}" '
        'stroke="var(--line)" stroke-width="6" stroke-linecap="round"/>'
        for a, b in BONES
    )
    joints = "".join(
        _joint(*place, f"{value:.{digits}f}" if math.isfinite(value) else "", _nearness(value, best, errors))
        for place, value in zip(places, values, strict=True)
    )
    described = "; ".join(
        f"{name}: {value:.1f}" for name, value in zip(JOINT_NAMES, values, strict=True) if math.isfinite(value)
    )
    body = lines + joints + _labels(places)
    name = hashlib.sha256((title + body).encode()).hexdigest()[:10]
    # literals of this file with numbers and escaped text filled in
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="t{name} d{name}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="t{name}">{escape(title)}</title>'
        f'<desc id="d{name}">{escape(described)} {escape(unit)}</desc>{body}</svg>'
    )


def _places() -> list[tuple[float, float]]:
    wrist = (_WIDTH / 2, _HEIGHT - 28.0)
    places = [wrist]
    for angle, reaches in zip(_SPREAD_DEG, _REACH, strict=True):
        sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
        # fingers start apart and run more upright than the rays from the wrist
        base = (wrist[0] + 1.5 * reaches[0] * sine, wrist[1] - reaches[0] * cosine)
        for reach in reaches:
            along = reach - reaches[0]
            places.append((base[0] + 1.1 * along * sine, base[1] - along * cosine))
    return [(float(x), float(y)) for x, y in places]


def _nearness(value: float, best: float, errors: bool) -> int:
    """Per cent of the way to the best value."""
    part, whole = (best, value) if errors else (value, best)
    return round(100 * part / whole) if math.isfinite(value) and whole > 0 else 0


def _joint(x: float, y: float, words: str, nearness: int) -> str:
    if not words:
        ring = 'fill="var(--ground)" stroke="var(--line)" stroke-width="2"'
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" {ring}/>'
    colour = f"color-mix(in srgb, var(--series-1) {nearness}%, var(--series-2))"
    text = f'<text class="strong" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-weight="600">{words}</text>'
    circle = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="var(--ground)" stroke="{colour}" stroke-width="5"/>'
    )
    return circle + text


def _labels(places: Sequence[tuple[float, float]]) -> str:
    parts = []
    for k, finger in enumerate(FINGERS):
        x, y = places[4 * (k + 1)]
        parts.append(f'<text x="{x:.1f}" y="{y - _RADIUS - 8:.1f}" text-anchor="middle">{finger}</text>')
    return "".join(parts)
