"""What is drawn beside a skeleton over a photograph: where joints belong, how sure that is, which ones are meant.

Coordinates as in `skeleton_svg`; widths and colours are in the style sheet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.report.skeleton_svg import FARTHEST_PX, at, near

Floats = npt.NDArray[np.float64]

_CHI2_95 = 5.991
"""Of χ² with two degrees of freedom."""


def connectors(starts: Floats, ends: Floats) -> Markup:
    """Thin lines with a white edge from (N, 2) to (N, 2) px, each with a dot where it ends."""
    seen = np.isfinite(starts).all(axis=-1) & near(ends)
    if not seen.any():
        return Markup()
    # from the end of the world, the last stretch tells the direction
    starts = np.clip(starts[seen], -FARTHEST_PX, FARTHEST_PX)
    lines = "".join(f"M{at(a)}L{at(b)}" for a, b in zip(starts, ends[seen], strict=True))
    dots = "".join(f"M{at(b)}h0" for b in ends[seen])
    return _edged("off", "line", lines, "dot", dots)


def areas_95(points: Floats, covariance: Floats) -> Markup:
    """See-through ellipses that hold (N, 2) points with 95 %, from their (N, 2, 2) covariances in px²."""
    parts = []
    for point, spread in zip(points, covariance, strict=True):
        if not (near(point) and np.isfinite(spread).all()):
            continue
        values, vectors = np.linalg.eigh(spread)
        across, along = np.minimum(np.sqrt(np.maximum(values, 0) * _CHI2_95), FARTHEST_PX)
        turned = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        place = f"translate({at(point)}) rotate({turned:.0f})"
        parts.append(f'<ellipse rx="{along:.1f}" ry="{across:.1f}" transform="{place}"/>')
    return Markup(f'<g class="spread">{"".join(parts)}</g>' if parts else "")  # noqa: S704  (numbers only)


def pointed_out(points: Floats, half_px: float = 9.0) -> Markup:
    """Squares around (N, 2) points: rings already mean something else."""
    squares = "".join(
        f"M{at(p - half_px)}h{2 * half_px:g}v{2 * half_px:g}h{-2 * half_px:g}z" for p in points[near(points)]
    )
    return _edged("meant", "line", squares) if squares else Markup()


def outline(box: Floats) -> Markup:
    """The frame of a box (x0, y0, x1, y1 px)."""
    (x0, y0), (x1, y1) = box[:2] + 0.5, box[2:] + 0.5
    return _edged("asked", "line", f"M{x0:.1f} {y0:.1f}H{x1:.1f}V{y1:.1f}H{x0:.1f}z")


def _edged(group: str, *kinds_and_paths: str) -> Markup:
    """Paths, each over its own edge, as one group."""
    pairs = zip(kinds_and_paths[::2], kinds_and_paths[1::2], strict=True)
    paths = "".join(f'<path class="{kind} edge" d="{d}"/><path class="{kind}" d="{d}"/>' for kind, d in pairs)
    return Markup(f'<g class="{group}">{paths}</g>')  # noqa: S704  (numbers only)
