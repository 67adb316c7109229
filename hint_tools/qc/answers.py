"""Which answers are compared with each other, which decide, and where the others went.

Answers of the first round are compared. A hand that was sent again (`hint push --queue`) is decided by the answers of
its last round, and any hand by an expert's answer: they stand above the others, which stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.ids import task_key
from hint_tools.core.records import Submission
from hint_tools.core.times import moment
from hint_tools.qc.names import name_findings
from hint_tools.qc.odd_values import has_unknown_state, not_finite, odd_value_findings, without_odd_values
from hint_tools.qc.wording import several

MAX_ROUNDS = 100
"""Rounds a task's key is looked for in; more are no annotation, and a key of none of them is told."""
_EXAMPLES = 10
_REASONS: Final = ("superseded", "invalid", "unknown state", "unknown hand", "answered again", "decided later")
_SAID: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "invalid": (
            "qc.invalid-submission",
            "without all joints or a side, left out",
            "see the findings of: hint pull",
        ),
        "unknown state": (
            "qc.unknown-state",
            "with a joint that is neither visible, occluded nor not annotatable (2, 1, 0), left out",
            "hint pull",
        ),
        "unknown hand": (
            "qc.unknown-hand",
            "to hands that are not in this project, left out",
            "hint pull, in the project they were pushed from",
        ),
        "answered again": (
            "qc.answered-again",
            "replaced by a later one of the same annotator to the same hand",
            "",
        ),
        "decided later": (
            "qc.decided-later",
            "of a later round or an expert, overruled by a still later round or an expert",
            "",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Where every submission went.

    Args:
        taken: first answers, one an annotator and hand: what is compared.
        deciding: answers of a hand's last round beyond the first, or of experts.
        repeats: (first, second) answers of one annotator to one hand in one round.
        dropped: reason -> number. Taken, deciding and dropped add up to all submissions.
        findings: what is to be said about them.
        later: round beyond the first -> its answers, experts' left out as they are from `taken`; decided or overruled.
    """

    taken: tuple[Submission, ...]
    deciding: tuple[Submission, ...]
    repeats: tuple[tuple[Submission, Submission], ...]
    dropped: Mapping[str, int]
    findings: tuple[Finding, ...]
    later: Mapping[int, tuple[Submission, ...]] = field(default_factory=dict)


def choose_submissions(
    submissions: Sequence[Submission], hand_ids: frozenset[str], experts: Iterable[str] = ()
) -> Candidates:
    """The answers that count: current, valid or rejecting, of a known hand, one an annotator, hand and round.

    Of several answers of one annotator to one hand in one round the last one counts; one of unknown time is never last.

    Args:
        submissions: all of them.
        hand_ids: of the project.
        experts: annotators whose answers decide.
    """
    dropped: dict[str, list[Submission]] = {r: [] for r in _REASONS}
    latest: dict[tuple[str, str, int], Submission] = {}
    repeats: list[tuple[Submission, Submission]] = []
    usable: list[Submission] = []
    of_no_round: list[Submission] = []
    for answer in sorted(submissions, key=_when):
        reason = _unusable(answer, hand_ids)
        if reason:
            dropped[reason].append(answer)
            continue
        usable.append(answer)
        number = round_of(answer)
        if number is None:
            of_no_round.append(answer)
        key = (answer.hand_id, answer.annotator, number or 0)
        plain = without_odd_values(answer)
        if key in latest:
            dropped["answered again"].append(latest[key])
            repeats.append((latest[key], plain))
        latest[key] = plain
    given = frozenset(experts)
    taken, deciding, overruled = _by_authority(latest, given)
    dropped["decided later"] = overruled
    used = [*taken, *deciding]
    names = {a.annotator for a in used}
    findings = [
        *_drop_findings(dropped),
        *_nobody_left(taken, deciding),
        *_unknown_rounds(of_no_round),
        *odd_value_findings(usable),
        *not_finite(used),
        *name_findings(names, given),
    ]
    return Candidates(
        tuple(taken),
        tuple(deciding),
        tuple(repeats),
        {r: len(a) for r, a in dropped.items()},
        tuple(findings),
        _by_round(latest, given),
    )


def planned_repeats(
    answers: Sequence[Submission], repeat_of: Mapping[str, str]
) -> tuple[tuple[Submission, Submission], ...]:
    """(first, second) answers of one annotator to a hand and to its deliberate repeat, by hand and annotator.

    Args:
        answers: one an annotator and hand.
        repeat_of: id of a repeat -> id of the hand it repeats (`hint sample --repeats`).
    """
    given = {(a.hand_id, a.annotator): a for a in answers}
    pairs = []
    for (hand_id, annotator), second in sorted(given.items()):
        first = given.get((repeat_of.get(hand_id, ""), annotator))
        if first is not None:
            pairs.append((first, second))
    return tuple(pairs)


def round_of(answer: Submission) -> int | None:
    """The round its task was sent in, from the task's key; None where the key tells of none."""
    return next((n for n in range(MAX_ROUNDS) if task_key(answer.hand_id, n) == answer.task_key), None)


def _when(answer: Submission) -> tuple[datetime, datetime, int, str]:
    """What answers are sorted by: those of unknown time first."""
    return moment(answer.updated_at), moment(answer.created_at), answer.annotation_id, answer.submission_id


def _unusable(answer: Submission, hand_ids: frozenset[str]) -> str:
    """Why the answer can't count, of `_REASONS`; empty where it can."""
    if answer.superseded:
        return "superseded"
    if not (answer.rejected or (answer.valid and answer.keypoints is not None and answer.visibility is not None)):
        return "invalid"
    if has_unknown_state(answer) and not answer.rejected:
        return "unknown state"
    return "" if answer.hand_id in hand_ids else "unknown hand"


def _nobody_left(taken: Sequence[Submission], deciding: Sequence[Submission]) -> list[Finding]:
    """What makes a report without a figure: everybody is above everybody else."""
    if taken or not deciding:
        return []
    return [
        Finding(
            code="qc.nobody-to-compare",
            severity=Severity.WARNING,
            message=f"{several(len(deciding), 'answer')}, all of experts or of later rounds: they decide, and nobody "
            "is left to compare",
            suggestion="hint qc, with fewer --experts",
            subjects=tuple(sorted({a.annotator for a in deciding})[:_EXAMPLES]),
            count=len(deciding),
        )
    ]


def _unknown_rounds(odd: Sequence[Submission]) -> list[Finding]:
    """Tasks that this project can't have sent: what they decide is uncertain."""
    if not odd:
        return []
    return [
        Finding(
            code="qc.unknown-round",
            severity=Severity.WARNING,
            message=f"{several(len(odd), 'answer')} to tasks of none of the first {MAX_ROUNDS} rounds: taken for "
            "answers of the first",
            suggestion="hint pull, in the project they were pushed from",
            subjects=tuple(sorted({a.hand_id for a in odd})[:_EXAMPLES]),
            count=len(odd),
        )
    ]


def _by_authority(
    latest: Mapping[tuple[str, str, int], Submission], experts: frozenset[str]
) -> tuple[list[Submission], list[Submission], list[Submission]]:
    """First answers, those that decide, and those overruled by them, each sorted."""
    taken: list[Submission] = []
    above: dict[str, list[tuple[tuple[bool, int], Submission]]] = {}
    for key in sorted(latest):
        hand_id, annotator, number = key
        rank = (annotator in experts, number)
        if rank > (False, 0):
            above.setdefault(hand_id, []).append((rank, latest[key]))
        else:
            taken.append(latest[key])
    deciding: list[Submission] = []
    overruled: list[Submission] = []
    for answers in above.values():
        highest = max(rank for rank, _ in answers)
        for rank, answer in answers:
            (deciding if rank == highest else overruled).append(answer)
    return taken, deciding, overruled


def _by_round(
    latest: Mapping[tuple[str, str, int], Submission], experts: frozenset[str]
) -> dict[int, tuple[Submission, ...]]:
    """Answers of each round beyond the first, by round, hand and annotator."""
    found: dict[int, list[Submission]] = {}
    for hand_id, annotator, number in sorted(latest):
        if number and annotator not in experts:
            found.setdefault(number, []).append(latest[hand_id, annotator, number])
    return {number: tuple(found[number]) for number in sorted(found)}


def _drop_findings(dropped: Mapping[str, Sequence[Submission]]) -> list[Finding]:
    return [
        Finding(
            code=code,
            severity=Severity.WARNING if advice else Severity.INFO,
            message=f"{several(len(dropped[reason]), 'answer')} {text}",
            suggestion=advice,
            subjects=tuple(sorted({a.hand_id for a in dropped[reason]})[:_EXAMPLES]),
            count=len(dropped[reason]),
        )
        for reason, (code, text, advice) in _SAID.items()
        if dropped[reason]
    ]
