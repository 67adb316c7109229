"""The square crops HaMeR looks at, and the affine maps that made them.

Conventions (HaMeR, `datasets/utils.py`): a crop is a square of the frame around the box's centre, brought to
256 x 256 px by `cv2.warpAffine` with bilinear interpolation and black outside. The centre lands on crop pixel
128, so coordinates in crop units (px / 256 - 0.5) are 0 there. Left hands are mirrored to look like right ones.
Every map here goes from px of the frame to px of the crop; where it mirrors, its determinant is negative.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import apply_affine, invert_affine
from hint_tools.media.limits import MAX_PIXELS

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

PATCH_PX: Final = 256
HINT_RESCALE: Final = 2.0
"""HInt is evaluated, and trained on, with a crop twice the box's longer side."""
ASPECT: Final = (192, 256)
"""Width and height of what HaMeR's backbone sees of the crop."""

_ANTIALIAS_FROM: Final = 1.1
"""Smaller reductions are not smoothed (HaMeR's demo)."""
_BELOW_PX: Final = 4
"""Rows below a crop's lower edge that its interpolation may look at, and then some."""
_GAUSS_REACH: Final = 4.0
"""Kernel radius in standard deviations (scikit-image's `gaussian`)."""


class BoxRule(StrEnum):
    """How a box (w, h) becomes the side of the square that is cut out; HaMeR has three."""

    SQUARE = "square"
    """factor * max(w, h): HInt evaluation with factor 2; training with the released settings with factor 1."""
    PADDED = "padded"
    """factor * (w, h) grown to 3:4, then the longer side: FreiHAND and HO-3D evaluation (1) and the demo (2)."""


def crop_side(size_px: Floats, *, factor: float = HINT_RESCALE, rule: BoxRule = BoxRule.SQUARE) -> float:
    """Side of the square crop in px of the frame, for a box of `size_px` (width, height).

    Raises:
        DataError: the box has no extent, or is not finite.
    """
    width, height = float(size_px[0]) * factor, float(size_px[1]) * factor
    if not (np.isfinite(width) and np.isfinite(height) and max(width, height) > 0):
        raise DataError(f"a crop needs a box with an extent, got width {size_px[0]} and height {size_px[1]} px")
    if rule is BoxRule.PADDED:
        width_of, height_of = ASPECT
        if height / max(width, 1e-12) < height_of / width_of:
            height = max(width * height_of / width_of, height)
        else:
            width = max(height * width_of / height_of, width)
    return max(width, height)


def crop_affine(
    center: Floats,
    side_px: float,
    *,
    patch_px: int = PATCH_PX,
    rotation_deg: float = 0.0,
    mirror_width_px: int | None = None,
) -> Floats:
    """The map (2, 3) from px of the frame to px of the crop.

    The three corner points are rounded to float32 in the mirrored frame, as HaMeR rounds them, so that its crops
    come out to the bit.

    Args:
        center: x, y of the crop's middle, px of the frame.
        side_px: side of the square, px of the frame.
        patch_px: side of the crop, px.
        rotation_deg: turn of the square in the (mirrored) frame, clockwise on the screen.
        mirror_width_px: width of the frame, if it is to be flipped left to right, as for left hands.
    """
    last = None if mirror_width_px is None else mirror_width_px - 1
    middle = np.array([center[0] if last is None else last - center[0], center[1]], dtype=np.float64)
    angle = np.pi * rotation_deg / 180
    sine, cosine, half = np.sin(angle), np.cos(angle), np.float32(side_px * 0.5)
    down = np.array([-half * sine, half * cosine], dtype=np.float32)
    right = np.array([half * cosine, half * sine], dtype=np.float32)
    source = np.stack([middle, middle + down, middle + right]).astype(np.float32)
    to_middle = patch_px * 0.5
    target = np.array([[to_middle, to_middle], [to_middle, patch_px], [patch_px, to_middle]], dtype=np.float32)
    matrix: Floats = np.asarray(cv2.getAffineTransform(source, target), dtype=np.float64)
    if last is not None:
        matrix = np.column_stack([-matrix[:, 0], matrix[:, 1], matrix[:, 2] + matrix[:, 0] * last])
    return matrix


def cut(image: Pixels, matrix: Floats, *, patch_px: int = PATCH_PX) -> Pixels:
    """The crop (patch_px, patch_px, 3) uint8 that `matrix` makes of `image` (H, W, 3) uint8; black outside.

    Mirroring a left hand costs as much as the hand is large, not as the frame is: only what the crop shows is
    flipped.

    Args:
        image: the frame, RGB.
        matrix: (2, 3), px of the frame to px of the crop (`crop_affine`).
        patch_px: side of the crop, px.

    Raises:
        DataError: the image is not (H, W, 3) uint8, or the map can't be inverted.
    """
    _check(image)
    if not _mirrors(matrix):
        return np.asarray(_warp(image, matrix, patch_px), dtype=np.uint8)
    part, to_crop = _part(image, matrix, patch_px, margin_px=2)
    return np.asarray(_warp_part(part, to_crop, patch_px), dtype=np.uint8)


