"""A video file, on a disk or remote, opened by FFmpeg's demuxer: what may be opened, and how."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from hint_tools.core.errors import DataError, HintError
from hint_tools.media.limits import MAX_PIXELS
from hint_tools.media.mp4_boxes import Readable
from hint_tools.media.video_packets import reason


class RemoteReader(Readable, Protocol):
    """A `RemoteVideo`, open."""

    @property
    def failure(self) -> HintError | None:
        """Why it could not be read on; None while it could."""


class RemoteVideo(Protocol):
    """A file of which what is read is fetched (`store.ranges.RangedFile`)."""

    @property
    def size_bytes(self) -> int:
        """Of all of it."""

    def reader(self) -> RemoteReader:
        """The file, to be read from its start."""

    def want(self, spans: Iterable[tuple[int, int]], /) -> None:
        """These parts (first byte, one after the last) will be read."""

    def whole(self) -> Path:
        """A path that holds all of it."""


VideoFile = Path | RemoteVideo
"""A file on a disk, or a remote one."""
VIDEO_FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,h264,hevc,m4v,gif"
"""Demuxers that bytes may reach: none that opens further files."""
OPENING_BYTES = 1 << 18
"""Of a file's start, read to open it."""
READ_AHEAD_BYTES = 1 << 15
"""Asked for at a time by FFmpeg of a file that Python reads, wanted or not."""
_UNOPENABLE = (av.error.FFmpegError, OSError, ValueError)


@contextlib.contextmanager
def readable(file: VideoFile) -> Iterator[tuple[Readable, int]]:
    """The file, open for reading, and its size in bytes.

    Raises:
        DataError: it can't be opened.
        HintError: a remote file could not be read on.
    """
    if not isinstance(file, Path):
        file.want([(0, OPENING_BYTES)])
        yield file.reader(), file.size_bytes
        return
    try:
        opened_file = file.open("rb")
    except OSError as error:
        raise DataError(f"{file}: can't be read ({error.strerror})") from error
    with opened_file:
        yield opened_file, file.stat().st_size


def local_path(file: VideoFile) -> Path:
    """A path that holds all of it. Raises what fetching it raises."""
    return file if isinstance(file, Path) else file.whole()


@contextlib.contextmanager
def opened(file: VideoFile) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its picture stream, to be decoded on one thread with damage reported, not painted over.

    Raises:
        DataError: missing, not a video file, or without pictures.
        HintError: a remote file could not be read on; whatever came of it until then is not to be relied on.
    """
    if isinstance(file, Path):
        with _opened(str(file), str(file.resolve()) if file.is_file() else None) as both:
            yield both
        return
    reader = file.reader()
    try:
        with _opened(str(file), reader) as both:
            yield both
    finally:
        if reader.failure is not None:  # FFmpeg takes it for the end of the file, or for damage
            raise reader.failure


@contextlib.contextmanager
def _opened(name: str, source: str | RemoteReader | None) -> Iterator[tuple[InputContainer, VideoStream]]:
    if source is None:
        raise DataError(f"{name}: no such video")
    options = {"protocol_whitelist": "file", "format_whitelist": VIDEO_FORMATS}
    try:
        container = av.open(source, "r", container_options=options)
    except _UNOPENABLE as error:
        raise DataError(
            f"{name}: expected a video, but it can't be opened ({reason(error)})", hint="copy it again"
        ) from error
    with container:
        attached = Disposition.attached_pic
        # a stream in a format this build can't decode has no codec context
        streams = [s for s in container.streams.video if s.codec_context and not s.disposition & attached]
        if not streams:
            raise DataError(f"{name}: expected a video, but no picture stream that can be decoded is in it")
        stream = streams[0]
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            size = f"{stream.codec_context.width} x {stream.codec_context.height}"
            raise DataError(f"{name}: expected at most {MAX_PIXELS} px a frame, the header says {size}")
        # one thread: a damaged packet must be the one that raises, and clips are the unit of parallel work
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}
        yield container, stream
