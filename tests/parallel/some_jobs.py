"""Jobs that do what the tests want of them, in whichever process they run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from hint_tools.core.errors import DataError


def squares(n: int) -> Iterator[int]:
    for k in range(n):
        yield k * k


def slow_first(n: int) -> int:
    time.sleep(0.3 if n == 0 else 0.0)
    return n * 10


def process_of(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def refused(n: int) -> int:
    if n == 3:
        raise DataError("clip 3 is missing", hint="copy it")
    return n


def broken(n: int) -> int:
    return 1 // (n - 3)


def killed_once(job: tuple[str, int]) -> Iterator[int]:
    """Items 0 to 4; the first time anybody runs job 2, its process is killed after item 1."""
    folder, number = job
    mark = Path(folder) / "died"
    for k in range(5):
        if number == 2 and k == 2 and not mark.exists():
            mark.touch()
            time.sleep(0.2)  # what was yielded is on its way
            os.kill(os.getpid(), signal.SIGKILL)
        yield 100 * number + k


def killed_always(n: int) -> int:
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def killed_every_time(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def large(n: int) -> Iterator[bytes]:
    """More than any pipe holds."""
    for k in range(20):
        yield bytes([n]) * (1 << 20) + bytes([k])


def counting(folder: str) -> Iterator[bytes]:
    for k in range(30):
        (Path(folder) / f"made-{k}").touch()
        yield bytes(1 << 20)


def patient(folder: str) -> int:
    """Says which process it runs in, then works for a minute."""
    (Path(folder) / f"pid-{os.getpid()}").touch()
    time.sleep(60)
    return 0
