"""Ctrl-C and a scheduler's SIGTERM wait for the end of the step, so that a whole state can be saved."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """A context whose value tells whether an interrupt came; a second one interrupts at once.

    Outside the main thread, where Python allows no handlers, nothing is deferred.
    """
    seen: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, remember) for number in _SIGNALS}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_interrupt(_: int) -> None:
    """For loader processes: the terminal sends them Ctrl-C too, but the trainer says when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
