"""Pictures of frames out of files, in whichever process: nothing of the project is read or written here.

An upright 8-bit RGB JPEG is passed on byte for byte, or, of people's own pictures, without what cameras write into it;
everything else becomes a JPEG of quality 95.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.media.images import decode_image, encode_jpeg, image_library, pixel_sha256, probe_image, read_image
from hint_tools.media.jpeg_metadata import without_metadata
from hint_tools.media.video import decoder_version, read_frames
from hint_tools.media.video_index import FrameIndex
from hint_tools.store.fetch import Cache, local_file, ranged_file
from hint_tools.store.ranges import RangedFile
from hint_tools.store.remote import SourcePath

VERBATIM = "copied byte for byte"
BARE = "copied without its metadata"
MAX_PICTURE_BYTES = 64 << 20
"""Of a picture in an archive: a header may claim anything."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A frame to get.

    Args:
        frame: its id.
        file: the picture or video, or the archive that holds the picture.
        frame_index: in the video; -1 for a still picture.
        member: of the archive; empty for a plain file.
        bare: a plain picture is wanted without place, time, serial numbers and the like.
    """

    frame: str
    file: SourcePath
    frame_index: int
    member: str
    bare: bool = False


@dataclass(frozen=True, slots=True)
class PictureJob:
    """Frames of one video, pictures of one archive, or some plain pictures, as they travel to a worker."""

    name: str
    wanted: tuple[Wanted, ...]
    cache: Cache


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a frame could not be had: what kind of thing is wrong, and the message about this one."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame's picture.

    Args:
        data: the JPEG file.
        width_px: of the picture.
        height_px: of the picture.
        sha256: of the file.
        pixel_sha256: of the picture decoded from the file.
        decoder: what decoded the source and encoded the file.
    """

    data: bytes
    width_px: int
    height_px: int
    sha256: str
    pixel_sha256: str
    decoder: str


@dataclass(frozen=True, slots=True)
class VideoRead:
    """How a video was read.

    Args:
        size_bytes: of a remote one; 0 of one on a disk.
        fetched_bytes: of a remote one.
        read_whole: why all of it was read to count its frames; empty where its own tables told.
    """

    size_bytes: int
    fetched_bytes: int
    read_whole: str


def pictures_of(job: PictureJob) -> Iterator[tuple[str, Picture | Failure] | VideoRead]:
    """The id of each wanted frame with its picture, or with why there is none; of a video, how it was read as well.

    Raises:
        RemoteError: a remote file can't be reached at all.
        EnvironmentFault: there is no room to fetch it to.
    """
    first = job.wanted[0]
    if first.frame_index >= 0:
        yield from _from_video(job)
    elif first.member:
        yield from _from_archive(job)
    else:
        for wanted in job.wanted:
            try:
                with local_file(wanted.file, job.cache) as path:
                    yield wanted.frame, _plain(path, bare=wanted.bare)
            except DataError as error:
                yield wanted.frame, Failure("unreadable picture", error.message)


def _picture(data: bytes, name: str, decoder: str) -> Picture:
    decoded = decode_image(data, name)  # a header is no proof that the rest is there
    height, width = decoded.shape[:2]
    return Picture(data, width, height, hashlib.sha256(data).hexdigest(), pixel_sha256(decoded), decoder)


def _plain(path: Path, *, bare: bool) -> Picture:
    if probe_image(path).is_plain_jpeg:
        data = path.read_bytes()
        if not bare:
            return _picture(data, str(path), VERBATIM)
        with suppress(ValueError):  # what decoders read all the same is coded anew
            left = without_metadata(data)
            return _picture(left, str(path), VERBATIM if left == data else BARE)
    return _picture(encode_jpeg(read_image(path)), str(path), image_library())


def _from_archive(job: PictureJob) -> Iterator[tuple[str, Picture | Failure]]:
    archive = job.wanted[0].file
    try:
        with _opened(archive) as opened:
            for wanted in job.wanted:
                try:
                    yield wanted.frame, _member(opened, archive, wanted.member)
                except DataError as error:
                    yield wanted.frame, Failure("unreadable picture", error.message)
    except DataError as error:
        for wanted in job.wanted:
            yield wanted.frame, Failure("unreadable picture", error.message)


@contextmanager
def _opened(archive: SourcePath) -> Iterator[zipfile.ZipFile]:
    try:
        file = archive.open("rb")
    except OSError as error:
        raise DataError(f"{archive}: can't be read ({error.strerror})") from error
    with file:
        try:
            opened = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(f"{archive}: can't be read ({error})") from error
        with opened:
            yield opened


def _member(opened: zipfile.ZipFile, archive: SourcePath, member: str) -> Picture:
    """A JPEG within an archive."""
    try:
        if opened.getinfo(member).file_size > MAX_PICTURE_BYTES:
            raise DataError(f"{archive}: {member} claims more than {MAX_PICTURE_BYTES} bytes; not read")
        data = opened.read(member)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, zlib.error) as error:
        raise DataError(f"{archive}: {member} can't be read ({error})") from error
    return _picture(data, f"{archive}: {member}", VERBATIM)


def _from_video(job: PictureJob) -> Iterator[tuple[str, Picture | Failure] | VideoRead]:
    file = job.wanted[0].file
    left = {w.frame_index: w.frame for w in job.wanted}
    missing: dict[int, str] = {}
    decoder = f"{decoder_version()}; {image_library()}"
    known: list[FrameIndex] = []
    try:
        with ranged_file(file, job.cache) as video:
            for number, rgb in read_frames(
                video, list(left), on_missing=missing.__setitem__, on_index=known.append
            ):  # fmt: skip
                yield left.pop(number), _picture(encode_jpeg(rgb), str(file), decoder)
            size, fetched = (video.size_bytes, video.fetched_bytes) if isinstance(video, RangedFile) else (0, 0)
            yield VideoRead(size, fetched, known[0].read_whole)
    except DataError as error:
        missing = dict.fromkeys(left, error.message)
    for number in sorted(missing):
        yield left[number], Failure("unreadable video frame", missing[number])
