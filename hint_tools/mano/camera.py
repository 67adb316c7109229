"""A pinhole camera without distortion, in this project's pixels: the centre of the top-left pixel is (0, 0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Camera:
    """Camera at the origin, x right, y down, z forward.

    Args:
        focal_px: focal length, the same along x and y.
        cx: principal point, px.
        cy: principal point, px.
        width_px: of the image.
        height_px: of the image.
    """

    focal_px: float
    cx: float
    cy: float
    width_px: int
    height_px: int

    @classmethod
    def centered(cls, focal_px: float, width_px: int, height_px: int) -> Camera:
        """The camera whose axis goes through the middle of the image."""
        return cls(focal_px, (width_px - 1) / 2, (height_px - 1) / 2, width_px, height_px)

    def project(self, points: Floats) -> Floats:
        """Pixels (..., 2) of points (..., 3) in metres with z > 0."""
        return np.asarray(points[..., :2] / points[..., 2:] * self.focal_px + np.array([self.cx, self.cy]))

    def scaled(self, factor: float) -> Camera:
        """The same view, `factor` times as many pixels each way (rounded to whole pixels)."""
        return Camera(
            self.focal_px * factor,
            (self.cx + 0.5) * factor - 0.5,
            (self.cy + 0.5) * factor - 0.5,
            round(self.width_px * factor),
            round(self.height_px * factor),
        )

    def window(self, x0: int, y0: int, x1: int, y1: int) -> Camera:
        """The view through pixels x0 <= x < x1, y0 <= y < y1, which may lie outside the image."""
        return Camera(self.focal_px, self.cx - x0, self.cy - y0, x1 - x0, y1 - y0)
