"""Settings of `hint predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from hint_tools.store.config import StageConfig


class PredictConfig(StageConfig):
    """Which network looks at which pictures, and what is written."""

    checkpoint: Path = Field(
        description="Checkpoint: ours, HaMeR's, a state dict or safetensors.", json_schema_extra={"argument": True}
    )
    images: tuple[Path, ...] = Field(
        default=(), description="Pictures, or folders of them.", json_schema_extra={"argument": True}
    )
    release: Path | None = Field(default=None, description="Release, or published HInt, whose hands to predict.")
    split: Literal["train", "val", "test"] = Field(default="test", description="Split of the release.")
    sources: tuple[str, ...] = Field(default=(), description="Only these sources of the release; default: all.")
    on_missing: Literal["error", "skip"] = Field(
        default="error", description="What to do about hands of the release whose images are not there."
    )
    boxes: Path | None = Field(default=None, description="Where the hands are: a COCO file; default: a detector.")
    out: Path = Field(
        default=Path("predictions"),
        description="Folder to write to, a folder a picture in it; default: in the project.",
        json_schema_extra={"output": True},
    )
    focal_px: float | None = Field(
        default=None, gt=0, description="Focal length of the camera that took the pictures; default: HaMeR's guess."
    )
    principal_point: tuple[float, float] | None = Field(
        default=None, description="Where the camera's axis meets the picture, x and y in px; default: the middle."
    )
    crop: Literal["evaluation", "demo"] = Field(
        default="evaluation",
        description="How boxes become crops: as in training and evaluation here, or as in HaMeR's demo (up to 4/3 "
        "larger, smoothed).",
    )
    unknown_side: Literal["right", "left"] = Field(
        default="right", description="Taken for hands whose side neither the boxes nor the detector tell."
    )
    mesh: Literal["both", "obj", "glb", "none"] = Field(default="both", description="Mesh files to write.")
    overlay: bool = Field(default=True, description="Write overlay.png and side.png.")
    detector: Literal["auto", "mediapipe", "mmdet", "none"] = Field(
        default="auto", description="What looks for hands; auto: mmdet where its files are given."
    )
    detector_config: Path | None = Field(
        default=None, description="[mmdet] Detector config: a file, or the name of one that ships with MMPose."
    )
    detector_checkpoint: Path | None = Field(default=None, description="[mmdet] The detector's weights.")
    detection_threshold: float = Field(default=0.5, ge=0, le=1, description="Lowest score of a hand to take.")
    max_hands: int = Field(default=4, ge=1, description="Most hands to take from one picture.")
    tiles: bool = Field(
        default=False, description="[mediapipe] Look for small hands too, in parts of the picture: 5 times slower."
    )
    mano: Path | None = Field(
        default=None, description="Hand model for checkpoints that carry none; default $HINT_MANO, else the open hand."
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32", description="Numbers of the backbone; head and hand model always use 32 bits."
    )
    compile: bool = Field(default=False, description="Compile the backbone first: pays off from some hundred hands.")
    batch_size: int = Field(default=16, ge=1, description="Hands of a picture at a time.")
    device: str = Field(default="cpu", description="cpu, cuda, cuda:1, mps.")
    threads: int = Field(default=2, ge=1, le=64, description="Processor cores the networks may use.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.images) == (self.release is not None):
            raise ValueError("expected either pictures or a release (--release DIR)")
        if self.release is not None and self.boxes is not None:
            raise ValueError("a release brings its boxes: leave out --boxes")
        return self

    def finds_hands(self) -> bool:
        """Whether a detector looks for the hands."""
        return self.release is None and self.boxes is None
