"""The picture an annotator sees: the surroundings of the hand, enlarged by a whole number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import Floats, box_center, box_size
from hint_tools.formats.labelstudio import Picture
from hint_tools.media.images import encode_jpeg

SHOWN_SIDE_PX: Final = 640
"""The longer side is at least this long: a 50 px hand can then be annotated without zooming."""
SMALLEST_SIDE_PX: Final = 16
"""Of the frame; a box that is a point still shows something."""
JPEG_QUALITY: Final = 92

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Crop:
    """Whole pixels of the frame, and how many times they are enlarged.

    Enlarging by a whole number keeps one exact scale in x and y, so positions go back without rounding.
    """

    left: int
    top: int
    width: int
    height: int
    zoom: int

    @property
    def picture(self) -> Picture:
        """The map between frame and shown picture.

        The enlarged picture's first pixel is centred at `(0.5 / zoom) - 0.5` of the crop's first one.
        """
        shift = 0.5 / self.zoom - 0.5
        return Picture(self.left + shift, self.top + shift, self.zoom, self.width * self.zoom, self.height * self.zoom)


def crop_around(box: Floats, factor: float, width_px: int, height_px: int) -> Crop:
    """The part of a frame to show for a hand.

    Args:
        box: x0, y0, x1, y1 of the hand, px of the frame.
        factor: how many times the box's size is shown.
        width_px: of the frame.
        height_px: of the frame.

    Raises:
        DataError: the box lies outside the frame or is not finite.
    """
    if not np.isfinite(box).all():
        raise DataError(f"expected a finite box, got {box.tolist()}")
    half = np.maximum(box_size(box) * factor, SMALLEST_SIDE_PX) / 2
    center = box_center(box)
    # pixel i covers [i - 0.5, i + 0.5]: half a pixel makes edges whole numbers
    low = np.floor(center - half + 0.5).astype(int).clip(0)
    high = np.minimum(np.ceil(center + half + 0.5).astype(int), [width_px, height_px])
    width, height = (int(v) for v in high - low)
    if width <= 0 or height <= 0:
        raise DataError(f"box {box.round(1).tolist()} lies outside its frame of {width_px}x{height_px}")
    zoom = -(-SHOWN_SIDE_PX // max(width, height))
    return Crop(int(low[0]), int(low[1]), width, height, zoom)


def crop_jpeg(frame: Rgb, crop: Crop) -> bytes:
    """The shown picture of `frame` (height, width, 3) as a JPEG file."""
    part = frame[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    size = (crop.width * crop.zoom, crop.height * crop.zoom)
    shown = part if crop.zoom == 1 else cv2.resize(part, size, interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(np.ascontiguousarray(shown, dtype=np.uint8), JPEG_QUALITY)
