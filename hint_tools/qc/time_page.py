"""The report's part on time: who changed, and each one's error by period."""

from __future__ import annotations

import math

from markupsafe import Markup

from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import MIN_GROUPS, Estimate
from hint_tools.qc.people_page import compared, told_apart
from hint_tools.qc.wording import with_interval
from hint_tools.report.page import Block, Cell, Chart, Details, Section, Table, Text
from hint_tools.report.period_chart import period_chart

_MOST_LINES = 6
"""People drawn in one chart: as many as there are colours."""
_EVERYBODY = "all"
_DISTANCE = f"Distance to the others by period, with 95 % intervals where there are {MIN_GROUPS} pictures or more"
_UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)


def time_section(analysis: Analysis) -> list[Section]:
    """Whose error changed, and errors by period; nothing where nobody can be compared or all came at once."""
    if not compared(analysis) or not (analysis.changes or _several_periods(analysis)):
        return []
    names = analysis.panel.annotators
    blocks: list[Block] = [
        Text(f"{names[c.annotator]}: {c.before:.2f} σ from the others before {c.since}, {c.after:.2f} σ from then on.")
        for c in analysis.changes
    ]
    if not analysis.changes:
        blocks.append(Text("Nobody's error changed beyond doubt."))
    if _several_periods(analysis):
        blocks += _periods(analysis)
    return [Section("Over time", blocks)]


def person_over_time(analysis: Analysis, annotator: int) -> list[Block]:
    """One annotator's distance to the others by period, beside everybody's; nothing where that says nothing of them."""
    if not (told_apart(analysis) and _several_periods(analysis)):
        return []
    name = analysis.panel.annotators[annotator]
    return [Chart(_drawn(analysis, [annotator], f"{name} over time"), _DISTANCE)]


def _several_periods(analysis: Analysis) -> bool:
    return len(analysis.periods) > 1


def _periods(analysis: Analysis) -> list[Block]:
    """A chart of everybody, or of those who stand out most, and the figures of all as a table."""
    people = list(range(len(analysis.panel.annotators))) if told_apart(analysis) else []
    caption = _DISTANCE
    if len(people) > _MOST_LINES:
        shown = _most_apart(analysis)
        caption += f"; {_MOST_LINES} of {len(people)} annotators: whose error changed, then whose is farthest from the "
        caption += "average. Everybody's is in their own section"
        people = sorted(shown)
    rows: list[list[Cell]] = [[p.period, p.hands, with_interval(p.error, 2), p.ac1] for p in analysis.periods]
    table = Table(["from", "hands", "error of all, × σ", "AC1 on occlusion"], rows)
    return [Chart(_drawn(analysis, people, "Error by period"), caption), Details("The same as a table", [table])]


def _most_apart(analysis: Analysis) -> list[int]:
    """Annotators worth a line: whose error changed, then whose is farthest from the average."""
    changed = {c.annotator for c in analysis.changes}
    ranked = sorted(
        (p for p in analysis.profiles if p.error.value > 0),
        key=lambda p: (p.annotator not in changed, -abs(math.log(p.error.value)), p.annotator),
    )
    return [p.annotator for p in ranked[:_MOST_LINES]]


def _drawn(analysis: Analysis, people: list[int], title: str) -> Markup:
    """Points with whiskers: these people, and all of them where there is room for one more."""
    names, periods = analysis.panel.annotators, analysis.periods
    lines = {names[k]: [_ends(p.annotators.get(k, _UNKNOWN)) for p in periods] for k in people}
    if len(people) < 2:
        lines[_EVERYBODY] = [_ends(p.error) for p in periods]
    return period_chart(
        [p.period for p in periods], lines, x_unit="first day of the period", y_unit="error, × σ", title=title
    )


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
