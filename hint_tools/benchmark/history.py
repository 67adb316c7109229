"""`results.jsonl`: one line a benchmark, so that models can be followed over months."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from hint_tools.core.errors import EnvironmentFault
from hint_tools.store.atomic import remove_leftovers, write_bytes, writing

RESULTS: Final = "results.jsonl"
_WAIT_S: Final = 60.0


@contextlib.contextmanager
def writing_results(folder: Path) -> Iterator[None]:
    """Only one benchmark writes into `folder` meanwhile; what a killed one left half written is removed.

    Raises:
        EnvironmentFault: the folder can't be made, or another benchmark is not done with it in a minute.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f".{RESULTS}.lock", timeout=_WAIT_S):
            remove_leftovers(folder)
            yield
    except Timeout:
        raise EnvironmentFault(
            f"{folder}: another benchmark writes here", hint="wait for it to end, or choose another folder: --out DIR"
        ) from None


def append_result(folder: Path, entry: dict[str, Any]) -> Path:
    """`results.jsonl` in `folder` ends with `entry`; the file. Written anew in one step, so no line is ever torn.

    A line equal to the last one is not written again: running a benchmark twice changes nothing. Callers stand inside
    `writing_results`.

    Raises:
        EnvironmentFault: it can't be written; the older file is untouched.
    """
    path = folder / RESULTS
    line = json.dumps(entry, sort_keys=True, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):  # written by something else: keep what it said, on its own line
        before += b"\n"
    if not before.endswith(b"\n" + line) and before != line:
        write_bytes(path, before + line)
    return path
