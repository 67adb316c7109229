"""The n-th frame of a video, exactly: never the nearest one, never one a decoder knows to be painted over.

Frames are counted from 0 in presentation order over what the file shows (`video_index`). To read some of them, only
the key-frame groups they stand in are decoded, each up to the last frame wanted from it. A frame that can't be decoded
without damage is reported as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.frame import VideoFrame

from hint_tools.core.errors import DataError
from hint_tools.media.images import Rgb
from hint_tools.media.orientation import Orientation
from hint_tools.media.video_decode import MissingFrame, decoded_frames, open_video
from hint_tools.media.video_file import VideoFile
from hint_tools.media.video_index import FrameIndex, build_index


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video shows.

    Args:
        n_frames: shown frames whose number is certain.
        times_s: of each frame, s after the first.
        width_px: upright.
        height_px: upright.
        orientation: how the stored pictures are turned; already applied to the size and to every frame that is read.
        fps: mean over the whole video; 0 for a single frame.
        codec: the decoder's name for the format.
        damage: what is wrong with the end of the file; empty when it is whole.
        read_whole: why all of it was read to know this; empty where the file's own tables told.
    """

    n_frames: int
    times_s: tuple[float, ...]
    width_px: int
    height_px: int
    orientation: Orientation
    fps: float
    codec: str
    damage: str
    read_whole: str = ""

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last."""
        return self.n_frames / self.fps if self.fps else 0.0


def probe(file: VideoFile) -> VideoInfo:
    """Number, times and size of a video's frames, from its packets.

    Raises:
        DataError: missing, not a video file, without pictures, not a single one can be decoded, or they are turned by
            another than a right angle.
    """
    return _info(file, build_index(file))


def _info(file: VideoFile, index: FrameIndex) -> VideoInfo:
    times = tuple(float((p - index.pts[0]) * index.time_base) for p in index.pts)
    orientation = _orientation(file, index)
    sideways = orientation.swaps_axes
    return VideoInfo(
        n_frames=len(times),
        times_s=times,
        width_px=index.height_px if sideways else index.width_px,
        height_px=index.width_px if sideways else index.height_px,
        orientation=orientation,
        fps=(len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else 0.0,
        codec=index.codec,
        damage=index.damage,
        read_whole=index.read_whole,
    )


def read_frames(
    file: VideoFile,
    indices: Iterable[int],
    *,
    on_missing: MissingFrame | None = None,
    on_index: Callable[[FrameIndex], None] | None = None,
) -> Iterator[tuple[int, Rgb]]:
    """The wanted frames as (number, uint8 RGB `(height, width, 3)`), upright, each once, mostly in ascending order.

    Args:
        file: the video.
        indices: frame numbers, from 0, in any order.
        on_missing: told of each frame that can't be read, after the others of its group; without it the first call
            after the last readable frame raises.
        on_index: told what the file says of its frames, before the first one comes.

    Raises:
        DataError: not a readable video; or, without `on_missing`, some frames could not be read.
        ValueError: a negative frame number.
    """
    wanted = sorted(set(indices))
    if wanted and wanted[0] < 0:
        raise ValueError(f"{file}: frames are numbered from 0, got {wanted[0]}")
    lost: list[tuple[int, str]] = []
    report = on_missing or (lambda number, why: lost.append((number, why)))
    with open_video(file) as video:
        index, orientation = video.index, _orientation(file, video.index)
        if on_index is not None:
            on_index(index)
        for number, frame in decoded_frames(video, [n for n in wanted if n < len(index.pts)], report):
            yield number, _upright(frame, orientation)
    for number in (n for n in wanted if n >= len(index.pts)):
        cause = f"; {index.damage}" if index.damage else ""
        report(number, f"{file}: frame {number} does not exist, expected less than {len(index.pts)}{cause}")
    if lost:
        more = f" ({len(lost) - 1} more frames are missing)" if len(lost) > 1 else ""
        raise DataError(lost[0][1] + more)


def decoder_version() -> str:
    """What decodes and converts frames here, to be kept with the frames."""
    parts = ("libavcodec", "libswscale")
    versions = ", ".join(f"{p} {'.'.join(map(str, av.library_versions[p]))}" for p in parts)
    return f"PyAV {av.__version__}, {versions}"


def _orientation(file: VideoFile, index: FrameIndex) -> Orientation:
    if index.orientation is None:
        raise DataError(f"{file}: expected pictures turned by a multiple of 90 degrees, got another display matrix")
    return index.orientation


def _upright(frame: VideoFrame, orientation: Orientation) -> Rgb:
    rgb = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.ascontiguousarray(orientation.upright(rgb))
