"""Jobs to a backend and results back: who is lost, who is tried again, in which order results come.

A job is named in everything said about it. Whoever kills a worker costs that worker's job one attempt: the job is put
last and tried once more, then it is lost, and the rest goes on.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from hint_tools.core.errors import ConfigError, EnvironmentFault
from hint_tools.parallel.backend import Backend, Event, InProcess, Kind, Work
from hint_tools.parallel.config import EngineConfig
from hint_tools.parallel.processes import Processes
from hint_tools.parallel.ray_tasks import RayTasks
from hint_tools.store.remote import SourcePath, in_this_process_only

J = TypeVar("J")
R = TypeVar("R")

_ATTEMPTS = 2
_DEATHS_IN_A_ROW = 8
"""Workers that may die one after another, with no job finished between, before all is given up."""
_WORTH_A_PROCESS = 32
"""Units of work (frames) below which starting one more process takes longer than doing them."""
_AHEAD = 4
"""Results held back for order, at most so many a slot."""


@dataclass(frozen=True, slots=True)
class Item(Generic[J, R]):
    """A job yielded `value`."""

    job: J
    value: R


@dataclass(frozen=True, slots=True)
class Ended(Generic[J]):
    """A job is over; `lost` says why it gave not everything, and is empty when it did."""

    job: J
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Why a job gave no result."""

    why: str


@dataclass(slots=True)
class _Attempt:
    job: Any
    place: int
    delivered: int = 0
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class _One(Generic[J, R]):
    """A function of a job, as one of a numbered job that yields its one result."""

    function: Callable[[J], R]

    def __call__(self, numbered: tuple[int, J]) -> Iterator[R]:
        yield self.function(numbered[1])


