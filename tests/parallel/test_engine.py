"""Jobs at once: the results of one after another, whoever dies; nobody waits for ever and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import some_jobs as jobs

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.parallel.engine import Ended, Engine, Item, Lost

LITTLE = 10_000
"""Units of work, so that the number of workers is not lowered."""


def everything(engine: Engine, function: Any, work: list[Any]) -> tuple[dict[Any, list[Any]], dict[Any, str]]:
    items: dict[Any, list[Any]] = {}
    ended: dict[Any, str] = {}
    for event in engine.stream(function, work, name=lambda j: f"job {j}", units=LITTLE):
        if isinstance(event, Item):
            assert event.job not in ended
            items.setdefault(event.job, []).append(event.value)
        else:
            assert isinstance(event, Ended)
            assert event.job not in ended
            ended[event.job] = event.lost
    return items, ended


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_item_of_every_job_comes_once_and_in_its_jobs_order(workers: int) -> None:
    with Engine(workers=workers) as engine:
        items, ended = everything(engine, jobs.squares, [5, 1, 0, 7, 2])
        again, _ = everything(engine, jobs.squares, [3])
    assert items == {5: [0, 1, 4, 9, 16], 1: [0], 7: [0, 1, 4, 9, 16, 25, 36], 2: [0, 1]}
    assert ended == dict.fromkeys([5, 1, 0, 7, 2], "")
    assert again == {3: [0, 1, 4]}


def test_in_order_results_come_as_the_jobs_did_and_few_jobs_run_ahead() -> None:
    asked = []

    def work() -> Any:
        for n in range(40):
            asked.append(n)
            yield n

    with Engine(workers=2) as engine:
        results = engine.each(jobs.slow_first, work(), name=str, units=LITTLE, ordered=True)
        first = next(results)
        assert len(asked) < 15, "jobs were begun far ahead of the first one, which is slow"
        assert [first, *results] == [(n, n * 10) for n in range(40)]


def test_two_workers_are_two_processes_and_none_of_them_is_this_one() -> None:
    with Engine(workers=2) as engine:
        pids = {r for _, r in engine.each(jobs.process_of, range(12), name=str, units=LITTLE)}
    assert len(pids) == 2
    assert os.getpid() not in pids
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def test_little_work_starts_no_process() -> None:
    with Engine() as engine:
        assert [r for _, r in engine.each(jobs.process_of, [1, 2], name=str, units=2)] == [os.getpid()] * 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_users_comes_as_it_is_another_one_names_its_job(workers: int) -> None:
    with Engine(workers=workers) as engine:
        with pytest.raises(DataError, match="clip 3 is missing") as refused:
            list(engine.each(jobs.refused, range(6), name=str, units=LITTLE))
        assert refused.value.hint == "copy it"
        with pytest.raises(RuntimeError, match=r"(?s)^job 3: .*broken.*ZeroDivisionError"):
            list(engine.each(jobs.broken, range(6), name=lambda n: f"job {n}", units=LITTLE))
        assert len(list(engine.each(jobs.refused, range(3), name=str, units=LITTLE))) == 3, "it goes on working"


def test_a_job_whose_worker_was_killed_is_tried_again_and_nothing_comes_twice(tmp_path: Path) -> None:
    work = [(str(tmp_path), n) for n in range(5)]
    with Engine(workers=2) as engine:
        items, ended = everything(engine, jobs.killed_once, work)
    assert (tmp_path / "died").exists()
    assert items == {job: [100 * job[1] + k for k in range(5)] for job in work}
    assert set(ended.values()) == {""}


def test_a_job_that_kills_every_worker_is_lost_by_name_and_the_rest_is_done() -> None:
    with Engine(workers=2) as engine:
        results = dict(engine.each(jobs.killed_always, range(6), name=lambda n: f"clip {n}.mp4", units=LITTLE))
    lost = results.pop(2)
    assert isinstance(lost, Lost)
    assert "clip 2.mp4" in lost.why
    assert "SIGKILL" in lost.why
    assert results == {n: n for n in (0, 1, 3, 4, 5)}


def test_when_every_worker_dies_it_ends_with_an_error() -> None:
    with Engine(workers=2) as engine, pytest.raises(EnvironmentFault, match="workers died one after another"):
        list(engine.each(jobs.killed_every_time, range(40), name=str, units=LITTLE))


def test_a_worker_does_not_run_ahead_of_who_fetches_its_items(tmp_path: Path) -> None:
    with Engine(workers=2) as engine:
        events = engine.stream(jobs.counting, [str(tmp_path)], name=str, units=LITTLE)
        next(events)
        time.sleep(0.5)
        assert len(list(tmp_path.glob("made-*"))) <= 4
        events.close()


CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
import some_jobs
from hint_tools.parallel.engine import Engine

with Engine(workers=2) as engine:
    list(engine.each(some_jobs.patient, [sys.argv[1]] * 6, name=str, units=10_000))
"""


def test_interrupted_it_leaves_no_worker_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(Path(__file__).parent)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    pids = [int(p.name.removeprefix("pid-")) for p in tmp_path.iterdir()]
    os.killpg(child.pid, signal.SIGINT)  # as Ctrl-C does: the workers are hit too
    _, told = child.communicate(timeout=20)
    assert told.count("Traceback") == 1, told
    assert "KeyboardInterrupt" in told
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_of_a_killed_parent_end_when_they_next_speak(tmp_path: Path) -> None:
    child_code = CHILD.replace("some_jobs.patient", "some_jobs.process_of").replace(
        "[sys.argv[1]] * 6", "map(lambda n: print(n, flush=True) or n, range(100000))"
    )
    command = [sys.executable, "-c", child_code, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(12):
            child.stdout.readline()
        workers = [int(p) for p in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
        child.kill()
    assert len(workers) >= 2
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
