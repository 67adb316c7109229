"""`hint push`: every hand has exactly one task a round on the server, with the newest prediction."""

from __future__ import annotations

import shlex

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.ids import task_key
from hint_tools.core.records import LedgerEntry, Prediction, QueueItem, Submission
from hint_tools.core.report import Report
from hint_tools.labelstudio import remote_project
from hint_tools.labelstudio.client import Client
from hint_tools.labelstudio.config import PushConfig
from hint_tools.labelstudio.connection import Connection, connect, project_mark
from hint_tools.labelstudio.delivery import Delivery
from hint_tools.labelstudio.ledger import Listing, Sent, entry_of, written_time
from hint_tools.labelstudio.remarks import Remarks
from hint_tools.labelstudio.second_look import second_looks
from hint_tools.labelstudio.show_predictions import PredictionUpdate
from hint_tools.labelstudio.tasks import Planned, picture_folders, plan
from hint_tools.store.project import Project
from hint_tools.store.tables import FRAMES, HANDS, LEDGER, PREDICTIONS, QUEUE, SUBMISSIONS


def run_push(config: PushConfig, project: Project) -> Report:
    """Send what is missing; a second push finds nothing to send and writes nothing on the server.

    Args:
        config: the settings.
        project: with hands; predictions and, for `queue`, a queue.

    Raises:
        ConfigError: no server is known, or predictions of several models and none chosen.
        DataError: nothing was sampled, or there is no queue.
        RemoteError: the server is down, refuses the token or answers nonsense; what had arrived stays.
    """
    connection = connect(project, config.url)
    if not connection.embedded and not config.image_prefix:
        raise ConfigError(
            f"{connection.url}: this server can't read the project's pictures from disk",
            hint="put frames/ and crops/ where it can reach them: hint push --image-prefix https://...",
        )
    planned, dropped = _planned(config, project)
    with Client(connection, config.timeout_s) as client:
        if config.dry_run:
            return _rehearsal(config, client, project, planned, dropped)
        with project.lock(), project.journal(_counterpart(config).journal) as journal:
            report = _push(config, project, client, connection, planned, dropped, Sent(journal))
            project.stamp("push", reads=[FRAMES, HANDS, PREDICTIONS], writes=[LEDGER])
    return report


def _planned(config: PushConfig, project: Project) -> tuple[list[Planned], dict[str, list[str]]]:
    hands = {h.hand_id: h for h in project.hands()}
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    rounds, looks = dict.fromkeys(hands, 0), {}
    if config.queue:
        queue, answers = project.read(QUEUE), project.read_if_any(SUBMISSIONS)
        rounds = _queue_rounds(project, queue, answers)
        looks = second_looks(queue, answers, names=config.show_names)
    return plan(rounds, hands, frames, _predictions(config, project), config.crop_factor, looks)


def _counterpart(config: PushConfig) -> remote_project.Counterpart:
    return remote_project.SECOND_LOOK if config.queue else remote_project.FIRST


def _predictions(config: PushConfig, project: Project) -> dict[str, Prediction]:
    rows = project.read_if_any(PREDICTIONS)
    models = sorted({p.model for p in rows})
    if config.model and config.model not in models:
        raise ConfigError(f"no prediction by {config.model!r}; there are {models}", hint="hint prelabel")
    chosen = config.model or project.current_model()
    if len(models) > 1 and not chosen:
        raise ConfigError(
            f"predictions of {len(models)} models: {models}", hint=f"hint push --model {shlex.quote(models[0])}"
        )
    return {p.hand_id: p for p in rows if not chosen or p.model == chosen}


def _queue_rounds(project: Project, queue: list[QueueItem], answers: list[Submission]) -> dict[str, int]:
    """Round of each queued hand: a new one once its newest task was answered, else the one that waits."""
    sent = {e.task_key for e in project.read_if_any(LEDGER)}
    answered = {s.task_key for s in answers if not s.superseded}
    rounds = {}
    for item in queue:
        number = 0
        while task_key(item.hand_id, number + 1) in sent:
            number += 1
        waits = number > 0 and task_key(item.hand_id, number) not in answered
        rounds[item.hand_id] = number if waits else number + 1
    return rounds


