"""The records that travel between stages; one table each, keyed by content ids.

Arrays inside a record are checked for shape, converted to the stated dtype and made read-only.
Pixels: x right, y down, the centre of the top-left pixel is (0, 0), full frame unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.limits import read_attributes
from hint_tools.core.skeleton import N_JOINTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


class Side(StrEnum):
    """Anatomical side of a hand."""

    LEFT = "left"
    RIGHT = "right"


class Visibility(IntEnum):
    """State of one joint; the numbers are COCO's."""

    NOT_ANNOTATABLE = 0
    """Outside the image, or unknowable; its position means nothing."""
    OCCLUDED = 1
    """Hidden; the position is a best guess."""
    VISIBLE = 2


class Split(StrEnum):
    """Part of a release a hand belongs to; never shared between videos."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def array(*shape: int, dtype: str = "float64", optional: bool = False) -> Any:
    """A dataclass field that holds an array of `shape`; with `optional` it may be None (the default)."""
    metadata = {"shape": shape, "dtype": dtype, "optional": optional}
    return field(default=None, metadata=metadata) if optional else field(metadata=metadata)


class Record:
    """Base of the records: freezes and checks arrays after construction."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in fields(self):  # type: ignore[arg-type]
            if "shape" not in spec.metadata:
                continue
            value = getattr(self, spec.name)
            if value is None and spec.metadata["optional"]:
                continue
            object.__setattr__(self, spec.name, _frozen(value, spec.metadata, type(self).__name__, spec.name))


def _frozen(value: Any, metadata: Any, owner: str, name: str) -> npt.NDArray[Any]:
    shape = metadata["shape"]
    copied = np.array(value, dtype=metadata["dtype"])
    if copied.shape != shape:
        raise DataError(f"{owner}.{name}: expected shape {shape}, got {copied.shape}")
    copied.setflags(write=False)
    return copied


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame(Record):
    """One image of a source, stored in the project, with where it came from.

    `frame_index` counts from 0 in presentation order within `video`; -1 for a still image.
    """

    frame_id: str
    source: str
    video: str
    """Groups frames that must share a split: a video's id or path; for a still image its folder."""
    clip: str = ""
    participant: str = ""
    frame_index: int = -1
    time_s: float = float("nan")
    width_px: int
    height_px: int
    path: str
    """Of the stored image, relative to the project, with forward slashes."""
    sha256: str
    """Of the stored file."""
    pixel_sha256: str
    """Of the decoded picture (`media.images.pixel_sha256`), the same for every decoder that is exact."""
    origin: str
    """The file it was taken from, relative to the source's root."""
    decoder: str = ""
    licence: str = "unknown"
    redistributable: bool = False
    split: str = Split.TRAIN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hand(Record):
    """One hand in one frame: where it is, what its source says of it, and why it was taken."""

    hand_id: str
    frame_id: str
    side: str | None = None
    """`left`, `right`, or None where the source does not say."""
    box: Floats = array(4)
    """x0, y0, x1, y1 in px of the full frame."""
    box_origin: str = "source"
    """`source`, `user` or `detector`."""
    split: str = Split.TRAIN
    reason: str = ""
    action: str = ""
    frame_type: str = ""
    """Ego4D's critical-frame type, where there is one."""
    attributes: str = "{}"
    """The source's own annotations as JSON (contact state, object boxes...)."""

    @property
    def repeat_of(self) -> str:
        """Id of the hand this one repeats, to check annotators against themselves; empty for most.

        Raises:
            DataError: the attributes are no JSON object.
        """
        return str(read_attributes(self.attributes, self.hand_id).get("repeat_of", ""))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction(Record):
    """A model's answer for one hand."""

    prediction_id: str
    hand_id: str
    model: str
    """Backend, weights and version: what Label Studio shows as the model version."""
    keypoints: Floats = array(N_JOINTS, 2)
    confidence: Floats = array(N_JOINTS)
    """Per joint, in [0, 1]."""
    hand_confidence: float
    """That this is a hand at all, in [0, 1]."""
    side: str | None = None
    side_confidence: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LedgerEntry(Record):
    """One task that was sent to Label Studio."""

    task_key: str
    """Our key, in the task's `data.hint_key`."""
    hand_id: str
    server_project: int
    task_id: int
    prediction_id: str = ""
    crop: Floats = array(3)
    """x0, y0 (px of the frame) and scale of the picture the annotator sees: frame = x0 + px / scale."""
    crop_width_px: int
    crop_height_px: int
    image_sha256: str
    pushed_at: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submission(Record):
    """One annotator's answer to one task, as it stood at one moment. Never changed, only superseded."""

    submission_id: str
    hand_id: str
    task_key: str
    annotator: str
    annotation_id: int
    keypoints: Floats = array(N_JOINTS, 2, optional=True)
    """None when the hand was rejected without points, or the answer could not be read."""
    visibility: Ints = array(N_JOINTS, dtype="int8", optional=True)
    box: Floats = array(4, optional=True)
    side: str | None = None
    rejected: bool = False
    reject_reason: str = ""
    lead_time_s: float = float("nan")
    prediction_id: str = ""
    created_at: str = ""
    updated_at: str = ""
    superseded: bool = False
    """A later version of the same annotation exists, or it was deleted on the server."""
    valid: bool = True
    """It has all 21 joints, a side, and can take part in agreement; otherwise a finding says why not."""
    raw_sha256: str = ""
    """Of the annotation's JSON, kept under `submissions/raw/`."""


