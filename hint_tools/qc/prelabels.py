"""The pre-labels people began from: which answers are nothing but theirs, and where they have each hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Prediction
from hint_tools.qc.panel import ABSENT, Panel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def untouched_joints(panel: Panel, predictions: Mapping[str, Prediction], near_px: float) -> tuple[Bools, Bools]:
    """(H, A, 21) joints an answer left where its pre-label had them, and joints that could be compared."""
    labels = np.full(panel.keypoints.shape, np.nan)
    for hand, row in enumerate(panel.submissions):
        for slot, answer in enumerate(row):
            label = predictions.get(answer.prediction_id) if answer is not None else None
            if label is not None:
                labels[hand, slot] = label.keypoints
    away = np.linalg.norm(panel.keypoints - labels, axis=-1)
    compared = np.isfinite(away)
    return compared & (np.where(compared, away, 0.0) <= near_px), compared


def untouched_answers(panel: Panel, predictions: Mapping[str, Prediction], near_px: float) -> npt.NDArray[np.int64]:
    """(H, A) 1 where an answer equals its pre-label in every joint, 0 where not, `ABSENT` without pre-label."""
    untouched, compared = untouched_joints(panel, predictions, near_px)
    moved = (compared & ~untouched).any(axis=-1)
    return np.where(compared.any(axis=-1), np.where(moved, 0, 1), ABSENT).astype(np.int64)


def prelabelled_joints(panel: Panel, predictions: Mapping[str, Prediction]) -> Floats:
    """(H, 21, 2) px: where the pre-label has each hand; NaN without one.

    It is the one the first answer began from; else, where nobody was shown any, the last one there is by id.
    """
    own = {p.hand_id: p for _, p in sorted(predictions.items())}
    found = np.full((len(panel.hand_ids), *panel.keypoints.shape[2:]), np.nan)
    for hand, (hand_id, row) in enumerate(zip(panel.hand_ids, panel.submissions, strict=True)):
        shown = (predictions.get(a.prediction_id) for a in row if a is not None and a.prediction_id)
        label = next((p for p in shown if p is not None and p.hand_id == hand_id), own.get(hand_id))
        if label is not None:
            found[hand] = label.keypoints
    return found
