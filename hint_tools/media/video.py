"""The n-th frame of a video, exactly: never the nearest one, never one a decoder knows to be painted over.

Frames are counted from 0 in presentation order over what the file shows (`video_index`). To read some of them, only
the key-frame groups they stand in are decoded, each up to the last frame wanted from it. A frame that can't be decoded
without damage is reported as missing.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hint_tools.core.errors import DataError
from hint_tools.media.images import Rgb
from hint_tools.media.video_index import MAX_REORDER, READING_ERRORS, FrameIndex, build_index, opened

_GROUPS_BACK = 2
"""Key frames to step back when a seek lands late or the first pictures of a group need the group before."""
_FED_BEYOND = 2 * MAX_REORDER
"""Packets to feed past the last wanted stamp before a frame that did not come out is given up."""
_SAFE_TO_SKIP = frozenset({"h264"})
"""Formats whose unreferenced pictures are referenced by nothing at all (H.264, 7.4.1: nal_ref_idc equal to 0)."""

MissingFrame = Callable[[int, str], None]
"""Called with a frame's number and why it could not be read."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video shows.

    Args:
        n_frames: shown frames whose number is certain.
        times_s: of each frame, s after the first.
        width_px: upright.
        height_px: upright.
        rotation_deg: counter-clockwise, already applied to the size and to every frame that is read.
        fps: mean over the whole video; 0 for a single frame.
        codec: the decoder's name for the format.
        damage: what is wrong with the end of the file; empty when it is whole.
    """

    n_frames: int
    times_s: tuple[float, ...]
    width_px: int
    height_px: int
    rotation_deg: int
    fps: float
    codec: str
    damage: str

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last."""
        return self.n_frames / self.fps if self.fps else 0.0


def probe(path: Path) -> VideoInfo:
    """Number, times and size of a video's frames, from its packets.

    Raises:
        DataError: missing, not a video file, without pictures, or not a single one can be decoded.
    """
    return _info(build_index(path))


def _info(index: FrameIndex) -> VideoInfo:
    times = tuple(float((p - index.pts[0]) * index.time_base) for p in index.pts)
    sideways = index.rotation_deg % 180 == 90
    return VideoInfo(
        n_frames=len(times),
        times_s=times,
        width_px=index.height_px if sideways else index.width_px,
        height_px=index.width_px if sideways else index.height_px,
        rotation_deg=index.rotation_deg,
        fps=(len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else 0.0,
        codec=index.codec,
        damage=index.damage,
    )


def read_frames(
    path: Path, indices: Iterable[int], *, on_missing: MissingFrame | None = None
) -> Iterator[tuple[int, Rgb]]:
    """The wanted frames as (number, uint8 RGB `(height, width, 3)`), upright, each once, mostly in ascending order.

    Args:
        path: of the video.
        indices: frame numbers, from 0, in any order.
        on_missing: told of each frame that can't be read, after the others of its group; without it the first call
            after the last readable frame raises.

    Raises:
        DataError: not a readable video; or, without `on_missing`, some frames could not be read.
        ValueError: a negative frame number.
    """
    wanted = sorted(set(indices))
    if wanted and wanted[0] < 0:
        raise ValueError(f"{path}: frames are numbered from 0, got {wanted[0]}")
    lost: list[tuple[int, str]] = []
    report = on_missing or (lambda number, why: lost.append((number, why)))
    index = build_index(path)
    yield from _existing(path, index, [n for n in wanted if n < len(index.pts)], report)
    for number in (n for n in wanted if n >= len(index.pts)):
        cause = f"; {index.damage}" if index.damage else ""
        report(number, f"{path}: frame {number} does not exist, expected less than {len(index.pts)}{cause}")
    if lost:
        more = f" ({len(lost) - 1} more frames are missing)" if len(lost) > 1 else ""
        raise DataError(lost[0][1] + more)


def decoder_version() -> str:
    """What decodes and converts frames here, to be kept with the frames."""
    parts = ("libavcodec", "libswscale")
    versions = ", ".join(f"{p} {'.'.join(map(str, av.library_versions[p]))}" for p in parts)
    return f"PyAV {av.__version__}, {versions}"


def _existing(path: Path, index: FrameIndex, wanted: list[int], report: MissingFrame) -> Iterator[tuple[int, Rgb]]:
    if not index.by_pts:
        yield from _by_counting(path, index, set(wanted), report)
        return
    groups: dict[int, dict[int, int]] = {}
    for number in wanted:
        pts = index.pts[number]
        groups.setdefault(max(0, bisect.bisect_right(index.keys, pts) - 1), {})[pts] = number
    with opened(path) as (container, stream):
        for group, numbers in groups.items():
            left = set(numbers)
            for pts, rgb in _group(path, container, stream, index, group, left):
                yield numbers[pts], rgb
            for pts in sorted(left):
                report(numbers[pts], f"{path}: frame {numbers[pts]} is damaged, or stands after damage in its group")


def _by_counting(path: Path, index: FrameIndex, left: set[int], report: MissingFrame) -> Iterator[tuple[int, Rgb]]:
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
                yield number, _upright(frame, index.rotation_deg)
    for number in sorted(left):
        report(number, f"{path}: frame {number} is damaged, or stands after damage in a file without time stamps")


def _group(
    path: Path, container: InputContainer, stream: VideoStream, index: FrameIndex, group: int, left: set[int]
) -> Iterator[tuple[int, Rgb]]:
    """Frames of one key-frame group; those it could not read stay in `left`."""
    for key in range(group, max(group - _GROUPS_BACK, 0) - 1, -1):
        target = index.keys[key] if index.keys else index.pts[0]
        with contextlib.suppress(*READING_ERRORS):  # where a file can't be sought, reading on finds no entry
            container.seek(target, stream=stream, backward=True, any_frame=False)
        damaged = yield from _attempt(container, stream, index, left, target)
        if not left or (damaged and key < group):
            return
    if not damaged:
        with opened(path) as (fresh, its_stream):
            yield from _attempt(fresh, its_stream, index, left, None)


def _attempt(
    container: InputContainer, stream: VideoStream, index: FrameIndex, left: set[int], entry: int | None
) -> Generator[tuple[int, Rgb], None, bool]:
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
                yield frame.pts, _upright(frame, index.rotation_deg)
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


def _upright(frame: VideoFrame, rotation_deg: int) -> Rgb:
    rgb = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(rgb, rotation_deg // 90)).astype(np.uint8, copy=False)
