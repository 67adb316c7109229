"""Table rows of what was taken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hint_tools.core.geometry import box_size, clip_box
from hint_tools.core.ids import content_id, order_key
from hint_tools.core.records import Frame, Hand
from hint_tools.sample.extract import Stored
from hint_tools.sample.table import frame_id
from hint_tools.sources.candidates import Candidate, HandBox

_SAME_SHAPE = 0.01
"""Largest relative difference of two pictures' scales in x and y that still counts as one picture, resized."""
_LEAST_SIDE_PX = 1.0


OUTSIDE, OTHER_SHAPE, TWICE = "outside the picture", "drawn on a picture of another shape", "listed twice"
CUT = "cut at the picture's border"


@dataclass(frozen=True, slots=True)
class Fitted:
    """One hand on the stored picture.

    Args:
        hand: with its box in px of that picture and inside it; None when it was dropped.
        dropped: why; empty when it was not.
        changed: what was done to its box.
    """

    hand: HandBox | None
    dropped: str = ""
    changed: tuple[str, ...] = ()


def fit_hands(candidate: Candidate, hands: Sequence[HandBox], width_px: int, height_px: int) -> list[Fitted]:
    """What becomes of each of `hands` on the stored picture.

    Args:
        candidate: says on what size of picture the boxes were drawn.
        hands: of its frame.
        width_px: of the stored picture.
        height_px: of the stored picture.
    """
    scale = _scale(candidate, width_px, height_px)
    if scale is None:
        return [Fitted(None, OTHER_SHAPE) for _ in hands]
    seen: set[tuple[str | None, tuple[float, ...]]] = set()
    fitted = []
    for hand in hands:
        # boxes are measured from pixel centres: the picture's corner, from which sizes scale, is at -0.5
        scaled = (np.array(hand.box) + 0.5) * scale - 0.5
        inside = clip_box(scaled, width_px, height_px)
        box = (float(inside[0]), float(inside[1]), float(inside[2]), float(inside[3]))
        if (box_size(inside) < _LEAST_SIDE_PX).any():
            fitted.append(Fitted(None, OUTSIDE))
        elif (hand.side, box) in seen:
            fitted.append(Fitted(None, TWICE))
        else:
            changed = [CUT] if np.abs(inside - scaled).max() > 1e-9 else []
            changed += ["scaled to the picture's size"] if scale != 1.0 else []
            fitted.append(Fitted(replace(hand, box=box), changed=tuple(changed)))
        seen.add((hand.side, box))
    return fitted


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


def hand_row(frame: Frame, candidate: Candidate, hand: HandBox) -> Hand:
    """The row of one hand of a stored frame.

    Args:
        frame: its row.
        candidate: where the hand came from.
        hand: inside the picture, as `fit_hands` gives it.
    """
    return Hand(
        hand_id=content_id("hand", frame.frame_id, hand.side or "", *hand.box),
        frame_id=frame.frame_id,
        side=hand.side,
        box=np.array(hand.box),
        box_origin=hand.origin,
        split=frame.split,
        reason=f"critical frame {candidate.frame_type}" if candidate.frame_type else "box given",
        action=candidate.action,
        frame_type=candidate.frame_type,
        attributes=_attributes(candidate, hand),
    )


def _attributes(candidate: Candidate, hand: HandBox) -> str:
    """The source's own annotation, with the words the sampler goes by: what the hand touches, where it came from."""
    words = {"contact": hand.contact, "collection": candidate.collection}
    return json.dumps({**json.loads(hand.attributes), **{k: v for k, v in words.items() if v}}, sort_keys=True)


def repeated(hands: Sequence[Hand], n: int, seed: int) -> list[Hand]:
    """`n` of the hands once more under ids of their own, to be annotated a second time.

    A hand stays chosen while `n` and the seed stay, whatever is added.
    """
    chosen = sorted(hands, key=lambda h: order_key(seed, "repeat", h.hand_id))[:n]
    return [
        replace(
            h,
            hand_id=content_id("hand", h.hand_id, "again"),
            reason=f"repeat of {h.hand_id}",
            attributes=json.dumps({**json.loads(h.attributes), "repeat_of": h.hand_id}, sort_keys=True),
        )
        for h in chosen
    ]
