"""Which answers are nothing but their pre-label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Prediction
from hint_tools.qc.panel import ABSENT, Panel


def untouched_answers(panel: Panel, predictions: Mapping[str, Prediction], near_px: float) -> npt.NDArray[np.int64]:
    """(H, A) 1 where an answer equals its pre-label in every joint, 0 where not, `ABSENT` without pre-label."""
    labels = np.full(panel.keypoints.shape, np.nan)
    for hand, row in enumerate(panel.submissions):
        for slot, answer in enumerate(row):
            label = predictions.get(answer.prediction_id) if answer is not None else None
            if label is not None:
                labels[hand, slot] = label.keypoints
    away = np.linalg.norm(panel.keypoints - labels, axis=-1)
    compared = np.isfinite(away)
    moved = (np.where(compared, away, 0.0) > near_px).any(axis=-1)
    return np.where(compared.any(axis=-1), np.where(moved, 0, 1), ABSENT).astype(np.int64)
