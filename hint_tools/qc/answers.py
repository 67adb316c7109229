"""Which answers are compared with each other, which decide, and where the others went.

Answers of the first round are compared. A hand that was sent again (`hint push --queue`) is decided by the answers of
its last round, and any hand by an expert's answer: they stand above the others, which stay as they are.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.ids import task_key
from hint_tools.core.records import Submission, Visibility
from hint_tools.qc.wording import several

MAX_ROUNDS = 16
"""Rounds a task's key is looked for in; a key of none of them counts as the first round's."""
_EXAMPLES = 10
_REASONS: Final = ("superseded", "invalid", "unknown hand", "answered again", "decided later")
_SAID: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "invalid": (
            "qc.invalid-submission",
            "without all joints or a side, left out",
            "see the findings of: hint pull",
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
    """

    taken: tuple[Submission, ...]
    deciding: tuple[Submission, ...]
    repeats: tuple[tuple[Submission, Submission], ...]
    dropped: Mapping[str, int]
    findings: tuple[Finding, ...]


def choose_submissions(
    submissions: Sequence[Submission], hand_ids: frozenset[str], experts: Iterable[str] = ()
) -> Candidates:
    """The answers that count: current, valid or rejecting, of a known hand, one an annotator, hand and round.

    Of several answers of one annotator to one hand in one round the last one counts.

    Args:
        submissions: all of them.
        hand_ids: of the project.
        experts: annotators whose answers decide.
    """
    dropped: dict[str, list[Submission]] = {r: [] for r in _REASONS}
    latest: dict[tuple[str, str, int], Submission] = {}
    repeats: list[tuple[Submission, Submission]] = []
    for answer in sorted(submissions, key=lambda s: (s.updated_at, s.created_at, s.annotation_id, s.submission_id)):
        if answer.superseded:
            dropped["superseded"].append(answer)
        elif not (answer.rejected or (answer.valid and answer.keypoints is not None and answer.visibility is not None)):
            dropped["invalid"].append(answer)
        elif answer.hand_id not in hand_ids:
            dropped["unknown hand"].append(answer)
        else:
            key = (answer.hand_id, answer.annotator, round_of(answer))
            if key in latest:
                dropped["answered again"].append(latest[key])
                repeats.append((latest[key], answer))
            latest[key] = answer
    given = frozenset(experts)
    taken, deciding, overruled = _by_authority(latest, given)
    dropped["decided later"] = overruled
    used = [*taken, *deciding]
    names = {a.annotator for a in used}
    findings = [
        *_drop_findings(dropped),
        *_not_finite(used),
        *_names_alike(names),
        *_unknown_experts(given - names, names),
    ]
    return Candidates(
        tuple(taken), tuple(deciding), tuple(repeats), {r: len(a) for r, a in dropped.items()}, tuple(findings)
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


def round_of(answer: Submission) -> int:
    """The round its task was sent in, from the task's key; 0 where the key tells of none."""
    return next((n for n in range(MAX_ROUNDS) if task_key(answer.hand_id, n) == answer.task_key), 0)


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


def _names_alike(names: Iterable[str]) -> list[Finding]:
    """Names that a person would read as one: answers of one person under two of them would confirm each other."""
    read: dict[str, list[str]] = {}
    for name in sorted(names):
        plain = unicodedata.normalize("NFKC", name).casefold()
        read.setdefault("".join(c for c in plain if c.isprintable() and not c.isspace()), []).append(name)
    return [
        Finding(
            code="qc.names-alike",
            severity=Severity.WARNING,
            message=f"{' and '.join(map(repr, alike))} differ in capitals or spaces alone; they count as "
            f"{len(alike)} people, who confirm each other",
            suggestion="if they are one person, let them have one account in Label Studio, then: hint pull",
            subjects=tuple(alike),
            count=len(alike),
        )
        for alike in read.values()
        if len(alike) > 1
    ]


def _unknown_experts(missing: Iterable[str], names: Iterable[str]) -> list[Finding]:
    """Experts without an answer: most often a name that is written otherwise."""
    known = sorted(names)
    found = []
    for name in sorted(missing):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        found.append(
            Finding(
                code="qc.unknown-expert",
                severity=Severity.WARNING,
                message=f"expert {name!r} has answered nothing" + (f"; did you mean {near[0]!r}?" if near else ""),
                suggestion=f"hint qc --experts {near[0]}" if near else "hint status lists everybody who has answered",
                subjects=(name,),
            )
        )
    return found


def _not_finite(answers: Sequence[Submission]) -> list[Finding]:
    """Joints said to be somewhere that are nowhere: they count as not answered."""
    found = Counter[str]()
    for answer in answers:
        if answer.keypoints is not None and answer.visibility is not None:
            placed = answer.visibility != Visibility.NOT_ANNOTATABLE
            nowhere = int((placed & ~np.isfinite(answer.keypoints).all(axis=1)).sum())
            if nowhere:
                found[answer.hand_id] += nowhere
    if not found:
        return []
    return [
        Finding(
            code="qc.not-finite",
            severity=Severity.WARNING,
            message=f"{found.total()} joints have a state but no finite position; they count as not answered",
            suggestion="hint pull, and look at these hands",
            subjects=tuple(sorted(found)[:_EXAMPLES]),
            count=found.total(),
        )
    ]