class Status(StrEnum):
    """How far a consensus can be relied on."""

    AGREED = "agreed"
    """Several answers, near enough to each other."""
    SINGLE = "single"
    """One answer that nothing confirms."""
    ADJUDICATED = "adjudicated"
    """A later round or an expert decided."""
    DISAGREED = "disagreed"
    """The answers don't agree enough for any conclusion: neither fitted nor released."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Consensus(Record):
    """What `qc` concludes from all submissions of a hand."""

    hand_id: str
    keypoints: Floats = array(N_JOINTS, 2)
    covariance: Floats = array(N_JOINTS, 2, 2)
    """Of the consensus position, px squared."""
    visibility: Ints = array(N_JOINTS, dtype="int8")
    visible_probability: Floats = array(N_JOINTS)
    side: str
    side_agreement: float
    box: Floats = array(4)
    scale_px: float
    """Size every distance was divided by: square root of the consensus box's area."""
    n_submissions: int
    rejected: bool = False
    reject_reason: str = ""
    disagreement: float = float("nan")
    """Largest per-joint spread in units of `scale_px`."""
    status: str = Status.AGREED


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit(Record):
    """MANO parameters of one hand in the camera of the full frame (x right, y down, z forward, metres).

    Axis-angle in radians, relative to the flat hand (no mean pose added), for the hand's own side:
    a left hand's parameters belong to the left model, which is the right one mirrored in x.
    """

    hand_id: str
    side: str
    global_orient: Floats = array(3)
    hand_pose: Floats = array(45)
    betas: Floats = array(10)
    transl: Floats = array(3)
    """Added to the posed vertices and joints, m."""
    focal_px: float
    principal_point: Floats = array(2)
    keypoints: Floats = array(N_JOINTS, 2)
    """Projected joints, px of the frame."""
    keypoints_3d: Floats = array(N_JOINTS, 3)
    residual_px: Floats = array(N_JOINTS)
    """Distance to the fitted keypoints; NaN where the joint took no part."""
    sd_mm: Floats = array(N_JOINTS)
    """Standard deviation of each 3D joint relative to the wrist, from the fit's covariance."""
    covariance: Floats = array(61, 61, optional=True)
    """Of (global_orient, hand_pose, betas, transl) tangent parameters; see `fit.solver`."""
    cost: float
    cost_gap: float = float("nan")
    """Cost of the second-best hypothesis minus the best one's."""
    accepted: bool
    reason: str = ""
    """Why it was not accepted; empty when it was."""
    hand_model: str
    """Name and digest of the hand model file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueueItem(Record):
    """A hand to look at again, and why."""

    hand_id: str
    rank: int
    """From 1; among hands of like chance clips take turns."""
    score: float
    """Chance that an answer to it holds a mistake, 0 to 1."""
    reason: str
    """In words; annotators' names stand in “…”, so that they can be left out (`core.quoted_names`)."""
