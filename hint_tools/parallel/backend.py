"""What runs jobs, as `engine.Engine` sees it: give it work, ask for the next event.

A job is a function and its argument; the function yields items. A backend runs up to `slots` jobs at a time and holds
back jobs whose items are not fetched, so memory stays bounded however fast workers are.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from hint_tools.core.errors import HintError


class Kind(StrEnum):
    """What an event says of its job."""

    ITEM = "item"
    """It yielded `value`."""
    END = "end"
    """It is done."""
    REFUSED = "refused"
    """It raised `value`, an error that is the user's to mend."""
    FAILED = "failed"
    """It raised something else: `value` is the traceback as text."""
    DIED = "died"
    """Whoever ran it is gone; `value` says how."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job, as it travels to a worker.

    Args:
        function: a module's own function, or a picklable callable.
        job: its one argument.
        skip: items an earlier attempt delivered.
    """

    function: Callable[[Any], Iterable[Any]]
    job: Any
    skip: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to the job of a ticket; `value` as `kind` says."""

    ticket: int
    kind: Kind
    value: Any = None


class Backend(Protocol):
    """Runs jobs."""

    @property
    def slots(self) -> int:
        """How many jobs may be started before events are asked for."""

    def start(self, ticket: int, work: Work) -> None:
        """Begin a job whose events carry `ticket`; only while a slot is free."""

    def next_event(self) -> Event:
        """The next thing that happens; waits for it. Only while a job is running."""

    def abandon(self) -> None:
        """End all running jobs; none of their events will come."""

    def close(self) -> None:
        """End everything. Nothing can be started afterwards."""


def performed(work: Work) -> Iterator[tuple[Kind, Any]]:
    """What a job does, as kinds and values of its events; the last one is no item."""
    try:
        for item in itertools.islice(work.function(work.job), work.skip, None):
            yield Kind.ITEM, item
    except HintError as error:
        yield Kind.REFUSED, error
    except MemoryError:
        yield Kind.DIED, "it ran out of memory"
    except Exception:  # noqa: BLE001  (told, with where it was raised, to whoever asked for the job)
        yield Kind.FAILED, traceback.format_exc()
    else:
        yield Kind.END, None


class InProcess:
    """One job at a time, right here: nothing to start, nothing to send."""

    slots = 1

    def __init__(self) -> None:
        self._running: tuple[int, Iterator[tuple[Kind, Any]]] | None = None

    def start(self, ticket: int, work: Work) -> None:
        """As `Backend`."""
        self._running = ticket, performed(work)

    def next_event(self) -> Event:
        """As `Backend`."""
        if self._running is None:
            raise AssertionError("no job is running")
        ticket, events = self._running
        kind, value = next(events)
        if kind is not Kind.ITEM:
            self._running = None
        return Event(ticket, kind, value)

    def abandon(self) -> None:
        """As `Backend`."""
        self._running = None

    def close(self) -> None:
        """As `Backend`."""
        self._running = None
