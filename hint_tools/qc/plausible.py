"""What looks wrong in an answer without another to compare it with. Hints, not proofs: none is a mistake by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Fit, Frame, Hand, Prediction
from hint_tools.core.skeleton import BONES
from hint_tools.qc.elsewhere import asked_boxes, in_one_place
from hint_tools.qc.mistakes import Mistake, named
from hint_tools.qc.panel import ABSENT, SIDES, Panel
from hint_tools.qc.wording import percent, several, spoken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BONE_MM: Final = (38, 30, 37, 31, 92, 32, 24, 28, 87, 39, 28, 26, 84, 35, 24, 27, 81, 26, 16, 21)
"""Bone that ends at each joint but the wrist: of the flat open hand (`mano.assets`), mm, rounded."""
BONE_LIMIT = 2.5
"""A bone may look as short as it likes, but not this many times as long, relative to its usual length, as the
longest-looking others of its hand: foreshortening shortens only. 1 of 2,000 correct answers is beyond it."""
_REFERENCE = 0.8
"""Quantile of a hand's bones that the longest one is compared with."""
_LEAST_BONES = 10
AFTER_A_FIT: Final = "unposable"
"""The kind that only a project with fits can have."""
OUT_OF_BOX = 1.0
"""Box sizes a joint may lie outside the box that was asked for."""
SIDE_CONFIDENCE = 0.9
_SECONDS_A_JOINT = 0.25
"""Nobody drags joints faster."""
FIT_LIMIT = 0.15
"""Hand sizes between the joint and the best pose of a hand model from which on the pose is doubtful."""
FIT_SIGMAS = 5.0
"""σ of the joint's state that distance must exceed, too: people guess hidden joints to within a tenth of the hand, and
in a round where they do a third of all answers would be doubtful."""


def implausible(
    panel: Panel,
    sizes_px: Floats,
    hands: Mapping[str, Hand],
    frames: Mapping[str, Frame],
    predictions: Mapping[str, Prediction],
    fits: Mapping[str, Fit],
    untouched: Ints,
    sigma_px: Floats,
) -> list[Mistake]:
    """Everything below, of every answer.

    Args:
        panel: the answers.
        sizes_px: (H) scale of the hands.
        hands: by id.
        frames: by id; hands without one are not held against a picture's edge.
        predictions: by id.
        fits: by hand; those that are there.
        untouched: (H, A) of `prelabels.untouched_answers`.
        sigma_px: (H, A, 21) of every answer's joints.
    """
    return [
        *_no_joints(panel),
        *_in_one_place(panel, hands),
        *_long_bones(panel),
        *_outside(panel, hands, frames),
        *_against_the_model(panel, predictions),
        *_too_fast(panel, predictions, untouched),
        *_unposable(panel, sizes_px, fits, sigma_px),
    ]


def _no_joints(panel: Panel) -> Iterator[Mistake]:
    empty = panel.answered & ~panel.rejected & ~np.isfinite(panel.keypoints).any(axis=(2, 3))
    for hand, slot in np.argwhere(empty).tolist():
        yield Mistake("no-joints", hand, (slot,), f"{named(panel, hand, slot)} placed no joint and rejected nothing")


def _in_one_place(panel: Panel, hands: Mapping[str, Hand]) -> Iterator[Mistake]:
    asked = asked_boxes(panel, hands)[:, None]
    for hand, slot in np.argwhere(in_one_place(panel.keypoints, asked)).tolist():
        yield Mistake("in-one-place", hand, (slot,), f"{named(panel, hand, slot)} placed all joints in one place")


def _long_bones(panel: Panel) -> Iterator[Mistake]:
    parents, children = np.array(BONES).T
    usual = np.array(BONE_MM, dtype=np.float64)
    length = np.linalg.norm(panel.keypoints[..., children, :] - panel.keypoints[..., parents, :], axis=-1) / usual
    known = np.isfinite(length)
    ordered = np.sort(np.where(known, length, np.inf), axis=-1)
    count = known.sum(axis=-1)
    place = np.maximum(np.floor(_REFERENCE * (count - 1)).astype(np.int64), 0)
    reference = np.take_along_axis(ordered, place[..., None], axis=-1)
    wrong = known & (length > BONE_LIMIT * reference) & (count >= _LEAST_BONES)[..., None]
    for hand, slot in np.argwhere(wrong.any(axis=-1)).tolist():
        ratio = np.where(wrong[hand, slot], length[hand, slot] / reference[hand, slot], 0.0)
        bone = int(ratio.argmax())
        message = (
            f"{named(panel, hand, slot)}'s bone to {spoken(int(children[bone]))} is {ratio[bone]:.1f} times as long"
        )
        yield Mistake("long-bone", hand, (slot,), f"{message} as the rest of the hand allows", certain=False)


