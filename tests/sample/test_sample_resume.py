"""Stopped at any instant and started again, the stage ends where an undisturbed run ends."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hint_tools.sample.config import SampleConfig
from hint_tools.sample.run import run
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import FRAMES, HANDS, Table, write_table

CHILD = """
import contextlib, sys
from pathlib import Path
from hint_tools.core import progress
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.run import run
from hint_tools.store.project import open_project

class Loud:
    @contextlib.contextmanager
    def task(self, label, total):
        yield self
    def advance(self, n=1):
        print("done", flush=True)
    def note(self, message):
        pass

progress.listen(Loud())
print("started", flush=True)
run(SampleConfig(source="ego4d", root=Path(sys.argv[2]), per_action=2), open_project(Path(sys.argv[1])))
print("finished", flush=True)
"""


def start(project: Project, root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(project.root), str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stopped_after(child: subprocess.Popen[str], lines: int, delay_s: float, how: signal.Signals) -> str:
    """Let the child say `lines` lines, wait, and stop it; everything it said."""
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    time.sleep(delay_s)
    child.send_signal(how)
    rest, _ = child.communicate(timeout=60)
    return "".join(said) + rest


def snapshot(project: Project) -> dict[str, bytes]:
    kept = [project.table_path(FRAMES), project.table_path(HANDS), *project.path("frames").rglob("*")]
    return {p.relative_to(project.root).as_posix(): p.read_bytes() for p in kept if p.is_file()}


@pytest.mark.slow
def test_killed_again_and_again_it_ends_byte_for_byte_the_same(project: Project, ego4d: Path, tmp_path: Path) -> None:
    undisturbed = create_project(tmp_path / "undisturbed", "round1")
    said, errors = start(undisturbed, ego4d).communicate(timeout=120)
    assert "finished" in said, errors
    dice = random.Random(20)
    kills = 0
    for _ in range(12):
        child = start(project, ego4d)
        said = stopped_after(child, dice.randrange(1, 24), dice.uniform(0, 0.03), signal.SIGKILL)
        kills += "finished" not in said
    assert kills >= 3
    said, errors = start(project, ego4d).communicate(timeout=120)
    assert "finished" in said, errors
    assert snapshot(project) == snapshot(undisturbed)
    with project.journal("sample") as journal:
        frames = [e["frame"] for e in journal.entries]
    assert len(frames) == len(set(frames)), "something that was on record was done again"


def test_interrupted_it_keeps_what_was_done_and_goes_on(project: Project, ego4d: Path, tmp_path: Path) -> None:
    child = start(project, ego4d)
    said = stopped_after(child, 15, 0.0, signal.SIGINT)
    assert "finished" not in said
    with Journal(project.root / ".hint" / "journal" / "sample.jsonl") as journal:
        done = {e["frame"] for e in journal.entries}
    assert len(done) >= 14
    assert not project.table_path(FRAMES).exists()
    said, errors = start(project, ego4d).communicate(timeout=120)
    assert "finished" in said, errors
    assert done <= {f.frame_id for f in project.read(FRAMES)}


def test_a_lost_picture_is_made_again_and_a_changed_source_read_again(project: Project, footage: Path) -> None:
    root = Path(shutil.copytree(footage / "a", project.root.parent / "pictures"))
    config = SampleConfig(source="folder", root=root)
    run(config, project)
    first = snapshot(project)
    lost, torn = sorted(project.path("frames/folder").iterdir())
    lost.unlink()
    torn.write_bytes(torn.read_bytes()[:-1])
    (project.path("frames/folder") / ".hint-tmp-123-left.jpg").write_bytes(b"of a killed run")
    run(config, project)
    assert snapshot(project) == first
    (root / "1.jpg").write_bytes((footage / "b" / "c" / "3.jpg").read_bytes())
    run(config, project)
    stored = {f.origin: project.path(f.path).read_bytes() for f in project.read(FRAMES)}
    assert stored["1.jpg"] == (footage / "b" / "c" / "3.jpg").read_bytes()


def test_stopped_between_the_two_tables_nothing_is_doubled_or_left_over(
    project: Project, ego4d: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = create_project(project.root.parent / "undisturbed", "round1")
    for each in (project, undisturbed):
        run(SampleConfig(source="ego4d", root=ego4d, n=8), each)
    with monkeypatch.context() as patched:
        patched.setattr(Project, "write", _stop_at_frames)
        with pytest.raises(KeyboardInterrupt):
            run(SampleConfig(source="ego4d", root=ego4d, n=30), project)
    assert len(project.read(FRAMES)) == 8
    assert len(project.read(HANDS)) == 60
    for each in (project, undisturbed):
        run(SampleConfig(source="ego4d", root=ego4d, n=12), each)
    for table in (FRAMES, HANDS):
        assert project.table_path(table).read_bytes() == undisturbed.table_path(table).read_bytes()


def _stop_at_frames(project: Project, table: Table[Any], rows: Iterable[Any]) -> None:
    if table is FRAMES:
        raise KeyboardInterrupt
    write_table(project.table_path(table), table, rows)
