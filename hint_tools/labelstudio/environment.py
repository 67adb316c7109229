"""Label Studio in an environment of its own: installed once a version, with an empty database ready to copy.

Its 150 packages pin what the toolkit pins otherwise, so it never shares an environment with anything.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from hint_tools.core.errors import EnvironmentFault
from hint_tools.core.progress import note, work
from hint_tools.store.atomic import atomic_path, write_text
from hint_tools.store.credentials import data_home

INSTALL_WAIT_S: Final = 3600.0
MIGRATE_WAIT_S: Final = 900.0
_SHOWN_LINES: Final = 12
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""Label Studio reads its settings from variables without a prefix too (HOST, DEBUG, ...): it gets only these."""

_NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port: nobody listens there, so what goes through it as a proxy fails at once and looks nothing up."""

_QUIET: Final = {
    # every page a browser opens makes the server fetch advertisements, and no setting of its own stops that
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "ALL_PROXY": _NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "FRONTEND_SENTRY_RATE": "0",
    "FEATURE_FLAGS_OFFLINE": "true",
    "LOG_LEVEL": "WARNING",
    "NO_COLOR": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """Where one version of Label Studio lives."""

    version: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def command(self) -> Path:
        """Its `label-studio`."""
        return self.folder / "bin" / "label-studio"

    @property
    def marker(self) -> Path:
        """There when the installation went to its end."""
        return self.folder / ".complete"

    @property
    def empty_database(self) -> Path:
        """A database with all tables and nothing in them: no user, no secret."""
        return self.folder / "empty.sqlite3"


def environment(version: str) -> Environment:
    """Where `version` lives, or would live."""
    return Environment(version, data_home() / f"label-studio-{version}")


def is_installed(env: Environment) -> bool:
    """Whether the installation and the empty database are complete."""
    return env.marker.exists() and env.empty_database.exists()


def quiet_variables(home: Path) -> dict[str, str]:
    """Environment variables of a Label Studio that asks nobody outside and reads no setting but ours.

    Args:
        home: stands in for the user's home, so that nothing is left there.
    """
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, **_QUIET, "HOME": str(home), "LABEL_STUDIO_BASE_DATA_DIR": str(home)}


def install(version: str) -> bool:
    """Whether `version` had to be installed; it is complete afterwards.

    A killed installation leaves no marker and is made again from nothing, unless its packages turn out complete.

    Raises:
        EnvironmentFault: the packages or the database could not be made.
    """
    env = environment(version)
    if is_installed(env):
        return False
    env.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(env.folder.with_name(env.folder.name + ".lock")):
        if not env.marker.exists():
            if not _packages_complete(env):
                _install_packages(env)
            write_text(env.marker, f"{version}\n")
        if not env.empty_database.exists():
            _make_empty_database(env)
    return True


def _packages_complete(env: Environment) -> bool:
    """Whether every package is there: the installer writes Label Studio itself last."""
    if not env.command.exists():
        return False
    asked = "from importlib.metadata import version; print(version('label-studio'))"
    found = subprocess.run([env.python, "-c", asked], capture_output=True, text=True, check=False)
    if found.stdout.strip() != env.version:
        return False
    checked = subprocess.run([env.python, "-m", "pip", "check"], capture_output=True, check=False)
    return checked.returncode == 0


def _install_packages(env: Environment) -> None:
    note(f"installing Label Studio {env.version} in {env.folder} (about 1 GB, some minutes, once)")
    shutil.rmtree(env.folder, ignore_errors=True)
    with work("install Label Studio"):
        _run([sys.executable, "-m", "venv", str(env.folder)], None, INSTALL_WAIT_S)
        pip = [str(env.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, f"label-studio=={env.version}"], None, INSTALL_WAIT_S)
    if not _packages_complete(env):
        raise EnvironmentFault(
            f"{env.folder}: label-studio {env.version} was installed, but its packages don't fit together",
            hint="delete the folder and try again: hint server install "
            f"({shlex.quote(str(env.python))} -m pip check says why)",
        )


def _make_empty_database(env: Environment) -> None:
    """Apply all migrations once (most of a minute); every server then starts from a copy."""
    note("preparing an empty Label Studio database (about a minute, once)")
    with work("prepare database"), tempfile.TemporaryDirectory(dir=env.folder, prefix="database-") as name:
        _run([str(env.command), "init", "-q"], quiet_variables(Path(name)), MIGRATE_WAIT_S)
        made = Path(name) / "label_studio.sqlite3"
        with closing(sqlite3.connect(made)) as opened:
            (users,) = opened.execute("SELECT COUNT(*) FROM htx_user").fetchone()
            opened.execute("VACUUM")
        if users:
            raise EnvironmentFault(
                f"{made}: expected no user in a fresh database, got {users}", hint="hint server install"
            )
        with atomic_path(env.empty_database, mode=0o600) as temporary:
            shutil.copyfile(made, temporary)


def _run(command: list[str], variables: dict[str, str] | None, wait_s: float) -> None:
    what = " ".join(Path(command[0]).name if i == 0 else c for i, c in enumerate(command[:4]))
    try:
        done = subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            timeout=wait_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"{what}: did not end ({type(error).__name__})", hint="hint server install") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:])
        raise EnvironmentFault(
            f"{what}: ended with {done.returncode}\n{tail}", hint="mend what it says; hint server install"
        )
