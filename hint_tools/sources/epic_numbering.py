"""EPIC-KITCHENS' three frame numberings, in one place.

VISOR and the released `rgb_frames` count pictures from 1 at a nominal rate that goes by the video's name, whatever rate
the camera ran at: 60 a second for EPIC-KITCHENS-55 (`P01_01`), 50 for the extension (`P01_101`). Decoded frames count
from 0 at the video's own rate. Of the 50,729 pictures in the owners' `frames_to_timestamps.json` the rule gives 50,609
to the frame and the others within 2.

Limit: number -> time is as good as that; time -> decoded frame is certain only where both rates are one (50 fps, the
extension). At 59.94 fps about a quarter of the frames differ from the naive number, by up to 13; at 29.97 two VISOR
numbers share a decoded frame; 47.95 is not understood. So pictures are never re-extracted by number here: the released
JPEGs are used, and times serve for distances and provenance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hint_tools.core.errors import DataError

_VIDEO = re.compile(r"(P\d{2})_(\d{2,3})")
_PICTURE = re.compile(r"(?:(\d{4})_)?(P\d{2}_\d{2,3})_frame_(\d{10})")
FIRST_RATE, EXTENSION_RATE = 60, 50
"""Pictures a second of the two parts' numbering."""


@dataclass(frozen=True, slots=True)
class EpicPicture:
    """What a picture's name says.

    Args:
        video: `P01_101`.
        number: from 1.
        sequence: VISOR's own number of the video, as HInt and Hands23 put it before the name; may be empty.
    """

    video: str
    number: int
    sequence: str = ""


def parse_name(stem: str) -> EpicPicture | None:
    """What a name such as `P01_01_frame_0000000140` or `0064_P03_10_frame_0000000249` says; None for another."""
    found = _PICTURE.fullmatch(stem)
    return EpicPicture(found[2], int(found[3]), found[1] or "") if found and int(found[3]) else None


def participant_of(video: str) -> str:
    """The participant of a video: `P01` of `P01_101`; empty where the name is not one of EPIC's."""
    found = _VIDEO.fullmatch(video)
    return found[1] if found else ""


def rate_of(video: str) -> int:
    """Pictures a second in the numbering of VISOR and `rgb_frames`.

    Raises:
        DataError: not a name of EPIC-KITCHENS.
    """
    found = _VIDEO.fullmatch(video)
    if not found:
        raise DataError(f"{video}: expected a video of EPIC-KITCHENS such as P01_01 or P01_101")
    return FIRST_RATE if len(found[2]) == 2 else EXTENSION_RATE


def time_of(video: str, number: int) -> float:
    """When picture `number` (from 1) was filmed, s from the video's beginning.

    Raises:
        DataError: not a name of EPIC-KITCHENS, or a number below 1.
    """
    if number < 1:
        raise DataError(f"{video}: expected a picture number from 1, got {number}")
    return (number - 1) / rate_of(video)


def decoded_frame(video: str, number: int, fps: float) -> int:
    """The decoded frame (from 0) whose time is nearest to a picture's; certain only where `certain` says so.

    Args:
        video: its name.
        number: of the picture, from 1.
        fps: the video's own rate.

    Raises:
        DataError: as `time_of`; or a rate that is not positive.
    """
    if not fps > 0:
        raise DataError(f"{video}: expected a positive frame rate, got {fps}")
    return round(time_of(video, number) * fps)


def certain(video: str, fps: float) -> bool:
    """Whether `decoded_frame` names exactly the frame the picture was taken from."""
    return rate_of(video) == EXTENSION_RATE and fps == EXTENSION_RATE
