"""File names of a release: unique, stable when hands are added, and HInt's own where the source has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from hint_tools.core.records import Frame, Hand
from hint_tools.data.annotations import image_folder
from hint_tools.formats.hint_json import stem_with_side

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_HANDS23: Final = re.compile(r"^(ND|EK|CC|AR)_[A-Za-z0-9_-]+$")


def safe_name(text: str) -> str:
    """`text` with whatever does not belong into a file name replaced by `-`."""
    return _UNSAFE.sub("-", text).strip(".-") or "unnamed"


def frame_name(frame: Frame, hand: Hand) -> str:
    """The name HInt gives the frame, where its source has one; else the frame's id.

    Ego4D: `<clip>_<action>_<frame>_<type>`; Hands23, EPIC and New Days: the picture's own name.
    """
    if frame.clip and hand.action and hand.frame_type and frame.frame_index >= 0:
        return safe_name(f"{frame.clip}_{hand.action}_{frame.frame_index}_{hand.frame_type}")
    own = PurePosixPath(frame.origin).name.partition(".")[0]
    return own if _HANDS23.match(own) else frame.frame_id


def image_paths(hands: Iterable[tuple[Frame, Hand, str]], sources: Mapping[str, str]) -> dict[str, str]:
    """For each hand's id, the path of its picture below the release.

    Two hands of one side in one frame, or frames of one name, get the hand's id into theirs.

    Args:
        hands: (frame, hand, side).
        sources: what each source is called in folder names.
    """
    plain = {
        hand.hand_id: (image_folder(frame.split, sources[frame.source]), frame_name(frame, hand), side)
        for frame, hand, side in hands
    }
    shared = Counter(plain.values())
    paths = {}
    for hand_id, (folder, name, side) in plain.items():
        own = name if shared[folder, name, side] == 1 else f"{name}_{hand_id}"
        paths[hand_id] = f"{folder}/{stem_with_side(own, side)}.jpg"
    return paths
