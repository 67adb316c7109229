"""Settings of `hint qc` and `hint qc sigma`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from hint_tools.store.config import StageConfig

_MISTAKES: dict[str, Any] = {"panel": "What counts as a mistake, and what is looked at again"}
_REPORT: dict[str, Any] = {"panel": "Report and intervals"}
_GATES: dict[str, Any] = {"panel": "Gates: exit code 1 where one is missed"}


class QcConfig(StageConfig):
    """How strict the checks are, and when the command fails."""

    identity_gain: float = Field(
        default=25.0,
        gt=0,
        description="Fall of the sum of d²/σ² from which on renamed fingers explain an answer better; "
        "25 is five standard deviations: no false alarm in 60,000 clean pairs of benchmarks/qc.py.",
        json_schema_extra=_MISTAKES,
    )
    shift_alarms: float = Field(
        default=0.0006,
        gt=0,
        lt=1,
        description="Part of the clean hands that may be said to have a finger labelled one joint too far; how much "
        "likelier than not that must be to be said follows from it and from how much this round's annotators err.",
        json_schema_extra=_MISTAKES,
    )
    queue_z: float = Field(
        default=5.0,
        gt=0,
        description="Distance of two annotators at one joint, in standard deviations, from which on a hand is looked "
        "at again.",
        json_schema_extra=_MISTAKES,
    )
    queue_chance: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Chance that an answer holds a mistake from which on a hand is looked at again, however near the "
        "answers are.",
        json_schema_extra=_MISTAKES,
    )
    disagreed_joints: int = Field(
        default=6,
        ge=1,
        description="Joints on which no two annotators are within --queue-z of each other that make a hand one "
        "without a consensus: it is neither fitted nor released.",
        json_schema_extra=_MISTAKES,
    )
    experts: tuple[str, ...] = Field(
        default=(),
        description="Annotators whose answers decide: their hands are the gold ones the others are tested on.",
    )
    earlier: tuple[Path, ...] = Field(
        default=(),
        description="Earlier rounds this one is compared with, oldest first: project folders in which `hint qc` has "
        "run, or their qc/qc.json. Repeatable.",
        json_schema_extra=_REPORT,
    )
    rubber_stamp_px: float = Field(
        default=0.05,
        gt=0,
        description="Joints closer than this to the pre-label count as untouched (round trips err by less).",
        json_schema_extra=_MISTAKES,
    )
    missed_joints: int = Field(
        default=3,
        ge=1,
        description="Joints one annotator calls visible and all others occluded that make a finding of a hand.",
        json_schema_extra=_MISTAKES,
    )
    bootstrap: int = Field(
        default=1000,
        ge=50,
        description="Resamples of images behind every confidence interval.",
        json_schema_extra=_REPORT,
    )
    seed: int = Field(default=0, ge=0, description="Seed of the resamples.", json_schema_extra=_REPORT)
    report_hands: int = Field(
        default=24,
        ge=0,
        description="Hands shown with pictures on a page: of the queue, and of mistakes.",
        json_schema_extra=_REPORT,
    )
    report_pages: int = Field(
        default=5,
        ge=1,
        description="Files the queue's pictures may fill, with --report-hands hands each.",
        json_schema_extra=_REPORT,
    )
    max_flagged: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Largest part of the hands that may be in the queue, such as 0.1.",
        json_schema_extra=_GATES,
    )
    max_disagreed: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Largest part of the hands that may be without a consensus.",
        json_schema_extra=_GATES,
    )
    min_within_palm: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Least part of the visible joints two people place within a quarter of the palm of each other; "
        "HInt's own annotators reach 0.946.",
        json_schema_extra=_GATES,
    )
    min_occlusion_ac1: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="Least agreement on which joints are hidden (Gwet's AC1: 1 always, 0 as if by guessing).",
        json_schema_extra=_GATES,
    )


class SigmaConfig(StageConfig):
    """Settings of `hint qc sigma`."""

    files: tuple[Path, ...] = Field(
        description="COCO keypoint files, one an annotator; or one file whose annotations say `annotator`.",
        json_schema_extra={"argument": True},
    )
    out: Path = Field(default=Path("coco_sigmas.json"), description="Where the figures are written.")
    field: str = Field(
        default="keypoints",
        description="Field of the annotations that holds the joints, such as COCO-WholeBody's lefthand_kpts.",
    )
    scale: Literal["area", "joints"] = Field(
        default="area",
        description="What distances are divided by, squared: the object's area in the file, as COCO does, or that of "
        "the box around its joints; COCO-WholeBody's area is the whole person's.",
    )
    bootstrap: int = Field(default=2000, ge=50, description="Resamples of pictures behind every interval.")
    seed: int = Field(default=0, ge=0, description="Seed of the resamples.")
