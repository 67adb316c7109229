"""Pictures of a video as the published HInt has them: what `ffmpeg -i clip -qscale:v 1 %10d.jpg` (5.1) writes, cheaply.

Picture n here is that command's file n + 1. A regular video is read by key-frame groups and only the wanted frames are
encoded: by FFmpeg 5.1 itself, which gives the same bytes, or without it with the same pixels. Everything else (uneven
stamps, rotation, full range, damage, ...) goes through the official command as a pipe, which is always the same and
only saves the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from hint_tools.core.errors import DataError
from hint_tools.media.cfr import is_one_to_one, official_frames
from hint_tools.media.ffmpeg51 import Ffmpeg51, convert_file, convert_raw
from hint_tools.media.official_jpeg import Plane, pixel_exact_jpeg, planes_of
from hint_tools.media.orientation import Orientation
from hint_tools.media.video_decode import MissingFrame, OpenVideo, decoded_frames, open_video
from hint_tools.media.video_file import VideoFile, local_path
from hint_tools.media.video_index import FrameIndex, is_full_range

_PLANAR = frozenset({"yuv420p", "yuvj420p"})
"""Formats whose conversion is proved to be the same, made by pieces or by the official command."""


class Way(StrEnum):
    """How a picture was made."""

    GROUPS = "key-frame groups, FFmpeg 5.1"
    """Same bytes as the official command's."""
    SELECTED = "selected by FFmpeg 5.1"
    """Same bytes as the official command's."""
    PIPED = "piped through FFmpeg 5.1"
    """The official command itself: same bytes."""
    PIXELS = "key-frame groups, without FFmpeg 5.1"
    """Same pixels as the official command's, other bytes."""


@dataclass(frozen=True, slots=True)
class OfficialPicture:
    """One picture.

    Args:
        number: from 0; the official command calls its file number + 1.
        data: the JPEG file.
        way: how it was made, and so how much of it equals the official file.
    """

    number: int
    data: bytes
    way: Way


def official_pictures(
    file: VideoFile, numbers: Iterable[int], *, ffmpeg: Ffmpeg51 | None, on_missing: MissingFrame
) -> Iterator[OfficialPicture]:
    """The wanted pictures, each once, mostly in ascending order.

    Args:
        file: the video.
        numbers: of pictures, from 0, in any order.
        ffmpeg: FFmpeg 5.1; None makes pictures with the official pixels but other bytes, of regular videos only.
        on_missing: told of each picture that can't be had, with the reason.

    Raises:
        DataError: not a readable video.
    """
    wanted = sorted(set(numbers))
    left = dict.fromkeys(wanted)
    with open_video(file) as video:
        index = video.index
        why_irregular = irregularity(index)
        if ffmpeg is None:
            yield from _without_ffmpeg(video, wanted, on_missing)
            return
        if not why_irregular:
            for picture in _by_groups(video, [n for n in wanted if n < len(index.pts)], ffmpeg):
                del left[picture.number]
                yield picture
    if left:
        yield from _by_official_command(file, list(left), ffmpeg, on_missing, select=_selectable(index, max(left)))


def obstacle(index: FrameIndex) -> str:
    """Why a video's pictures can't be made from its key-frame groups; empty when they can."""
    coding = index.coding
    if not index.by_pts:
        return "its frames have no time stamps of their own"
    if index.damage:
        return index.damage
    if index.orientation is None:
        return "it is turned by another than a right angle"
    if _is_headless(index):
        return "it begins with pictures that stand before its first key frame"
    if coding.pixel_format not in _PLANAR:
        return f"its pictures are {coding.pixel_format}"
    if index.width_px % 2 or index.height_px % 2:
        return f"its size is odd ({index.width_px} x {index.height_px})"
    if coding.n_streams > 1 and "mp4" not in coding.container:
        return "when its sound starts is known to FFmpeg 5.1 alone"
    return ""


def irregularity(index: FrameIndex) -> str:
    """Why a video's pictures are left to the official command where it is at hand; empty when they need not be."""
    if why := obstacle(index):
        return why
    if not is_one_to_one(official_frames(index)):
        return "its time stamps are uneven or start late, so that pictures are repeated or dropped"
    return ""


def _is_headless(index: FrameIndex) -> bool:
    """Whether its first pictures refer to ones that were cut off: FFmpeg alone knows which of them it shows."""
    return bool(index.pts) and not (index.keys and index.keys[0] <= index.pts[0])


def _selectable(index: FrameIndex, last: int) -> bool:
    """Whether picture n is certain to be decoded frame n, so that FFmpeg need encode no other."""
    sound = index.by_pts and not index.damage and not _is_headless(index)
    sound = sound and (index.coding.n_streams == 1 or "mp4" in index.coding.container)
    return sound and last < len(index.pts) and is_one_to_one(official_frames(index))


