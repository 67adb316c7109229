"""One home for all tests of this folder: what a user's machine keeps outside of projects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from as_a_user import User, answer_at_once, prepared_home, world

from hint_tools.store.credentials import HOME_VARIABLE


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def footage() -> Path:
    """A folder of pictures and a film."""
    return world().footage


@pytest.fixture
def user(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody in an empty folder; this process shares their home."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    return User(tmp_path, {HOME_VARIABLE: str(home)})


@pytest.fixture(scope="session")
def finished(home: Path, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round that went to its end, with a release and a checkpoint."""
    root = tmp_path_factory.mktemp("finished") / "round"
    user = User(root.parent, {HOME_VARIABLE: str(home)})
    assert user.types("init", "round").code == 0
    here = user.at(root)
    for words in (("sample", "--source", "folder", "--root", footage), ("prelabel",)):
        assert here.types(*words).code == 0
    answer_at_once(root)
    training = ("--preset", "tiny", "--steps", "1", "--batch-size", "2")
    for words in (
        ("qc",),
        ("fit",),
        ("release", "build", "r1"),
        ("train", "--release", "releases/r1", *training),
    ):
        ended = here.types(*words)
        assert ended.code == 0, ended
    return root


@pytest.fixture
def here(finished: Path, user: User) -> User:
    """Somebody inside a copy of that round."""
    shutil.copytree(finished, user.here / "round")
    return user.at(user.here / "round")
