"""This project's two counterparts on the server, each found again by its mark and made once.

First answers and second looks have projects of their own: a second look has another screen, which shows what the
first answers were and why they are doubted, and another number of people who answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hint_tools.core.findings import Finding, Severity
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.labelling_config import INSTRUCTION, SECOND_LOOK_INSTRUCTION, labelling_config
from hint_tools.labelstudio.wire import ServerDoubtfulError
from hint_tools.store.project import Project

_TITLE_LENGTH: Final = 50
"""Label Studio takes 3 to 50 characters."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One of the two.

    Args:
        mark_end: what its mark ends in, after the project's.
        title_start: what its title begins with, before the project's name.
        config: its labelling screen.
        instruction: what annotators read first.
        journal: where its pushes are written down.
    """

    mark_end: str
    title_start: str
    config: str
    instruction: str
    journal: str

    def mark(self, project_mark: str) -> str:
        """The word of its description by which it is known."""
        return project_mark + self.mark_end


FIRST: Final = Counterpart("", "", labelling_config(), INSTRUCTION, "push")
SECOND_LOOK: Final = Counterpart(
    ":again", "Again: ", labelling_config(second_look=True), SECOND_LOOK_INSTRUCTION, "push-queue"
)
COUNTERPARTS: Final = (FIRST, SECOND_LOOK)


def title(project: Project, counterpart: Counterpart = FIRST) -> str:
    """The counterpart's title, unique to this project."""
    tag = f" [{project.project_id[:8]}]"
    return (counterpart.title_start + project.name)[: _TITLE_LENGTH - len(tag)] + tag


def find(client: Client, mark: str) -> Json | None:
    """The counterpart that has `mark`, the oldest if there are several; None when there is none.

    Raises:
        RemoteError: the server is down or refuses the token.
    """
    return next((p for p in client.projects() if mark in str(p.get("description") or "").split()), None)


def numbers(client: Client, project_mark: str) -> list[int]:
    """The server's numbers of those counterparts that are there, first answers before second looks.

    Raises:
        RemoteError: the server is down or refuses the token.
    """
    listed = client.projects()
    marks = [c.mark(project_mark) for c in COUNTERPARTS]
    found = (next((p for p in listed if m in str(p.get("description") or "").split()), None) for m in marks)
    return [int(p["id"]) for p in found if p is not None]


def ensure(
    client: Client, project: Project, project_mark: str, maximum_annotations: int, counterpart: Counterpart = FIRST
) -> tuple[Json, list[Finding]]:
    """The counterpart, made when there is none and adjusted when the overlap differs; and what is odd about it.

    Raises:
        RemoteError: the server is down or refuses.
    """
    mark = counterpart.mark(project_mark)
    found = find(client, mark)
    if found is None:
        _create(client, project, mark, maximum_annotations, counterpart)
        found = find(client, mark)
        if found is None:
            raise ServerDoubtfulError(f"{client.url}: the project was made, but is not listed", hint="hint push")
    if found["maximum_annotations"] != maximum_annotations:
        client.update_project(int(found["id"]), maximum_annotations=maximum_annotations)
    findings = []
    if str(found["label_config"]).strip() != counterpart.config:
        findings.append(
            Finding(
                code="push.labelling-config-differs",
                severity=Severity.WARNING,
                message=f"the labelling screen of project {found['id']} is not this version's; it is left alone",
                suggestion="answers that can't be read are reported by `hint pull`",
            )
        )
    return found, findings


def _create(client: Client, project: Project, mark: str, maximum_annotations: int, counterpart: Counterpart) -> None:
    try:
        client.create_project(
            title=title(project, counterpart),
            description=mark,
            label_config=counterpart.config,
            expert_instruction=counterpart.instruction,
            show_instruction=True,
            enable_empty_annotation=False,
            show_collab_predictions=True,
            maximum_annotations=maximum_annotations,
        )
    except ServerDoubtfulError:
        if find(client, mark) is None:
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
