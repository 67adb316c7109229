"""What HaMeR's own evaluation would have printed, faults included, for comparing with numbers made by it.

Its keypoint evaluator mirrors the predictions of left hands in place, so the `mode_kpl2` that is computed after it
compares mirrored predictions with unmirrored truth; its mean over joints is NaN as soon as one joint is never counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.metrics import Pck
from hint_tools.data.evaluation import EvaluationSet

Floats = npt.NDArray[np.float64]


def reference_figures(hands: EvaluationSet, keypoints_px: Floats, pck: tuple[Pck, ...]) -> dict[str, Any]:
    """`mode_kpl2` and `kpAvg_pck_...` as HaMeR's evaluation gives them, and `mode_kpl2` without its fault.

    Args:
        hands: the set.
        keypoints_px: (n, 21, 2) predicted, px of the frame.
        pck: of all counted joints, one a threshold.
    """
    figures: dict[str, Any] = {
        "mode_kpl2": _kpl2(hands, keypoints_px, mirrored=True),
        "mode_kpl2_without_the_fault": _kpl2(hands, keypoints_px, mirrored=False),
    }
    for one in pck:
        mean = float(one.per_joint.mean())
        figures[f"kpAvg_pck_{one.threshold:g}"] = mean if np.isfinite(mean) else None
    return figures


def _kpl2(hands: EvaluationSet, keypoints_px: Floats, *, mirrored: bool) -> float:
    """Mean over hands, joints and the two coordinates of confidence times squared difference.

    Coordinates run from -1 to 1 over the crop and are multiplied by how much the crop is larger than the box; so a
    squared distance in crop units counts eightfold for crops twice the box.
    """
    side = hands.crop_sides_px[:, None, None]
    center = hands.centers_px[:, None]
    left = ~hands.right[:, None]
    predicted, truth = (keypoints_px - center) / side, (hands.keypoints_2d - center) / side
    # the crop is a mirrored one: truth is mirrored with it, and so is the prediction unless the fault undid it
    truth[..., 0] = np.where(left, -truth[..., 0], truth[..., 0])
    if not mirrored:
        predicted[..., 0] = np.where(left, -predicted[..., 0], predicted[..., 0])
    confidence = hands.hands.hand_keypoints_2d[hands.rows, :, 2]
    squared = np.square(2 * hands.rescale * (predicted - truth)).mean(axis=-1)
    return float((confidence * squared).mean(axis=1).mean())
