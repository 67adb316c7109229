"""The losses of a run, one JSON object a line."""

from __future__ import annotations

import json
import time
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.store.atomic import write_text

_FLUSH_S = 5.0
"""The file is written whole each time, so not at every line."""


class TrainingLog:
    """Lines of `log.jsonl`; equal runs write equal bytes.

    Args:
        path: the file; it is read when it exists.
        until: lines of later steps are dropped: they belong to work that was lost and is done again.

    Raises:
        DataError: the file is not a log.
    """

    def __init__(self, path: Path, *, until: int) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = [r for r in _read(path) if r["step"] <= until]
        self._flushed_s = time.monotonic()

    def add(self, step: int, losses: dict[str, float]) -> None:
        """Remember the losses of a step; they are on disk within seconds."""
        self.rows.append({"step": step, **losses})
        if time.monotonic() - self._flushed_s > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what was remembered."""
        write_text(self.path, "".join(json.dumps(r) + "\n" for r in self.rows))
        self._flushed_s = time.monotonic()


def _read(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [{**row, "step": int(row["step"])} for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected one JSON object with a step on each line ({error})") from error