def _outside(panel: Panel, hands: Mapping[str, Hand], frames: Mapping[str, Frame]) -> Iterator[Mistake]:
    boxes = asked_boxes(panel, hands)[:, None, None]
    sized = [frames.get(hands[h].frame_id) for h in panel.hand_ids]
    edge = np.array([[np.inf, np.inf] if f is None else [f.width_px - 0.5, f.height_px - 0.5] for f in sized])
    points = panel.keypoints
    with np.errstate(invalid="ignore"):
        beyond = (points < -0.5) | (points > edge.reshape(-1, 1, 1, 2))
        margin = OUT_OF_BOX * (boxes[..., 2:] - boxes[..., :2])
        far = (points < boxes[..., :2] - margin) | (points > boxes[..., 2:] + margin)
    off_picture: npt.NDArray[np.bool_] = np.asarray(beyond.any(axis=-1))
    off_box: npt.NDArray[np.bool_] = np.asarray(far.any(axis=-1)) & ~off_picture
    for kind, wrong, where in (
        ("outside-picture", off_picture, "outside the picture"),
        ("outside-box", off_box, "far outside the box"),
    ):
        for hand, slot in np.argwhere(wrong.any(axis=-1)).tolist():
            names = ", ".join(spoken(j) for j in np.flatnonzero(wrong[hand, slot])[:3].tolist())
            number = int(wrong[hand, slot].sum())
            message = f"{named(panel, hand, slot)} placed {several(number, 'joint')} {where}: {names}"
            yield Mistake(kind, hand, (slot,), message)


def _against_the_model(panel: Panel, predictions: Mapping[str, Prediction]) -> Iterator[Mistake]:
    """Sides that neither another annotator nor a confident model shares."""
    for hand, row in enumerate(panel.submissions):
        given = {int(s) for s in panel.side[hand] if s != ABSENT}
        for slot, answer in enumerate(row):
            label = predictions.get(answer.prediction_id) if answer is not None else None
            if label is None or len(given) != 1 or panel.side[hand, slot] == ABSENT:
                continue
            said = SIDES[panel.side[hand, slot]]
            if label.side in SIDES and label.side != said and label.side_confidence >= SIDE_CONFIDENCE:
                sure = percent(label.side_confidence)
                message = f"{named(panel, hand, slot)} says {said}, the model {label.side} ({sure})"
                yield Mistake("side-doubtful", hand, (slot,), message, certain=False)


def _too_fast(panel: Panel, predictions: Mapping[str, Prediction], untouched: Ints) -> Iterator[Mistake]:
    """Answers sent in less time than moving their joints takes."""
    has_joints = panel.has_joints
    for hand, row in enumerate(panel.submissions):
        for slot, answer in enumerate(row):
            if answer is None or not has_joints[hand, slot] or untouched[hand, slot] == 1:
                continue
            label = predictions.get(answer.prediction_id)
            moved = int(np.isfinite(panel.keypoints[hand, slot]).all(axis=-1).sum())
            if label is not None:
                away = np.linalg.norm(panel.keypoints[hand, slot] - label.keypoints, axis=-1)
                moved = int((away > 1.0).sum())
            least_s = _SECONDS_A_JOINT * moved
            if np.isfinite(answer.lead_time_s) and answer.lead_time_s < least_s:
                message = f"{named(panel, hand, slot)} placed {several(moved, 'joint')} in {answer.lead_time_s:.1f} s"
                yield Mistake("impossible-time", hand, (slot,), message)


def _unposable(panel: Panel, sizes_px: Floats, fits: Mapping[str, Fit], sigma_px: Floats) -> Iterator[Mistake]:
    """Answers far from the pose a hand model within its joints' limits could take, where the hand was fitted."""
    for hand, hand_id in enumerate(panel.hand_ids):
        fit = fits.get(hand_id)
        if fit is None or not np.isfinite(sizes_px[hand]):
            continue
        apart = np.linalg.norm(panel.keypoints[hand] - fit.keypoints, axis=-1)
        away = np.where(apart > FIT_SIGMAS * sigma_px[hand], apart / sizes_px[hand], 0.0)
        for slot in np.flatnonzero((np.nan_to_num(away) > FIT_LIMIT).any(axis=-1)).tolist():
            joint = int(np.nan_to_num(away[slot]).argmax())
            message = f"{named(panel, hand, slot)}'s {spoken(joint)} is {away[slot, joint]:.2f} hand sizes from where"
            yield Mistake(AFTER_A_FIT, hand, (slot,), f"{message} the fitted hand has it", certain=False)
