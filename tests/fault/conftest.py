"""A round to interrupt, and the person at the terminal (`tests/e2e/as_a_user.py`)."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from as_a_user import User, answer_at_once, prepared_home
from fault_stages import COUNTS, stages, struck

from hint_tools.store.credentials import HOME_VARIABLE


@pytest.fixture(scope="session")
def fault_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("fault-home"))


@pytest.fixture
def user(fault_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody in an empty folder; this process shares their home."""
    monkeypatch.setenv(HOME_VARIABLE, str(fault_home))
    return User(tmp_path, {HOME_VARIABLE: str(fault_home)})


@pytest.fixture(scope="session")
def undisturbed(fault_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], dict[str, Any]]:
    """A round to its end: copies of the project before and after each stage, and how many moments each stage had."""
    base = tmp_path_factory.mktemp("rounds")
    root = base / "round"
    user = User(base, {HOME_VARIABLE: str(fault_home)})
    assert user.types("init", "round").code == 0
    made, counts = {}, {}
    for name, words in stages().items():
        if name == "qc":
            answer_at_once(root)
        made[name] = base / name
        shutil.copytree(root, made[name])
        ended = struck(user.at(root), words, "none", 0, signal.SIGINT)
        assert ended.code == 0, ended
        made[f"after {name}"] = base / f"after {name}"
        shutil.copytree(root, made[f"after {name}"])
        counts[name] = json.loads((base / COUNTS).read_text())
    return made, counts


@pytest.fixture(scope="session")
def rounds(undisturbed: tuple[dict[str, Path], dict[str, Any]]) -> dict[str, Path]:
    """Copies of one project, each as it stands before the stage it is named after, or `after` it."""
    return undisturbed[0]


@pytest.fixture(scope="session")
def counted(undisturbed: tuple[dict[str, Path], dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How many moments of each kind every stage has when nothing disturbs it."""
    return undisturbed[1]
