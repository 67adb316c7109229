"""Whoever does the work, and whoever dies at it: the same tables, the same pictures, the same words."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from coded_video import write_noise

from hint_tools.core.errors import ConfigError, EnvironmentFault
from hint_tools.core.report import Report
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.extract import Extractor
from hint_tools.sample.run import run
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import FRAMES

LOOKS = {"duplicate_bits": 4, "min_sharpness": 0.05, "diversity": 1.5, "whole": True, "explain": True}


def sampled(project: Project, source: str, root: Path, **more: Any) -> tuple[Report, dict[str, bytes]]:
    report = run(SampleConfig.model_validate({"source": source, "root": root, **more}), project)
    return report, snapshot(project)


def snapshot(project: Project) -> dict[str, bytes]:
    kept = [*project.path("tables").iterdir(), *project.path("frames").rglob("*"), *project.path("sample").iterdir()]
    return {p.relative_to(project.root).as_posix(): p.read_bytes() for p in kept if p.is_file()}


def test_any_number_of_workers_gives_the_same_bytes_and_says_the_same(
    tmp_path: Path, ego4d: Path, footage: Path
) -> None:
    clips = {
        n: sampled(create_project(tmp_path / f"clips{n}", "r"), "ego4d", ego4d, n=12, workers=n, **LOOKS)
        for n in (1, 2, 3)
    }
    assert clips[1] == clips[2] == clips[3]
    assert len(clips[1][1]) > 12
    assert "sample/explain.csv" in clips[1][1]
    files = [sampled(create_project(tmp_path / f"files{n}", "r"), "folder", footage, workers=n) for n in (1, 2)]
    assert files[0] == files[1]
    assert {f.code for f in files[0][0].findings} >= {"sample.unreadable-picture", "sources.video-cut-off"}


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """Kills all workers when so many pictures came in; what it is told to do is number -> anything."""
    when: dict[int, str] = {}
    came: list[str] = []
    original = Extractor._kept

    def kept(self: Extractor, frame: str, got: Any, state: str) -> Any:
        came.append(frame)
        if when.pop(len(came), None):
            workers = multiprocessing.active_children()
            for worker in workers:
                assert worker.pid is not None
                os.kill(worker.pid, signal.SIGKILL)
            for worker in workers:  # one without a job must be seen dead, or it costs the next job an attempt
                worker.join()
        return original(self, frame, got, state)

    monkeypatch.setattr(Extractor, "_kept", kept)
    return when


def test_workers_killed_on_the_way_change_nothing(tmp_path: Path, ego4d: Path, killer: dict[int, str]) -> None:
    undisturbed = sampled(create_project(tmp_path / "one", "r"), "ego4d", ego4d, per_action=2, workers=1)
    killer[5 + 80] = "once"
    assert sampled(create_project(tmp_path / "two", "r"), "ego4d", ego4d, per_action=2, workers=2) == undisturbed
    assert not killer, "nobody was killed"


def test_a_film_that_kills_whoever_reads_it_is_told_and_tried_again_next_time(
    tmp_path: Path, killer: dict[int, str]
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    write_noise(films / "one.mp4", 120)  # pictures too large to wait in a pipe, from which a dead worker is still heard
    settings = {"every_s": 0.2, "workers": 2}
    _, undisturbed = sampled(create_project(tmp_path / "one", "r"), "folder", films, every_s=0.2, workers=1)
    project = create_project(tmp_path / "two", "r")
    n = len(project.read_if_any(FRAMES)) + sum(name.endswith(".jpg") for name in undisturbed)
    killer |= {n + 2: "at its second picture", n + 5: "and when it was tried again"}
    report, _ = sampled(project, "folder", films, **settings)
    assert not killer
    (lost,) = [f for f in report.findings if "lost" in f.code]
    assert "one.mp4" in lost.message
    assert "SIGKILL" in lost.message
    assert 5 <= len(project.read(FRAMES)) == n - lost.count < n
    _, healed = sampled(project, "folder", films, **settings)
    assert healed == undisturbed


def ray_workers() -> list[int]:
    """Processes of Ray tasks that this process's own Ray started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, pid = (folder / "cmdline").read_bytes(), int(folder.name)
            while title.startswith(b"ray::_task") and pid > 1:
                pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
                if pid == os.getpid():
                    found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_ray_gives_the_same_bytes_and_a_killed_task_changes_nothing(
    tmp_path: Path, ego4d: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    settings = {"n": 30, "per_action": 2, **LOOKS}
    undisturbed = sampled(create_project(tmp_path / "one", "r"), "ego4d", ego4d, workers=1, **settings)
    killed: list[int] = []
    original = Extractor._kept

    def kept(self: Extractor, frame: str, got: Any, state: str) -> Any:
        if not killed and (busy := ray_workers()):
            killed.append(busy[0])
            os.kill(busy[0], signal.SIGKILL)
        return original(self, frame, got, state)

    monkeypatch.setattr(Extractor, "_kept", kept)
    handler = signal.getsignal(signal.SIGTERM)
    with_ray = sampled(create_project(tmp_path / "two", "r"), "ego4d", ego4d, engine="ray", workers=2, **settings)
    assert killed, "nobody was killed"
    assert with_ray == undisturbed
    assert signal.getsignal(signal.SIGTERM) == handler


def test_ray_is_told_what_it_lacks(project: Project, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="only for engine ray"):
        SampleConfig(source="folder", root="x", address="127.0.0.1:6379")
    with pytest.raises(ConfigError, match="memory of this process"):
        run(SampleConfig(source="folder", root="memory://films", engine="ray"), project)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentFault, match="not installed") as told:
        run(SampleConfig(source="folder", root=footage, engine="ray"), project)
    assert told.value.hint == 'pip install "hint-tools[ray]"'
