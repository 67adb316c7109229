"""`hint server`: a real Label Studio for one project, on loopback, in its own environment.

Its database, media and log live beside the credentials, outside the project: a project folder can be given
away without giving away passwords.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from hint_tools.core.errors import RemoteError, UsageError
from hint_tools.core.report import Report
from hint_tools.labelstudio import process
from hint_tools.labelstudio.accounts import ensure_annotators, new_admin
from hint_tools.labelstudio.client import Client, login_checked
from hint_tools.labelstudio.config import ServerConfig
from hint_tools.labelstudio.connection import (
    EMBEDDED,
    REMOTE,
    Connection,
    credentials_name,
    remember_remote,
    stored,
)
from hint_tools.labelstudio.environment import environment, install, is_installed, quiet_variables
from hint_tools.labelstudio.wire import ServerRefusedError
from hint_tools.store.atomic import writing
from hint_tools.store.credentials import credentials_path, data_home, save_credentials
from hint_tools.store.project import Project


def server_folder(project: Project) -> Path:
    """Where the project's server keeps its database, media and log."""
    return data_home() / "servers" / project.project_id


def run_install(config: ServerConfig, project: Project | None = None) -> Report:
    """Install Label Studio and prepare its empty database; nothing is started.

    Args:
        config: which version.
        project: not needed; an environment serves all projects.

    Raises:
        EnvironmentFault: it could not be installed.
    """
    env = environment(config.version)
    if config.dry_run:
        state = "installed" if is_installed(env) else "would be installed"
    else:
        state = "installed now" if install(config.version) else "was installed"
    counts: dict[str, int | float | str] = {"Label Studio": config.version, "environment": f"{env.folder} ({state})"}
    return Report(stage="server", counts=counts, next_command="hint server up")


def run_up(config: ServerConfig, project: Project) -> Report:
    """Run the project's Label Studio and make its accounts; nothing happens where all that is there.

    Args:
        config: names of the annotators, port, patience.
        project: whose pictures it may show.

    Raises:
        EnvironmentFault: it can't be installed or started.
        RemoteError: it does not answer, or refuses the stored token.
        UsageError: the project uses a Label Studio of your own.
    """
    if stored(project).get("kind") == REMOTE:
        raise UsageError(f"{project.root}: this project uses a server of your own, {stored(project)['url']}")
    folder = server_folder(project)
    server = _running(config, project)
    if config.dry_run:
        state = f"runs at {server.url}" if server else "would be started"
        return Report(stage="server", counts={"server": state, "annotators": len(config.annotators)})
    with _locked(folder):
        install(config.version)
        server = _running(config, project)
        if server is not None and not _fits(server, config, project):
            process.stop(server)
            server = None
        started = server is None
        if server is None:
            server = _start(config, project)
        process.wait_until_healthy(server, folder, config.wait_s)
        made = _ensure_accounts(config, project, server.url)
    counts: dict[str, int | float | str] = {
        "address": server.url,
        "server": "started" if started else "was running",
        "annotators": len(stored(project)["annotators"]),
        "accounts made": made,
        "passwords": str(credentials_path(credentials_name(project))),
    }
    return Report(
        stage="server", counts=counts, next_command="hint push", details={"url": server.url, "pid": server.pid}
    )


def run_down(config: ServerConfig, project: Project) -> Report:
    """Stop the project's Label Studio; its database stays.

    Raises:
        EnvironmentFault: it can't be stopped.
    """
    server = _running(config, project)
    if server is None:
        return Report(stage="server", counts={"server": "was not running"}, next_command="hint server up")
    if config.dry_run:
        return Report(stage="server", counts={"server": f"runs at {server.url}; would be stopped"})
    with _locked(server_folder(project)):
        process.stop(server)
    return Report(stage="server", counts={"server": "stopped"}, next_command="hint server up")


