"""The report's part on all people: profiles beside each other, gold hands, repeats, drift."""

from __future__ import annotations

import numpy as np

from hint_tools.qc.agreement import Agreement
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import Estimate
from hint_tools.report.charts import line_chart
from hint_tools.report.page import Block, Cell, Chart, Link, Section, Table, Text

IN_REPORT = 8
"""Annotators with a section in the report itself, and in each further file."""
OVERVIEW = "annotators"
"""Anchor of the section about all of them."""


def people_sections(analysis: Analysis, head: list[str], rows: list[list[Cell]]) -> list[Section]:
    """Annotators, and time where answers came on several days.

    Args:
        analysis: everything.
        head: of the table of annotator pairs.
        rows: of that table.
    """
    found = [_annotators(analysis, head, rows)]
    if analysis.periods or analysis.changes:
        found.append(_time(analysis))
    return found


def _annotators(analysis: Analysis, head: list[str], rows: list[list[Cell]]) -> Section:
    panel = analysis.panel
    people: list[list[Cell]] = [
        [
            Link(panel.annotators[p.annotator], person_target(p.annotator)),
            p.answers,
            with_interval(p.error, 2),
            with_interval(p.identity_rate, 1, 100),
            with_interval(p.sensitivity, 1, 100),
            with_interval(p.specificity, 1, 100),
            with_interval(p.untouched, 1, 100),
            with_interval(p.seconds, 1),
            sum(p.mistakes.values()),
        ]
        for p in analysis.profiles
    ]
    names = ["annotator", "answers", "error, × average", "wrong names, %", "occluded joints called so, %"]
    names += ["visible joints called so, %", "pre-labels untouched, %", "median time, s", "mistakes"]
    blocks: list[Block] = [Table(names, people, "With 95 % intervals; a name leads to all about that person")]
    if rows:
        blocks.append(Table(head, rows, "Every two annotators"))
    if analysis.gold:
        tested: list[list[Cell]] = [
            [panel.annotators[t.annotator], t.hands, with_interval(t.failures, 1, 100), t.verdict, t.decided_after]
            for t in analysis.gold
        ]
        blocks.append(Table(["annotator", "gold hands", "failed, %", "verdict", "decided after"], tested, "Gold hands"))
    if analysis.repeats:
        again: list[list[Cell]] = [
            [r.annotator, r.hands, with_interval(r.error, 2), with_interval(r.same_state, 1, 100)]
            for r in analysis.repeats
        ]
        titles = ["annotator", "hands", "error, × that of two people", "same state, %"]
        blocks.append(Table(titles, again, "Hands answered twice by one person"))
    intro = "Differences between people are for improving the instructions; few answers prove nothing about anybody."
    return Section("Annotators", blocks, intro, anchor=OVERVIEW)


def person_target(annotator: int) -> str:
    """Where a person's section is: in the report itself, or in a further file."""
    page = annotator // IN_REPORT
    return f"{people_page(page) if page else ''}#{person_anchor(annotator)}"


def person_anchor(annotator: int) -> str:
    """Of a person's section. Names are not used: they may hold anything."""
    return f"annotator-{annotator + 1}"


def people_page(number: int) -> str:
    """File name of a further page of people, from 1 on."""
    return f"annotators-{number + 1}.html"


def _time(analysis: Analysis) -> Section:
    names = analysis.panel.annotators
    rows: list[list[Cell]] = [[p.period, p.hands, with_interval(p.error, 2), p.ac1] for p in analysis.periods]
    blocks: list[Block] = []
    if rows:
        lines = {
            names[k]: [
                (float(i + 1), p.annotators[k].value) for i, p in enumerate(analysis.periods) if k in p.annotators
            ]
            for k in range(min(len(names), 6))
        }
        svg = line_chart(lines, x_unit="period", y_unit="error, × σ", title="Error by period")
        blocks.append(Chart(svg, "Distance of each annotator to the others, by period"))
        blocks.append(Table(["from", "hands", "error, × σ", "AC1 on occlusion"], rows))
    for change in analysis.changes:
        before, after = f"{change.before:.2f}", f"{change.after:.2f}"
        blocks.append(
            Text(
                f"{names[change.annotator]}: {before} σ from the others before {change.since}, {after} σ from then on."
            )
        )
    if not analysis.changes:
        blocks.append(Text("Nobody's error changed beyond doubt."))
    return Section("Over time", blocks)


def agreement_row(found: Agreement) -> list[Cell]:
    """One row of the tables of positions."""
    d = found.distance
    within = [100 * e.value for e in (*found.pck, found.palm, found.oks)]
    interval = f"{d.low:.3f}\u00a0to\u00a0{d.high:.3f}" if np.isfinite(d.low) else "–"
    name = found.name.replace("-", "\u2011")
    return [found.group, name, d.n, d.value, interval, *within]


def with_interval(estimate: Estimate, decimals: int, factor: float = 1.0) -> str:
    """A figure with its interval, for a cell."""
    if not np.isfinite(estimate.value):
        return "–"
    value, low, high = (f"{factor * v:.{decimals}f}" for v in (estimate.value, estimate.low, estimate.high))
    return value if not np.isfinite(estimate.low) else f"{value} ({low} to {high})"
