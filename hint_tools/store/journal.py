"""An append-only file of small facts, for stages that are killed half-way.

One JSON object a line, each line preceded by the CRC-32 of its text. A torn or flipped tail is cut
off when the journal is opened, and reported.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity


class Journal:
    """Entries in the order they were appended; open it as a context.

    Attributes:
        entries: what was read when it was opened, plus what was appended since.
        findings: one, if a damaged tail had to be cut.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self._file: Any = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        good = self._read()
        self._file = self.path.open("ab")
        if good < self.path.stat().st_size:
            self._file.truncate(good)
            self._sync()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._file = None

    def append(self, *entries: dict[str, Any]) -> None:
        """The entries are on disk when this returns.

        Raises:
            DataError: the journal is not open.
        """
        if self._file is None:
            raise DataError(f"{self.path}: the journal is not open")
        self._file.write(b"".join(_line(e) for e in entries))
        self._sync()
        self.entries.extend(entries)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> int:
        """Read the good part; its length in bytes."""
        if not self.path.exists():
            return 0
        data = self.path.read_bytes()
        position = 0
        for raw in data.splitlines(keepends=True):
            entry = _parse(raw)
            if entry is None:
                lost = len(data) - position
                self.findings.append(
                    Finding(
                        code="store.journal-cut",
                        severity=Severity.WARNING,
                        message=f"{self.path}: {lost} damaged bytes at the end were cut off; "
                        f"{len(self.entries)} entries before them are kept",
                        suggestion="nothing to do: the work they stood for is done again",
                    )
                )
                break
            self.entries.append(entry)
            position += len(raw)
        return position


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(raw: bytes) -> dict[str, Any] | None:
    if not raw.endswith(b"\n") or len(raw) < 11 or raw[8:9] != b" ":
        return None
    text = raw[9:-1]
    try:
        if int(raw[:8], 16) != zlib.crc32(text):
            return None
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
