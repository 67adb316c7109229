"""A hand's skeleton as SVG elements, to lie over a photograph: sharp at any size, and light.

Coordinates are px of the photograph whose top-left pixel has its centre at (0, 0); SVG has it at (0.5, 0.5).
Edges and dashes are in the style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.media.draw import FINGER_COLOURS, WRIST_COLOUR

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FARTHEST_PX = 5_000.0
"""Joints farther out are left out: nobody sees them, and browsers lose precision."""
_WRIST = 0


def skeleton(points: Floats, visibility: npt.NDArray[np.integer]) -> Markup:
    """A hand: bones and joints in the colour of their finger.

    Occluded joints are hollow and the bones that touch them thin and dashed; joints that are not annotatable, or not
    finite, are left out with their bones.

    Args:
        points: (21, 2) px.
        visibility: (21,) `Visibility`.

    Raises:
        ValueError: a shape is wrong.
    """
    if points.shape != (N_JOINTS, 2) or np.shape(visibility) != (N_JOINTS,):
        raise ValueError(f"expected {N_JOINTS} joints, got {points.shape} and {np.shape(visibility)}")
    drawn = near(points) & (visibility != Visibility.NOT_ANNOTATABLE)
    if not drawn.any():
        return Markup()
    hidden = visibility == Visibility.OCCLUDED
    width = float(np.clip(np.ptp(points[drawn], axis=0).max() * 0.011, 1.8, 3.0))
    parts = [_finger(name, points, drawn, hidden, width) for name in FINGERS]
    if drawn[_WRIST]:
        parts.append(_joints([_WRIST], points, hidden, _hex(WRIST_COLOUR), width))
    return Markup(f'<g class="hand" style="--w:{width:.1f}px">{"".join(parts)}</g>')  # noqa: S704  (numbers only)


def near(points: Floats) -> Bools:
    """(N) whether a point (N, 2) is finite and near enough to be drawn."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(points) < FARTHEST_PX).all(axis=-1))


def at(point: Floats) -> str:
    """A point as SVG has it."""
    return f"{point[0] + 0.5:.1f} {point[1] + 0.5:.1f}"


def _finger(name: str, points: Floats, drawn: Bools, hidden: Bools, width: float) -> str:
    """Bones under joints; what has a dark edge has it under all of the finger's colour."""
    chain = [_WRIST, *FINGER_JOINTS[name]]
    solid, dashed = "", ""
    for a, b in pairwise(chain):
        if not (drawn[a] and drawn[b]):
            continue
        if hidden[a] or hidden[b]:
            start, end = _outside_rings(points[a], points[b], bool(hidden[a]), bool(hidden[b]), width)
            dashed += f"M{at(start)}L{at(end)}"
        else:
            solid += f"M{at(points[a])}L{at(points[b])}"
    colour = _hex(FINGER_COLOURS[name])
    parts = [_stroked("solid", solid, colour), _stroked("dash", dashed, colour)]
    return "".join(parts) + _joints([j for j in chain[1:] if drawn[j]], points, hidden, colour, width)


def _outside_rings(a: Floats, b: Floats, a_hollow: bool, b_hollow: bool, width: float) -> tuple[Floats, Floats]:
    """A bone's ends, moved out of the rings of hollow joints."""
    along = b - a
    length = float(np.linalg.norm(along))
    cut = along * min(1.3 * width / length, 0.5) if length > 0 else along
    return a + cut * a_hollow, b - cut * b_hollow


def _joints(joints: Iterable[int], points: Floats, hidden: Bools, colour: str, width: float) -> str:
    chosen = list(joints)
    dots = "".join(f"M{at(points[j])}h0" for j in chosen if not hidden[j])
    radius = 1.3 * width
    rings = "".join(
        f"M{at(points[j] - (radius, 0))}a{radius:.1f} {radius:.1f} 0 1 0 {2 * radius:.1f} 0"
        f"a{radius:.1f} {radius:.1f} 0 1 0 {-2 * radius:.1f} 0"
        for j in chosen
        if hidden[j]
    )
    return _stroked("dot", dots, colour) + _stroked("ring", rings, colour)


def _stroked(kind: str, path: str, colour: str) -> str:
    """The path over its own dark edge, or nothing."""
    return f'<path class="{kind} edge" d="{path}"/><path class="{kind}" stroke="{colour}" d="{path}"/>' if path else ""


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{c:02x}" for c in rgb)
