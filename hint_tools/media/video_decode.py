"""Decoding just the frames wanted of a video, as the decoder hands them out: stored format, not yet upright.

Only the key-frame groups the wanted frames stand in are decoded, each up to the last one wanted from it. A frame that
is damaged, or built on one that is, is reported and never painted over, as far as a decoder notices damage at all
(docs/extraction.md).
"""

from __future__ import annotations

import bisect
import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.media.held_frames import HeldFrames
from hint_tools.media.video_file import READ_AHEAD_BYTES, VideoFile, opened
from hint_tools.media.video_index import MAX_REORDER, FrameIndex, indexed
from hint_tools.media.video_packets import READING_ERRORS

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
        file: on a disk or remote.
        index: of its frames.
        container: open; stands anywhere.
        stream: its picture stream.
    """

    file: VideoFile
    index: FrameIndex
    container: InputContainer
    stream: VideoStream


@contextlib.contextmanager
def open_video(file: VideoFile, *, by_tables: bool = True) -> Iterator[OpenVideo]:
    """A video, opened once for its index and its frames: opening decodes a picture or two, which adds up.

    Arguments and errors as `video_index.indexed`.
    """
    with indexed(file, by_tables=by_tables) as (index, container, stream):
        yield OpenVideo(file, index, container, stream)


def decoded_frames(video: OpenVideo, wanted: list[int], report: MissingFrame) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames as (number, frame), each once, group by group, within a group as the decoder gives them.

    Args:
        video: still open.
        wanted: ascending frame numbers, all of them in the index.
        report: told of each frame that can't be decoded, after the others of its group.

    Raises:
        DataError: the file can no longer be opened.
    """
    if video.index.layout is None:
        yield from _decoded_frames(video, wanted, report)
        return
    lost: list[int] = []
    yield from _decoded_frames(video, wanted, lambda number, _why: lost.append(number))
    if lost:  # damage: where decoding can begin is seen in the packets, and said in tables
        with open_video(video.file, by_tables=False) as again:
            yield from _decoded_frames(again, lost, report)


def _decoded_frames(video: OpenVideo, wanted: list[int], report: MissingFrame) -> Iterator[tuple[int, VideoFrame]]:
    file, index = video.file, video.index
    if not index.by_pts:
        yield from _by_counting(file, index, set(wanted), report)
        return
    if not isinstance(file, Path):
        context = video.stream.codec_context
        file.want(spans_of(index, wanted, max(context.max_b_frames, int(context.has_b_frames))))
    for group, numbers in _groups(index, wanted).items():
        left = set(numbers)
        for pts, frame in _group(video, group, left):
            yield numbers[pts], frame
        for pts in sorted(left):
            report(numbers[pts], f"{file}: frame {numbers[pts]} is damaged, or stands after damage in its group")


def _groups(index: FrameIndex, wanted: Iterable[int]) -> dict[int, dict[int, int]]:
    """Number of each key-frame group that is needed -> stamp -> frame."""
    groups: dict[int, dict[int, int]] = {}
    for number in wanted:
        pts = index.pts[number]
        groups.setdefault(max(0, bisect.bisect_right(index.keys, pts) - 1), {})[pts] = number
    return groups


def spans_of(index: FrameIndex, wanted: Iterable[int], held: int) -> list[tuple[int, int]]:
    """(first byte, one after the last) of what decoding some frames will read; none where tables don't tell.

    Args:
        index: of the video.
        wanted: ascending frame numbers.
        held: pictures a decoder holds back.
    """
    if index.layout is None:
        return []
    spans: list[tuple[int, int]] = []
    for group, numbers in _groups(index, wanted).items():
        spans += index.layout.spans(index.keys[group], numbers, held + 1)
    return [(start, end + READ_AHEAD_BYTES) for start, end in spans]


def _by_counting(
    file: VideoFile, index: FrameIndex, left: set[int], report: MissingFrame
) -> Iterator[tuple[int, VideoFrame]]:
    """Frames of a file without usable stamps: decoded from its start."""
    with opened(file) as (container, stream):
        # what a frame is built on comes out at most so many frames after it (see `HeldFrames`)
        later = MAX_REORDER if stream.codec_context.has_b_frames else 0
        held: deque[tuple[int, VideoFrame]] = deque()
        frames, last = enumerate(container.decode(stream)), max(left, default=-1)
        while left:
            try:
                number, frame = next(frames, (last + later + 1, None))
            except READING_ERRORS:
                break
            if frame is not None and frame.is_corrupt:
                break
            if frame is not None and number in left:
                held.append((number, frame))
            while held and held[0][0] + later <= number:
                left.discard(held[0][0])
                yield held.popleft()
            if number > last + later:
                break
    for number in sorted(left):
        report(number, f"{file}: frame {number} is damaged, or stands after damage in a file without time stamps")


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
        with opened(video.file) as (fresh, its_stream):
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
    held = HeldFrames(index.pts[0] if entry is None else entry)
    ended = False
    while left and not ended:
        try:
            packet = next(packets)
        except StopIteration:
            held.nothing_follows()
            ended = True
        except READING_ERRORS:
            held.take(_drained(stream)[0], left)
            held.damaged = ended = True
        else:
            if not packet.is_corrupt:
                held.feed(packet.pts, left)
            frames, damaged = _decoded(stream, packet, left)
            held.take(frames, left)
            beyond += packet.dts is not None and packet.dts > highest
            ended = beyond >= _FED_BEYOND or held.holds(left)
            if ended and not damaged:
                frames, damaged = _drained(stream)
                held.take(frames, left)
                if not damaged:
                    held.nothing_follows()
            held.damaged |= damaged
            ended |= held.damaged
        for pts, frame in held.free():
            left.discard(pts)
            yield pts, frame
    return held.damaged


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
        if packet.is_corrupt:
            return _drained(stream)[0], True
        return [f for f in packet.decode() if isinstance(f, VideoFrame)], False
    return [], True


def _drained(stream: VideoStream) -> tuple[list[VideoFrame], bool]:
    """What the decoder still holds, and whether damage kept it from telling. A seek must follow before it is fed."""
    try:
        return [f for f in stream.codec_context.decode(None) if isinstance(f, VideoFrame)], False
    except EOFError:  # the end of the file has emptied it already
        return [], False
    except READING_ERRORS:
        return [], True
