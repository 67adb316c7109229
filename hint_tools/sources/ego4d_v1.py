"""`fho_hands_{train,val,test_unannotated}.json`: version 1's hand annotations, turned into `fho_main.json`'s shape.

A frame's boxes are `[{"left_hand": [...]}, {"right_hand": [...]}]`, and nothing published says what the four numbers
are. They are used only where all numbers of all files fit one reading alone: as x, y, width, height when some would
make a box that ends before it begins otherwise, as two corners when some would reach far out of any picture otherwise.
Where both fit, the frames come without boxes, for the detector to find the hands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.sources.ego4d_metadata import objects
from hint_tools.store.atomic import read_json
from hint_tools.store.remote import SourcePath

FILES = ("fho_hands_train.json", "fho_hands_val.json", "fho_hands_test_unannotated.json")
TYPES = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame", "pnr_frame", "post_frame")
_SIDES = ("left_hand", "right_hand")
_LARGEST_PX = 2200.0
"""Wider than any video with these annotations (1920 px): what ends beyond it was not x, y, width, height."""


def read_v1(paths: Sequence[SourcePath]) -> tuple[dict[str, Any], str]:
    """A document like `fho_main.json`, and how boxes were read: `xywh`, `xyxy`, or empty where that can't be told.

    Raises:
        DataError: a file is not one of version 1's.
    """
    clips = []
    for path in paths:
        document = read_json(path)
        if not isinstance(document, dict) or not isinstance(document.get("clips"), list):
            raise DataError(f"{path}: expected an object with a list `clips`")
        clips += objects(document["clips"])
    order = box_order([numbers for clip in clips for _, numbers in _arrays(clip)])
    return {"videos": [_video(clip, order) for clip in clips]}, order


def box_order(arrays: Sequence[Sequence[float]]) -> str:
    """`xywh` or `xyxy`, whichever alone fits all arrays of four numbers; empty where both or neither do."""
    corners = all(x1 > x0 and y1 > y0 for x0, y0, x1, y1 in arrays)
    sizes = all(w > 0 and h > 0 and x + w <= _LARGEST_PX and y + h <= _LARGEST_PX for x, y, w, h in arrays)
    if not arrays or corners == sizes:
        return ""
    return "xyxy" if corners else "xywh"


def _numbers(value: Any) -> list[float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    plain = [float(v) for v in value if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    return plain if len(plain) == 4 else None


def _arrays(clip: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for action in objects(clip.get("frames")):
        for kind in TYPES:
            moment = action.get(kind)
            for entry in objects(moment.get("boxes")) if isinstance(moment, dict) else []:
                for side in _SIDES:
                    if (numbers := _numbers(entry.get(side))) is not None:
                        yield side, numbers


def _video(clip: dict[str, Any], order: str) -> dict[str, Any]:
    actions = [_action(clip, a, order) for a in objects(clip.get("frames"))]
    interval = {"clip_uid": clip.get("clip_uid"), "narrated_actions": actions}
    return {"video_uid": clip.get("video_uid"), "annotated_intervals": [interval]}


def _action(clip: dict[str, Any], action: dict[str, Any], order: str) -> dict[str, Any]:
    """One action; version 1 has no ids, so its place in the clip is its id."""
    moments = {k: m for k in TYPES if isinstance(m := action.get(k), dict)}
    frames = [
        {"frame_type": k, "frame_number": m.get("frame"), "boxes": list(_boxes(m, order)), "without_boxes": not order}
        for k, m in moments.items()
    ]
    start = action.get("action_clip_start_frame")
    return {
        "uid": f"{clip.get('clip_uid')}-{start}" if isinstance(start, int) else None,
        "critical_frames": {k: m.get("frame") for k, m in moments.items()},
        "clip_critical_frames": {k: m.get("clip_frame") for k, m in moments.items()},
        "frames": frames,
    }


def _boxes(moment: dict[str, Any], order: str) -> Iterator[dict[str, Any]]:
    for entry in objects(moment.get("boxes")):
        for side in _SIDES:
            if side not in entry:
                continue
            numbers = _numbers(entry[side])
            if numbers is None:
                yield {"object_type": side, "bbox": None}
            elif order:
                x, y, a, b = numbers
                width, height = (a, b) if order == "xywh" else (a - x, b - y)
                yield {"object_type": side, "bbox": {"x": x, "y": y, "width": width, "height": height}}
