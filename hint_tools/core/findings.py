"""What a check has to say: a finding, and how findings are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; `error` fails a gate."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a stage noticed.

    Args:
        code: stable, lower-case, dotted by room (`"sample.image-unreadable"`); what scripts match on.
        severity: how much it matters.
        message: what, where, expected and got.
        suggestion: what to do about it; may be empty.
        subjects: ids of the hands, frames or files it concerns.
        count: how many subjects there are, where `subjects` lists only examples.
    """

    code: str
    severity: Severity
    message: str
    suggestion: str = ""
    subjects: tuple[str, ...] = ()
    count: int = 1


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Number of findings of each severity, zero included."""
    counted = Counter(f.severity.value for f in findings)
    return {s.value: counted.get(s.value, 0) for s in Severity}
