"""Progress of long work, told without knowing who listens.

Stages call `track`; the command line installs a listener (a bar on a terminal, quiet lines in CI).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Task(Protocol):
    """One piece of counted work."""

    def advance(self, n: int = 1) -> None:
        """`n` more units are done."""


class Listener(Protocol):
    """Shows progress; installed by `listen`."""

    def task(self, label: str, total: int | None) -> AbstractContextManager[Task]:
        """Open a piece of work; closing the context ends it."""

    def note(self, message: str) -> None:
        """Show one line."""


class _Silent:
    def advance(self, n: int = 1) -> None:
        pass

    def task(self, label: str, total: int | None) -> AbstractContextManager[Task]:
        return nullcontext(self)

    def note(self, message: str) -> None:
        pass


_listener: ContextVar[Listener] = ContextVar("hint_progress", default=_Silent())  # noqa: B039  (stateless)


def listen(listener: Listener) -> None:
    """Send the progress of this context to `listener`."""
    _listener.set(listener)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """The items, one by one, counted as done when the next one is asked for."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with _listener.get().task(label, total) as task:
        for item in items:
            yield item
            task.advance()


def work(label: str, total: int | None = None) -> AbstractContextManager[Task]:
    """A context whose value's `advance(n)` counts work done in steps of any size."""
    return _listener.get().task(label, total)


def note(message: str) -> None:
    """One line for whoever watches."""
    _listener.get().note(message)
