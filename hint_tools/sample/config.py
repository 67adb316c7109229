"""Settings of `hint sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from hint_tools.store.config import StageConfig

_ONLY = {
    "folder": ("boxes", "every_s", "licence", "redistributable"),
    "ego4d": ("per_action",),
}
"""Settings that mean something for one source alone."""


class SampleConfig(StageConfig):
    """Which frames to take, and from where."""

    source: Literal["folder", "ego4d"] = Field(description="What lies at --root.")
    root: Path = Field(description="Folder of the dataset, or of pictures and videos.")
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$",
        description="Name of this source in the tables; a second folder needs its own. Default: the source's kind.",
    )
    n: int | None = Field(default=None, ge=1, description="Number of frames wanted. Default: all there are.")
    seed: int = Field(default=0, description="Another seed, another choice.")
    boxes: Path | None = Field(
        default=None, description="COCO file with hand boxes of the folder's pictures (file names relative to --root)."
    )
    every_s: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Folder: one candidate frame in so many seconds of video."
    )
    per_action: int = Field(default=1, ge=1, description="Ego4D: critical frames to take from each action.")
    min_hand_px: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Leave out hands whose box's longer side is shorter."
    )
    val_fraction: float = Field(default=0.1, ge=0, lt=1, description="Share of frames for validation, by whole videos.")
    test_fraction: float = Field(default=0.1, ge=0, lt=1, description="Share of frames for testing, by whole videos.")
    licence: str = Field(default="unknown", min_length=1, description="Folder: licence of the pictures.")
    redistributable: bool = Field(default=False, description="Folder: that licence lets the pictures be passed on.")

    @property
    def label(self) -> str:
        """What the tables call this source."""
        return self.name or self.source

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction and test_fraction together must leave something to train on")
        for source, names in _ONLY.items():
            foreign = sorted(self.model_fields_set & set(names))
            if source != self.source and foreign:
                raise ValueError(f"{', '.join(foreign)}: only for source {source}, got source {self.source}")
        return self
