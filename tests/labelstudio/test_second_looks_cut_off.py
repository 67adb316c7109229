"""`hint push --queue` struck at any moment, a request on its way: every second look arrives once, none is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from labelstudio_rounds import make_round, true_keypoints
from scripted import TOKEN, Scripted, scripted_server

from hint_tools.core.ids import content_id, task_key
from hint_tools.core.records import QueueItem, Submission
from hint_tools.labelstudio.config import PushConfig
from hint_tools.labelstudio.connection import TOKEN_VARIABLE, credentials_name
from hint_tools.labelstudio.push import run_push
from hint_tools.store.credentials import save_credentials
from hint_tools.store.project import Project
from hint_tools.store.tables import LEDGER, QUEUE, SUBMISSIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

N = 6
MOMENTS = Path(__file__).parents[1] / "fault" / "moments.py"
SECOND = 2
"""Number of the server's project for second looks; the first answers' is 1."""


def doubted_round(root: Path, site: Scripted, home: Path) -> Project:
    """A round of which every hand was sent, answered twice, and is in the queue."""
    project = make_round(root, N)
    connect_to(project, site, home)
    assert run_push(PushConfig(), project).counts["sent"] == N
    rows = []
    for k in range(N):
        hand = content_id("hand", k)
        for number, who in enumerate(("ana@x.org", "bo@x.org")):
            rows.append(
                Submission(
                    submission_id=f"{k}{who}", hand_id=hand, task_key=task_key(hand, 0), annotator=who,
                    annotation_id=10 * k + number, keypoints=true_keypoints(k) + 9 * number, visibility=np.full(21, 2),
                    side="right",
                )
            )  # fmt: skip
    project.write(SUBMISSIONS, rows)
    project.write(
        QUEUE,
        [
            QueueItem(
                hand_id=content_id("hand", k), rank=k + 1, score=9.0, reason="“ana@x.org” and “bo@x.org” are far apart"
            )
            for k in range(N)
        ],
    )
    with (root / "hint.toml").open("a", encoding="utf-8") as file:
        file.write("\n[push]\nchunk = 2\n")  # three requests, and something between them
    return project


def connect_to(project: Project, site: Scripted, home: Path) -> None:
    os.environ["HINT_HOME"] = str(home)
    save_credentials(credentials_name(project), {"kind": "embedded", "url": site.url, "token": TOKEN})


@pytest.fixture
def site() -> Iterator[Scripted]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def project(site: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HINT_HOME", "")
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    return doubted_round(tmp_path / "round", site, tmp_path / "home")


@pytest.fixture
def moments(project: Project, tmp_path: Path) -> int:
    """How many moments an undisturbed push has at which it changes files, on a server and a copy of its own."""
    copy = tmp_path / "undisturbed"
    shutil.copytree(project.root, copy)
    with scripted_server() as other:
        home = os.environ["HINT_HOME"]
        connect_to(project, other, tmp_path / "other home")
        ended = push(copy, "none", 0, signal.SIGINT)
        os.environ["HINT_HOME"] = home
        assert ended.returncode == 0, ended
        assert len(other.keys()) == N
    return int(json.loads((tmp_path / "counts.json").read_text())["change"])


def push(root: Path, kind: str, number: int, by: signal.Signals) -> subprocess.CompletedProcess[str]:
    """The command, with a signal just before its `number`-th moment of a kind."""
    order = (sys.executable, MOMENTS, kind, number, int(by), root.parent / "counts.json", "push", "--queue")
    return subprocess.run(
        [str(word) for word in order], cwd=root, start_new_session=True, capture_output=True, text=True, timeout=120,
        check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def ends_with_each_once(site: Scripted, project: Project) -> None:
    """The same command again sends what is missing; once more finds nothing to do."""
    expected = sorted(task_key(content_id("hand", k), 1) for k in range(N))
    first = sorted(task_key(content_id("hand", k), 0) for k in range(N))
    for _ in range(2):
        ended = push(project.root, "none", 0, signal.SIGINT)
        assert ended.returncode == 0, ended
        assert site.keys(SECOND) == expected
        assert site.keys(1) == first
        rows = project.read(LEDGER)
        assert sorted(r.task_key for r in rows) == sorted([*first, *expected])
        assert {(r.task_key, r.task_id) for r in rows} == {(t["data"]["hint_key"], t["id"]) for t in site.tasks}
    assert len(site.projects) == SECOND
    assert not list(project.root.rglob(".hint-tmp-*"))


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_struck_where_it_changes_files(site: Scripted, project: Project, moments: int, by: signal.Signals) -> None:
    cuts = sorted(random.Random(by.name).sample(range(1, moments), 2))
    for number in (b - a for a, b in pairwise([0, *cuts])):
        ended = push(project.root, "change", number, by)
        assert ended.returncode == (130 if by is signal.SIGINT else -signal.SIGKILL), ended
        assert "Traceback" not in ended.stderr
        assert len(site.keys(SECOND)) == len(set(site.keys(SECOND)))
        assert len(project.read(SUBMISSIONS)) == 2 * N
        assert len(project.read(QUEUE)) == N
    ends_with_each_once(site, project)


@pytest.mark.parametrize(
    ("moment", "carried_out"), [("begun", True), ("done", True), ("begun", False)], ids=["late", "answered", "lost"]
)
def test_killed_while_the_second_request_is_on_its_way(
    site: Scripted, project: Project, moment: str, carried_out: bool
) -> None:
    """The server carries it out after the command is gone, or had done so just before, or never gets it whole."""
    seen: list[str] = []
    started: list[subprocess.Popen[str]] = []

    def strike(now: str) -> None:
        seen.append(now)
        if now == moment and seen.count(moment) == 2:
            started[0].kill()
            started[0].wait()
            if not carried_out:
                raise OSError("the connection is gone")

    site.watch = strike
    words = [str(Path(sys.executable).with_name("hint")), "push", "--queue"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=project.root, text=True, **pipes) as running:
        started.append(running)
        running.communicate(timeout=120)
        assert running.returncode == -signal.SIGKILL
    site.watch = lambda now: None
    assert len(site.keys(SECOND)) in {2, 4}
    ends_with_each_once(site, project)
