"""Which Label Studio a project talks to, and with whose token."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import Any

from hint_tools.core.errors import ConfigError
from hint_tools.store.credentials import load_credentials, save_credentials
from hint_tools.store.project import Project

TOKEN_VARIABLE = "HINT_LABEL_STUDIO_TOKEN"  # noqa: S105  (the name of a variable)
"""Overrides the stored token; never written anywhere."""
EMBEDDED = "embedded"
REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to talk to, and as whom.

    Args:
        url: without a slash at its end.
        token: never shown: it is left out of `repr`.
        embedded: it is the server of `hint server up`, which reads the project's pictures from disk.
        mark: by which the project's counterpart is known on the server.
    """

    url: str
    token: str = field(repr=False)
    embedded: bool = False
    mark: str = ""


def credentials_name(project: Project) -> str:
    """The name under which a project's tokens and passwords are kept."""
    return f"labelstudio:{project.project_id}"


def project_mark(project: Project) -> str:
    """What the description of the project's counterpart on the server holds."""
    return f"hint-project:{project.project_id}"


def stored(project: Project) -> dict[str, Any]:
    """What is kept for the project's server; empty when nothing is.

    Raises:
        ConfigError: the file is broken, or others may read it.
    """
    return load_credentials(credentials_name(project)) or {}


def connect(project: Project, url: str = "") -> Connection:
    """The project's Label Studio.

    A stored token goes to the address it was stored with and to no other.

    Args:
        project: an opened project.
        url: another address than the stored one; the token then comes from the environment.

    Raises:
        ConfigError: no address or no token is known.
    """
    kept = stored(project)
    known = str(kept.get("url", ""))
    address = (url or known).rstrip("/")
    if not address:
        raise ConfigError(f"{project.root}: no Label Studio is known for this project", hint="hint server up")
    same = address == known.rstrip("/")
    token = os.environ.get(TOKEN_VARIABLE) or (str(kept.get("token", "")) if same else "")
    if not token:
        raise ConfigError(
            f"{address}: no token is stored for this Label Studio", hint=f"hint login {shlex.quote(address)}"
        )
    return Connection(address, token, embedded=same and kept.get("kind") == EMBEDDED, mark=project_mark(project))


def remember_remote(project: Project, connection: Connection) -> str:
    """Keep the address and token of a Label Studio of one's own; the file's path.

    Raises:
        EnvironmentFault: it could not be written.
    """
    values = {"kind": REMOTE, "url": connection.url, "token": connection.token}
    return str(save_credentials(credentials_name(project), values))
