"""Gates of `hint.toml`: what a round must reach, and whether it did."""

from __future__ import annotations

from dataclasses import dataclass

from hint_tools.core.findings import Finding, Severity
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.report.page import Cell, Section, Table


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: its finding's code, what it asks for, what was expected and got in words, and whether it was passed."""

    code: str
    asks: str
    expected: str
    got: str
    passed: bool


def check_gates(analysis: Analysis, config: QcConfig) -> list[Gate]:
    """The gates that are set, in order."""
    found = []
    if config.max_flagged is not None:
        flagged = len(analysis.queue) / max(len(analysis.consensus), 1)
        expected = f"at most {config.max_flagged:.1%}"
        found.append(
            Gate(
                "qc.gate-flagged",
                "part of the hands in the queue",
                expected,
                f"{flagged:.1%}",
                flagged <= config.max_flagged,
            )
        )
    if config.min_occlusion_ac1 is not None:
        ac1 = analysis.occlusion.ac1
        least = config.min_occlusion_ac1
        asks = "agreement on occlusion (AC1)"
        found.append(Gate("qc.gate-occlusion", asks, f"at least {least}", f"{ac1:.3f}", ac1 >= least))
    return found


def gate_findings(gates: list[Gate]) -> list[Finding]:
    """One error for each gate that was not passed."""
    return [
        Finding(
            code=g.code,
            severity=Severity.ERROR,
            message=f"{g.asks}: expected {g.expected}, got {g.got}",
            suggestion="hint push --queue",
        )
        for g in gates
        if not g.passed
    ]


def gate_section(analysis: Analysis, config: QcConfig) -> list[Section]:
    """The gates as a section; nothing where none is set."""
    rows: list[list[Cell]] = [
        [g.asks, g.expected, g.got, "passed" if g.passed else "not passed"] for g in check_gates(analysis, config)
    ]
    intro = "What hint.toml or the command asks of this round."
    return [Section("Gates", [Table(["figure", "expected", "got", ""], rows)], intro)] if rows else []
