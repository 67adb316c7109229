"""Where a hand ends and its forearm begins, by the outline alone.

VISOR's masks reach up the sleeve to the picture's border; a hand crop needs the hand. The widest circle that fits into
the palm is found from the finger end (the end away from the border), and the mask is cut across the arm where it is
narrowest a little behind that circle. The idea of a wrist line behind the palm's inner circle is that of Chen, Kim,
Liang, Zhang and Yuan (2014); the numbers were set on rendered hands with sleeves (`tests/sources/test_wrist.py`
measures what the cut is worth).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

_WORK_PX = 192
"""Longer side of the picture of a mask that is worked on."""
_BORDER_PX = 2.0
"""An arm leaves the picture where its mask comes this close to the border, px of the frame."""
_PALM_SHARE = 0.6
"""Least radius of a palm, as a share of the widest circle anywhere: a sleeve may be wider than the hand."""
_BEHIND = (0.9, 1.8)
"""Where behind the palm's middle a wrist is looked for, in radii of its circle."""
_TYPICAL = 1.25
"""Where it is taken to be when no place there is narrower than its neighbours."""
_LEAST_ARM = 0.35
"""An arm that reaches less far than this behind the wrist, in radii, is left alone: it may be the heel of the hand."""


def mask_box(polygons: Sequence[Floats]) -> Box:
    """x0, y0, x1, y1 around all corners of `polygons`, each (k, 2)."""
    corners = np.concatenate(list(polygons))
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return (x0, y0, x1, y1)


def hand_box(polygons: Sequence[Floats], width_px: int, height_px: int) -> tuple[Box, bool]:
    """The box of the hand without its forearm, and whether anything was cut off.

    A mask that does not reach the picture's border keeps its whole box: nothing says which end is the arm.

    Args:
        polygons: of the mask, each (k, 2) px of the frame; holes are not told from parts.
        width_px: of the frame.
        height_px: of the frame.
    """
    whole = mask_box(polygons)
    scale = _WORK_PX / max(whole[2] - whole[0], whole[3] - whole[1], 1.0)
    corner = np.array(whole[:2]) - 2 / scale
    mask = _drawn([(p - corner) * scale for p in polygons], np.array(whole[2:]) - corner, scale)
    points = np.argwhere(mask)[:, ::-1].astype(np.float64)
    at_border = _near_border(points / scale + corner, width_px, height_px)
    if len(points) < 64 or not at_border.any():
        return whole, False
    kept = _distal(mask, points, points[at_border].mean(axis=0))
    if kept is None:
        return whole, False
    low, high = points[kept].min(axis=0) / scale + corner, points[kept].max(axis=0) / scale + corner
    (x0, y0), (x1, y1) = np.maximum(low, whole[:2]).tolist(), np.minimum(high, whole[2:]).tolist()
    return (x0, y0, x1, y1), True


def _drawn(polygons: Sequence[Floats], extent: Floats, scale: float) -> Mask:
    width, height = np.ceil(extent * scale).astype(int) + 3
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    return mask


def _near_border(points: Floats, width_px: int, height_px: int) -> npt.NDArray[np.bool_]:
    near_low = (points < _BORDER_PX).any(axis=1)
    return np.asarray(near_low | (points > np.array([width_px, height_px]) - 1 - _BORDER_PX).any(axis=1))


def _distal(mask: Mask, points: Floats, arm_end: Floats) -> npt.NDArray[np.bool_] | None:
    """Which points lie on the fingers' side of the wrist; None where there is no arm to cut."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = inside[points[:, 1].astype(int), points[:, 0].astype(int)].astype(np.float64)
    along = points - arm_end
    axis = _axis(points, arm_end)
    t = along @ axis
    palm = _palm(t, radius)
    r, t_palm = float(radius[palm]), float(t[palm])
    local = np.linalg.norm(points - points[palm], axis=1) < (_BEHIND[1] + 1.2) * r
    t_wrist = t_palm - _narrowest(t_palm - t[local], points[local], axis, r) * r
    if t_wrist - float(t.min()) < _LEAST_ARM * r:
        return None
    return np.asarray(t > t_wrist)


def _axis(points: Floats, arm_end: Floats) -> Floats:
    """Unit vector along the mask, away from where the arm enters."""
    middle = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - middle).T))
    axis = vectors[:, 1]
    return np.asarray(axis if axis @ (middle - arm_end) >= 0 else -axis)


def _palm(t: Floats, radius: Floats) -> int:
    """The point in the middle of the palm: the first wide circle from the finger end that none close behind exceeds."""
    enough = np.flatnonzero(radius >= _PALM_SHARE * radius.max())
    order = enough[np.argsort(-t[enough], kind="stable")]
    best = int(order[0])
    for i in order:
        if t[best] - t[i] > radius[best]:
            break
        if radius[i] > radius[best]:
            best = int(i)
    return best


def _narrowest(behind: Floats, points: Floats, axis: Floats, r: float) -> float:
    """How far behind the palm's middle the mask is narrowest, in radii."""
    across = points @ np.array([-axis[1], axis[0]])
    edges = np.linspace(*_BEHIND, 13).tolist()
    widths = []
    for low, high in itertools.pairwise(edges):
        chosen = across[(behind >= low * r) & (behind < high * r)]
        widths.append(float(np.ptp(chosen)) if len(chosen) > 3 else np.inf)
    best = int(np.argmin(widths))
    inner = 0 < best < len(widths) - 1 and np.isfinite(widths[best])
    return float(edges[best] + edges[best + 1]) / 2 if inner else _TYPICAL
