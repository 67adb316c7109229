"""Which frames a video shows, in which order, learnt from its packets (nothing is decoded but the first frame).

Frame n is the n-th shown picture in presentation order. Packets that an edit list hides are not counted.
A file that was cut off lacks packets in *decoding* order, so its last pictures may have lost an earlier neighbour;
those are left out, because their number can't be known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.core.errors import DataError
from hint_tools.media.mp4_boxes import NotPlainError, movie_box
from hint_tools.media.orientation import Orientation, orientation_of
from hint_tools.media.video_file import VideoFile, local_path, opened, readable
from hint_tools.media.video_packets import READING_ERRORS, Layout, Packets, Tables, read_packets, reason, tabled_packets

MAX_REORDER = 16
"""Most pictures a decoder may hold back (H.264 and HEVC, annex A: max_dec_frame_buffering <= 16)."""

_NO_RATE = 25
"""What FFmpeg takes when a file doesn't even hint at its rate."""
_JPEG_RANGE = 2
"""`AVCOL_RANGE_JPEG`."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a video says its pictures are stored and timed, beyond their stamps.

    Args:
        pixel_format: FFmpeg's name of the decoded pictures' format, such as `"yuv420p"`.
        full_range: luma uses 0 to 255, not 16 to 235.
        pixel_aspect: width over height of one pixel; None when the file doesn't say.
        rate: frames per second that FFmpeg guesses from header and packets.
        start_us: when the earliest stream of the file starts, in microseconds; None when nothing says.
        container: FFmpeg's names of the file format, such as `"mov,mp4,m4a,3gp,3g2,mj2"`.
        n_streams: of any kind.
        durations: ticks each shown frame lasts as its packet says; 0 where FFmpeg 5.1 takes one over the rate
            (packets without it, and MP4 files that store pictures out of order).
    """

    pixel_format: str
    full_range: bool
    pixel_aspect: Fraction | None
    rate: Fraction
    start_us: int | None
    container: str
    n_streams: int
    durations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """The shown frames of one video.

    Args:
        pts: presentation time stamps of the shown frames, ascending; the n-th is frame n's.
        keys: time stamps of the key frames, hidden ones too, ascending.
        time_base: seconds per tick; seconds per frame where `by_pts` is false.
        by_pts: frames are told apart by their stamps; otherwise they are counted in decoding and `pts` are numbers.
        damage: what is wrong with the end of the file; empty when it is whole.
        width_px: as stored, before rotation.
        height_px: as stored, before rotation.
        orientation: how the stored picture must be turned to be upright; None when not by right angles.
        codec: the decoder's name for the format, such as `"h264"`.
        coding: what else the file says of its pictures.
        layout: where in the file each picture lies; None where that is not known for certain.
        read_whole: why every packet was read to count the frames; empty where the file's own tables told.
    """

    pts: tuple[int, ...]
    keys: tuple[int, ...]
    time_base: Fraction
    by_pts: bool
    damage: str
    width_px: int
    height_px: int
    orientation: Orientation | None
    codec: str
    coding: Coding
    layout: Layout | None = field(default=None, compare=False, repr=False)
    read_whole: str = field(default="", compare=False)


@contextlib.contextmanager
def indexed(file: VideoFile, *, by_tables: bool = True) -> Iterator[tuple[FrameIndex, InputContainer, VideoStream]]:
    """The frames of a video with its open container, which stands anywhere in the file: seek first.

    Args:
        file: the video.
        by_tables: believe the file's own tables where they are plain (`video_packets`); else every packet is read.

    Raises:
        DataError: missing, not a video file, without pictures, or not a single one can be decoded.
    """
    tables = _tables(file) if by_tables else NotPlainError("its packets were asked for")
    with contextlib.ExitStack() as stack:
        if isinstance(tables, NotPlainError):
            local_path(file)  # all of it is going to be read
        container, stream = stack.enter_context(opened(file))
        try:
            packets = tabled_packets(tables, container, stream)
        except NotPlainError as error:
            local_path(file)
            if error.spent:
                stack.close()
                container, stream = stack.enter_context(opened(file))
            packets = read_packets(container, stream)
            packets.read_whole = error.reason
        yield _index(file, container, stream, packets), container, stream


