"""How large a hand is in its picture, from all answers at once: what distances are divided by."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_STEPS = 30
_NEAR_PX = 1e-3
"""Weiszfeld's weights are capped here, where a median falls on one of the points."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of H hands, px; NaN where no joint is known.

    Args:
        box: (H, 4) x0, y0, x1, y1 around the robust joints.
        scale: (H) square root of the box's area.
        longer: (H) max(width, height): what HaMeR's PCK divides by.
        palm: (H) wrist to middle MCP, what HInt's 0.25 palm lengths are read as here; NaN without both.
    """

    box: Floats
    scale: Floats
    longer: Floats
    palm: Floats


def geometric_median(points: Floats) -> Floats:
    """The points (..., 2) with the least sum of distances to `points` (..., n, 2), NaN ones ignored.

    Weiszfeld's iteration from the coordinate-wise median. With two points it is their middle. NaN where
    there are none.
    """
    known = np.asarray(np.isfinite(points).all(axis=-1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an all-NaN slice is an unknown joint: NaN is the answer
        center = np.nanmedian(points, axis=-2)
    filled = np.where(known[..., None], points, 0.0)
    for _ in range(_STEPS):
        distance = np.linalg.norm(filled - center[..., None, :], axis=-1)
        weight = np.where(known, 1 / np.maximum(distance, _NEAR_PX), 0.0)
        total = weight.sum(axis=-1)
        moved = np.divide((weight[..., None] * filled).sum(axis=-2), total[..., None], where=total[..., None] > 0)
        center = np.where(total[..., None] > 0, moved, np.nan)
    return np.asarray(center)


def measure(robust: Floats) -> Sizes:
    """Sizes of hands from their robust joints (H, 21, 2), NaN where unknown.

    The annotators' own boxes take no part: they differ by habit, and would bias every figure.
    """
    known = np.asarray(np.isfinite(robust).all(axis=-1))[..., None]
    low = np.where(known, robust, np.inf).min(axis=1)
    high = np.where(known, robust, -np.inf).max(axis=1)
    box = np.concatenate([low, high], axis=1)
    box[~known.any(axis=(1, 2))] = np.nan
    width, height = (box[:, 2:] - box[:, :2]).T
    scale, longer = np.sqrt(width * height), np.maximum(width, height)
    scale[~(scale > 0)] = np.nan
    longer[~(longer > 0)] = np.nan
    return Sizes(box, scale, longer, np.linalg.norm(robust[:, 9] - robust[:, 0], axis=1))
