"""This project's counterpart on the server: found again by its mark, made once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hint_tools.core.findings import Finding, Severity
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.connection import project_mark
from hint_tools.labelstudio.labelling_config import INSTRUCTION, labelling_config
from hint_tools.labelstudio.wire import ServerDoubtfulError
from hint_tools.store.project import Project

_TITLE_LENGTH: Final = 50
"""Label Studio takes 3 to 50 characters."""


def title(project: Project) -> str:
    """The counterpart's title, unique to this project."""
    tag = f" [{project.project_id[:8]}]"
    return project.name[: _TITLE_LENGTH - len(tag)] + tag


def find(client: Client, mark: str) -> Json | None:
    """The counterpart that has `mark`, the oldest if there are several; None when there is none.

    Raises:
        RemoteError: the server is down or refuses the token.
    """
    return next((p for p in client.projects() if mark in str(p.get("description") or "").split()), None)


def ensure(client: Client, project: Project, maximum_annotations: int) -> tuple[Json, list[Finding]]:
    """The counterpart, made when there is none and adjusted when the overlap differs; and what is odd about it.

    Raises:
        RemoteError: the server is down or refuses.
    """
    found = find(client, project_mark(project))
    if found is None:
        _create(client, project, maximum_annotations)
        found = find(client, project_mark(project))
        if found is None:
            raise ServerDoubtfulError(f"{client.url}: the project was made, but is not listed", hint="hint push")
    if found["maximum_annotations"] != maximum_annotations:
        client.update_project(int(found["id"]), maximum_annotations=maximum_annotations)
    findings = []
    if str(found["label_config"]).strip() != labelling_config():
        findings.append(
            Finding(
                code="push.labelling-config-differs",
                severity=Severity.WARNING,
                message=f"the labelling screen of project {found['id']} is not this version's; it is left alone",
                suggestion="answers that can't be read are reported by `hint pull`",
            )
        )
    return found, findings


def _create(client: Client, project: Project, maximum_annotations: int) -> None:
    try:
        client.create_project(
            title=title(project),
            description=project_mark(project),
            label_config=labelling_config(),
            expert_instruction=INSTRUCTION,
            show_instruction=True,
            enable_empty_annotation=False,
            show_collab_predictions=True,
            maximum_annotations=maximum_annotations,
        )
    except ServerDoubtfulError:
        if find(client, project_mark(project)) is None:
            raise


def ensure_folders(client: Client, project: Project, remote: int, folders: Iterable[str]) -> None:
    """Let the server show the project's pictures; folders it knows are left alone.

    Raises:
        RemoteError: the server is down or refuses.
    """
    known = client.local_folders(remote)
    for folder in folders:
        path = project.path(folder)
        path.mkdir(parents=True, exist_ok=True)
        if str(path) not in known:
            client.add_local_folder(remote, str(path), f"hint {folder}")
