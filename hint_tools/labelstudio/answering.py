"""Answering tasks through the REST API as one annotator: for simulated people and for measurements."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hint_tools.core.errors import RemoteError
from hint_tools.core.progress import track
from hint_tools.core.records import Floats, Ints
from hint_tools.formats.labelstudio import Picture, build_result, prediction_of
from hint_tools.formats.labelstudio_answers import parse_result
from hint_tools.labelstudio import remote_project
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.connection import Connection, stored
from hint_tools.labelstudio.ledger import entry_of, picture_of
from hint_tools.store.project import Project

_NAMESPACE: Final = uuid.UUID("5a1c8f5e-0f1b-5d0c-9a53-6f0a54c7e3b1")
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Annotator:
    """One person with an account.

    Args:
        email: the account's name.
        token: never shown.
    """

    email: str
    token: str

    def __repr__(self) -> str:
        return f"Annotator({self.email!r})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskView:
    """What an annotator has in front of them; everything in px of the full frame.

    Args:
        task_key: of the task.
        hand_id: of the hand.
        frame_id: of its frame.
        keypoints: (21, 2), the prediction's; None when there is none.
        visibility: (21,), the prediction's.
        box: of the prediction.
        side: of the prediction.
        picture: which part of the frame is shown, and how large.
    """

    task_key: str
    hand_id: str
    frame_id: str
    keypoints: Floats | None
    visibility: Ints | None
    box: Floats | None
    side: str | None
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What an annotator submits; px of the full frame.

    Args:
        keypoints: (21, 2); None for a rejection without points.
        visibility: (21,), `Visibility` numbers.
        box: x0, y0, x1, y1.
        side: `left` or `right`.
        reject_reason: one of `formats.labelstudio.REJECT_REASONS`; None when the hand is not rejected.
        lead_time_s: how long it took.
    """

    keypoints: Floats | None
    visibility: Ints | None
    box: Floats | None
    side: str | None
    reject_reason: str | None = None
    lead_time_s: float = 0.0


def annotators(project: Project) -> list[Annotator]:
    """The annotators of the project's embedded server, with the tokens `hint server up` stored, sorted."""
    kept = stored(project).get("annotators", {})
    return [Annotator(name, str(kept[name]["token"])) for name in sorted(kept)]


def answer_tasks(connection: Connection, annotator: Annotator, answer: Callable[[TaskView], Answer | None]) -> int:
    """How many answers were posted: one for each open task, second looks included, this annotator has not answered.

    Args:
        connection: the project's server; its token is not used.
        annotator: who answers, with their own token.
        answer: called with each task, in order of their ids; None leaves the task alone.

    Raises:
        RemoteError: the server is down or refuses, or nothing was pushed.
        DataError: a task is not one of `hint push`.
    """
    posted = 0
    with Client(Connection(connection.url, annotator.token, connection.embedded)) as client:
        numbers = remote_project.numbers(client, connection.mark)
        if not numbers:
            raise RemoteError(f"{connection.url}: nothing of this project is there", hint="hint push")
        me = int(client.whoami()["id"])
        tasks = [(n, t) for n in numbers for t in client.tasks(n, page_size=_PAGE) if _is_open(t, me)]
        for server_project, task in track(tasks, f"annotate as {annotator.email}"):
            view, origin = _view(task, server_project)
            given = answer(view)
            if given is None:
                continue
            unique = uuid.uuid5(_NAMESPACE, f"{connection.mark}|{task['id']}|{view.task_key}|{annotator.email}")
            started_from = {"parent_prediction": origin["id"]} if origin else {}
            posted += client.create_annotation(
                int(task["id"]),
                unique_id=str(unique),
                result=_result(given, view, origin),
                lead_time=given.lead_time_s,
                **started_from,
            )
    return posted


def _is_open(task: Json, me: int) -> bool:
    """Not answered by me, and not by enough others."""
    by = [a["completed_by"] for a in task["annotations"] if not a["was_cancelled"]]
    mine = [a for a in task["annotations"] if a["completed_by"] == me]
    return not mine and len(by) < int(task.get("overlap") or 1)


def _view(task: Json, server_project: int) -> tuple[TaskView, dict[str, Any] | None]:
    """What is shown, and the newest prediction as the server keeps it."""
    entry = entry_of(task, server_project, prediction_id="", pushed_at="")
    picture = picture_of(entry)
    origin = max(task["predictions"], key=lambda p: int(p["id"]), default=None)
    shown = parse_result(origin["result"] if origin else [], picture)
    view = TaskView(
        task_key=entry.task_key,
        hand_id=entry.hand_id,
        frame_id=str(task["data"].get("frame_id", "")),
        keypoints=shown.keypoints,
        visibility=shown.visibility,
        box=shown.box,
        side=shown.side,
        picture=picture,
    )
    return view, origin


def _result(given: Answer, view: TaskView, origin: dict[str, Any] | None) -> list[Json]:
    result = build_result(
        view.picture,
        keypoints=given.keypoints,
        visibility=given.visibility,
        box=given.box,
        side=given.side,
        reject_reasons=(given.reject_reason,) if given.reject_reason else (),
        prediction_id=prediction_of(origin["result"]) if origin else "",
    )
    shown = {(r["id"], r["type"]): _meaning(r) for r in origin["result"]} if origin else {}
    return [{**r, "origin": _touched(r, shown.get((r["id"], r["type"])))} for r in result]


def _touched(region: Json, shown: str | None) -> str:
    """The editor's own word for what became of a region."""
    if shown is None:
        return "manual"
    return "prediction" if _meaning(region) == shown else "prediction-changed"


def _meaning(region: Json) -> str:
    """A region's value; percent to a billionth."""
    value = {k: round(v, 9) if isinstance(v, float) else v for k, v in region["value"].items()}
    return repr(sorted(value.items()))
