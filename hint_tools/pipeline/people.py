"""How far each annotator is with the tasks that were pushed, as of the last pull."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from hint_tools.core.ids import task_key
from hint_tools.core.limits import LONGEST_WORK_S
from hint_tools.core.records import LedgerEntry, Submission
from hint_tools.core.times import moment


@dataclass(frozen=True, slots=True)
class PersonProgress:
    """One annotator.

    Args:
        annotator: name.
        first: tasks of the first round with an answer that can be used, rejections included.
        second: the same of second looks.
        rejected: of both, hands they rejected.
        unusable: answers in which something is missing.
        skipped: tasks they skipped and did not answer later.
        median_s: median time of an answer.
        last: time of the last answer, as the server wrote it.
    """

    annotator: str
    first: int
    second: int
    rejected: int
    unusable: int
    skipped: int
    median_s: float
    last: str


def people_progress(ledger: Iterable[LedgerEntry], submissions: Iterable[Submission]) -> list[PersonProgress]:
    """One row an annotator, by name; answers that were edited or deleted since don't count.

    Args:
        ledger: the tasks.
        submissions: the answers.
    """
    entries = list(ledger)
    first = {e.task_key for e in entries if e.task_key == task_key(e.hand_id, 0)}
    known = {e.task_key for e in entries}
    of: dict[str, list[Submission]] = {}
    for answer in submissions:
        if not answer.superseded and answer.task_key in known:
            of.setdefault(answer.annotator, []).append(answer)
    return [_progress(name, of[name], first) for name in sorted(of)]


def _progress(name: str, answers: list[Submission], first: set[str]) -> PersonProgress:
    usable = {a.task_key for a in answers if a.valid or a.rejected}
    skipped = {a.task_key for a in answers if a.reject_reason == "skipped" and not a.rejected} - usable
    broken = {a.task_key for a in answers} - usable - skipped
    times = [a.lead_time_s for a in answers if (a.valid or a.rejected) and 0 <= a.lead_time_s <= LONGEST_WORK_S]
    return PersonProgress(
        annotator=name,
        first=len(usable & first),
        second=len(usable - first),
        rejected=len({a.task_key for a in answers if a.rejected}),
        unusable=len(broken),
        skipped=len(skipped),
        median_s=float(median(times)) if times else math.nan,
        last=max((a.updated_at for a in answers), key=moment, default=""),
    )


def answers_per_task(ledger: Iterable[LedgerEntry], submissions: Iterable[Submission]) -> dict[str, dict[int, int]]:
    """`first` and `second` -> number of usable answers -> number of tasks with so many.

    Args:
        ledger: the tasks.
        submissions: the answers.
    """
    entries = list(ledger)
    people: dict[str, set[str]] = {e.task_key: set() for e in entries}
    for answer in submissions:
        if not answer.superseded and (answer.valid or answer.rejected) and answer.task_key in people:
            people[answer.task_key].add(answer.annotator)
    counted: dict[str, Counter[int]] = {"first": Counter(), "second": Counter()}
    for entry in entries:
        part = "first" if entry.task_key == task_key(entry.hand_id, 0) else "second"
        counted[part][len(people[entry.task_key])] += 1
    return {part: dict(sorted(numbers.items())) for part, numbers in counted.items() if numbers}


def as_details(people: Iterable[PersonProgress]) -> list[dict[str, Any]]:
    """The rows as plain values, for JSON."""
    return [asdict(p) for p in people]
