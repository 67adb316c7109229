"""Settings of `hint fit`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hint_tools.store.config import StageConfig


class FitConfig(StageConfig):
    """Which hand model is fitted, how far it is trusted, and when a fit is accepted."""

    mano: Path | None = Field(
        default=None,
        description="Your licensed MANO_RIGHT.pkl, or its folder; else $HINT_MANO, else the open hand supplied.",
    )
    focal_px: float | None = Field(
        default=None, gt=0, description="Focal length of every frame, px; where not given, focal_factor decides."
    )
    focal_factor: float = Field(
        default=1.1,
        gt=0,
        description="Focal length over the frame's longer side where focal_px is not given. Between telephones (0.75) "
        "and long lenses; too long costs less than too short (x1.5: 2 %, x0.5: 20 % more error).",
    )
    sigma_visible: float = Field(
        default=0.012,
        gt=0,
        description="Least standard deviation of a visible keypoint, in units of the hand's size; added to the "
        "annotators' own spread.",
    )
    sigma_occluded: float = Field(
        default=0.045, gt=0, description="The same for an occluded keypoint, which is a best guess."
    )
    robust: float = Field(
        default=4.0, gt=0, description="Standard deviations from which on a keypoint is doubted (Cauchy loss)."
    )
    pose_weight: float = Field(
        default=0.4,
        gt=0,
        description="Trust in the model's own statistics of poses: 1 as they are; less, since hands that hold things "
        "are posed more freely.",
    )
    shape_weight: float = Field(default=1.0, gt=0, description="Trust in the model's own statistics of shapes.")
    components: int = Field(default=30, ge=1, le=45, description="Principal directions of finger poses to use.")
    hypotheses: int = Field(default=6, ge=1, le=32, description="Starting points per hand.")
    min_joints: int = Field(default=8, ge=4, le=21, description="A hand with fewer usable keypoints is not fitted.")
    max_residual: float = Field(
        default=0.05,
        gt=0,
        description="Accepted up to this root-mean-square distance of visible keypoints, in units of the hand's size.",
    )
    max_sd_mm: float = Field(
        default=15.0, gt=0, description="Accepted up to this mean standard deviation of the joints."
    )
    min_gap: float = Field(
        default=4.0, ge=0, description="Accepted only when the best hand leads the next different one by this cost."
    )
    max_pose: float = Field(
        default=6.0, gt=0, description="Accepted up to this mean square of the whitened pose (1 is typical)."
    )
    max_shape: float = Field(
        default=3.0, gt=0, description="Accepted up to this mean square of the shape (1 is typical)."
    )
    keep_covariance: bool = Field(
        default=True, description="Keep the covariance of all 61 parameters, 30 kB a hand before compression."
    )
    batch: int = Field(default=512, ge=1, description="Hands fitted at once.")
    report_hands: int = Field(default=24, ge=0, description="Hands shown with pictures in the report.")
