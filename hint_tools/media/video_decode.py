"""Decoding just the frames wanted of a video, as the decoder hands them out: stored format, not yet upright.

Only the key-frame groups the wanted frames stand in are decoded, each up to the last one wanted from it. A frame that
can't be decoded without damage is reported, never painted over.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.media.video_index import MAX_REORDER, READING_ERRORS, FrameIndex, opened, read_index

_GROUPS_BACK = 2
"""Key frames to step back when a seek lands late or the first pictures of a group need the group before."""
_FED_BEYOND = 2 * MAX_REORDER
"""Packets to feed past the last wanted stamp before a frame that did not come out is given up."""
_SAFE_TO_SKIP = frozenset({"h264"})
"""Formats whose unreferenced pictures are referenced by nothing at all (H.264, 7.4.1: nal_ref_idc equal to 0)."""

MissingFrame = Callable[[int, str], None]
"""Called with a frame's number and why it could not be read."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenVideo:
    """A video whose frames are known and can be decoded.

    Args:
        path: of the file.
        index: of its frames.
        container: open, read to its end.
        stream: its picture stream.
    """

    path: Path
    index: FrameIndex
    container: InputContainer
    stream: VideoStream


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[OpenVideo]:
    """A video, opened once for its index and its frames: opening decodes a picture or two, which adds up.

    Raises:
        DataError: missing, not a video file, without pictures, or not a single one can be decoded.
    """
    with opened(path) as (container, stream):
        yield OpenVideo(path, read_index(path, container, stream), container, stream)


def decoded_frames(video: OpenVideo, wanted: list[int], report: MissingFrame) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames as (number, frame), each once, group by group, within a group as the decoder gives them.

    Args:
        video: still open.
        wanted: ascending frame numbers, all of them in the index.
        report: told of each frame that can't be decoded, after the others of its group.

    Raises:
        DataError: the file can no longer be opened.
    """
    path, index = video.path, video.index
    if not index.by_pts:
        yield from _by_counting(path, index, set(wanted), report)
        return
    groups: dict[int, dict[int, int]] = {}
    for number in wanted:
        pts = index.pts[number]
        groups.setdefault(max(0, bisect.bisect_right(index.keys, pts) - 1), {})[pts] = number
    for group, numbers in groups.items():
        left = set(numbers)
        for pts, frame in _group(video, group, left):
            yield numbers[pts], frame
        for pts in sorted(left):
            report(numbers[pts], f"{path}: frame {numbers[pts]} is damaged, or stands after damage in its group")


def _by_counting(
    path: Path, index: FrameIndex, left: set[int], report: MissingFrame
) -> Iterator[tuple[int, VideoFrame]]:
    """Frames of a file without usable stamps: decoded from its start."""
    with opened(path) as (container, stream):
        frames = container.decode(stream)
        for number in range(max(left, default=-1) + 1):
            try:
                frame = next(frames)
            except (StopIteration, *READING_ERRORS):
                break
            if number in left and not frame.is_corrupt:
                left.discard(number)
                yield number, frame
    for number in sorted(left):
        report(number, f"{path}: frame {number} is damaged, or stands after damage in a file without time stamps")


def _group(video: OpenVideo, group: int, left: set[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Frames of one key-frame group; those it could not read stay in `left`."""
    container, stream, index = video.container, video.stream, video.index
    for key in range(group, max(group - _GROUPS_BACK, 0) - 1, -1):
        target = index.keys[key] if index.keys else index.pts[0]
        with contextlib.suppress(*READING_ERRORS):  # where a file can't be sought, reading on finds no entry
            container.seek(target, stream=stream, backward=True, any_frame=False)
        damaged = yield from _attempt(container, stream, index, left, target)
        if not left or (damaged and key < group):
            return
    if not damaged:
        with opened(video.path) as (fresh, its_stream):
            yield from _attempt(fresh, its_stream, index, left, None)


def _attempt(
    container: InputContainer, stream: VideoStream, index: FrameIndex, left: set[int], entry: int | None
) -> Generator[tuple[int, VideoFrame], None, bool]:
    """Decode from where the container stands and take what is wanted; whether damage ended it.

    Args:
        container: positioned by a seek, or fresh.
        stream: its picture stream.
        index: of the same file.
        left: stamps still wanted; those that are read are removed.
        entry: stamp of the key frame that was sought: entering later gives up. None accepts any first packet.
    """
    highest, beyond = max(left), 0
    packets = container.demux(stream) if entry is None else _from_key(container.demux(stream), entry)
    entry = index.pts[0] if entry is None else entry
    while left and beyond < _FED_BEYOND:
        try:
            packet = next(packets)
        except StopIteration:
            return False
        except READING_ERRORS:
            return True
        frames, damaged = _decoded(stream, packet, left)
        for frame in frames:
            if frame.is_corrupt and frame.pts is not None and frame.pts >= entry:
                return True
            if frame.pts in left and not frame.is_corrupt:
                left.discard(frame.pts)
                yield frame.pts, frame
        if damaged:
            return True
        beyond += packet.dts is not None and packet.dts > highest
    return False


def _from_key(packets: Iterator[Packet[VideoStream]], entry: int) -> Iterator[Packet[VideoStream]]:
    """The packets from the first key frame on; none at all when that one is later than `entry`."""
    for packet in packets:
        if packet.is_keyframe:
            if packet.pts is not None and packet.pts <= entry:
                yield packet
                yield from packets
            return


def _decoded(stream: VideoStream, packet: Packet[VideoStream], left: set[int]) -> tuple[list[VideoFrame], bool]:
    """The frames that come out when `packet` goes in, and whether damage ends the group here.

    A packet known to be cut off is not fed: the frames before it are complete and still come out. When a packet turns
    out to be damaged inside the decoder, nothing the decoder holds is trusted.
    """
    context = stream.codec_context
    if context.name in _SAFE_TO_SKIP:
        context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in left else "NONREF"
    with contextlib.suppress(*READING_ERRORS):
        fed = context.decode(None) if packet.is_corrupt else packet.decode()
        return [f for f in fed if isinstance(f, VideoFrame)], packet.is_corrupt
    return [], True
