"""Frames out of their files into the project, each written once, remembered in a journal.

An upright 8-bit RGB JPEG is copied byte for byte; everything else becomes a JPEG of quality 95.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.media.images import decode_image, encode_jpeg, image_library, pixel_sha256, probe_image, read_image
from hint_tools.media.video import decoder_version, read_frames
from hint_tools.sample.table import frame_id
from hint_tools.sources.candidates import Candidate, by_unit
from hint_tools.store.atomic import write_bytes
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project

VERBATIM = "copied byte for byte"
MAX_PICTURE_BYTES = 64 << 20
"""Of a picture in an archive: a header may claim anything."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A frame's picture in the project.

    Args:
        path: relative to the project.
        width_px: of the picture.
        height_px: of the picture.
        size_bytes: of the file.
        sha256: of the file.
        pixel_sha256: of the picture decoded from the file.
        decoder: what decoded the source and encoded the file.
    """

    path: str
    width_px: int
    height_px: int
    size_bytes: int
    sha256: str
    pixel_sha256: str
    decoder: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a frame could not be had: what kind of thing is wrong, and the message about this one."""

    reason: str
    message: str


class Extractor:
    """Stores frames of one source; what an earlier run stored is not read again while its file is unchanged.

    Args:
        project: where to.
        label: of the source.
        journal: opened, remembers what was done.
    """

    def __init__(self, project: Project, label: str, journal: Journal) -> None:
        self._project = project
        self._label = label
        self._journal = journal
        self._done = {e["frame"]: e for e in journal.entries if "frame" in e}

    def extract(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Stored | Failure]]:
        """Each candidate with its stored picture, or with why there is none; ordered by file and frame."""
        with work("extracting frames", len(candidates)) as progress:
            for same_file in by_unit(candidates).values():
                state = _file_state(same_file[0].file)
                wanted = []
                for candidate in same_file:
                    known = self._remembered(candidate, state)
                    if known is None:
                        wanted.append(candidate)
                        continue
                    progress.advance()
                    yield candidate, known
                for candidate, result in self._fresh(wanted, state):
                    progress.advance()
                    yield candidate, result

    def _remembered(self, candidate: Candidate, state: str) -> Stored | Failure | None:
        entry = self._done.get(frame_id(self._label, candidate))
        if entry is None or entry["file"] != state:
            return None
        if "failure" in entry:
            return Failure(**entry["failure"])
        stored = Stored(**entry["stored"])
        path = self._project.path(stored.path)
        return stored if path.is_file() and path.stat().st_size == stored.size_bytes else None

    def _fresh(self, wanted: Sequence[Candidate], state: str) -> Iterator[tuple[Candidate, Stored | Failure]]:
        if not wanted:
            return
        results = _from_video(wanted) if wanted[0].frame_index >= 0 else _from_pictures(wanted)
        for candidate, got in results:
            frame = frame_id(self._label, candidate)
            if isinstance(got, Failure):
                self._remember({"frame": frame, "file": state, "failure": asdict(got)})
                yield candidate, got
                continue
            data, decoder = got
            stored = self._store(frame, data, decoder)
            self._remember({"frame": frame, "file": state, "stored": asdict(stored)})
            yield candidate, stored

    def _store(self, frame: str, data: bytes, decoder: str) -> Stored:
        path = f"frames/{self._label}/{frame}.jpg"
        picture = decode_image(data, path)
        write_bytes(self._project.path(path), data)
        height, width = picture.shape[:2]
        digest = hashlib.sha256(data).hexdigest()
        return Stored(path, width, height, len(data), digest, pixel_sha256(picture), decoder)

    def _remember(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._done[entry["frame"]] = entry


def _file_state(file: Path) -> str:
    """Changes whenever the file does; empty when it is gone."""
    try:
        status = file.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def _from_pictures(wanted: Sequence[Candidate]) -> Iterator[tuple[Candidate, tuple[bytes, str] | Failure]]:
    for candidate in wanted:
        try:
            yield candidate, _picture(candidate)
        except DataError as error:
            yield candidate, Failure("unreadable picture", error.message)


def _picture(candidate: Candidate) -> tuple[bytes, str]:
    """The bytes to store for a picture, and how they came about."""
    if candidate.member:
        return _archived(candidate.file, candidate.member)
    if probe_image(candidate.file).is_plain_jpeg:
        data = candidate.file.read_bytes()
        decode_image(data, str(candidate.file))  # a header is no proof that the rest is there
        return data, VERBATIM
    return encode_jpeg(read_image(candidate.file)), image_library()


def _archived(archive: Path, member: str) -> tuple[bytes, str]:
    """The bytes of a JPEG within a ZIP archive."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if opened.getinfo(member).file_size > MAX_PICTURE_BYTES:
                raise DataError(f"{archive}: {member} claims more than {MAX_PICTURE_BYTES} bytes; not read")
            data = opened.read(member)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, zlib.error) as error:
        raise DataError(f"{archive}: {member} can't be read ({error})") from error
    decode_image(data, f"{archive}: {member}")
    return data, VERBATIM


def _from_video(wanted: Sequence[Candidate]) -> Iterator[tuple[Candidate, tuple[bytes, str] | Failure]]:
    by_number = {c.frame_index: c for c in wanted}
    missing: dict[int, str] = {}
    decoder = f"{decoder_version()}; {image_library()}"
    try:
        for number, rgb in read_frames(wanted[0].file, by_number, on_missing=missing.__setitem__):
            yield by_number.pop(number), (encode_jpeg(rgb), decoder)
    except DataError as error:
        missing = dict.fromkeys(by_number, error.message)
    for number in sorted(missing):
        yield by_number[number], Failure("unreadable video frame", missing[number])
