"""Tokens: private to their owner, and refused when they are not."""

import shlex

import pytest

from hint_tools.core.errors import ConfigError
from hint_tools.store.credentials import load_credentials, save_credentials


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "home"))


def test_kept_with_mode_0600():
    path = save_credentials("labelstudio:x", {"token": "t"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_credentials("labelstudio:x")["token"] == "t"
    assert load_credentials("labelstudio:y") is None


def test_a_file_others_may_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HINT_HOME", str(tmp_path / "my $(home)"))
    path = save_credentials("n", {"token": "t"})
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read") as error:
        load_credentials("n")
    assert shlex.split(error.value.hint) == ["chmod", "600", str(path)]
