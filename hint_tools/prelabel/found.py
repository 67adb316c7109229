"""Hands that were found, as rows, and which earlier ones stay.

A hand that was found once keeps its id and its box: annotators may be working on it. So a frame in which
hands were found is not searched again unless that is asked for, and a hand that was sent to annotators
stays whatever happens.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hint_tools.core.geometry import iou
from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame, Hand
from hint_tools.prelabel.backends import SAME_HAND_IOU, DetectedHand

SURE_SIDE = 0.9
"""Side confidence from which a found hand's side is taken over; below, the annotator decides."""
BOX_DECIMALS = 1
"""Of the box in a found hand's id and row: a tenth of a pixel means nothing, and survives rounding elsewhere."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The rows of earlier runs.

    Args:
        kept: frame id -> found hands that stay.
        search: ids of the frames to search.
        superseded: how many earlier rows go, because their frame has sampled hands now, or is searched again.
    """

    kept: dict[str, list[Hand]] = field(default_factory=dict)
    search: frozenset[str] = frozenset()
    superseded: int = 0


def sort_earlier(
    frames: Iterable[Frame],
    given: Iterable[Hand],
    found: Iterable[Hand],
    sent: Collection[str],
    *,
    detect: bool,
    redetect: bool,
) -> Earlier:
    """Which found hands of earlier runs stay, and which frames to search.

    Args:
        frames: all of them.
        given: the sampled hands.
        found: the rows of earlier runs.
        sent: ids of hands that were sent to annotators.
        detect: whether frames are to be searched at all.
        redetect: search frames again in which hands were found.
    """
    known = {frame.frame_id for frame in frames}
    with_given = {hand.frame_id for hand in given}
    kept: dict[str, list[Hand]] = defaultdict(list)
    superseded = 0
    for hand in found:
        current = hand.frame_id in known - with_given and not (detect and redetect)
        if current or hand.hand_id in sent:
            kept[hand.frame_id].append(hand)
        else:
            superseded += 1
    search = known - with_given if detect else set()
    if not redetect:
        search -= kept.keys()
    return Earlier(dict(kept), frozenset(search), superseded)


def found_rows(frame: Frame, found: Sequence[DetectedHand], kept: Sequence[Hand], detector: str) -> list[Hand]:
    """Rows of the hands found in a frame, without those that are among its `kept` ones."""
    rows = []
    for hand in found:
        box = np.round(hand.box, BOX_DECIMALS) + 0.0
        if any(iou(box, earlier.box) > SAME_HAND_IOU for earlier in kept):
            continue
        attributes = {"detector": detector, "score": round(hand.score, 6)}
        rows.append(
            Hand(
                hand_id=content_id("hand", frame.frame_id, "detected", *box.tolist()),
                frame_id=frame.frame_id,
                side=hand.side if hand.side_confidence >= SURE_SIDE else None,
                box=box,
                box_origin="detector",
                split=frame.split,
                reason="found by the detector",
                attributes=json.dumps(attributes, sort_keys=True),
            )
        )
    return rows
