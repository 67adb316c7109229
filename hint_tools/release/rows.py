"""The rows of `annotations.parquet` and of the evaluation files, made from what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from hint_tools.core.geometry import box_center, box_size
from hint_tools.core.records import Bools, Fit, Floats, Side, Visibility
from hint_tools.data.annotations import Annotation, counted_joints, eval_file, joint_weights
from hint_tools.formats.hamer_npz import SUBSETS, HamerSet, encode
from hint_tools.release.select import Taken


def annotation(taken: Taken, *, image: str, included: bool, source: str) -> Annotation:
    """The row of one hand.

    Args:
        taken: the hand.
        image: path of its picture below the release.
        included: the picture is put in.
        source: what the source is called in the release.
    """
    frame, hand, consensus = taken.frame, taken.hand, taken.consensus
    unknown = consensus.visibility == Visibility.NOT_ANNOTATABLE
    return Annotation(
        hand_id=hand.hand_id,
        frame_id=frame.frame_id,
        source=source,
        split=frame.split,
        image=image,
        image_included=included,
        image_sha256=frame.sha256,
        pixel_sha256=frame.pixel_sha256,
        width_px=frame.width_px,
        height_px=frame.height_px,
        video=frame.video,
        clip=frame.clip,
        participant=frame.participant,
        frame_index=frame.frame_index,
        time_s=frame.time_s,
        origin=frame.origin,
        action=hand.action,
        frame_type=hand.frame_type,
        licence=frame.licence,
        redistributable=frame.redistributable,
        side=consensus.side,
        side_agreement=consensus.side_agreement,
        box=consensus.box,
        keypoints=_finite(consensus.keypoints, unknown),
        visibility=consensus.visibility,
        visible_probability=consensus.visible_probability,
        covariance=_finite(consensus.covariance, unknown),
        weight=joint_weights(consensus.covariance, consensus.visibility, consensus.scale_px),
        n_submissions=consensus.n_submissions,
        disagreement=consensus.disagreement,
        **_of_fit(taken.fit),
    )


def _finite(values: Floats, unknown: Bools) -> Floats:
    """`values` (21, ...) with zeros for NaN where a joint could not be annotated: 0 weight times NaN is NaN."""
    meaningless = unknown.reshape(-1, *([1] * (values.ndim - 1))) & ~np.isfinite(values)
    return np.where(meaningless, 0.0, values)


def _of_fit(fit: Fit | None) -> dict[str, Any]:
    if fit is None:
        return {}
    return {
        "global_orient": fit.global_orient,
        "hand_pose": fit.hand_pose,
        "betas": fit.betas,
        "transl": fit.transl,
        "camera": np.array([fit.focal_px, *fit.principal_point]),
        "keypoints_fit": fit.keypoints,
        "keypoints_3d": fit.keypoints_3d,
        "sd_mm": fit.sd_mm,
        "hand_model": fit.hand_model,
    }


def evaluation_files(rows: Sequence[Annotation]) -> Mapping[str, bytes]:
    """Path below the release -> bytes of HaMeR's evaluation files, three a split and source."""
    groups: dict[tuple[str, str], list[Annotation]] = {}
    for row in sorted(rows, key=lambda r: r.image):
        groups.setdefault((row.split, row.source), []).append(row)
    return {
        eval_file(split, source, subset): encode(hamer_set(group, subset))
        for (split, source), group in sorted(groups.items())
        for subset in SUBSETS
    }


def hamer_set(rows: Sequence[Annotation], subset: str) -> HamerSet:
    """HaMeR's evaluation arrays of `rows`; the confidences select the joints of `subset` (`all`, `vis`, `occ`).

    3D joints and MANO parameters are those of accepted fits, for the hands' own sides, as HaMeR's loader expects.
    """
    boxes = np.stack([r.box for r in rows])
    counted = counted_joints(np.stack([r.visibility for r in rows]))[subset]
    fitted = np.array([r.keypoints_3d is not None for r in rows], dtype=np.float32)
    three: dict[str, Any] = {}
    if fitted.any():
        three = {
            "hand_keypoints_3d": np.stack([_points_3d(r) for r in rows]).astype(np.float32),
            "hand_pose": np.stack([_pose(r) for r in rows]).astype(np.float32),
            "betas": np.stack([np.zeros(10) if r.betas is None else r.betas for r in rows]).astype(np.float32),
            "has_hand_pose": fitted,
            "has_betas": fitted,
        }
    return HamerSet(
        imgname=np.array([PurePosixPath(r.image).name for r in rows], dtype=np.str_),
        center=box_center(boxes),
        scale=box_size(boxes),
        right=np.array([r.side == Side.RIGHT for r in rows], dtype=np.float32),
        hand_keypoints_2d=np.concatenate([np.stack([r.keypoints for r in rows]), counted[..., None]], axis=2),
        **three,
    )


def _points_3d(row: Annotation) -> Floats:
    if row.keypoints_3d is None:
        return np.zeros((21, 4))
    return np.column_stack([row.keypoints_3d, np.ones(21)])


def _pose(row: Annotation) -> Floats:
    if row.global_orient is None or row.hand_pose is None:
        return np.zeros(48)
    return np.concatenate([row.global_orient, row.hand_pose])
