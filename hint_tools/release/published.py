"""Facts about the published HInt v1: its folders, how many hands each holds, and what its file names mean.

Counted in the published lists and stated by its authors (github.com/ddshan/hint, `prep_HInt/prep_ego4d.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hint_tools.core.errors import DataError
from hint_tools.core.records import Side

FOLDERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "TEST_ego4d_img": 1714,
        "TEST_ego4d_seq": 6953,
        "TEST_epick_img": 1906,
        "TEST_newdays_img": 1754,
        "TRAIN_ego4d_img": 11652,
        "TRAIN_epick_img": 2780,
        "TRAIN_newdays_img": 9666,
        "VAL_ego4d_img": 514,
        "VAL_ego4d_seq": 2320,
        "VAL_epick_img": 625,
        "VAL_newdays_img": 550,
    }
)
"""Folder -> hands; each hand is one picture and one JSON file."""
ZIP_MD5: Final = "4c47fc4e3657274713db7aaf3a890037"
"""Of the deterministic archive of the complete tree, as its authors give it."""

_UID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAMES: Final = {
    "ego4d": (
        re.compile(
            rf"(?P<video>{_UID})_(?P<action>{_UID})_(?P<frame>\d+)_"
            r"(?P<kind>pre_45|pre_30|pre_15|pre_frame|contact_frame|pnr_frame|post_frame)_(?P<side>[lr])"
        ),
    ),
    # a video's id may hold the separator itself, hence its fixed length
    "newdays": (re.compile(r"ND_(?P<video>.{11})_frame(?P<frame>\d{6})_(?P<side>[lr])"),),
    "epick": (
        re.compile(r"EK_\d{4}_(?P<video>P\d\d_\d{2,3})_frame_(?P<frame>\d{10})_(?P<side>[lr])"),
        re.compile(r"EK_frame_(?P<frame>\d+)_(?P<side>[lr])"),
    ),
}
_FOLDER = re.compile(r"(TRAIN|VAL|TEST)_(ego4d|epick|newdays)_(img|seq)")


@dataclass(frozen=True, slots=True)
class PublishedName:
    """What the name of a published file says.

    Args:
        source: `ego4d`, `epick` or `newdays`.
        video: Ego4D's clip, EPIC's or YouTube's video; empty where the name doesn't say.
        frame: its number in that source's own counting; Ego4D: in the clip, from 0.
        side: of the annotated hand.
        action: Ego4D's narrated action; empty elsewhere.
        kind: Ego4D's critical-frame type; empty elsewhere.
    """

    source: str
    video: str
    frame: int
    side: Side
    action: str = ""
    kind: str = ""


def parse_folder(folder: str) -> tuple[str, str]:
    """Split and source of a published folder, as in `("TEST", "ego4d")`.

    Raises:
        DataError: no such folder name.
    """
    match = _FOLDER.fullmatch(folder)
    if match is None:
        raise DataError(f"{folder}: expected a folder of HInt, such as TEST_ego4d_img")
    return match[1], match[2]


def parse_name(source: str, stem: str) -> PublishedName:
    """What a file's name (without its ending) says.

    Args:
        source: `ego4d`, `epick` or `newdays`.
        stem: such as `ND_<video>_frame<number>_<side>`.

    Raises:
        DataError: not a name of that source.
    """
    for pattern in _NAMES[source]:
        match = pattern.fullmatch(stem)
        if match is not None:
            said = match.groupdict()
            return PublishedName(
                source=source,
                video=said.get("video", ""),
                frame=int(said["frame"]),
                side=Side.LEFT if said["side"] == "l" else Side.RIGHT,
                action=said.get("action", ""),
                kind=said.get("kind", ""),
            )
    raise DataError(f"{stem}: not the name of a picture of {source} in HInt")
