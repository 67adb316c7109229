"""A remote file as a local one of which only the parts that are read are fetched.

The local copy has the layout of the remote file; what was not fetched yet is a hole in it, and a list beside it says
what was. Nobody reads the copy but through `RangedReader`, which fetches a hole before it answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from hint_tools.core.errors import DataError, EnvironmentFault, HintError, RemoteError
from hint_tools.store.atomic import write_bytes, writing
from hint_tools.store.remote import NoPartsError, RemotePath, RemoteState, asking
from hint_tools.store.spans import Span, Spans, joined

PIECE_BYTES = 8 << 20
"""Fetched before it is on record: what an interruption may cost."""
PART, LIST = ".part", ".have"
"""Endings of a copy with holes, and of the list of what it has."""
_BLOCK = 1 << 16
"""Fetched at least, where something is read that nobody asked for ahead."""


class RangedFile:
    """A remote file, local as far as it was read.

    Args:
        remote: the file.
        target: where it stands when all of it is here; beside it, with other endings, what stands there until then.
        state: of the file, as its store said last.
        room: called with the bytes this file is about to take up, before they are fetched.

    Raises:
        DataError: its store doesn't tell its size.
    """

    def __init__(self, remote: RemotePath, target: Path, state: RemoteState, room: Callable[[int], None]) -> None:
        if state.size_bytes is None:
            raise DataError(f"{remote}: its size is not told; expected a store that knows its files' sizes")
        self.remote = remote
        self.size_bytes = state.size_bytes
        self.fetched_bytes = 0
        self._target = target
        self._part, self._list = (target.with_name(target.name + ending) for ending in (PART, LIST))
        self._state = state
        self._room = room
        self._have = Spans()
        self._far: IO[bytes] | None = None
        if target.is_file() and target.stat().st_size == self.size_bytes:
            self._have = Spans([(0, self.size_bytes)])
        else:
            target.unlink(missing_ok=True)
            self._have = self._listed()

    def __str__(self) -> str:
        return str(self.remote)

    @property
    def name(self) -> str:
        """The last part of its URL."""
        return self.remote.name

    def reader(self) -> RangedReader:
        """The file, to be read from its start."""
        return RangedReader(self)

    def want(self, spans: Iterable[Span]) -> None:
        """These parts are here; what lies between two near ones is fetched along.

        Raises:
            DataError: the file has changed, or is larger than the cache.
            RemoteError: whoever keeps it can't be reached, or gave something else than announced.
            EnvironmentFault: there is no room for it.
        """
        within = ((max(start, 0), min(end, self.size_bytes)) for start, end in sorted(spans))
        holes = joined(hole for start, end in within for hole in self._have.missing(start, end))
        if not holes:
            return
        self._room(self._have.total() + sum(end - start for start, end in holes))
        try:
            self._fetch(holes)
        except NoPartsError:
            self._fetch_whole()
        self._finish_if_whole()

    def read(self, start: int, n: int) -> bytes:
        """At most `n` bytes from `start`; fewer at the end of the file only. Raises as `want`."""
        end = min(start + n, self.size_bytes)
        if start >= end:
            return b""
        if holes := self._have.missing(start, end):
            self.want((a // _BLOCK * _BLOCK, -(-b // _BLOCK) * _BLOCK) for a, b in holes)
        with self._local().open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) != end - start:
            raise DataError(
                f"{self._part}: the copy of {self} is cut off",
                hint=f"rm {shlex.quote(str(self._part))} {shlex.quote(str(self._list))}",
            )
        return data

    def whole(self) -> Path:
        """A path that holds all of it. Raises as `want`."""
        if self.size_bytes <= PIECE_BYTES and not self._have.spans:
            self._fetch_at_once()
        self.want([(0, self.size_bytes)])
        self._finish_if_whole()
        return self._target

    def close(self) -> None:
        """The connection is given back."""
        if self._far is not None:
            self._far.close()
            self._far = None

    def remove(self) -> None:
        """Nothing of it is here any more."""
        for path in (self._target, self._part, self._list):
            path.unlink(missing_ok=True)

    def _finish_if_whole(self) -> None:
        if self._have.total() == self.size_bytes and not self._target.is_file():
            with writing(self._target):
                self._part.touch()
                self._part.replace(self._target)
                self._list.unlink(missing_ok=True)

    def _local(self) -> Path:
        return self._target if self._target.is_file() else self._part

    def _listed(self) -> Spans:
        """What an earlier run left, if its list can be read and fits."""
        have = Spans()
        try:
            listed = json.loads(self._list.read_bytes())
            length = self._part.stat().st_size
            for start, end in listed:
                if not 0 <= int(start) < int(end) <= length:
                    return Spans()
                have.add(int(start), int(end))
        except (OSError, ValueError, TypeError):
            return Spans()
        return have

    def _fetch(self, holes: list[Span]) -> None:
        if not self._state.in_parts:
            raise NoPartsError(str(self))
        fresh: list[Span] = []
        with writing(self._part), self._part.open("r+b" if self._part.is_file() else "w+b") as out:
            for start, end in _pieces(holes):
                out.seek(start)
                out.write(self._asked(start, end))
                fresh.append((start, end))
                if sum(b - a for a, b in fresh) >= PIECE_BYTES:
                    self._record(out, fresh)
            self._record(out, fresh)

    def _asked(self, start: int, end: int) -> bytes:
        if self._far is None:
            self._far = self.remote.open_ranges()
        try:
            with asking(str(self)):
                self._far.seek(start)
                data = self._far.read(end - start)
        except RemoteError:
            with contextlib.suppress(RemoteError):
                self._expect_the_same()
            raise
        self.fetched_bytes += len(data)
        if len(data) != end - start:
            self._expect_the_same()
            raise RemoteError(f"{self}: asked for {end - start} bytes from {start}, got {len(data)}")
        return data

    def _record(self, out: IO[bytes], fresh: list[Span]) -> None:
        """What was fetched counts from now on: it is of the file that was there first, and on disk."""
        if not fresh:
            return
        self._expect_the_same()
        out.flush()
        os.fsync(out.fileno())
        for start, end in fresh:
            self._have.add(start, end)
        fresh.clear()
        write_bytes(self._list, json.dumps(self._have.spans).encode())

    def _expect_the_same(self) -> None:
        now = self.remote.asked_anew()
        if now != self._state:
            raise DataError(
                f"{self}: has changed while it was read (was {self._state.marks}, is {now.marks})", hint="run it again"
            )

    def _fetch_at_once(self) -> None:
        """A small file by one question: what comes is of one version of it."""
        self._room(self.size_bytes)
        data = self.remote.read_bytes()
        self.fetched_bytes += len(data)
        if len(data) != self.size_bytes:
            raise DataError(f"{self}: has changed (had {self.size_bytes} bytes, has {len(data)})", hint="run it again")
        with writing(self._part):
            self._part.write_bytes(data)
            self._part.replace(self._target)
        self._have = Spans([(0, self.size_bytes)])

    def _fetch_whole(self) -> None:
        """From one end to the other, of a server that gives no parts."""
        self._room(self.size_bytes)
        with writing(self._part):
            self.remote.copy_to(self._part)
        got = self._part.stat().st_size
        self.fetched_bytes += got
        self._expect_the_same()
        if got != self.size_bytes:
            raise RemoteError(f"{self}: expected {self.size_bytes} bytes, got {got}")
        self._have = Spans([(0, self.size_bytes)])
        write_bytes(self._list, json.dumps(self._have.spans).encode())


def _pieces(holes: Iterable[Span]) -> Iterator[Span]:
    for start, end in holes:
        for at in range(start, end, PIECE_BYTES):
            yield at, min(at + PIECE_BYTES, end)


class RangedReader:
    """A `RangedFile` as an open file. What goes wrong in it is kept: not every caller lets exceptions through.

    Args:
        file: to read.
    """

    def __init__(self, file: RangedFile) -> None:
        self.name = file.name
        self.failure: HintError | None = None
        self._file = file
        self._place = 0

    def read(self, n: int = -1, /) -> bytes:
        """At most `n` bytes; none at the end of the file. Raises as `RangedFile.want`."""
        if self.failure is not None:
            raise self.failure
        try:
            data = self._file.read(self._place, self._file.size_bytes if n < 0 else n)
        except HintError as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = EnvironmentFault(f"{self._file}: its local copy can't be read ({error})", hint="df -h")
            raise self.failure from error
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; where that is.

        Raises:
            ValueError: before the start of the file.
        """
        place = offset + (0, self._place, self._file.size_bytes)[whence]
        if place < 0:
            raise ValueError(f"can't go to byte {place}")
        self._place = place
        return place

    def tell(self) -> int:
        """Where it is."""
        return self._place
