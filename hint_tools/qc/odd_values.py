"""Values nobody can have meant: what they count as, and how many there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.limits import FARTHEST_PX, LONGEST_WORK_S
from hint_tools.core.records import Hand, Submission, Visibility
from hint_tools.core.times import NEVER, moment
from hint_tools.qc.panel import SIDES
from hint_tools.qc.wording import several

_STATES: Final = tuple(int(v) for v in Visibility)
_EXAMPLES: Final = 10
_QUOTED: Final = 40


def has_unknown_state(answer: Submission) -> bool:
    """A joint is neither visible, occluded nor not annotatable."""
    return answer.visibility is not None and not np.isin(answer.visibility, _STATES).all()


def without_odd_values(answer: Submission) -> Submission:
    """The answer with a side or a working time that can't be as one that was not given; the table keeps what it has."""
    side = None if _odd_side(answer.side) else answer.side
    seconds = float("nan") if _odd_time(answer.lead_time_s) else answer.lead_time_s
    same = side == answer.side and seconds is answer.lead_time_s
    return answer if same else replace(answer, side=side, lead_time_s=seconds)


def odd_value_findings(answers: Sequence[Submission]) -> list[Finding]:
    """One finding for each kind of odd value, with how many answers have it.

    Args:
        answers: as they stand in the table.
    """
    undated = [a for a in answers if moment(a.updated_at) == NEVER]
    sides = [a for a in answers if _odd_side(a.side)]
    found = [
        ("qc.unknown-time", undated, "without a time that can be read" + _such(a.updated_at for a in undated),
         "older than all others, and of no period"),
        ("qc.unknown-side", sides, "with a side that is neither left nor right" + _such(str(a.side) for a in sides),
         "as good as without one"),
        ("qc.odd-lead-time", [a for a in answers if _odd_time(a.lead_time_s)],
         "with a working time below zero or above a day", "as good as without one"),
    ]  # fmt: skip
    return [_told(code, odd, f"{what}: {so}") for code, odd, what, so in found if odd]


def source_side_findings(hands: Iterable[Hand]) -> list[Finding]:
    """A finding about hands whose source names a side there is none of."""
    odd = [h for h in hands if _odd_side(h.side)]
    if not odd:
        return []
    return [
        Finding(
            code="qc.unknown-source-side",
            severity=Severity.WARNING,
            message=f"{several(len(odd), 'hand')} with a side in the table of hands that is neither left nor right"
            f"{_such(str(h.side) for h in odd)}: it decides nothing",
            suggestion="hint sample",
            subjects=tuple(sorted(h.hand_id for h in odd)[:_EXAMPLES]),
            count=len(odd),
        )
    ]


def not_finite(answers: Iterable[Submission]) -> list[Finding]:
    """A finding about joints said to be somewhere that are nowhere: they count as not answered."""
    found = Counter[str]()
    for answer in answers:
        if answer.keypoints is not None and answer.visibility is not None:
            placed = answer.visibility != Visibility.NOT_ANNOTATABLE
            nowhere = int((placed & ~(np.abs(answer.keypoints) <= FARTHEST_PX).all(axis=1)).sum())
            if nowhere:
                found[answer.hand_id] += nowhere
    if not found:
        return []
    return [
        Finding(
            code="qc.not-finite",
            severity=Severity.WARNING,
            message=f"{several(found.total(), 'joint')} with a state but no position a picture can have: not answered",
            suggestion="hint pull, and look at these hands",
            subjects=tuple(sorted(found)[:_EXAMPLES]),
            count=found.total(),
        )
    ]


def _odd_side(side: str | None) -> bool:
    return bool(side) and side not in SIDES


def _odd_time(seconds: float) -> bool:
    return not (0 <= seconds <= LONGEST_WORK_S or np.isnan(seconds))


def _such(values: Iterable[str]) -> str:
    """An example, where there is one to show."""
    given = min((v for v in values if v), default="")
    return f", such as {given[:_QUOTED]!r}" if given else ""


def _told(code: str, odd: Sequence[Submission], what: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.WARNING,
        message=f"{several(len(odd), 'answer')} {what}",
        suggestion="hint pull",
        subjects=tuple(sorted({a.hand_id for a in odd})[:_EXAMPLES]),
        count=len(odd),
    )
