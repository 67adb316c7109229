"""The FFmpeg 5.1 program the published pictures were made with: finding it, running it, reading JPEGs from its pipe.

Other versions convert colours and write JPEGs differently, so no other will do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.media.video_file import VIDEO_FORMATS

ENCODER = "Lavc59.37.100"
"""What FFmpeg 5.1's encoder writes into the comment of each JPEG."""
PROGRAM_VARIABLE = "HINT_FFMPEG"
"""Environment variable that names the program where it isn't the `ffmpeg` of the search path."""

_VERSION = re.compile(r"^ffmpeg version (\S+).*^libavcodec\s+59\.\s*37\.100", re.MULTILINE | re.DOTALL)
_BLOCK = 1 << 20
_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_TOLD = 300


@dataclass(frozen=True, slots=True)
class Ffmpeg51:
    """A usable program.

    Args:
        program: its path.
        version: as it calls itself.
    """

    program: str
    version: str


@functools.cache
def find_ffmpeg51(program: str | None = None) -> Ffmpeg51 | None:
    """The FFmpeg 5.1 of this machine; None when there is none.

    Args:
        program: the one to take; default: `$HINT_FFMPEG`, else `ffmpeg` on the search path.

    Raises:
        EnvironmentFault: `program` was named and is no FFmpeg 5.1.
    """
    path = program or os.environ.get(PROGRAM_VARIABLE) or shutil.which("ffmpeg")
    version = _version(path) if path else ""
    if path and version:
        return Ffmpeg51(path, version)
    if program:
        raise EnvironmentFault(f"{program}: expected FFmpeg 5.1 (libavcodec 59.37.100), got something else")
    return None


def _version(path: str) -> str:
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(said)
    return match[1] if match else ""


def convert_raw(
    ffmpeg: Ffmpeg51,
    pictures: Iterator[bytes | memoryview],
    *,
    pixel_format: str,
    size_px: tuple[int, int],
    aspect: str,
) -> Iterator[bytes]:
    """Each raw picture as the JPEG the official command makes of it.

    Args:
        ffmpeg: the program.
        pictures: planes one after another, without padding.
        pixel_format: FFmpeg's name of theirs.
        size_px: width and height.
        aspect: of a pixel, `"4/3"`; empty when the file doesn't say.

    Raises:
        DataError: the program failed; whatever `pictures` raises.
    """
    command = [
        ffmpeg.program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", pixel_format,
        "-s", f"{size_px[0]}x{size_px[1]}", "-i", "pipe:0", *(["-vf", f"setsar={aspect}"] if aspect else []),
        "-vsync", "0", "-qscale:v", "1", "-f", "image2pipe", "-c:v", "mjpeg", "pipe:1",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        # a program that died says why on its error stream, not by a broken pipe
        with contextlib.suppress(BrokenPipeError), _running(command, out, errors, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None  # noqa: S101  (for the type checker)
            for picture in pictures:
                process.stdin.write(picture)
            process.stdin.close()
            process.wait()
        _check(process, errors, "raw pictures")
        out.seek(0)
        yield from split_jpegs(out)


def convert_file(ffmpeg: Ffmpeg51, path: Path, *, only: Sequence[int] | None) -> Iterator[bytes]:
    """The JPEGs the official command makes of a video, in order, without writing them to disk.

    Args:
        ffmpeg: the program.
        path: of the video.
        only: numbers of decoded frames to convert, ascending; None converts all, at the official constant rate.

    Raises:
        DataError: the program failed before it gave all pictures it could.
    """
    chosen = []
    if only is not None:
        chosen = ["-vf", "select=" + "+".join(f"eq(n\\,{n})" for n in only), "-vsync", "0", "-frames:v", str(len(only))]
    command = [
        ffmpeg.program, "-nostdin", "-loglevel", "error", "-protocol_whitelist", "file", "-format_whitelist",
        VIDEO_FORMATS, "-i", f"file:{path.resolve()}", *chosen, "-qscale:v", "1", "-f", "image2pipe", "-c:v", "mjpeg",
        "pipe:1",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as errors:
        with _running(command, subprocess.PIPE, errors) as process:
            assert process.stdout is not None  # noqa: S101  (for the type checker)
            yield from split_jpegs(process.stdout)
            process.wait()
        _check(process, errors, str(path))


@contextlib.contextmanager
def _running(
    command: list[str], stdout: int | IO[bytes], stderr: IO[bytes], stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """The started program; however the block ends, it does not outlive it."""
    with subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _check(process: subprocess.Popen[bytes], errors: IO[bytes], name: str) -> None:
    if process.returncode:
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()[-_TOLD:]
        raise DataError(f"{name}: FFmpeg 5.1 could not convert it ({said or f'exit code {process.returncode}'})")


def split_jpegs(stream: IO[bytes]) -> Iterator[bytes]:
    """The JPEG files that follow one another in `stream`; an unfinished last one is left out.

    Marker segments are stepped over by their lengths; in the scan itself an end marker can't occur (ISO 10918-1, B.1).
    """
    buffer = bytearray()
    while True:
        end = _end_of_jpeg(buffer)
        if end is not None:
            yield bytes(buffer[:end])
            del buffer[:end]
            continue
        block = stream.read(_BLOCK)
        if not block:
            return
        buffer += block


def _end_of_jpeg(buffer: bytearray) -> int | None:
    """Where the JPEG at the start of `buffer` ends; None while that is not there yet."""
    if not buffer:
        return None
    if len(buffer) >= len(_START) and not buffer.startswith(_START):
        raise DataError("FFmpeg 5.1 wrote something else than JPEGs")
    position = len(_START)
    while position + 4 <= len(buffer):
        marker, length = buffer[position + 1], int.from_bytes(buffer[position + 2 : position + 4], "big")
        position += 2 + length
        if marker == _SCAN:
            end = buffer.find(_END, position)
            return None if end < 0 else end + len(_END)
    return None


def jpeg_comment(data: bytes) -> str:
    """The first comment of a JPEG file, where encoders leave their name; empty when there is none."""
    position = len(_START)
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != _SCAN:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0xFE:
            return data[position + 4 : position + 2 + length].rstrip(b"\0").decode("latin-1")
        position += 2 + length
    return ""
