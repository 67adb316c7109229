"""Table rows of what was taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from hint_tools.core.geometry import box_size, clip_box
from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame, Hand
from hint_tools.sample.choose import frame_id
from hint_tools.sample.extract import Stored
from hint_tools.sources.candidates import Candidate, HandBox

_SAME_SHAPE = 0.01
"""Largest relative difference of two pictures' scales in x and y that still counts as one picture, resized."""
_LEAST_SIDE_PX = 1.0


def hands_inside(candidate: Candidate, width_px: int, height_px: int) -> tuple[tuple[HandBox, ...], Counter[str]]:
    """The candidate's hands with boxes in px of the stored picture and inside it, and what was changed or dropped.

    Args:
        candidate: its boxes may have been drawn on a picture of another size.
        width_px: of the stored picture.
        height_px: of the stored picture.
    """
    happened: Counter[str] = Counter()
    scale = _scale(candidate, width_px, height_px)
    if scale is None:
        happened["drawn on a picture of another shape"] = len(candidate.hands)
        return (), happened
    kept: dict[tuple[str | None, tuple[float, ...]], HandBox] = {}
    for hand in candidate.hands:
        # boxes are measured from pixel centres: the picture's corner, from which sizes scale, is at -0.5
        scaled = (np.array(hand.box) + 0.5) * scale - 0.5
        inside = clip_box(scaled, width_px, height_px)
        if (box_size(inside) < _LEAST_SIDE_PX).any():
            happened["outside the picture"] += 1
            continue
        box = (float(inside[0]), float(inside[1]), float(inside[2]), float(inside[3]))
        if (hand.side, box) in kept:
            happened["listed twice"] += 1
            continue
        happened["cut at the picture's border"] += bool(np.abs(inside - scaled).max() > 1e-9)
        happened["scaled to the picture's size"] += scale != 1.0
        kept[hand.side, box] = replace(hand, box=box)
    return tuple(kept.values()), +happened


def _scale(candidate: Candidate, width_px: int, height_px: int) -> float | None:
    """Stored size over the size the boxes were drawn on; None when those are not the same picture's."""
    if candidate.box_size_px is None:
        return 1.0
    across, down = width_px / candidate.box_size_px[0], height_px / candidate.box_size_px[1]
    return across if abs(across / down - 1) < _SAME_SHAPE else None


def frame_row(label: str, candidate: Candidate, stored: Stored, split: str) -> Frame:
    """The row of a stored frame of source `label`."""
    return Frame(
        frame_id=frame_id(label, candidate),
        source=label,
        video=candidate.video,
        clip=candidate.clip,
        participant=candidate.participant,
        frame_index=candidate.frame_index,
        time_s=candidate.time_s,
        width_px=stored.width_px,
        height_px=stored.height_px,
        path=stored.path,
        sha256=stored.sha256,
        pixel_sha256=stored.pixel_sha256,
        origin=candidate.origin,
        decoder=stored.decoder,
        licence=candidate.licence,
        redistributable=candidate.redistributable,
        split=split,
    )


def hand_rows(frame: Frame, candidate: Candidate, hands: tuple[HandBox, ...]) -> list[Hand]:
    """The rows of the hands of a stored frame.

    Args:
        frame: its row.
        candidate: where it came from.
        hands: inside the picture, as `hands_inside` gives them.
    """
    return [
        Hand(
            hand_id=content_id("hand", frame.frame_id, hand.side or "", *hand.box),
            frame_id=frame.frame_id,
            side=hand.side,
            box=np.array(hand.box),
            box_origin=hand.origin,
            split=frame.split,
            reason=f"critical frame {candidate.frame_type}" if candidate.frame_type else "box given",
            action=candidate.action,
            frame_type=candidate.frame_type,
            attributes=hand.attributes,
        )
        for hand in hands
    ]
