"""Crops and answers of SimCC networks, as MMPose's top-down hand models are trained on them.

SimCC (Li et al. 2022) answers one score for each position along x and one along y, `SPLIT_RATIO` positions a
pixel. Coordinates are pixel centres, so nothing is shifted by half pixels here. Sources: MMPose 1.3's
documented `GetBBoxCenterScale` (padding 1.25), `TopdownAffine` and SimCC decoding (the score is the smaller
of the two maxima).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import Floats, box_center, box_size
from hint_tools.prelabel.roi import Rgb

PADDING = 1.25
"""Of the crop over the box: what the networks were trained with."""


def crop_size(box: Floats, width_px: int, height_px: int) -> Floats:
    """Width and height (2,) in frame px of the crop of a box (4,): padded, then widened to the input's shape."""
    width, height = box_size(box) * PADDING
    aspect = width_px / height_px
    return np.array([max(width, height * aspect), max(height, width / aspect)])


def simcc_crop(image: Rgb, box: Floats, width_px: int, height_px: int) -> Rgb:
    """The padded box as a picture (`height_px`, `width_px`, 3); black outside the image.

    Args:
        image: uint8 RGB (H, W, 3).
        box: (4,) px.
        width_px: of the network's input.
        height_px: of the network's input.
    """
    scale = width_px / crop_size(box, width_px, height_px)[0]
    shift = np.array([width_px, height_px]) / 2 - box_center(box) * scale
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    made: Rgb = cv2.warpAffine(image, matrix, (width_px, height_px), flags=cv2.INTER_LINEAR).astype(np.uint8)
    return made


def decode_simcc(
    x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Positions (n, k, 2) in px of the crop, and scores (n, k), of the best place along each axis.

    Args:
        x: (n, k, positions) scores along x.
        y: (n, k, positions) scores along y.
        size: width and height of the crop in px; positions over size is the split ratio.
    """
    ratio = np.array([x.shape[-1] / size[0], y.shape[-1] / size[1]])
    places = np.stack([x.argmax(axis=-1), y.argmax(axis=-1)], axis=-1) / ratio
    scores = np.minimum(x.max(axis=-1), y.max(axis=-1)).astype(np.float64)
    return places, scores


def to_frame(points: Floats, box: Floats, width_px: int, height_px: int) -> Floats:
    """Positions (k, 2) in px of the crop of `box`, as px of the frame."""
    size = crop_size(box, width_px, height_px)
    placed: Floats = points / np.array([width_px, height_px]) * size + box_center(box) - size / 2
    return placed