class Engine:
    """Runs jobs; open it as a context: at its end, however it comes, no worker is left.

    Results are those of running the jobs one after another, whatever the engine and the number of workers; a job's
    function must give the same items each time it is called.

    Args:
        kind: `local` or `ray`.
        workers: jobs at a time; None takes one a core (of the cluster, with `ray`).
        address: of a running Ray cluster; None starts Ray on this machine.
    """

    def __init__(self, kind: str = "local", workers: int | None = None, address: str | None = None) -> None:
        self._kind = kind
        self._workers = workers
        self._address = address
        self._backend: Backend | None = None

    @classmethod
    def of(cls, config: EngineConfig, source: SourcePath) -> Engine:
        """The engine settings ask for, to work on `source`.

        Raises:
            ConfigError: Ray can't reach it.
        """
        if not in_this_process_only(source):
            return cls(config.engine, config.workers, config.address)
        if config.engine == "ray":
            raise ConfigError(f"{source}: is in the memory of this process, where Ray's workers can't see it")
        return cls(workers=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def stream(
        self, function: Callable[[J], Iterable[R]], jobs: Iterable[J], *, name: Callable[[J], str], units: int
    ) -> Iterator[Item[J, R] | Ended[J]]:
        """What each job yields, as it comes, and when it is over. Jobs are asked for when they can be started.

        Args:
            function: of a module, not a closure: it travels to other processes.
            jobs: its arguments; picklable.
            name: what messages call a job.
            units: how much there is to do, in frames or more: never more workers than that, and where no number was
                asked for, little work is done by few.

        Raises:
            HintError: a job raised it.
            RuntimeError: a job raised something else; it is named, with the traceback.
            EnvironmentFault: workers keep dying, or there is no Ray.
        """
        return self._stream(function, jobs, name, units, None)

    def each(
        self,
        function: Callable[[J], R],
        jobs: Iterable[J],
        *,
        name: Callable[[J], str],
        units: int,
        ordered: bool = False,
    ) -> Iterator[tuple[J, R | Lost]]:
        """Each job with its one result, as they come or in the order of the jobs. Arguments and errors as `stream`."""
        got: dict[int, R] = {}
        waiting: dict[int, tuple[J, R | Lost]] = {}
        window = _Window() if ordered else None
        for event in self._stream(_One(function), enumerate(jobs), lambda pair: name(pair[1]), units, window):
            place, job = event.job
            if isinstance(event, Item):
                got[place] = event.value
                continue
            waiting[place] = job, Lost(event.lost) if event.lost else got.pop(place)
            if window is None:
                yield waiting.pop(place)
                continue
            while window.first in waiting:
                yield waiting.pop(window.first)
                window.first += 1

    def _stream(
        self,
        function: Callable[[Any], Iterable[Any]],
        jobs: Iterable[Any],
        name: Callable[[Any], str],
        units: int,
        window: _Window | None,
    ) -> Iterator[Any]:
        backend: Backend | None = None
        running: dict[int, _Attempt] = {}
        try:
            queue = _Queue(jobs)
            deaths = 0
            while running or queue.more():
                if backend is None:
                    backend = self._ready(units)
                limit = None if window is None else window.first + _AHEAD * backend.slots
                while len(running) < backend.slots and (attempt := queue.take(limit)) is not None:
                    running[attempt.place] = attempt
                    backend.start(attempt.place, Work(function, attempt.job, attempt.delivered))
                event = backend.next_event()
                attempt = running[event.ticket]
                if event.kind is Kind.ITEM:
                    attempt.delivered += 1
                    yield Item(attempt.job, event.value)
                    continue
                del running[event.ticket]
                deaths = deaths + 1 if event.kind is Kind.DIED else 0
                lost = self._judge(event, attempt, name, deaths)
                if event.kind is Kind.DIED and not lost:
                    queue.again(attempt)
                    continue
                yield Ended(attempt.job, lost)
        finally:
            if backend is not None and running:
                backend.abandon()

    def _judge(self, event: Event, attempt: _Attempt, name: Callable[[Any], str], deaths: int) -> str:
        """Why the job is lost; empty when it ended well or is to be tried again. Raises what it raised."""
        called = name(attempt.job)
        if event.kind is Kind.REFUSED:
            raise event.value
        if event.kind is Kind.FAILED:
            raise RuntimeError(f"{called}: {str(event.value).strip()}")
        if event.kind is Kind.END:
            return ""
        if deaths >= _DEATHS_IN_A_ROW:
            raise EnvironmentFault(
                f"{deaths} workers died one after another, the last one at {called}: {event.value}",
                hint="most often memory is short: run the same command again with fewer --workers, it goes on",
            )
        attempt.deaths += 1
        return f"{called}: {event.value}, {_ATTEMPTS} times" if attempt.deaths == _ATTEMPTS else ""

    def _ready(self, units: int) -> Backend:
        """The backend, started once; a local one is replaced when more work than before comes."""
        if self._kind == "ray":
            if self._backend is None:
                self._backend = RayTasks(self._workers, self._address)
            return self._backend
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        wanted = min(self._workers, max(1, units)) if self._workers else min(cores, max(1, units // _WORTH_A_PROCESS))
        if self._backend is None or self._backend.slots < wanted:
            self._close()
            self._backend = Processes(wanted) if wanted > 1 else InProcess()
        return self._backend

    def _close(self) -> None:
        if self._backend is not None:
            self._backend.close()
            self._backend = None


@dataclass(slots=True)
class _Window:
    """The first result not yet handed out."""

    first: int = 0


class _Queue:
    """Jobs not yet begun, asked for one by one, and those to be tried again, which come last."""

    def __init__(self, jobs: Iterable[Any]) -> None:
        self._jobs = enumerate(jobs)
        self._next: _Attempt | None = None
        self._again: deque[_Attempt] = deque()

    def more(self) -> bool:
        """Whether any is left."""
        if self._next is None:
            found = next(self._jobs, None)
            self._next = None if found is None else _Attempt(job=found[1], place=found[0])
        return self._next is not None or bool(self._again)

    def take(self, limit: int | None) -> _Attempt | None:
        """The next one; None when none is left or its place is not below `limit`."""
        self.more()
        if self._next is not None and (limit is None or self._next.place < limit):
            taken, self._next = self._next, None
            return taken
        return self._again.popleft() if self._again else None

    def again(self, attempt: _Attempt) -> None:
        """Try a job once more, last."""
        self._again.append(attempt)
