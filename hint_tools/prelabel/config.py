"""Settings of `hint prelabel`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from hint_tools.store.config import StageConfig


class PrelabelConfig(StageConfig):
    """Settings of `hint prelabel`; the defaults need nothing but the package index, once."""

    backend: Literal["mediapipe", "onnx", "mmpose"] = Field(
        default="mediapipe",
        description="Network that reads the joints: embedded weights, an ONNX file, or MMPose itself.",
    )
    weights: Path | None = Field(default=None, description="[onnx] RTMPose-style network: an ONNX file.")
    channels: Literal["rgb", "bgr"] = Field(default="rgb", description="[onnx] Order of the network's input channels.")
    mean: tuple[float, float, float] | None = Field(
        default=None, description="[onnx] Subtracted from the channels, 0 to 255; ImageNet's where not given."
    )
    std: tuple[float, float, float] | None = Field(
        default=None, description="[onnx] The channels are divided by it; ImageNet's where not given."
    )
    config: Path | None = Field(
        default=None, description="[mmpose] Model config: a file, or the name of one that ships with MMPose."
    )
    checkpoint: Path | None = Field(default=None, description="[mmpose] The model's weights.")
    flip_test: bool | None = Field(
        default=None,
        description="[mmpose] Average with the mirrored crop's answer; as the config says where not given.",
    )
    detector: Literal["auto", "mediapipe", "mmdet", "none"] = Field(
        default="auto",
        description="What looks for hands in frames that came without any; auto: mmdet where its files are given.",
    )
    detector_config: Path | None = Field(
        default=None, description="[mmdet] Detector config: a file, or the name of one that ships with MMPose."
    )
    detector_checkpoint: Path | None = Field(default=None, description="[mmdet] The detector's weights.")
    detection_threshold: float = Field(default=0.5, ge=0, le=1, description="Lowest score of a hand to take.")
    max_hands: int = Field(default=4, ge=1, description="Most hands to take from one frame.")
    tiles: bool = Field(
        default=False,
        description="[mediapipe] Look for hands in overlapping parts of the frame too: smaller ones, 5 times slower.",
    )
    redetect: bool = Field(
        default=False,
        description="Look again for hands where some were found before; those already sent to annotators stay.",
    )
    threads: int = Field(default=2, ge=1, le=64, description="Processor cores the networks may use.")
    download_only: bool = Field(default=False, description="Fetch the embedded weights and stop.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {
            "onnx": {"weights": self.weights},
            "mmpose": {"config": self.config, "checkpoint": self.checkpoint},
        }.get(self.backend, {})
        missing = [name for name, value in needed.items() if value is None]
        if self.resolved_detector() == "mmdet":
            given = {"detector_config": self.detector_config, "detector_checkpoint": self.detector_checkpoint}
            missing += [name for name, value in given.items() if value is None]
        if missing:
            raise ValueError(
                f"backend {self.backend} with detector {self.resolved_detector()} needs {', '.join(missing)}"
            )
        return self

    def resolved_detector(self) -> str:
        """`mediapipe`, `mmdet` or `none`."""
        if self.detector != "auto":
            return self.detector
        return "mmdet" if self.detector_config or self.detector_checkpoint else "mediapipe"
