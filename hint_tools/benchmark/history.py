"""`results.jsonl`: one line a benchmark, so that models can be followed over months."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from hint_tools.store.atomic import write_bytes

RESULTS: Final = "results.jsonl"
_WAIT_S: Final = 30.0


def append_result(folder: Path, entry: dict[str, Any]) -> Path:
    """`results.jsonl` in `folder` ends with `entry`; the file. Written anew in one step, so no line is ever torn.

    A line equal to the last one is not written again: running a benchmark twice changes nothing.

    Raises:
        EnvironmentFault: it can't be written; the older file is untouched.
    """
    path = folder / RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(entry, sort_keys=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    with FileLock(folder / f".{RESULTS}.lock", timeout=_WAIT_S):
        before = path.read_bytes() if path.exists() else b""
        if before and not before.endswith(b"\n"):  # written by something else: keep what it said, on its own line
            before += b"\n"
        if not before.endswith(b"\n" + line) and before != line:
            write_bytes(path, before + line)
    return path