class _OtherFormatError(Exception):
    """A picture has another size or format than the file's header says."""


def _by_groups(video: OpenVideo, wanted: list[int], ffmpeg: Ffmpeg51) -> Iterator[OfficialPicture]:
    """What can be made from key-frame groups; the rest is left to the official command."""
    index = video.index
    order: list[int] = []

    def planes() -> Iterator[memoryview]:
        try:
            for number, data in _planes(video, wanted, lambda _number, _why: None):
                order.append(number)
                yield data.data
        except _OtherFormatError:
            return

    aspect = _upright_aspect(index)
    made = convert_raw(
        ffmpeg,
        planes(),
        pixel_format="yuvj420p" if index.coding.full_range else index.coding.pixel_format,
        size_px=_upright_size(index),
        aspect=f"{aspect.numerator}/{aspect.denominator}" if aspect else "",
    )
    for place, data in enumerate(made if wanted else ()):
        yield OfficialPicture(order[place], data, Way.GROUPS)


def _upright_size(index: FrameIndex) -> tuple[int, int]:
    swaps = index.orientation is not None and index.orientation.swaps_axes
    return (index.height_px, index.width_px) if swaps else (index.width_px, index.height_px)


def _upright_aspect(index: FrameIndex) -> Fraction | None:
    aspect = index.coding.pixel_aspect
    return 1 / aspect if aspect and index.orientation is not None and index.orientation.swaps_axes else aspect


def _planes(video: OpenVideo, wanted: list[int], report: MissingFrame) -> Iterator[tuple[int, Plane]]:
    index = video.index
    expected = (index.coding.pixel_format, index.coding.full_range, index.width_px, index.height_px)
    for number, frame in decoded_frames(video, wanted, report):
        if (frame.format.name, is_full_range(frame), frame.width, frame.height) != expected:
            raise _OtherFormatError
        yield number, planes_of(frame, index.orientation or Orientation())


def _by_official_command(
    file: VideoFile, wanted: list[int], ffmpeg: Ffmpeg51, on_missing: MissingFrame, *, select: bool
) -> Iterator[OfficialPicture]:
    """What the official command itself makes of a video, kept or thrown away as it comes."""
    numbers = iter(wanted) if select else iter(range(wanted[-1] + 1))
    left, failure = dict.fromkeys(wanted), "it ends before"
    try:
        for data in convert_file(ffmpeg, local_path(file), only=wanted if select else None):
            number = next(numbers, None)
            if number is None or not left:
                break
            if number in left:
                del left[number]
                yield OfficialPicture(number, data, Way.SELECTED if select else Way.PIPED)
                if not left:
                    break
    except DataError as error:
        failure = error.message.replace(str(local_path(file)), str(file))
    for number in left:
        on_missing(number, f"{file}: picture {number} does not exist ({failure})")


def _without_ffmpeg(video: OpenVideo, wanted: list[int], on_missing: MissingFrame) -> Iterator[OfficialPicture]:
    """The pictures with the official pixels; which frame is in which is worked out from the stamps."""
    file, index = video.file, video.index
    if why := obstacle(index):
        for number in wanted:
            on_missing(number, f"{file}: only FFmpeg 5.1 can make picture {number} of this video: {why}")
        return
    shown = official_frames(index)
    yield from _pixel_exact(video, shown, [n for n in wanted if n < len(shown)], on_missing)
    for number in wanted:
        if number >= len(shown):
            on_missing(number, f"{file}: picture {number} does not exist, expected less than {len(shown)}")


def _pixel_exact(
    video: OpenVideo, shown: tuple[int, ...], wanted: list[int], on_missing: MissingFrame
) -> Iterator[OfficialPicture]:
    """The wanted pictures; `shown` says which frame is in each."""
    left: dict[int, list[int]] = {}
    for number in wanted:
        left.setdefault(shown[number], []).append(number)
    reasons: dict[int, str] = {}
    size, aspect, full = _upright_size(video.index), _upright_aspect(video.index), video.index.coding.full_range
    try:
        for frame, data in _planes(video, sorted(left), reasons.__setitem__):
            jpeg = pixel_exact_jpeg(data, size, aspect, full_range=full)
            yield from (OfficialPicture(number, jpeg, Way.PIXELS) for number in left.pop(frame))
    except _OtherFormatError:
        why = f"{video.file}: its pictures change size or format; only FFmpeg 5.1 can make them"
        reasons |= dict.fromkeys(left, why)
    for frame, numbers in left.items():
        for number in numbers:
            on_missing(number, reasons[frame])
