"""One home for all tests of this folder: what a user's machine keeps outside of projects."""

from __future__ import annotations

from pathlib import Path

import pytest
from as_a_user import User, prepared_home, world

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
