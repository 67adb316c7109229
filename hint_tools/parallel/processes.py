"""Jobs in processes of this machine. A worker reads jobs from its pipe and writes items to it, and nothing else.

Workers are started fresh (`spawn`), so nothing of this process leaks into them. A pipe holds little, so a worker whose
items nobody fetches waits. A pipe that ends means its worker is gone, however it died: nobody waits for ever.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from hint_tools.parallel.backend import Event, Kind, Work, performed

_PATIENCE_S = 5.0
"""How long a worker may take to end politely."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ticket: int | None = None


class Processes:
    """Up to `slots` worker processes, started together at the first job.

    Args:
        slots: how many.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._workers: list[_Worker] = []
        self._events: list[Event] = []

    @property
    def slots(self) -> int:
        """As `Backend`."""
        return self._slots

    def start(self, ticket: int, work: Work) -> None:
        """As `Backend`."""
        # one that died while it had nothing to do costs no job an attempt
        self._end([w for w in self._workers if w.ticket is None and not w.process.is_alive()])
        while len(self._workers) < self._slots:
            self._workers.append(_started())
        worker = next(w for w in self._workers if w.ticket is None)
        worker.ticket = ticket
        try:
            worker.pipe.send(work)
        except OSError:
            self._events.append(self._buried(worker))

    def next_event(self) -> Event:
        """As `Backend`."""
        if self._events:
            return self._events.pop(0)
        busy = {w.pipe: w for w in self._workers if w.ticket is not None}
        ready = wait(list(busy))
        worker = next(w for pipe, w in busy.items() if pipe in ready)
        # whoever was heard goes to the end of the line, so that a talkative worker keeps nobody waiting
        self._workers.remove(worker)
        self._workers.append(worker)
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            return self._buried(worker)
        if worker.ticket is None:
            raise AssertionError("a worker without a job spoke")
        event = Event(worker.ticket, kind, value)
        if kind is not Kind.ITEM:
            worker.ticket = None
        return event

    def abandon(self) -> None:
        """As `Backend`."""
        self._events.clear()
        self._end([w for w in self._workers if w.ticket is not None])

    def close(self) -> None:
        """As `Backend`."""
        self._end(list(self._workers))

    def _buried(self, worker: _Worker) -> Event:
        """The event of a worker whose pipe ended."""
        if worker.ticket is None:
            raise AssertionError("a worker without a job was heard")
        self._end([worker])
        code = worker.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Event(worker.ticket, Kind.DIED, f"its process ended ({how})")

    def _end(self, workers: list[_Worker]) -> None:
        for worker in workers:
            worker.pipe.close()
            if worker.ticket is not None:  # an idle one ends by itself when its pipe does
                worker.process.terminate()
        for worker in workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            self._workers.remove(worker)


def _started() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(pipe: Connection) -> None:
    """A worker's life: jobs from the pipe until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # unwinds: what a job opened is closed
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            work: Work = pipe.recv()
            _calm_opencv()
            for event in performed(work):
                pipe.send(event)


def _calm_opencv() -> None:
    """One process a core needs no threads of its own; a job's own room imports OpenCV, if any does."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
