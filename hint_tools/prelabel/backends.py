"""What a pre-label backend promises, whatever network is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import Floats, box_size, iou
from hint_tools.prelabel.roi import Rgb

MIN_BOX_PX = 8.0
"""A thinner box is widened to this about its centre: a crop of nothing has no answer."""
SAME_HAND_DISTANCE = 0.25
"""Mean distance of joints, in hand sizes, below which two answers are one hand."""
SAME_HAND_IOU = 0.6
"""The same for boxes, where the joints are not known; touching hands of one person stay below it."""


@dataclass(frozen=True, slots=True)
class HandAnswer:
    """A network's answer for one given box.

    Args:
        keypoints: (21, 2) px of the frame.
        confidence: (21,) per joint, in [0, 1].
        hand_confidence: that the box holds a hand at all, in [0, 1].
        side: `left`, `right`, or None; the given one where the network has no opinion.
        side_confidence: in [0, 1]; NaN where the network has no opinion.
    """

    keypoints: Floats
    confidence: Floats
    hand_confidence: float
    side: str | None
    side_confidence: float


@dataclass(frozen=True, slots=True)
class DetectedHand:
    """A hand found in a frame.

    Args:
        box: (4,) x0, y0, x1, y1 px of the frame.
        score: in [0, 1].
        side: `left`, `right`, or None where the detector has no opinion.
        side_confidence: in [0, 1]; NaN where the detector has no opinion.
        keypoints: (21, 2) px of the frame where the detector knows them, to tell duplicates.
    """

    box: Floats
    score: float
    side: str | None = None
    side_confidence: float = float("nan")
    keypoints: Floats | None = None


class Backend(Protocol):
    """Answers where the joints of given hands are."""

    @property
    def name(self) -> str:
        """What the predictions carry as their model: backend, version and a digest of the weights."""

    def predict(self, image: Rgb, boxes: Floats, sides: Sequence[str | None]) -> list[HandAnswer]:
        """One answer for each box, always and in their order.

        Args:
            image: uint8 RGB (H, W, 3).
            boxes: float64 (n, 4) x0, y0, x1, y1 px, finite.
            sides: what the source says of each hand's side.

        Raises:
            DataError: a box is not finite.
        """


class HandDetector(Protocol):
    """Finds hands in a whole frame."""

    @property
    def name(self) -> str:
        """Detector, version, settings and a digest of the weights: the same name, the same answers."""

    def detect(self, image: Rgb) -> list[DetectedHand]:
        """The hands in `image` (uint8 RGB (H, W, 3)), each once, best first."""


def usable_boxes(boxes: Floats) -> Floats:
    """The boxes (n, 4) with ordered corners and at least `MIN_BOX_PX` wide and high.

    Raises:
        DataError: a number in them is not finite.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        bad = boxes[~np.isfinite(boxes).all(axis=1)][0]
        raise DataError(f"a hand's box must be four finite numbers, got {bad.tolist()}")
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    missing = np.clip(MIN_BOX_PX - (high - low), 0, None) / 2
    return np.concatenate([low - missing, high + missing], axis=1)


def without_duplicates(hands: Sequence[DetectedHand]) -> list[DetectedHand]:
    """Each hand once, the best-scored answer of it; best first."""
    kept: list[DetectedHand] = []
    for hand in sorted(hands, key=lambda h: (-h.score, *h.box.tolist())):
        if not any(_same(hand, other) for other in kept):
            kept.append(hand)
    return kept


def _same(a: DetectedHand, b: DetectedHand) -> bool:
    if a.keypoints is None or b.keypoints is None:
        return bool(iou(a.box, b.box) > SAME_HAND_IOU)
    distance = np.linalg.norm(a.keypoints - b.keypoints, axis=1).mean()
    return bool(distance < SAME_HAND_DISTANCE * max(box_size(a.box).max(), box_size(b.box).max()))
