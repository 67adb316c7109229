"""Settings of `hint sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from hint_tools.parallel.config import EngineConfig
from hint_tools.sample.quota import parse_quota

_ONLY = {
    "folder": ("boxes", "every_s", "licence", "redistributable", "metadata"),
    "ego4d": ("per_action", "mode", "min_run"),
    "hands23": ("subset",),
}
"""Settings that mean something for one source alone."""

Level = Literal["source", "participant", "video", "action", "frame_type", "side", "contact", "size"]


class SampleConfig(EngineConfig):
    """Which frames to take, and from where."""

    source: Literal["folder", "hands23", "epic", "ego4d"] = Field(description="What lies at --root.")
    root: str | Path = Field(description="Folder of the dataset, or of pictures and videos; or its URL (s3://, gs://).")
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$",
        description="Name of this source in the tables; a second folder needs its own. Default: the source's kind.",
    )
    n: int | None = Field(
        default=None, ge=1, description="Number of frames wanted (of runs, with --mode seq). Default: all there are."
    )
    seed: int = Field(default=0, description="Another seed, another choice.")
    boxes: Path | None = Field(
        default=None, description="COCO file with hand boxes of the folder's pictures (file names relative to --root)."
    )
    every_s: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Folder: one candidate frame in so many seconds of video."
    )
    subset: Literal["all", "newdays", "epick", "coco", "articulation"] = Field(
        default="all", description="Hands23: which of its collections."
    )
    mode: Literal["img", "seq"] = Field(
        default="img", description="Ego4D: single critical frames, or runs of one hand up to contact."
    )
    per_action: int = Field(default=1, ge=1, description="Ego4D: critical frames to take from each action.")
    min_run: int = Field(default=5, ge=2, le=5, description="Ego4D, --mode seq: least frames of a run.")
    one_hand: bool = Field(default=False, description="Take one hand of each frame, as HInt does.")
    min_hand_px: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Leave out hands whose box's longer side is shorter."
    )
    contact: tuple[str, ...] = Field(
        default=(), description="Contact states to take (object_contact...). Default: all."
    )
    frame_types: tuple[str, ...] = Field(
        default=(), description="Critical frames to take (pnr_frame...). Default: all."
    )
    whole: bool = Field(default=False, description="Leave out hands whose box touches the picture's border.")
    min_sharpness: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Leave out crops less sharp than this share of the median."
    )
    max_clipped: float = Field(
        default=1.0, gt=0, le=1, description="Leave out crops of which a larger share is black or white."
    )
    min_gap_s: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Least time between two frames of one video."
    )
    duplicate_bits: int | None = Field(
        default=None,
        ge=0,
        le=16,
        description="Leave out hands whose crop's 64-bit hash differs in at most so many bits.",
    )
    balance: tuple[Level, ...] = Field(
        default=("video",), description="Draw in turn from each value of these, the first outermost."
    )
    quota: tuple[str, ...] = Field(default=(), description="At most so many frames: video=20, side:left=500.")
    diversity: float = Field(
        default=1.0, ge=1, allow_inf_nan=False, description="Draw so many times --n, keep the most different crops."
    )
    splits: Literal["grouped", "official"] = Field(
        default="grouped", description="By whole participants and videos, or as the source's owners split it."
    )
    val_fraction: float = Field(default=0.1, ge=0, lt=1, description="Share of frames for validation, by whole videos.")
    test_fraction: float = Field(default=0.1, ge=0, lt=1, description="Share of frames for testing, by whole videos.")
    repeats: int = Field(default=0, ge=0, description="Hands to have annotated twice, to measure annotators.")
    keep: bool = Field(default=False, description="Root at a URL: keep fetched videos in .hint/cache for the next run.")
    cache_gb: float = Field(
        default=20.0, gt=0, allow_inf_nan=False, description="Root at a URL: most that fetched videos may take up."
    )
    explain: bool = Field(default=False, description="Write sample/explain.csv: every hand, taken or not, and why.")
    licence: str = Field(default="unknown", min_length=1, description="Folder: licence of the pictures.")
    redistributable: bool = Field(default=False, description="Folder: that licence lets the pictures be passed on.")

    metadata: bool = Field(
        default=False, description="Folder: keep what cameras write into pictures (place, time, serial numbers)."
    )

    @property
    def leaves_out_metadata(self) -> bool:
        """Whether pictures are stored without it: people's own pictures say where they live."""
        return self.source == "folder" and not self.metadata

    @property
    def label(self) -> str:
        """What the tables call this source."""
        return self.name or self.source

    @property
    def looks_at_crops(self) -> bool:
        """Whether anything is decided by how a hand looks."""
        return self.min_sharpness > 0 or self.max_clipped < 1 or self.duplicate_bits is not None or self.diversity > 1

    @field_validator("quota")
    @classmethod
    def _quotas(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_quota(text)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction and test_fraction together must leave something to train on")
        for source, names in _ONLY.items():
            foreign = sorted(self.model_fields_set & set(names))
            if source != self.source and foreign:
                raise ValueError(f"{', '.join(foreign)}: only for source {source}, got source {self.source}")
        if self.diversity > 1 and self.n is None:
            raise ValueError("diversity: needs n, the number to keep")
        if self.mode == "seq" and self.diversity > 1:
            raise ValueError("diversity: would tear the runs of mode seq apart")
        return self
