"""The boxes of an MP4 or QuickTime file (ISO/IEC 14496-12, 4.2), read strictly: nothing is guessed at.

Nothing here is trusted: sizes are checked against what holds them before anything is read or counted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

MAX_MOVIE_BYTES = 64 << 20
"""Of the box with the tables: nine hours at 60 frames a second, with sound, have some 50 MB."""
_MAX_BOXES = 4096
"""In one box."""
_TOP_LEVEL = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"udta", b"meta", b"pdin"})
"""What may stand beside the tables and the data; fragments (`moof`, `sidx`, `mfra`) may not."""
_HEADER, _LARGE_HEADER = 8, 16


class NotPlainError(Exception):
    """A file's tables can't tell for certain which of its pictures is which.

    Args:
        reason: a few words, the same for all files with the same obstacle.
        spent: packets were read to find that out: open the file anew.
    """

    def __init__(self, reason: str, *, spent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.spent = spent


class Readable(Protocol):
    """A file open for reading."""

    def read(self, n: int, /) -> bytes:
        """At most `n` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""


def movie_box(file: Readable, size_bytes: int) -> bytes:
    """The content of the one `moov` box of a file, wherever it stands.

    Args:
        file: open.
        size_bytes: of the file.

    Raises:
        NotPlainError: a box ends beyond the file, is of an unknown kind, or the tables are missing or double.
    """
    place, found = 0, None
    for _ in range(_MAX_BOXES):
        if place == size_bytes:
            break
        kind, start, end = _top_level(file, place, size_bytes)
        if kind == b"moov":
            if found is not None or end - start > MAX_MOVIE_BYTES:
                raise NotPlainError("its tables stand twice or are too large")
            found = _exactly(file, start, end - start)
        place = end
    else:
        raise NotPlainError("it has too many boxes")
    if found is None:
        raise NotPlainError("it has no tables")
    return found


def _top_level(file: Readable, place: int, size_bytes: int) -> tuple[bytes, int, int]:
    """(kind, where its content begins, where it ends) of the box at `place`."""
    header = _exactly(file, place, min(_LARGE_HEADER, size_bytes - place))
    if len(header) < _HEADER:
        raise NotPlainError("its boxes are broken")
    size, kind = struct.unpack_from(">I4s", header)
    start = place + _HEADER
    if size == 1 and len(header) == _LARGE_HEADER:
        size, start = struct.unpack_from(">Q", header, _HEADER)[0], place + _LARGE_HEADER
    elif size == 0 and kind == b"mdat":  # to the end of the file
        size = size_bytes - place
    if kind not in _TOP_LEVEL:
        raise NotPlainError("it has fragments or unknown boxes")
    if place + size < start or place + size > size_bytes:
        raise NotPlainError("its boxes are broken")
    return kind, start, place + size


def _exactly(file: Readable, place: int, n: int) -> bytes:
    file.seek(place)
    data = b""
    while len(data) < n and (more := file.read(n - len(data))):
        data += more
    if len(data) != n:
        raise NotPlainError("its boxes are broken")
    return data


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """(kind, content) of each box in the content of another.

    Raises:
        NotPlainError: one does not end where the next begins, or there are too many.
    """
    place = 0
    for _ in range(_MAX_BOXES):
        if place == len(data):
            return
        if len(data) - place < _HEADER:
            break
        size, kind = struct.unpack_from(">I4s", data, place)
        if size < _HEADER or place + size > len(data):
            break
        yield kind, data[place + _HEADER : place + size]
        place += size
    raise NotPlainError("its boxes are broken")


def only(data: memoryview, *path: bytes) -> memoryview:
    """The content of the one box at `path`, each name below the one before.

    Raises:
        NotPlainError: it is missing or stands twice.
    """
    for kind in path:
        found = [content for own, content in boxes(data) if own == kind]
        if len(found) != 1:
            raise NotPlainError("a table is missing or double")
        data = found[0]
    return data


def optional(data: memoryview, kind: bytes) -> memoryview | None:
    """The content of the one box of this kind in `data`; None where there is none. Raises as `only`."""
    found = [content for own, content in boxes(data) if own == kind]
    if len(found) > 1:
        raise NotPlainError("a table is missing or double")
    return found[0] if found else None
