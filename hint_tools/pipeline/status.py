"""What a round has done, what is stale, how far its annotators are, and which command comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from hint_tools.core.errors import DataError
from hint_tools.core.report import Report
from hint_tools.pipeline.people import answers_per_task, as_details, people_progress
from hint_tools.store.project import Project
from hint_tools.store.tables import ALL_TABLES, LEDGER, SUBMISSIONS, table_digest

State = Literal["done", "stale", "to do"]

ROUND: Final = ("sample", "prelabel", "push", "pull", "qc", "fit", "release")
"""Stages of a round in order; each leaves a stamp in the project when it ends."""

_COMMANDS: Final = {"release": "hint release build NAME", "sample": "hint sample --source folder --root DIR"}


@dataclass(frozen=True, slots=True)
class StageState:
    """Where one stage stands, and why."""

    stage: str
    state: State
    why: str
    command: str


def stage_states(project: Project) -> list[StageState]:
    """The state of each stage of a round, in order."""
    digests = {t.name: table_digest(project.table_path(t)) for t in ALL_TABLES}
    made_by = {t.name: t.made_by.removeprefix("hint ") for t in ALL_TABLES}
    states: list[StageState] = []
    unfinished: set[str] = set()
    for name in ROUND:
        command = _COMMANDS.get(name, f"hint {name}")
        try:
            stamp = project.read_stamp(name)
        except DataError as error:
            states.append(StageState(name, "stale", error.message, command))
            unfinished.add(name)
            continue
        if stamp is None:
            states.append(StageState(name, "to do", "never ran to its end", command))
            unfinished.add(name)
            continue
        changed = sorted(t for t, digest in stamp["reads"].items() if digests.get(t, "") != digest)
        upstream = sorted({made_by[t] for t in stamp["reads"] if t in made_by} & unfinished)
        gone = sorted(t for t, digest in stamp["writes"].items() if digests.get(t, "") != digest)
        news = sorted(t for t, digest in stamp.get("looks_at", {}).items() if digests.get(t, "") != digest)
        if changed:
            why = f"{', '.join(changed)} changed since"
        elif upstream:
            why = f"{', '.join(upstream)} must run again first"
        elif gone:
            why = f"{', '.join(gone)} is not what it wrote"
        elif news:
            states.append(StageState(name, "stale", f"{', '.join(news)} changed since it looked at them", command))
            continue
        else:
            states.append(StageState(name, "done", "", command))
            continue
        states.append(StageState(name, "stale", why, command))
        unfinished.add(name)
    return states


def run_status(project: Project) -> Report:
    """The round at a glance: rows of each table, state of each stage, progress of each annotator, next command."""
    states = stage_states(project)
    following = next((s.command for s in states if s.state != "done"), "")
    counts: dict[str, int | float | str] = {"project": project.name}
    for table in ALL_TABLES:
        path = project.table_path(table)
        if path.exists():
            counts[table.name] = len(project.read(table))
    ledger, answers = project.read_if_any(LEDGER), project.read_if_any(SUBMISSIONS)
    details: dict[str, Any] = {
        "stages": [{"stage": s.stage, "state": s.state, "why": s.why, "command": s.command} for s in states],
        "annotators": as_details(people_progress(ledger, answers)),
        "answers_per_task": answers_per_task(ledger, answers),
    }
    return Report(stage="status", counts=counts, details=details, next_command=following)
