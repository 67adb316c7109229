"""Turned squares of a frame: what the hand networks look at.

Frame px as everywhere (the centre of the top-left pixel is (0, 0)). The networks themselves count from the
corner of the crop, so that a crop of n pixels spans [0, n]; `Roi.to_frame` takes those *edge* coordinates,
half a pixel more than pixel-centre ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import Floats

Rgb = npt.NDArray[np.uint8]

CONSTANT = cv2.BORDER_CONSTANT
REPLICATE = cv2.BORDER_REPLICATE


@dataclass(frozen=True, slots=True)
class Roi:
    """A square of the frame, turned about its centre.

    Args:
        center: (2,) px of the frame.
        size_px: side.
        rotation_rad: clockwise as seen on the screen; the crop's up is the frame's up turned by it.
    """

    center: Floats
    size_px: float
    rotation_rad: float = 0.0

    def matrix(self, crop_px: int) -> Floats:
        """Affine map (2, 3) from edge coordinates of a `crop_px` wide crop to px of the frame."""
        step = self.size_px / crop_px
        cos, sin = math.cos(self.rotation_rad) * step, math.sin(self.rotation_rad) * step
        linear = np.array([[cos, -sin], [sin, cos]])
        shift = self.center - linear @ np.full(2, crop_px / 2)
        return np.concatenate([linear, shift[:, None]], axis=1)

    def to_frame(self, points: Floats, crop_px: int) -> Floats:
        """Edge coordinates (..., 2) in a `crop_px` wide crop, as px of the frame."""
        matrix = self.matrix(crop_px)
        return points @ matrix[:, :2].T + matrix[:, 2]

    def crop(self, image: Rgb, crop_px: int, border: int) -> Rgb:
        """The square as a picture (`crop_px`, `crop_px`, 3), bilinear.

        Args:
            image: uint8 RGB (H, W, 3).
            crop_px: side of the result.
            border: what lies outside the image: `CONSTANT` (black) or `REPLICATE` (its edge).
        """
        matrix = self.matrix(crop_px)
        matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5)  # OpenCV counts pixel centres, ours are edges
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        made: Rgb = cv2.warpAffine(image, matrix, (crop_px, crop_px), flags=flags, borderMode=border).astype(np.uint8)
        return made


def upright_angle(start: Floats, end: Floats) -> float:
    """Rotation in (-pi, pi] of a crop in which the direction from `start` to `end` (px) points up."""
    across, down = end - start
    return _wrapped(math.pi / 2 - math.atan2(-down, across))


def _wrapped(angle_rad: float) -> float:
    return -((math.pi - angle_rad) % (2 * math.pi) - math.pi)


def shifted(roi: Roi, across: float, down: float) -> Roi:
    """The square moved along its own axes, by fractions of its side."""
    cos, sin = math.cos(roi.rotation_rad), math.sin(roi.rotation_rad)
    step = np.array([cos * across - sin * down, sin * across + cos * down]) * roi.size_px
    return Roi(roi.center + step, roi.size_px, roi.rotation_rad)
