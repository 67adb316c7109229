"""What a release says of every hand, beyond the published HInt's JSON: the record, its table, the folder's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Bools, Floats, Ints, Record, Split, Visibility, array
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.store.tables import Table

Names = npt.NDArray[np.str_]

ANNOTATIONS_FILE: Final = "annotations.parquet"
RELEASE_FILE: Final = "release.json"
EVAL_FOLDER: Final = "eval"
RELEASE_FORMAT: Final = 1
"""Of the release folder; raised with a migration."""

WEIGHT_TOLERANCE: Final = 0.05
"""Of the hand's size: the strictest PCK threshold, so a joint known better than that has a weight above 1/2."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotation(Record):
    """One hand of a release."""

    hand_id: str
    frame_id: str
    source: str
    split: str
    image: str
    """Path below the release, with forward slashes; the JSON stands beside it."""
    image_included: bool
    image_sha256: str
    pixel_sha256: str
    width_px: int
    height_px: int
    video: str
    clip: str
    participant: str
    frame_index: int
    time_s: float
    origin: str
    action: str
    frame_type: str
    licence: str
    redistributable: bool
    side: str
    side_agreement: float
    box: Floats = array(4)
    """x0, y0, x1, y1 in px of the frame."""
    keypoints: Floats = array(N_JOINTS, 2)
    visibility: Ints = array(N_JOINTS, dtype="int8")
    visible_probability: Floats = array(N_JOINTS)
    covariance: Floats = array(N_JOINTS, 2, 2)
    """Of the keypoints, px squared."""
    weight: Floats = array(N_JOINTS)
    """In [0, 1]; see `joint_weights`."""
    n_submissions: int
    disagreement: float
    global_orient: Floats | None = array(3, optional=True)
    """MANO parameters of an accepted fit, for the hand's own side (`core.records.Fit`); None without one."""
    hand_pose: Floats | None = array(45, optional=True)
    betas: Floats | None = array(10, optional=True)
    transl: Floats | None = array(3, optional=True)
    camera: Floats | None = array(3, optional=True)
    """Focal length and principal point (x, y) the fit was made with, px."""
    keypoints_fit: Floats | None = array(N_JOINTS, 2, optional=True)
    """The fit's joints, projected, px of the frame."""
    keypoints_3d: Floats | None = array(N_JOINTS, 3, optional=True)
    """The fit's joints in the camera, m."""
    sd_mm: Floats | None = array(N_JOINTS, optional=True)
    """Standard deviation of each of them relative to the wrist."""
    hand_model: str = ""
    """Name and digest of the model the fit was made with; empty without a fit."""


ANNOTATIONS: Final = Table("annotations", Annotation, "hand_id", RELEASE_FORMAT, "hint release build")


def joint_weights(covariance: Floats, visibility: Ints, scale_px: float | Floats) -> Floats:
    """Weights (..., 21) in [0, 1]: t² / (t² + σ²), and 0 where a joint could not be annotated.

    σ² is the mean variance of the two coordinates, t is `WEIGHT_TOLERANCE` times the hand's size: an exactly known
    joint weighs 1, one known to t weighs 1/2.

    Args:
        covariance: (..., 21, 2, 2), px squared.
        visibility: (..., 21).
        scale_px: (...) size of the hand.
    """
    variance = np.trace(covariance, axis1=-2, axis2=-1) / 2
    tolerance = (WEIGHT_TOLERANCE * np.asarray(scale_px, dtype=np.float64)[..., None]) ** 2
    total = tolerance + np.maximum(variance, 0)
    weight = np.divide(np.broadcast_to(tolerance, total.shape), total, out=np.zeros_like(total), where=total > 0)
    return np.where(visibility == Visibility.NOT_ANNOTATABLE, 0.0, weight)


def counted_joints(visibility: Ints) -> dict[str, Bools]:
    """For `all`, `vis` and `occ`, which joints (..., 21) take part in evaluation."""
    return {
        "all": visibility != Visibility.NOT_ANNOTATABLE,
        "vis": visibility == Visibility.VISIBLE,
        "occ": visibility == Visibility.OCCLUDED,
    }


def image_folder(split: str, source: str) -> str:
    """The published HInt's folder of a split of a source: `TEST_newdays_img`."""
    return f"{Split(split).name}_{source}_img"


def parse_image_folder(name: str) -> tuple[Split, str] | None:
    """Split and source of such a folder's name; None for any other name."""
    head, _, rest = name.partition("_")
    source = rest.removesuffix("_img")
    if head not in Split.__members__ or source in ("", rest):
        return None
    return Split[head], source


def eval_file(split: str, source: str, subset: str) -> str:
    """Path below the release of an evaluation file: `eval/TEST_newdays_img_vis.npz`."""
    return f"{EVAL_FOLDER}/{image_folder(split, source)}_{subset}.npz"
