"""The `hint` command as a person or a script runs it, on pictures whose truth is known."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame, Hand, Submission
from hint_tools.store.project import Project, open_project
from hint_tools.store.tables import FRAMES, SUBMISSIONS
from hint_tools.synth.truth import TruthHand
from hint_tools.synth.world import World, WorldPlan, build_world

HINT = Path(sys.executable).with_name("hint")
PLAN = WorldPlan(seed=4, n_images=6, n_clips=1, clip_frames=90, n_videos=1, n_eval=1)
ENDING = (0, 1, 2, 3, 4, 5, 6, 130)
"""Exit codes a user may ever see."""


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    def error(self, code: int) -> str:
        """The message of the one error it ended with, after checking that it is one and has this code."""
        assert self.code == code, self
        assert "Traceback" not in self.err, self.err
        assert self.err.count("error:") == 1, self.err
        return self.err.partition("error: ")[2].partition("\ntry:")[0]


@dataclass(frozen=True)
class User:
    """Somebody at a terminal.

    Args:
        here: the folder they are in.
        env: changes to the environment variables; None removes one.
    """

    here: Path
    env: dict[str, str | None] = field(default_factory=dict)

    def at(self, here: Path, **env: str | None) -> User:
        """The same person in another folder."""
        return User(here, {**self.env, **env})

    def variables(self) -> dict[str, str]:
        merged = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", **self.env}
        return {k: v for k, v in merged.items() if v is not None}

    def start(self, *words: object, **more: Any) -> subprocess.Popen[str]:
        """A command that goes on while the test does."""
        return subprocess.Popen(
            [str(HINT), *map(str, words)], cwd=self.here, env=self.variables(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def types(self, *words: object, **more: Any) -> Ended:
        """A command, to its end."""
        child = self.start(*words, **more)
        out, err = child.communicate(timeout=300)
        return Ended(child.returncode, out, err)

    def asks(self, *words: object, code: int = 0) -> dict[str, Any]:
        """The JSON object of a command, checked against its exit code."""
        ended = self.types(*words, "--json")
        assert ended.code == code, ended
        assert "Traceback" not in ended.err, ended.err
        said: dict[str, Any] = json.loads(ended.out)
        assert said["exit_code"] == code
        assert said["ok"] == (code == 0)
        assert said["schema"].startswith("hint.")
        assert (said["schema"] == "hint.error/1") == (code > 1)
        return said

    def interrupts(self, delay_s: float, *words: object, number: int = signal.SIGINT) -> Ended | None:
        """A command that gets a signal after a while; None where it had ended before."""
        child = self.start(*words)
        time.sleep(delay_s)
        too_late = child.poll() is not None
        if not too_late:
            child.send_signal(number)
        out, err = child.communicate(timeout=120)
        return None if too_late else Ended(child.returncode, out, err)


@cache
def world() -> World:
    """Pictures, a film and their truth; drawn once a session."""
    folder = Path(tempfile.mkdtemp(prefix="hint-e2e-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build_world(folder / "world", PLAN, workers=1)


def prepared_home(home: Path) -> Path:
    """A fresh HINT_HOME that shares the installed Label Studio and the hand networks with the user's own.

    Skips the test where they can't be had.
    """
    from hint_tools.core.errors import HintError
    from hint_tools.labelstudio.config import LABEL_STUDIO_VERSION
    from hint_tools.labelstudio.environment import environment, is_installed
    from hint_tools.prelabel.weights import ensure_hand_weights, weights_folder

    try:
        ensure_hand_weights()
    except HintError as error:
        pytest.skip(f"the hand networks can't be had here: {error.message}")
    shared = [weights_folder().parent]
    installed = environment(LABEL_STUDIO_VERSION)
    if is_installed(installed):
        shared.append(installed.folder)
    home.mkdir(parents=True, exist_ok=True)
    for folder in shared:
        if not (home / folder.name).exists():
            (home / folder.name).symlink_to(folder.resolve())
    return home


def require_label_studio(home: Path) -> None:
    """Skip where Label Studio is not installed."""
    if not list(home.glob("label-studio-*/.complete")):
        pytest.skip("Label Studio is not installed: hint server install")


def digests(root: Path, *skip: str) -> dict[str, str]:
    """sha256 of every file below a folder, but for locks and what begins with one of `skip`."""
    skipped = (".hint/lock", *skip)
    files = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(files.items())
        if not name.startswith(skipped) and path.name != ".lock"
    }


def tables(root: Path) -> dict[str, str]:
    """sha256 of every table of a project."""
    return digests(root / "tables")


def look(project: Project) -> dict[str, tuple[Hand, Frame, TruthHand | None]]:
    """Every hand of a project with its frame and what it truly is."""
    frames, truth = {f.frame_id: f for f in project.read(FRAMES)}, world().truth()
    hands = [(h, frames[h.frame_id]) for h in project.hands()]
    return {h.hand_id: (h, f, truth.match(f, h)) for h, f in hands}


def shaken(true: TruthHand, person: int) -> np.ndarray:
    """The true joints as a person would place them: about 1 px off."""
    seed = int(content_id("shake", true.truth_id, person), 16) % 2**32
    return true.keypoints + np.random.default_rng(seed).normal(0, 1.0, (21, 2))


def answer_at_once(root: Path, people: int = 2) -> Project:
    """Answers of several people to every hand, put straight into the table (no server); the project."""
    project = open_project(root)
    rows = []
    for hand_id, (hand, _, true) in look(project).items():
        for person in range(people):
            rows.append(submission(hand_id, person, true, hand))
    project.write(SUBMISSIONS, rows)
    return project


def submission(hand_id: str, person: int, true: TruthHand | None, hand: Hand) -> Submission:
    common = {
        "submission_id": content_id("submission", hand_id, person), "hand_id": hand_id,
        "task_key": content_id("task", hand_id), "annotator": f"person{person}@x", "annotation_id": person,
        "lead_time_s": 10.0, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    if true is None:
        return Submission(**common, rejected=True, reject_reason="not_a_hand", valid=False)
    return Submission(
        **common, keypoints=shaken(true, person), visibility=true.visibility, box=true.box, side=true.side
    )


def one_message(here: User, code: int, *words: object, says: str) -> None:
    """A command fails with this code and one message, in words and as JSON, and changes no file of the project.

    A journal may grow: it remembers what was found unreadable.
    """
    before = digests(here.here, ".hint/journal")
    in_words(here, code, *words, says=says)
    in_json(here, code, *words, says=says)
    after = digests(here.here, ".hint/journal")
    assert after == before


def in_words(here: User, code: int, *words: object, says: str) -> None:
    message = here.types(*words).error(code)
    assert says in message
    assert len(message) < 2000


def in_json(here: User, code: int, *words: object, says: str) -> None:
    assert says in here.asks(*words, code=code)["error"]["message"]
