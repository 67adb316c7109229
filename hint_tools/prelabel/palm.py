"""Palms in a picture, found by the embedded palm detector.

The network looks at a 192 px square and answers, for each of 2016 anchors, a score, a box and seven points
of the palm. Sources: the anchor, decoding and region options published with MediaPipe's hand solution
(Apache-2.0), and "MediaPipe Hands: On-device Real-time Hand Tracking" (Zhang et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.core.geometry import Floats, iou
from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.roi import CONSTANT, Rgb, Roi, shifted, upright_angle

CROP_PX = 192
GRIDS = ((24, 2), (12, 6))
"""(cells along a side, anchors a cell): strides 8 and three times 16, two anchors each."""
N_POINTS = 7
WRIST, MIDDLE_BASE = 0, 2
"""Of the seven points: the line between them is the hand's axis."""
REGION_SCALE = 2.6
REGION_SHIFT = -0.5
"""Of the palm box's height, towards the fingers: the region holds the whole hand."""
SAME_PALM_IOU = 0.3
"""Overlap above which two answers are one palm (the solution's own setting)."""
TILE_OVERLAP = 0.25
_SCORE_CLIP = 100.0
"""Logits are clipped here before the sigmoid, as the solution does: no overflow."""


@dataclass(frozen=True, slots=True)
class Palm:
    """One palm in the frame.

    Args:
        score: in [0, 1].
        box: (4,) px of the frame.
        points: (7, 2) px of the frame: wrist, index, middle, ring and pinky base, thumb cmc and mcp.
    """

    score: float
    box: Floats
    points: Floats


def anchors() -> Floats:
    """Centres (2016, 2) of the anchors, as fractions of the square: row by row, the finer grid first."""
    parts = []
    for cells, per_cell in GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        down, across = np.meshgrid(middle, middle, indexing="ij")
        parts.append(np.repeat(np.stack([across.ravel(), down.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(parts)


def palm_region(palm: Palm) -> Roi:
    """The square that holds the whole hand, with the fingers up."""
    width, height = palm.box[2:] - palm.box[:2]
    rotation = upright_angle(palm.points[WRIST], palm.points[MIDDLE_BASE])
    centered = Roi((palm.box[:2] + palm.box[2:]) / 2, float(height), rotation)
    return Roi(shifted(centered, 0.0, REGION_SHIFT).center, float(max(width, height)) * REGION_SCALE, rotation)


def merged(palms: Sequence[Palm]) -> list[Palm]:
    """One palm for each group of overlapping ones, its geometry their score-weighted mean; best first.

    Weighted non-maximum suppression as in BlazeFace (Bazarevsky et al. 2019).
    """
    rest = sorted(palms, key=lambda p: -p.score)
    kept = []
    while rest:
        overlap = iou(rest[0].box, np.stack([p.box for p in rest]))
        group = [p for i, p in enumerate(rest) if i == 0 or overlap[i] > SAME_PALM_IOU]
        weights = np.array([p.score for p in group])
        box = np.average([p.box for p in group], axis=0, weights=weights)
        points = np.average([p.points for p in group], axis=0, weights=weights)
        kept.append(Palm(group[0].score, box, points))
        rest = [p for i, p in enumerate(rest) if i > 0 and overlap[i] <= SAME_PALM_IOU]
    return kept


def whole_frame(width_px: int, height_px: int) -> Roi:
    """The smallest upright square that holds the whole image, about its centre."""
    return Roi(np.array([width_px - 1.0, height_px - 1.0]) / 2, float(max(width_px, height_px)))


def frame_tiles(width_px: int, height_px: int, side_px: float) -> list[Roi]:
    """Upright squares of `side_px` that cover the image, neighbours overlapping by at least a quarter."""
    columns, rows = (_tile_centers(length, side_px) for length in (width_px, height_px))
    return [Roi(np.array([x, y]), side_px) for y in rows for x in columns]


def _tile_centers(length_px: int, side_px: float) -> Floats:
    if length_px <= side_px:
        return np.array([(length_px - 1) / 2])
    count = int(np.ceil((length_px - side_px) / (side_px * (1 - TILE_OVERLAP)))) + 1
    centers: Floats = np.linspace(side_px / 2, length_px - side_px / 2, count, dtype=np.float64) - 0.5
    return centers


class PalmDetector:
    """Finds palms.

    Args:
        network: the palm network.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        self._network = network
        self._anchors = anchors()

    def detect(self, image: Rgb, regions: Sequence[Roi], threshold: float) -> list[Palm]:
        """The palms in the given upright squares of the image, merged, best first.

        Args:
            image: uint8 RGB (H, W, 3).
            regions: squares to look at.
            threshold: lowest score to take, in [0, 1].
        """
        return merged([palm for region in regions for palm in self._in_region(image, region, threshold)])

    def _in_region(self, image: Rgb, region: Roi, threshold: float) -> list[Palm]:
        crop = region.crop(image, CROP_PX, CONSTANT)
        outputs = self._network(crop[None].astype(np.float32) / np.float32(255))
        logits = np.clip(outputs["Identity_1"][0, :, 0].astype(np.float64), -_SCORE_CLIP, _SCORE_CLIP)
        scores = 1 / (1 + np.exp(-logits))
        chosen = np.flatnonzero(scores >= threshold)
        raw = outputs["Identity"][0, chosen].astype(np.float64)
        anchor = self._anchors[chosen] * CROP_PX
        center, half = raw[:, :2] + anchor, raw[:, 2:4] / 2
        points = raw[:, 4:].reshape(-1, N_POINTS, 2) + anchor[:, None]
        corners = np.stack([center - half, center + half], axis=1)
        placed = region.to_frame(np.concatenate([corners, points], axis=1), CROP_PX)
        return [Palm(float(scores[i]), p[:2].ravel(), p[2:]) for i, p in zip(chosen, placed, strict=True)]
