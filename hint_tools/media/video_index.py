"""Which frames a video shows, in which order, learnt from its packets alone (nothing is decoded but the first frame).

Frame n is the n-th shown picture in presentation order. Packets that an edit list hides are not counted.
A file that was cut off lacks packets in *decoding* order, so its last pictures may have lost an earlier neighbour;
those are left out, because their number can't be known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.core.errors import DataError
from hint_tools.media.limits import MAX_PIXELS
from hint_tools.media.orientation import Orientation, orientation_of

MAX_REORDER = 16
"""Most pictures a decoder may hold back (H.264 and HEVC, annex A: max_dec_frame_buffering <= 16)."""

VIDEO_FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,h264,hevc,m4v,gif"
"""Demuxers that bytes may reach: none that opens further files."""
_UNOPENABLE = (av.error.FFmpegError, OSError, ValueError)
_NO_RATE = 25
"""What FFmpeg takes when a file doesn't even hint at its rate."""
_JPEG_RANGE = 2
"""`AVCOL_RANGE_JPEG`."""
READING_ERRORS = (av.error.FFmpegError, IndexError)
"""What demuxing and decoding damaged bytes raises; IndexError where a stream turns up that the header did not name."""


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


@dataclass(slots=True)
class _Packets:
    """What demuxing saw."""

    shown: list[int]
    keys: list[int]
    durations: dict[int, int]
    first: VideoFrame | None = None
    reordered: bool = False
    last_dts: int | None = None
    count: int = 0
    without_pts: int = 0
    end: int = 0
    """When the last shown frame stops being shown."""
    damage: str = ""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its picture stream, to be decoded on one thread with damage reported, not painted over.

    Raises:
        DataError: missing, not a video file, or without pictures.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such video")
    options = {"protocol_whitelist": "file", "format_whitelist": VIDEO_FORMATS}
    try:
        container = av.open(str(path.resolve()), "r", container_options=options)
    except _UNOPENABLE as error:
        raise DataError(
            f"{path}: expected a video, but it can't be opened ({_reason(error)})", hint="copy it again"
        ) from error
    with container:
        attached = Disposition.attached_pic
        # a stream in a format this build can't decode has no codec context
        streams = [s for s in container.streams.video if s.codec_context and not s.disposition & attached]
        if not streams:
            raise DataError(f"{path}: expected a video, but no picture stream that can be decoded is in it")
        stream = streams[0]
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            size = f"{stream.codec_context.width} x {stream.codec_context.height}"
            raise DataError(f"{path}: expected at most {MAX_PIXELS} px a frame, the header says {size}")
        # one thread: a damaged packet must be the one that raises, and clips are the unit of parallel work
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}
        yield container, stream


def build_index(path: Path) -> FrameIndex:
    """The frames of a video.

    Raises:
        DataError: missing, not a video file, without pictures, or not a single one can be decoded.
    """
    with opened(path) as (container, stream):
        return read_index(path, container, stream)


def read_index(path: Path, container: InputContainer, stream: VideoStream) -> FrameIndex:
    """The frames of a video that was just opened; it has been read to its end afterwards.

    Args:
        path: of the video.
        container: as `opened` gives it.
        stream: as `opened` gives it.

    Raises:
        DataError: not a single picture can be decoded.
    """
    packets = _demux(container, stream)
    if packets.first is None:
        raise DataError(f"{path}: expected a video, but not a single frame can be decoded", hint="copy it again")
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
    )  # fmt: skip
    return index if by_pts else _counted(path, index)


def _coding(container: InputContainer, stream: VideoStream, packets: _Packets, shown: list[int]) -> Coding:
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


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or error)


def _first_frame(packet: Packet[VideoStream]) -> VideoFrame | None:
    """The first frame that comes out when `packet` goes in; None when none does, or not undamaged."""
    with contextlib.suppress(*READING_ERRORS):
        return next((f for f in packet.decode() if isinstance(f, VideoFrame)), None)
    return None


def _demux(container: InputContainer, stream: VideoStream) -> _Packets:
    seen = _Packets(shown=[], keys=[], durations={})
    try:
        for packet in container.demux(stream):
            seen.first = seen.first or _first_frame(packet)
            if not packet.size:
                continue
            seen.count += 1
            if packet.is_corrupt:
                seen.damage = "the last packet is cut off"
            seen.reordered |= packet.dts is not None and packet.pts != packet.dts
            seen.last_dts = packet.dts if packet.dts is not None else seen.last_dts
            if packet.pts is None:
                seen.without_pts += 1
                continue
            if packet.is_keyframe:
                seen.keys.append(packet.pts)
            if not packet.is_discard:
                seen.shown.append(packet.pts)
                seen.durations[packet.pts] = packet.duration or 0
                seen.end = max(seen.end, packet.pts + (packet.duration or 0))
    except READING_ERRORS as error:
        seen.damage = f"reading stopped half-way ({_reason(error)})"
    promised = _promised_packets(container, stream)
    if promised is not None and seen.count < promised:
        seen.damage = f"the header promises {promised} frames, the file holds {seen.count}"
    return seen


def _stamped(container: InputContainer, packets: _Packets) -> bool:
    """Whether the packets' presentation stamps are the file's own and tell frames apart."""
    guessed = container.format.name == "avi" and len(packets.keys) < packets.count  # AVI stores decoding order only
    return not guessed and not packets.without_pts and len(set(packets.shown)) == len(packets.shown)


def _promised_packets(container: InputContainer, stream: VideoStream) -> int | None:
    """How many packets the file's own header lists; None for formats that don't say."""
    if container.format.name == "avi":
        return stream.frames or None
    entries = getattr(stream, "index_entries", None)
    return len(entries) if entries is not None and "mp4" in container.format.name else None


def _certain(shown: list[int], packets: _Packets, header_end: Fraction | None) -> int:
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


def _counted(path: Path, index: FrameIndex) -> FrameIndex:
    """The index of a file whose stamps can't be trusted: decoded once from end to end and counted.

    Of a damaged file, pictures the decoder still holds at the end are left out: their order is not certain.
    """
    count, damage = 0, index.damage
    with opened(path) as (container, stream):
        step = 1 / Fraction(stream.guessed_rate or 30)
        try:
            for packet in container.demux(stream):
                if damage and (packet.is_corrupt or not packet.size):
                    break
                count += len(packet.decode())
        except READING_ERRORS as error:
            damage = f"decoding stopped after frame {count - 1} ({_reason(error)})"
    return replace(index, pts=tuple(range(count)), keys=(0,), time_base=step, by_pts=False, damage=damage)
