"""Answers that belong to another hand of the picture, or to none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import iou
from hint_tools.core.records import Hand
from hint_tools.qc.mistakes import Mistake, named
from hint_tools.qc.panel import Panel
from hint_tools.qc.scale import FEW, Sizes, joint_boxes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OTHER_HAND_IOU = 0.1
"""Boxes of answers to the same hand overlap by far more, whatever the pose."""
IN_ONE_PLACE = 0.05
"""Part of the box that was asked for; all joints within so little are no hand, neither this one nor another."""
SAME_HAND_IOU = 0.4
"""An answer whose box overlaps a hand's so far may well be that hand's."""
NEAR = 0.12
"""Mean distance, in sizes of that hand, up to which an answer lies on a hand: three σ of an average joint."""
NEARER = 3.0
"""How many times nearer to the other hand than to any other answer to its own."""
_SEVERAL = 3
"""Answers from which on a majority can be told from a minority."""


def wrong_hands(panel: Panel, robust: Floats, sizes: Sizes, hands: Mapping[str, Hand]) -> list[Mistake]:
    """Answers whose joints lie on another hand than the one asked for, or far from its box.

    With three or more answers their own consensus must say so, too: a source's box may be wrong. But not where they
    lie on a hand of the picture that has answers of its own.

    Args:
        panel: the answers.
        robust: (H, 21, 2) first robust joints of each hand, px.
        sizes: of the hands.
        hands: all of the project, by id; the panel's among them.
    """
    has = np.isfinite(panel.keypoints).all(axis=-1).any(axis=-1)
    own = np.nan_to_num(joint_boxes(panel.keypoints))
    asked = asked_boxes(panel, hands)[:, None]
    has &= ~in_one_place(panel.keypoints, asked)
    astray = has & _apart(panel.keypoints, asked)
    several = has.sum(axis=1, keepdims=True) >= _SEVERAL
    away = astray & (~several | _apart(panel.keypoints, np.nan_to_num(sizes.box)[:, None]))
    on_other = _on_other_hands(panel, robust, sizes, astray)
    boxes = _boxes_by_frame(hands)
    found = []
    for hand, slot in np.argwhere(away | (on_other >= 0)).tolist():
        other = "" if on_other[hand, slot] < 0 else panel.hand_ids[on_other[hand, slot]]
        other = other or _overlapped(own[hand, slot], panel.hand_ids[hand], hands, boxes)
        who = named(panel, hand, slot)
        if other:
            message = f"{who} annotated another hand of the picture, {other}"
        else:
            message = f"{who}'s joints lie outside this hand's box"
        found.append(Mistake("wrong-hand", hand, (slot,), message, other_hand=other))
    return found


def asked_boxes(panel: Panel, hands: Mapping[str, Hand]) -> Floats:
    """(H, 4) the boxes that were asked for."""
    return np.array([hands[h].box for h in panel.hand_ids], dtype=np.float64).reshape(-1, 4)


def in_one_place(points: Floats, asked: Floats) -> Bools:
    """(H, A) answers with `FEW` joints or more (H, A, 21, 2), all as good as in one point of the box asked for."""
    extent = (own := joint_boxes(points))[..., 2:] - own[..., :2]
    many = np.isfinite(points).all(axis=-1).sum(axis=-1) >= FEW
    return np.asarray(many & (extent.max(axis=-1) < IN_ONE_PLACE * (asked[..., 2:] - asked[..., :2]).max(axis=-1)))


def _apart(points: Floats, box: Floats) -> Bools:
    """(H, A) answers (H, A, 21, 2) whose own box hardly overlaps a box (H, 1, 4); of few joints, with none near it."""
    margin = (box[..., 2:] - box[..., :2])[..., None, :] / 2
    inside = ((points >= box[..., None, :2] - margin) & (points <= box[..., None, 2:] + margin)).all(axis=-1)
    few = np.isfinite(points).all(axis=-1).sum(axis=-1) < FEW
    overlap = iou(np.nan_to_num(joint_boxes(points)), box)
    return np.asarray(np.where(few, ~inside.any(axis=-1), overlap < OTHER_HAND_IOU))


def _on_other_hands(panel: Panel, robust: Floats, sizes: Sizes, astray: Bools) -> Ints:
    """(H, A) index of the other hand of the picture an answer lies on; -1 where it lies on none.

    Far from its own box (`astray`) it is that hand's whatever others say of this one; else only where none of them is
    anywhere near.
    """
    found = np.full(panel.has_joints.shape, -1, dtype=np.int64)
    here, there = _neighbours(panel.image)
    if not len(here):
        return found
    to_own = _nearest_other_answer(panel)[here]
    apart = np.linalg.norm(panel.keypoints[here] - robust[there][:, None], axis=-1)
    known = np.isfinite(apart)
    count = known.sum(axis=-1)
    total = np.where(known, apart, 0.0).sum(axis=-1)
    to_other = np.divide(total, count, out=np.full(total.shape, np.inf), where=count > 0)
    lies_on = (to_other < NEAR * np.nan_to_num(sizes.scale[there])[:, None]) & (
        astray[here] | (NEARER * to_other < to_own)
    )
    for k, slot in np.argwhere(lies_on).tolist():
        found[here[k], slot] = there[k]
    return found


def _neighbours(image: Ints) -> tuple[Ints, Ints]:
    """Indices of every two different hands of one picture, both ways round."""
    order = np.argsort(image, kind="stable")
    here, there = [], []
    for start, end in _runs(image[order]):
        members = order[start:end].tolist()
        for a in members:
            for b in members:
                if a != b:
                    here.append(a)
                    there.append(b)
    return np.array(here, dtype=np.int64), np.array(there, dtype=np.int64)


def _runs(values: Ints) -> list[tuple[int, int]]:
    """(start, end) of each run of two or more equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return [(a, b) for a, b in itertools.pairwise(bounds) if b - a >= 2]


def _nearest_other_answer(panel: Panel) -> Floats:
    """(H, A) least mean distance, px, to another answer to the same hand; infinite where there is none."""
    width = panel.keypoints.shape[1]
    best = np.full(panel.has_joints.shape, np.inf)
    for a in range(width):
        for b in range(a + 1, width):
            apart = np.linalg.norm(panel.keypoints[:, a] - panel.keypoints[:, b], axis=-1)
            known = np.isfinite(apart)
            count = known.sum(axis=1)
            total = np.where(known, apart, 0.0).sum(axis=1)
            mean = np.divide(total, count, out=np.full(len(total), np.inf), where=count > 0)
            best[:, a], best[:, b] = np.minimum(best[:, a], mean), np.minimum(best[:, b], mean)
    return best


def _boxes_by_frame(hands: Mapping[str, Hand]) -> dict[str, list[Hand]]:
    found: dict[str, list[Hand]] = {}
    for hand in sorted(hands.values(), key=lambda h: h.hand_id):
        found.setdefault(hand.frame_id, []).append(hand)
    return found


def _overlapped(own: Floats, hand_id: str, hands: Mapping[str, Hand], by_frame: Mapping[str, list[Hand]]) -> str:
    """The other hand of the picture whose box this answer covers; empty for none."""
    others = [h for h in by_frame[hands[hand_id].frame_id] if h.hand_id != hand_id]
    overlap = {h.hand_id: float(iou(own, np.asarray(h.box))) for h in others}
    best = max(overlap, key=lambda h: (overlap[h], h), default="")
    return best if best and overlap[best] >= SAME_HAND_IOU else ""
