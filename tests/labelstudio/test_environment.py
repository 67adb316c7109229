"""An installation that was cut off is never taken for a whole one, and the server gets no setting from outside."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from hint_tools.labelstudio import environment as module
from hint_tools.labelstudio.config import LABEL_STUDIO_VERSION
from hint_tools.labelstudio.environment import environment, install, is_installed, quiet_variables


def test_a_cut_off_installation_is_made_again_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINT_HOME", str(tmp_path))
    env = environment("1.2.3")
    half = env.folder / "lib" / "half-written"
    half.mkdir(parents=True)
    commands: list[list[str]] = []

    def stop_at_pip(command: list[str], variables: object, wait_s: float) -> None:
        commands.append(command)
        if "pip" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "_run", stop_at_pip)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            install("1.2.3")
        assert not half.exists()
        assert not is_installed(env)
    assert [c[-1] for c in commands] == [str(env.folder), "label-studio==1.2.3"] * 2


def test_settings_of_the_shell_do_not_reach_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEBUG", "HOST", "LABEL_STUDIO_SENTRY_DSN", "HEARTEX_PORT", "HINT_LABEL_STUDIO_TOKEN", "PYTHONPATH"):
        monkeypatch.setenv(name, "canary")
    variables = quiet_variables(tmp_path)
    assert "canary" not in variables.values()
    assert variables["COLLECT_ANALYTICS"] == variables["LATEST_VERSION_CHECK"] == "false"
    assert variables["SENTRY_DSN"] == variables["FRONTEND_SENTRY_DSN"] == ""
    assert variables["HOME"] == str(tmp_path)


@pytest.mark.labelstudio
def test_the_empty_database_holds_no_user_and_no_secret() -> None:
    env = environment(LABEL_STUDIO_VERSION)
    if not is_installed(env):
        pytest.skip(f"Label Studio is not installed in {env.folder}: hint server install")
    assert stat.S_IMODE(env.empty_database.stat().st_mode) == 0o600
    with closing(sqlite3.connect(f"file:{env.empty_database}?mode=ro", uri=True)) as opened:
        for table in ("htx_user", "authtoken_token", "organization", "project", "task", "django_session"):
            assert opened.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)  # noqa: S608
