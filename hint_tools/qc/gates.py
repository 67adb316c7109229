"""Gates of `hint.toml`: what a round must reach, and whether it did."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.records import Status
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
    """The gates that are set, in order; one whose figure could not be measured is not passed."""
    total = max(len(analysis.consensus), 1)
    disagreed = sum(c.status == Status.DISAGREED for c in analysis.consensus) / total
    palm = next(a.palm.value for a in analysis.agreement if (a.group, a.name) == ("state", "both visible"))
    ac1 = analysis.occlusion.ac1 if analysis.occlusion.n_units else math.nan
    checked = (
        _at_most("qc.gate-flagged", "part of the hands in the queue", len(analysis.queue) / total, config.max_flagged),
        _at_most("qc.gate-disagreed", "part of the hands without a consensus", disagreed, config.max_disagreed),
        _at_least("qc.gate-within-palm", "visible joints within ¼ palm", palm, config.min_within_palm, percent=True),
        _at_least("qc.gate-occlusion", "agreement on occlusion (AC1)", ac1, config.min_occlusion_ac1, percent=False),
    )
    return [gate for gate in checked if gate is not None]


def _at_most(code: str, asks: str, value: float, limit: float | None) -> Gate | None:
    if limit is None:
        return None
    return Gate(code, asks, f"at most {100 * limit:.1f} %", f"{100 * value:.1f} %", value <= limit)


def _at_least(code: str, asks: str, value: float, limit: float | None, *, percent: bool) -> Gate | None:
    if limit is None:
        return None
    expected, got = (f"{100 * v:.1f} %" if percent else f"{v:.3f}" for v in (limit, value))
    known = math.isfinite(value)
    return Gate(code, asks, f"at least {expected}", got if known else "nothing to measure it by", value >= limit)


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
