"""A drawn hand with an arrow at every joint: where somebody puts it beside where others do."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from hint_tools.core.skeleton import BONES, JOINT_NAMES, N_JOINTS
from hint_tools.report.axes import svg_picture

Floats = npt.NDArray[np.float64]

MAGNIFIED: Final = 5
"""Arrows are so many times as long as the offsets: habits are a hundredth of a hand."""
_UNIT_PX: Final = 400.0
_WRIST_AT: Final = (300.0, 420.0)
_HEIGHT: Final = 450.0
JOINT_PLACES: Final[Floats] = np.array(
    [
        (0.00, 0.00),
        (0.10, 0.17), (0.24, 0.31), (0.36, 0.41), (0.47, 0.48),
        (0.46, 0.17), (0.64, 0.21), (0.75, 0.23), (0.85, 0.24),
        (0.48, 0.04), (0.69, 0.05), (0.81, 0.05), (0.92, 0.05),
        (0.45, -0.08), (0.64, -0.11), (0.75, -0.13), (0.85, -0.14),
        (0.39, -0.20), (0.53, -0.26), (0.61, -0.29), (0.69, -0.32),
    ]
)  # fmt: skip
"""Along and across (towards the thumb) of each joint of a flat open hand, drawn to be read and not to be measured."""


def hand_chart(
    offsets: Floats, low: Floats, high: Floats, certain: npt.NDArray[np.bool_], *, title: str = ""
) -> Markup:
    """The hand, seen with its thumb at the left, as SVG.

    Args:
        offsets: (21, 2) along the hand and across it towards the thumb, in hand sizes; NaN where nothing is known.
        low: (21, 2) lower end of each offset's 95 % interval, which need not lie about the offset.
        high: (21, 2) upper end.
        certain: (21,) whether the offset is more than noise; its arrow is drawn strong.
        title: what it shows, for screen readers.

    Raises:
        ValueError: a shape is wrong.
    """
    if any(a.shape != (N_JOINTS, 2) for a in (offsets, low, high)) or certain.shape != (N_JOINTS,):
        raise ValueError(f"expected 21 joints, got {offsets.shape}, {low.shape}, {high.shape}, {certain.shape}")
    at = _on_page(JOINT_PLACES)
    parts = [_bone(at[a], at[b]) for a, b in BONES]
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var(--quiet)"/>' for x, y in at]
    known = np.isfinite(offsets).all(axis=1)
    for joint in sorted(np.flatnonzero(known).tolist(), key=lambda j: (bool(certain[j]), j)):
        ends = np.stack([low[joint], high[joint]])
        parts.append(_arrow(at[joint], offsets[joint], ends, strong=bool(certain[joint])))
    parts += _legend()
    told = [
        f"{JOINT_NAMES[j].replace('_', ' ')} {offsets[j, 0]:+.3f} along, {offsets[j, 1]:+.3f} across".replace("-", "−")
        for j in np.flatnonzero(certain & known)
    ]
    description = "; ".join(told) or "no joint is placed beside the others' beyond doubt"
    return svg_picture(parts, _HEIGHT, title or "Habits", description)


def _on_page(places: Floats) -> Floats:
    """(N, 2) px of the drawing: along is up, the thumb's side is left."""
    return np.stack([_WRIST_AT[0] - _UNIT_PX * places[:, 1], _WRIST_AT[1] - _UNIT_PX * places[:, 0]], axis=1)


def _bone(start: Floats, end: Floats) -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line class="bone" {ends}/>'


def _arrow(start: Floats, offset: Floats, ends: Floats, *, strong: bool) -> str:
    """An arrow along an offset; a strong one with the ellipse its interval (2, 2) spans."""
    way = MAGNIFIED * _UNIT_PX * np.array([-offset[1], -offset[0]])
    end = start + way
    colour, width = ("var(--series-2)", 2.5) if strong else ("var(--quiet)", 1.0)
    drawn = ""
    if strong and np.isfinite(ends).all():
        along, across = MAGNIFIED * _UNIT_PX * ends.mean(axis=0)
        ry, rx = MAGNIFIED * _UNIT_PX * np.abs(ends[1] - ends[0]) / 2
        drawn += (
            f'<ellipse cx="{start[0] - across:.1f}" cy="{start[1] - along:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" '
            f'fill="{colour}" fill-opacity="0.14" stroke="{colour}" stroke-opacity="0.5"/>'
        )
    drawn += (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )
    length = float(np.linalg.norm(way))
    if length > 6:
        ahead = way / length
        aside = np.array([-ahead[1], ahead[0]])
        corners = (end, end - 7 * ahead + 3.5 * aside, end - 7 * ahead - 3.5 * aside)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        drawn += f'<polygon points="{points}" fill="{colour}"/>'
    return drawn


def _legend() -> list[str]:
    lines = (
        ("strong", f"arrows: {MAGNIFIED} × the offset from the others"),
        ("strong", "coloured: beyond doubt, with its 95 % interval"),
        ("weak", "thin: nothing that noise could not do"),
        ("weak", "thumb at the left, whichever hand it is"),
    )
    return [
        f'<text class="{kind}" x="460" y="{330 + 22 * k}">{escape(text)}</text>' for k, (kind, text) in enumerate(lines)
    ]