def run_status(config: ServerConfig, project: Project) -> Report:
    """Say whether the project's Label Studio runs and where; nothing is changed."""
    kept = stored(project)
    if kept.get("kind") == REMOTE:
        return Report(stage="server", counts={"server": "your own", "address": str(kept["url"])})
    server = _running(config, project)
    counts: dict[str, int | float | str] = {"server": "runs" if server else "does not run"}
    if server:
        counts |= {"address": server.url, "process": server.pid, "Label Studio": server.version}
    counts |= {"annotators": len(kept.get("annotators", {})), "data": str(server_folder(project))}
    return Report(stage="server", counts=counts, next_command="" if server else "hint server up")


def run_login(project: Project, url: str, token: str) -> Report:
    """Keep address and token of a Label Studio of your own, once it has accepted them.

    Args:
        project: an opened project.
        url: such as https://labels.example.org.
        token: of any kind Label Studio gives out.

    Raises:
        RemoteError: the server is down or refuses the token; what was kept before stays.
        ConfigError: the token can't be one.
        UsageError: the project has an embedded server, whose passwords would be forgotten.
    """
    if stored(project).get("kind") == EMBEDDED:
        raise UsageError(
            f"{project.root}: this project has its own server (hint server up), with accounts and answers in it",
            hint="use another project for another server: hint init DIR",
        )
    connection = Connection(url.rstrip("/"), token)
    email = login_checked(connection)
    path = remember_remote(project, connection)
    return Report(
        stage="login", counts={"address": connection.url, "user": email, "token": path}, next_command="hint push"
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One command at a time starts or stops a project's server."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "lock"):
        yield


def _running(config: ServerConfig, project: Project) -> process.Running | None:
    folder = server_folder(project)
    server = process.remembered(folder)
    if server is None or not process.is_running(server):
        server = process.find_lost(folder, version=config.version, document_root=str(project.root))
    return server


def _fits(server: process.Running, config: ServerConfig, project: Project) -> bool:
    """Whether a running server is the one that is wanted; a project that was moved has its pictures elsewhere."""
    port_fits = config.port in {0, server.port}
    return port_fits and server.version == config.version and server.document_root == str(project.root)


def _start(config: ServerConfig, project: Project) -> process.Running:
    folder = server_folder(project)
    before = process.remembered(folder)
    port = process.free_port(config.port or (before.port if before else 0))
    kept = stored(project) or {"kind": EMBEDDED, "annotators": {}, "admin": new_admin()}
    admin = kept["admin"]
    _save(project, {**kept, "url": f"http://{process.HOST}:{port}", "token": admin["token"]})
    variables = quiet_variables(folder) | {
        "LABEL_STUDIO_USERNAME": admin["email"],
        "LABEL_STUDIO_PASSWORD": admin["password"],
        "LABEL_STUDIO_USER_TOKEN": admin["token"],
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_HOST": f"http://{process.HOST}:{port}",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(project.root),
        # the server then refuses predictions with labels or percent that don't exist, instead of losing them
        "fflag_feat_utc_210_prediction_validation_15082025": "true",
    }
    return process.start(environment(config.version), folder, variables, port=port, document_root=project.root)


def _ensure_accounts(config: ServerConfig, project: Project, url: str) -> int:
    kept = stored(project)
    connection = Connection(url, str(kept["token"]), embedded=True)
    try:
        with Client(connection) as client:
            client.whoami()
            missing = any(not kept["annotators"].get(n, {}).get("token") for n in config.annotators)
            invite = client.invite_path() if missing else ""
    except ServerRefusedError as error:
        raise RemoteError(
            f"{url}: the server's database does not know the stored token ({error.message})",
            hint=f"put {credentials_path(credentials_name(project))} back, or remove {server_folder(project)}",
        ) from None
    return ensure_annotators(
        url, invite, config.annotators, kept["annotators"], lambda a: _save(project, {**kept, "annotators": a})
    )


def _save(project: Project, values: dict[str, Any]) -> None:
    save_credentials(credentials_name(project), {k: v for k, v in values.items() if k != "name"})
