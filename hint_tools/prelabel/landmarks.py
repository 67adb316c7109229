"""The 21 joints in a turned square of a frame, read by the embedded hand landmark network.

The network answers 21 points of its 224 px square, whether there is a hand at all (presence), and which
side the hand is. Its joint order is this project's. Sources: the landmark options published with
MediaPipe's hand solution (Apache-2.0) and "MediaPipe Hands" (Zhang et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.core.geometry import Floats
from hint_tools.core.skeleton import JOINT_INDEX, N_JOINTS
from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.roi import REPLICATE, Rgb, Roi, shifted, upright_angle

CROP_PX = 224
REGION_SCALE = 2.0
REGION_SHIFT = -0.1
"""Of the region's height, towards the fingers."""

_WRIST = JOINT_INDEX["wrist"]
_INDEX, _MIDDLE, _RING = (JOINT_INDEX[f"{finger}_mcp"] for finger in ("index", "middle", "ring"))
_REGION_JOINTS = [
    _WRIST,
    *(JOINT_INDEX[f"thumb_{joint}"] for joint in ("cmc", "mcp", "ip")),
    *(JOINT_INDEX[f"{finger}_{joint}"] for finger in ("index", "middle", "ring", "pinky") for joint in ("mcp", "pip")),
]
"""Joints that bound the next region: without the outer ones, which move most."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The network's answers for n squares.

    Args:
        keypoints: (n, 21, 2) px of the frame.
        presence: (n,) that a hand is there, in [0, 1].
        right: (n,) that it is an anatomical right hand of a picture that is not mirrored, in [0, 1].
    """

    keypoints: Floats
    presence: Floats
    right: Floats


def hand_axis(keypoints: Floats) -> float:
    """Rotation of a crop in which the hand (21, 2) points up: wrist to the middle of the finger bases."""
    bases = ((keypoints[_INDEX] + keypoints[_RING]) / 2 + keypoints[_MIDDLE]) / 2
    return upright_angle(keypoints[_WRIST], bases)


def hand_region(keypoints: Floats) -> Roi:
    """The square in which to look at the hand (21, 2) again, with the fingers up."""
    rotation = hand_axis(keypoints)
    cos, sin = np.cos(rotation), np.sin(rotation)
    turn = np.array([[cos, -sin], [sin, cos]])  # the crop's axes, as columns, in the frame
    inner = keypoints[_REGION_JOINTS] @ turn
    low, high = inner.min(axis=0), inner.max(axis=0)
    width, height = high - low
    centered = Roi(turn @ ((low + high) / 2), float(height), rotation)
    return Roi(shifted(centered, 0.0, REGION_SHIFT).center, float(max(width, height)) * REGION_SCALE, rotation)


class LandmarkReader:
    """Reads joints out of squares.

    Args:
        network: the landmark network.
    """

    def __init__(self, network: OnnxNetwork) -> None:
        self._network = network

    def crops(self, image: Rgb, regions: Sequence[Roi]) -> np.typing.NDArray[np.float32]:
        """The network's input (n, 224, 224, 3) for n squares, in [0, 1]."""
        made = np.stack([region.crop(image, CROP_PX, REPLICATE) for region in regions])
        return made.astype(np.float32) / np.float32(255)

    def read(self, image: Rgb, regions: Sequence[Roi]) -> Readings:
        """The joints in each of n >= 1 squares.

        Args:
            image: uint8 RGB (H, W, 3).
            regions: the squares.
        """
        outputs = self._network(self.crops(image, regions))
        in_crop = outputs["Identity"].reshape(-1, N_JOINTS, 3)[:, :, :2].astype(np.float64)
        placed = [region.to_frame(points, CROP_PX) for region, points in zip(regions, in_crop, strict=True)]
        return Readings(
            np.stack(placed),
            outputs["Identity_1"][:, 0].astype(np.float64),
            outputs["Identity_2"][:, 0].astype(np.float64),
        )