def cut_smooth(image: Pixels, matrix: Floats, *, patch_px: int = PATCH_PX) -> npt.NDArray[np.float32]:
    """The crop (patch_px, patch_px, 3) float32 in [0, 255] of HaMeR's demo: smoothed before a large reduction.

    Gaussian of (f - 1) / 2 px for f = frame px per two crop px above 1.1; its evaluation and training never smooth.

    Args:
        image: the frame, RGB (H, W, 3) uint8.
        matrix: (2, 3), px of the frame to px of the crop (`crop_affine`).
        patch_px: side of the crop, px.

    Raises:
        DataError: as `cut`.
    """
    _check(image)
    reduction = 1 / (2 * np.sqrt(abs(_determinant(matrix))))
    if reduction <= _ANTIALIAS_FROM:
        return cut(image, matrix, patch_px=patch_px).astype(np.float32)
    sigma = (reduction - 1) / 2
    part, to_crop = _part(image, matrix, patch_px, margin_px=2 + _radius(sigma))
    smoothed = _smoothed(part, sigma) if part.size else part.astype(np.float32)
    return np.asarray(_warp_part(smoothed, to_crop, patch_px), dtype=np.float32)


def _check(image: Pixels) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"expected an image (H, W, 3) of uint8, got {image.shape} of {image.dtype}")


def _determinant(matrix: Floats) -> float:
    determinant = float(np.linalg.det(matrix[:, :2]))
    if not np.isfinite(determinant) or determinant == 0:
        raise DataError(f"expected an invertible map of the frame to the crop, got {matrix.tolist()}")
    return determinant


def _mirrors(matrix: Floats) -> bool:
    return _determinant(matrix) < 0


def _warp(image: npt.NDArray[Any], matrix: Floats, patch_px: int) -> npt.NDArray[Any]:
    warped = cv2.warpAffine(image, matrix, (patch_px, patch_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped)


def _warp_part(part: npt.NDArray[Any], to_crop: Floats, patch_px: int) -> npt.NDArray[Any]:
    """The crop of a part of the frame, which is flipped first where the map mirrors."""
    if part.size == 0:
        return np.zeros((patch_px, patch_px, 3), dtype=part.dtype)
    if _mirrors(to_crop):
        last = part.shape[1] - 1
        part = np.asarray(cv2.flip(part, 1))  # numpy's copy of a flipped view takes ten times as long
        to_crop = np.column_stack([-to_crop[:, 0], to_crop[:, 1], to_crop[:, 2] + to_crop[:, 0] * last])
    return _warp(part, to_crop, patch_px)


def _radius(sigma: float) -> int:
    return int(_GAUSS_REACH * sigma + 0.5)


def rows_seen(matrix: Floats, *, patch_px: int = PATCH_PX) -> int:
    """How many rows of the frame, from the top, hold all that `cut` takes with `matrix`; at most `MAX_PIXELS`.

    Raises:
        DataError: the map can't be inverted.
    """
    _determinant(matrix)
    _, bottom = _reach(matrix, patch_px)[1]
    return int(np.clip(np.ceil(bottom), 0, MAX_PIXELS)) + _BELOW_PX


def _reach(matrix: Floats, patch_px: int) -> tuple[Floats, Floats]:
    """Least and largest x, y of the frame that a crop and the pixel around it look at."""
    low, high = -1.0, float(patch_px)
    corners = np.array([[low, low], [high, low], [low, high], [high, high]])
    seen = apply_affine(invert_affine(matrix), corners)
    return seen.min(axis=0), seen.max(axis=0)


def _part(image: Pixels, matrix: Floats, patch_px: int, *, margin_px: int) -> tuple[Pixels, Floats]:
    """What the crop can show of the frame, and the map of that part's px to the crop's."""
    least, largest = _reach(matrix, patch_px)
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(least).astype(np.int64) - margin_px, 0, [width, height])
    x1, y1 = np.clip(np.ceil(largest).astype(np.int64) + margin_px + 1, 0, [width, height])
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [x0, y0]
    return image[y0:y1, x0:x1], shifted


def _smoothed(part: Pixels, sigma: float) -> npt.NDArray[np.float32]:
    """Gaussian smoothing with the edge repeated; float32."""
    radius = _radius(sigma)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    smoothed = cv2.sepFilter2D(part.astype(np.float32), cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smoothed, dtype=np.float32)
