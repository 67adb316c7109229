"""What a stage answers when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hint_tools.core.findings import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Result of one run of one stage, printed by the command line and kept by pipelines.

    Args:
        stage: the command's name (`"sample"`).
        counts: numbers to show, in reading order; every input is accounted for in them.
        findings: what was noticed.
        outputs: files a person may want to open, relative to the project.
        next_command: what to type next; empty at the end.
        details: further JSON-able results (`benchmark`'s metrics).
        gate_failed: findings or figures are past a gate the user set: exit code 1.
    """

    stage: str
    counts: dict[str, int | float | str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    outputs: tuple[str, ...] = ()
    next_command: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    gate_failed: bool = False

    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)