def _rehearsal(
    config: PushConfig, client: Client, project: Project, planned: list[Planned], dropped: dict[str, list[str]]
) -> Report:
    """What a push would do; the server is only read."""
    remote = remote_project.find(client, _counterpart(config).mark(project_mark(project)))
    there = client.task_ids_by_key(int(remote["id"])) if remote else {}
    missing = sum(p.key not in there for p in planned)
    counts = {"tasks": len(planned), "already there": len(planned) - missing, "would be sent": missing}
    left_out = sum(len(v) for v in dropped.values())
    return Report(stage="push", counts={**counts, "left out": left_out}, next_command=_command(config))


def _push(
    config: PushConfig, project: Project, client: Client, connection: Connection, planned: list[Planned],
    dropped: dict[str, list[str]], sent: Sent,
) -> Report:  # fmt: skip
    remarks = Remarks("push")
    people = config.adjudicators if config.queue else config.maximum_annotations
    remote, odd = remote_project.ensure(client, project, project_mark(project), people, _counterpart(config))
    number = int(remote["id"])
    if connection.embedded:
        remote_project.ensure_folders(client, project, number, picture_folders(planned))
    there = sent.settled(client, number)
    ledger = project.read_if_any(LEDGER)
    before = {e.task_key: e for e in ledger if e.server_project == number}
    others = set(remote_project.numbers(client, project_mark(project))) - {number}
    elsewhere = [e for e in ledger if e.server_project in others]
    _say_what_is_gone(before, there, remarks)
    missing = [p for p in planned if p.key not in there]
    delivery = Delivery(config, project, client, number, sent, remarks)
    created = delivery.send(missing)
    if created:
        there = client.task_ids_by_key(number)
    delivery.remove_doubles(there)
    update = PredictionUpdate(client, number, config.chunk, remarks)
    updated = update.run(planned, before, there)
    update.choose_model(str(remote.get("model_version") or ""), planned)
    rows = _ledger_rows(number, planned, before, there, sent, remarks)
    project.write(LEDGER, [*elsewhere, *rows])
    for reason, ids in sorted(dropped.items()):
        remarks.add("hand-left-out", f"left out: {reason}", *ids)
    counts: dict[str, int | float | str] = {
        "hands": len(planned) + sum(len(v) for v in dropped.values()),
        "sent": created,
        "already there": len(planned) - len(missing),
        "left out": sum(len(v) for v in dropped.values()) + len(missing) - created,
        "predictions updated": updated,
        "without prediction": sum(p.prediction is None for p in planned),
        "annotate at": f"{connection.url}/projects/{number}/data",
    }
    details = {"server_project": number, "url": connection.url}
    findings = (*sent.findings, *odd, *remarks.findings())
    return Report(stage="push", counts=counts, findings=findings, next_command="hint pull", details=details)


def _command(config: PushConfig) -> str:
    return "hint push --queue" if config.queue else "hint push"


def _say_what_is_gone(before: dict[str, LedgerEntry], there: Listing, remarks: Remarks) -> None:
    gone = sorted(before.keys() - there.keys())
    if gone:
        remarks.add("task-gone", "tasks were deleted on the server; those of this push are sent again", *gone)


def _ledger_rows(
    number: int, planned: list[Planned], before: dict[str, LedgerEntry], there: Listing, sent: Sent, remarks: Remarks
) -> list[LedgerEntry]:
    """One row for each task of ours that the server lists."""
    unusable = remarks.subjects("prediction-unusable")
    shown = {p.key: p.prediction.prediction_id for p in planned if p.prediction and p.hand.hand_id not in unusable}
    sent_at = sent.sent_at()
    rows = []
    for key, tasks in there.items():
        old, data = before.get(key), tasks[0]["data"]
        if not key:
            continue
        kept = old.prediction_id if old else str(data.get("prediction_id", ""))
        pushed_at = old.pushed_at if old else written_time(sent_at.get(key, 0.0))
        try:
            rows.append(entry_of(tasks[0], number, prediction_id=shown.get(key, kept), pushed_at=pushed_at))
        except DataError as error:
            remarks.add("foreign-task", error.message, key)
    return rows
