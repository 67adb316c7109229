"""The embedded default: palm detector and hand landmark network, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence

from hint_tools.core.geometry import Floats, box_size
from hint_tools.core.records import Side
from hint_tools.prelabel.backends import DetectedHand, HandAnswer, usable_boxes, without_duplicates
from hint_tools.prelabel.landmarks import LandmarkReader, hand_region
from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.palm import PalmDetector, frame_tiles, palm_region, whole_frame
from hint_tools.prelabel.roi import Rgb, Roi
from hint_tools.prelabel.topdown import METHOD, box_around, read_box
from hint_tools.prelabel.weights import VERSION, ensure_hand_weights

PALM_THRESHOLD = 0.3
"""Palms to look at more closely; whether a hand is there is then the landmark network's word."""
TILE_SHARE = 0.6
"""Side of a tile over the image's shorter side: palms half as large are still found."""
DETECTOR_METHOD = "detect-1"
"""Raised when anything here moves a detection."""


class MediapipeBackend:
    """Reads the joints of given hands; see `topdown` for how, and for what the confidences mean.

    Args:
        threads: that onnxruntime may use.

    Raises:
        EnvironmentFault: the networks are not on this machine and can't be fetched.
    """

    def __init__(self, threads: int = 2) -> None:
        weights = ensure_hand_weights()
        self.name = f"mediapipe-hands-{VERSION}:{weights.digest}:{METHOD}"
        self._reader = LandmarkReader(OnnxNetwork(weights.landmark, threads))

    def predict(self, image: Rgb, boxes: Floats, sides: Sequence[str | None]) -> list[HandAnswer]:
        """One answer for each box (n, 4), the side being the network's own opinion; see `Backend.predict`.

        Raises:
            DataError: a box is not finite.
        """
        if len(sides) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes but {len(sides)} sides")
        return [read_box(self._reader, image, box) for box in usable_boxes(boxes)]


class MediapipeDetector:
    """Finds hands in whole frames.

    Args:
        threshold: lowest presence of a hand to take, in [0, 1].
        max_hands: at most this many a frame, the surest first.
        tiles: look at overlapping parts of the frame too, for hands that are small in it; about five times
            the work, and a few more wrong finds.
        threads: that onnxruntime may use.

    Raises:
        EnvironmentFault: the networks are not on this machine and can't be fetched.
    """

    def __init__(self, threshold: float = 0.5, max_hands: int = 4, *, tiles: bool = False, threads: int = 2) -> None:
        weights = ensure_hand_weights()
        parts = "tiles" if tiles else "whole"
        self.name = f"mediapipe-hands-{VERSION}:{weights.digest}:{DETECTOR_METHOD}:{parts}:{threshold:g}:{max_hands}"
        self._threshold = threshold
        self._max_hands = max_hands
        self._tiles = tiles
        self._palms = PalmDetector(OnnxNetwork(weights.palm, threads))
        self._reader = LandmarkReader(OnnxNetwork(weights.landmark, threads))

    def detect(self, image: Rgb) -> list[DetectedHand]:
        """The hands in `image` (uint8 RGB (H, W, 3)), each once, best first."""
        palms = self._palms.detect(image, self._regions(image), PALM_THRESHOLD)
        looked = (self._look(image, palm_region(palm)) for palm in palms)
        found = [hand for hand in looked if hand is not None and hand.score >= self._threshold]
        return without_duplicates(found)[: self._max_hands]

    def _regions(self, image: Rgb) -> list[Roi]:
        height, width = image.shape[:2]
        tiles = frame_tiles(width, height, TILE_SHARE * min(width, height)) if self._tiles else []
        return [whole_frame(width, height), *tiles]

    def _look(self, image: Rgb, region: Roi) -> DetectedHand | None:
        """The hand in a palm's region, seen once more from where its joints are; None outside the image."""
        height, width = image.shape[:2]
        first = self._reader.read(image, [region])
        again = self._reader.read(image, [hand_region(first.keypoints[0])])
        best = again if again.presence[0] >= first.presence[0] else first
        box = box_around(best.keypoints[0], width, height)
        if not box_size(box).min() > 0:
            return None
        right = float(best.right[0])
        return DetectedHand(
            box=box,
            score=float(best.presence[0]),
            side=Side.RIGHT if right >= 0.5 else Side.LEFT,
            side_confidence=max(right, 1 - right),
            keypoints=best.keypoints[0],
        )
