"""The report's part on all people: profiles beside each other, gold hands, repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.profiles import Profile
from hint_tools.qc.wording import with_interval
from hint_tools.report.page import Block, Cell, Link, Section, Table

IN_REPORT = 8
"""Annotators with a section in the report itself, and in each further file."""
OVERVIEW = "annotators"
"""Anchor of the section about all of them."""


def people_section(analysis: Analysis, pairs: Sequence[Block]) -> Section:
    """All annotators beside each other.

    Args:
        analysis: everything.
        pairs: on every two annotators.
    """
    panel = analysis.panel
    people: list[list[Cell]] = [
        [
            Link(panel.annotators[p.annotator], person_target(p.annotator)),
            sum(p.mistakes.values()),
            p.answers,
            error_text(analysis, p),
            with_interval(p.identity_rate, 1, 100),
            judgement_text(analysis, p.sensitivity),
            judgement_text(analysis, p.specificity),
            with_interval(p.untouched, 1, 100),
            with_interval(p.seconds, 1),
        ]
        for p in analysis.profiles
    ]
    names = ["annotator", "certain mistakes", "answers", "error, × average", "wrong names, %"]
    names += ["occluded called so, %", "visible called so, %", "pre-labels untouched, %", "median time, s"]
    caption = "With 95 % intervals; a name leads to all about that person"
    if not told_apart(analysis):
        caption += "; – where it takes three people to say who errs"
    blocks: list[Block] = [Table(names, people, caption), *pairs, *_gold(analysis), *_repeats(analysis)]
    intro = "Differences between people are for improving the instructions; few answers prove nothing about anybody."
    return Section("Annotators", blocks, intro, anchor=OVERVIEW)


def _gold(analysis: Analysis) -> list[Block]:
    """Who passed the gold hands; nothing where there were none."""
    rows: list[list[Cell]] = [
        [
            analysis.panel.annotators[t.annotator],
            t.hands,
            with_interval(t.failures, 1, 100),
            t.verdict,
            t.decided_after or math.nan,
        ]
        for t in analysis.gold
    ]
    head = ["annotator", "gold hands", "failed, %", "verdict", "decided after"]
    return [Table(head, rows, "Gold hands")] if rows else []


def _repeats(analysis: Analysis) -> list[Block]:
    """How near people come to themselves; nothing where nobody answered twice."""
    rows: list[list[Cell]] = [
        [r.annotator, r.hands, with_interval(r.error, 2), with_interval(r.same_state, 1, 100)] for r in analysis.repeats
    ]
    head = ["annotator", "hands", "error, × that of two people", "same state, %"]
    return [Table(head, rows, "Hands answered twice by one person")] if rows else []


def compared(analysis: Analysis) -> bool:
    """Whether any joint was placed by two people: without that there is no agreement to speak of."""
    return analysis.agreement[0].distance.n > 0


def told_apart(analysis: Analysis) -> bool:
    """Whether figures of one person mean anything: of two alone, who differ, nobody can say which errs."""
    return compared(analysis) and len(analysis.panel.annotators) > 2


def error_text(analysis: Analysis, profile: Profile) -> str:
    """An error factor with its interval; a dash where people can't be told apart."""
    return _or_beyond(profile.error, 1.0, 2) if told_apart(analysis) else "–"


def judgement_text(analysis: Analysis, share: Estimate) -> str:
    """How often somebody calls a joint what it is, in %; a dash where people can't be told apart."""
    return _or_beyond(share, 0.5, 1, 100) if analysis.occlusion.n_units and told_apart(analysis) else "–"


def _or_beyond(estimate: Estimate, middle: float, decimals: int, factor: float = 1.0) -> str:
    """A figure with its interval; one that was cut off where its range ends lies there or beyond.

    An interval of no width would claim certainty.
    """
    if estimate.low == estimate.high:
        return f"{'≥' if estimate.value > middle else '≤'} {factor * estimate.value:.{decimals}f}"
    return with_interval(estimate, decimals, factor)


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