def _tables(file: VideoFile) -> Tables | NotPlainError:
    """What an MP4 or MOV file says of its tracks, or why that can't be relied on."""
    if isinstance(file, Path) and not file.is_file():
        return NotPlainError("it is missing")
    try:
        with readable(file) as (content, size_bytes):
            return Tables(movie_box(content, size_bytes), size_bytes)
    except NotPlainError as error:
        return error


def build_index(file: VideoFile, *, by_tables: bool = True) -> FrameIndex:
    """The frames of a video. Arguments and errors as `indexed`."""
    with indexed(file, by_tables=by_tables) as (index, _, _):
        return index


def _index(file: VideoFile, container: InputContainer, stream: VideoStream, packets: Packets) -> FrameIndex:
    if packets.first is None:
        raise DataError(f"{file}: expected a video, but not a single frame can be decoded", hint="copy it again")
    shown = sorted(packets.shown)
    by_pts = _stamped(container, packets)
    time_base = stream.time_base or Fraction(1, 30)
    header_end = None if container.duration is None else Fraction(container.duration, av.time_base) / time_base
    if by_pts:
        shown = shown[: _certain(shown, packets, header_end)]
    context = stream.codec_context
    index = FrameIndex(
        pts=tuple(shown), keys=tuple(sorted(packets.keys)), time_base=time_base, by_pts=by_pts,
        damage=packets.damage, width_px=context.width, height_px=context.height, codec=context.name,
        orientation=orientation_of(packets.first), coding=_coding(container, stream, packets, shown),
        layout=packets.layout, read_whole=packets.read_whole,
    )  # fmt: skip
    return index if by_pts else _counted(file, index)


def _coding(container: InputContainer, stream: VideoStream, packets: Packets, shown: list[int]) -> Coding:
    unusable = packets.reordered and "mp4" in container.format.name
    context = stream.codec_context
    return Coding(
        pixel_format=context.pix_fmt or "", full_range=packets.first is not None and is_full_range(packets.first),
        pixel_aspect=stream.sample_aspect_ratio or None, rate=stream.guessed_rate or Fraction(_NO_RATE),
        start_us=container.start_time, container=container.format.name, n_streams=len(container.streams),
        durations=tuple(0 if unusable else packets.durations[p] for p in shown),
    )  # fmt: skip


def is_full_range(frame: VideoFrame) -> bool:
    """Whether a picture's luma uses 0 to 255, not 16 to 235."""
    return frame.format.name.startswith("yuvj") or frame.color_range == _JPEG_RANGE


def _stamped(container: InputContainer, packets: Packets) -> bool:
    """Whether the packets' presentation stamps are the file's own and tell frames apart."""
    guessed = container.format.name == "avi" and len(packets.keys) < packets.count  # AVI stores decoding order only
    return not guessed and not packets.without_pts and len(set(packets.shown)) == len(packets.shown)


def _certain(shown: list[int], packets: Packets, header_end: Fraction | None) -> int:
    """How many of the shown frames have a number that is certain.

    A missing packet comes after the last one read in decoding order, so it would be shown after that one's decoding
    time: only frames beyond it are in doubt, and only where a gap leaves room for a missing one.
    """
    steps = [b - a for a, b in pairwise(shown)]
    if not steps:
        return len(shown)
    step = min(steps)
    first_doubtful = max(1, len(shown) - MAX_REORDER)
    regular = all(s < 2 * step for s in steps[: first_doubtful - 1])
    ends_early = header_end is not None and packets.end + 2 * step < header_end
    if not (packets.damage or ends_early or regular):
        return len(shown)
    for n in range(first_doubtful, len(shown)):
        in_doubt = packets.last_dts is None or shown[n] > packets.last_dts
        if in_doubt and steps[n - 1] >= 2 * step:
            return n
    return len(shown)


def _counted(file: VideoFile, index: FrameIndex) -> FrameIndex:
    """The index of a file whose stamps can't be trusted: decoded once from end to end and counted.

    Of a damaged file, pictures the decoder still holds at the end are left out: their order is not certain.
    """
    count, damage = 0, index.damage
    with opened(file) as (container, stream):
        step = 1 / Fraction(stream.guessed_rate or 30)
        try:
            for packet in container.demux(stream):
                if damage and (packet.is_corrupt or not packet.size):
                    break
                count += len(packet.decode())
        except READING_ERRORS as error:
            damage = f"decoding stopped after frame {count - 1} ({reason(error)})"
    return replace(index, pts=tuple(range(count)), keys=(0,), time_base=step, by_pts=False, damage=damage)
