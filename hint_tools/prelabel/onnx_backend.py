"""Any RTMPose-style hand network as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import Floats
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.prelabel.backends import HandAnswer, usable_boxes
from hint_tools.prelabel.onnx_network import Array, OnnxNetwork
from hint_tools.prelabel.roi import Rgb
from hint_tools.prelabel.simcc import decode_simcc, simcc_crop, to_frame
from hint_tools.store.manifests import file_sha256

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Red, green, blue, of values in [0, 255]: what RTMPose is trained with."""
DEFAULT_INPUT_PX = 256
"""Where the file leaves its input's size open: that of every RTMPose hand model."""


class OnnxBackend:
    """Reads the joints of given hands with an ONNX network of two SimCC outputs.

    Args:
        path: the network: input (n, 3, H, W), outputs `simcc_x` and `simcc_y`, 21 joints in our order.
        channels: order of the input's channels. MMPose's networks take RGB; tools that hand them OpenCV's
            BGR pictures get other, worse answers.
        mean: subtracted from values in [0, 255], in the order of `channels`.
        std: divided by, in the order of `channels`.
        threads: that onnxruntime may use.

    Raises:
        DataError: no such file, or another kind of network.
    """

    def __init__(
        self,
        path: Path,
        *,
        channels: Literal["rgb", "bgr"] = "rgb",
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        threads: int = 2,
    ) -> None:
        self._network = OnnxNetwork(path, threads)
        self._path = path
        shape = self._network.input_shape
        if len(shape) != 4 or shape[1] != 3:
            raise DataError(f"{path}: expected an input of shape (n, 3, height, width), got {shape}")
        self._height, self._width = (n if isinstance(n, int) else DEFAULT_INPUT_PX for n in shape[2:])
        missing = {"simcc_x", "simcc_y"} - set(self._network.output_names)
        if missing:
            got = ", ".join(self._network.output_names)
            raise DataError(
                f"{path}: expected outputs simcc_x and simcc_y, got {got}",
                hint="export an RTMPose hand model with these output names",
            )
        self._reverse = channels == "bgr"
        self._mean, self._std = np.array(mean, np.float32), np.array(std, np.float32)
        settings = (
            ""
            if (channels, tuple(mean), tuple(std)) == ("rgb", IMAGENET_MEAN, IMAGENET_STD)
            else (f":{channels}:{','.join(f'{v:g}' for v in (*mean, *std))}")
        )
        self.name = f"onnx:{path.stem}:{file_sha256(path)[:12]}{settings}"

    def predict(self, image: Rgb, boxes: Floats, sides: Sequence[str | None]) -> list[HandAnswer]:
        """One answer for each box (n, 4), with the given side; see `Backend.predict`.

        Raises:
            DataError: a box is not finite, or the network does not answer 21 joints.
        """
        return [self._answer(image, box, side) for box, side in zip(usable_boxes(boxes), sides, strict=True)]

    def network_input(self, image: Rgb, box: Floats) -> Array:
        """The normalised crop (1, 3, H, W) of a box (4,)."""
        crop = simcc_crop(image, box, self._width, self._height)
        ordered = crop[:, :, ::-1] if self._reverse else crop
        normalised = (ordered.astype(np.float32) - self._mean) / self._std
        return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None])

    def _answer(self, image: Rgb, box: Floats, side: str | None) -> HandAnswer:
        outputs = self._network(self.network_input(image, box))
        x, y = outputs["simcc_x"], outputs["simcc_y"]
        if x.shape[:2] != (1, N_JOINTS) or y.shape[:2] != (1, N_JOINTS):
            raise DataError(f"{self._path}: expected (1, 21, positions) scores, got {x.shape} and {y.shape}")
        points, scores = decode_simcc(x, y, (self._width, self._height))
        return scored_answer(to_frame(points[0], box, self._width, self._height), scores[0], side)


def scored_answer(keypoints: Floats, scores: Floats, side: str | None) -> HandAnswer:
    """The answer of a network that scores each joint (21,) and says nothing of the hand or its side.

    SimCC scores are trained towards 1 at a joint in sight; they are cut to [0, 1], and their mean stands for
    the hand.
    """
    confidence = np.clip(scores, 0.0, 1.0).astype(np.float64)
    return HandAnswer(keypoints, confidence, float(confidence.mean()), side, float("nan"))
