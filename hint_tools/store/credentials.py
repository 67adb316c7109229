"""Tokens and passwords: outside every project, one file a server, readable by its owner alone."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path

from hint_tools.core.errors import ConfigError
from hint_tools.core.ids import content_id
from hint_tools.store.atomic import write_text

HOME_VARIABLE = "HINT_HOME"
"""Overrides where hint-tools keeps credentials, servers and downloaded weights."""
_PRIVATE = 0o600


def data_home() -> Path:
    """Where servers and downloaded weights live: `$HINT_HOME`, or the user's data folder."""
    override = os.environ.get(HOME_VARIABLE)
    return Path(override) if override else user_data_path("hint-tools")


def config_home() -> Path:
    """Where credentials live: `$HINT_HOME/config`, or the user's configuration folder."""
    override = os.environ.get(HOME_VARIABLE)
    return Path(override) / "config" if override else user_config_path("hint-tools")


def credentials_path(name: str) -> Path:
    """The file of a server or project called `name`."""
    return config_home() / "credentials" / f"{content_id('credentials', name)}.json"


def save_credentials(name: str, values: dict[str, Any]) -> Path:
    """Keep `values` for `name`, mode 0600; the path of the file."""
    path = credentials_path(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_text(path, json.dumps({"name": name, **values}, indent=2), mode=_PRIVATE)
    return path


def load_credentials(name: str) -> dict[str, Any] | None:
    """What was kept for `name`; None when nothing was.

    Raises:
        ConfigError: the file is broken, or others may read it.
    """
    path = credentials_path(name)
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others may read this token file", hint=f"chmod 600 {shlex.quote(str(path))}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: expected JSON ({error})", hint="hint server up") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected an object, got {type(values).__name__}", hint="hint server up")
    return values
