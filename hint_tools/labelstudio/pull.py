"""`hint pull`: every annotation of every annotator, as it stands and as it stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hint_tools.core.errors import DataError, RemoteError
from hint_tools.core.findings import Severity
from hint_tools.core.progress import track
from hint_tools.core.records import LedgerEntry, Submission
from hint_tools.core.report import Report
from hint_tools.formats.labelstudio import prediction_of
from hint_tools.labelstudio import remote_project
from hint_tools.labelstudio.answers import SKIPPED, PulledAnswer, read_answer
from hint_tools.labelstudio.client import Client, Json
from hint_tools.labelstudio.config import PullConfig
from hint_tools.labelstudio.connection import connect, project_mark
from hint_tools.labelstudio.ledger import entry_of
from hint_tools.labelstudio.remarks import Remarks
from hint_tools.store.atomic import write_bytes
from hint_tools.store.project import Project
from hint_tools.store.tables import LEDGER, SUBMISSIONS

RAW_FOLDER = "submissions/raw"


def run_pull(config: PullConfig, project: Project) -> Report:
    """Bring the submissions up to date with the server; a second pull changes nothing.

    Nothing that was ever pulled is lost: an edited or deleted annotation's row stays, `superseded`.

    Args:
        config: the settings.
        project: whose tasks were pushed.

    Raises:
        ConfigError: no server is known.
        RemoteError: the server is down, refuses the token, or nothing was pushed; the table stays as it is.
    """
    connection = connect(project, config.url)
    with Client(connection, config.timeout_s) as client:
        numbers = remote_project.numbers(client, project_mark(project))
        if not numbers:
            raise RemoteError(f"{connection.url}: nothing of this project is there", hint="hint push")
        users = client.users()
        tasks = [(n, task) for n in numbers for task in client.tasks(n, page_size=config.page_size)]
    remarks = Remarks("pull")
    ledger = {e.task_key: e for e in project.read_if_any(LEDGER) if e.server_project in numbers}
    with project.lock():
        answers, foreign = _read(project, config, tasks, ledger, users, remarks)
        before = project.read_if_any(SUBMISSIONS)
        rows = _merge(before, [a.submission for a in answers], remarks)
        if not config.dry_run:
            if _differ(before, rows) or not project.table_path(SUBMISSIONS).exists():
                project.write(SUBMISSIONS, rows)
            project.stamp("pull", reads=[LEDGER], writes=[SUBMISSIONS])
    _remark_problems(answers, remarks)
    return _report(len(tasks), answers, foreign, before, rows, remarks)


def _read(
    project: Project, config: PullConfig, tasks: Iterable[tuple[int, Json]], ledger: Mapping[str, LedgerEntry],
    users: Mapping[int, str], remarks: Remarks,
) -> tuple[list[PulledAnswer], int]:  # fmt: skip
    """Every annotation of our tasks, its raw JSON written first; and how many belong to tasks that are not ours."""
    answers: list[PulledAnswer] = []
    foreign = 0
    for number, task in track(list(tasks), "pull"):
        entry = _entry(task, number, ledger)
        if entry is None:
            foreign += len(task["annotations"])
            remarks.add("foreign-task", f"task {task['id']} was not made by hint push; not taken", str(task["id"]))
            continue
        predictions = {int(p["id"]): prediction_of(p.get("result")) for p in task["predictions"]}
        for annotation in sorted(task["annotations"], key=lambda a: int(a["id"])):
            answer = read_answer(annotation, entry, users, predictions)
            if not config.dry_run:
                path = project.path(f"{RAW_FOLDER}/{answer.submission.raw_sha256}.json")
                if not path.exists():
                    write_bytes(path, answer.raw)
            answers.append(answer)
    return answers, foreign


def _entry(task: Json, number: int, ledger: Mapping[str, LedgerEntry]) -> LedgerEntry | None:
    """The ledger's row of a task; made from the task itself where a push was cut off before it wrote one."""
    known = ledger.get(str(task["data"].get("hint_key", "")))
    if known is not None:
        return known
    try:
        return entry_of(task, number, prediction_id="", pushed_at="")
    except DataError:
        return None


def _merge(before: Iterable[Submission], current: Iterable[Submission], remarks: Remarks) -> list[Submission]:
    """Rows as they are now, then rows as they were: kept, and marked as superseded."""
    now = {s.submission_id: s for s in current}
    alive = {(s.task_key, s.annotation_id) for s in now.values()}
    merged = dict(now)
    for old in before:
        if old.submission_id in now:
            merged[old.submission_id] = replace(old, superseded=False) if old.superseded else old
            continue
        merged[old.submission_id] = replace(old, superseded=True)
        if not old.superseded and (old.task_key, old.annotation_id) not in alive:
            message = f"annotation {old.annotation_id} of {old.annotator} was deleted on the server; its row stays"
            remarks.add("annotation-deleted", message, old.submission_id)
    return list(merged.values())


def _differ(before: Iterable[Submission], rows: Iterable[Submission]) -> bool:
    return {(s.submission_id, s.superseded) for s in before} != {(s.submission_id, s.superseded) for s in rows}


def _remark_problems(answers: Iterable[PulledAnswer], remarks: Remarks) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        row = answer.submission
        for problem in answer.problems:
            severity = Severity.WARNING if problem.fatal and problem.code != SKIPPED else Severity.INFO
            message = f"{row.annotator}, annotation {row.annotation_id}: {problem.message}"
            remarks.add(problem.code, message, row.submission_id, severity=severity)
        if row.reject_reason != SKIPPED:
            seen[(row.task_key, row.annotator)] += 1
    for (key, annotator), count in sorted(seen.items()):
        if count > 1:
            remarks.add("several-by-one", f"{annotator} answered task {key} {count} times; all are kept", key)


def _report(
    tasks: int, answers: list[PulledAnswer], foreign: int, before: list[Submission], rows: list[Submission],
    remarks: Remarks,
) -> Report:  # fmt: skip
    old = {s.submission_id for s in before}
    current = [a.submission for a in answers]
    skipped = sum(s.reject_reason == SKIPPED for s in current)
    rejected = sum(s.rejected for s in current)
    valid = sum(s.valid for s in current)
    counts: dict[str, int | float | str] = {
        "tasks": tasks,
        "answered": len({s.task_key for s in current}),
        "annotations": len(current) + foreign,
        "valid": valid,
        "rejected": rejected,
        "skipped": skipped,
        "not usable": len(current) - valid - rejected - skipped,
        "of other tasks": foreign,
        "new": len({s.submission_id for s in current} - old),
        "superseded": sum(s.superseded for s in rows),
        "annotators": len({s.annotator for s in current}),
    }
    following = "hint qc" if valid or rejected else "hint pull"
    return Report(stage="pull", counts=counts, findings=remarks.findings(), next_command=following)
