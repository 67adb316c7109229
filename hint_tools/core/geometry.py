"""Boxes, affine maps and small linear algebra, in float64.

A box is x0, y0, x1, y1 in continuous px where pixel (0, 0) covers [-0.5, 0.5]².
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def box_of_points(points: Floats, valid: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Tight x0, y0, x1, y1 around `points` (n, 2), of those that are `valid` (n,).

    Raises:
        ValueError: no point is left.
    """
    chosen = points if valid is None else points[valid]
    if len(chosen) == 0:
        raise ValueError("no point to put a box around")
    return np.concatenate([chosen.min(axis=0), chosen.max(axis=0)])


def box_size(box: Floats) -> Floats:
    """Width and height (..., 2) of boxes (..., 4)."""
    return box[..., 2:] - box[..., :2]


def box_center(box: Floats) -> Floats:
    """Centres (..., 2) of boxes (..., 4)."""
    return (box[..., :2] + box[..., 2:]) / 2


def scale_box(box: Floats, factor: float) -> Floats:
    """The box `factor` times as large about its centre."""
    half = box_size(box) / 2 * factor
    center = box_center(box)
    return np.concatenate([center - half, center + half], axis=-1)


def clip_box(box: Floats, width_px: int, height_px: int) -> Floats:
    """The part of the box inside an image."""
    low, high = np.array([-0.5, -0.5]), np.array([width_px - 0.5, height_px - 0.5])
    return np.concatenate([np.clip(box[..., :2], low, high), np.clip(box[..., 2:], low, high)], axis=-1)


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes `a` (..., 4) with `b` (..., 4), broadcast; 0 where both are empty."""
    overlap = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(axis=-1)
    union = box_size(a).prod(axis=-1) + box_size(b).prod(axis=-1) - overlap
    ratio: Floats = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return ratio


def apply_affine(matrix: Floats, points: Floats) -> Floats:
    """`matrix` (2, 3) applied to `points` (..., 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def invert_affine(matrix: Floats) -> Floats:
    """Inverse (2, 3) of an affine map (2, 3).

    Raises:
        numpy.linalg.LinAlgError: it is not invertible.
    """
    inverse = np.linalg.inv(matrix[:, :2])
    return np.concatenate([inverse, -(inverse @ matrix[:, 2:])], axis=1)
