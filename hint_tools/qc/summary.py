"""The first screen of the report: how good the round is, who is to be told what, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from hint_tools.core.records import Status
from hint_tools.qc.advice import advice_to
from hint_tools.qc.agreement import Agreement
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import check_gates
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.people_page import compared, error_text, person_target, told_apart
from hint_tools.qc.profiles import Profile
from hint_tools.qc.wording import counted, in_words, several, with_interval
from hint_tools.report.page import Block, Cell, Details, Link, Points, Section, Sentence, Table

QUEUE_ANCHOR, MISTAKES_ANCHOR = "queue", "mistakes"
"""Of the sections that say more about the first two figures."""

HINT_WITHIN_PALM = 0.946
"""Part of the visible joints HInt's annotators placed within a quarter of the palm of each other, 90 hands annotated
twice (Pavlakos et al., 2024)."""
HINT_SAME_STATE = 0.905
"""Part of the joints of the same hands they agreed on being visible or occluded."""
_MOST_PEOPLE: Final = 12
"""Rows of what to tell whom; everybody has a section."""
_MOST_KINDS: Final = 3
_MOST_ADVICE: Final = 3
"""Sentences to one person here; their section has all."""


def headline(analysis: Analysis, unanswered: int = 0) -> dict[str, str | Link]:
    """The figures shown large at the top, what there is to do first.

    Args:
        analysis: everything.
        unanswered: hands nobody answered.
    """
    panel, total = analysis.panel, len(analysis.consensus)
    status = Counter(c.status for c in analysis.consensus)
    twice = int((panel.has_joints.sum(axis=1) >= 2).sum())
    agreed = status[Status.AGREED] + status[Status.ADJUDICATED]
    queued = len(analysis.queue)
    certain = sum(m.certain for m in analysis.mistakes)
    doubtful = len(analysis.mistakes) - certain
    left = f"; {counted(unanswered)} without an answer" if unanswered else ""
    again = f"{counted(queued)}\n{100 * queued / max(total, 1):.0f} % of those answered"
    mistakes = counted(certain) + (
        f"\n{counted(doubtful)} {'more ' if certain else ''}{'is' if doubtful == 1 else 'are'} possible"
        if doubtful
        else ""
    )
    return {
        "hands to look at again": Link(again, f"#{QUEUE_ANCHOR}"),
        "certain mistakes": Link(mistakes, f"#{MISTAKES_ANCHOR}"),
        "hands answered": f"{counted(total)}\n{counted(twice)} by two people or more{left}",
        "hands with a consensus": f"{counted(agreed)}\n{100 * agreed / max(total, 1):.0f} % of those answered",
    }


def figures(analysis: Analysis) -> dict[str, str]:
    """What a person at the terminal reads beside the counts; nothing where nobody's answers can be compared."""
    if not compared(analysis):
        return {}
    said = {
        "distance of two people": in_words(analysis.agreement[0].distance, 3, 1, " hand sizes"),
        "visible joints within ¼ palm": in_words(_both_visible(analysis).palm, 1, 100, " %"),
        "same answer on visible or occluded": in_words(analysis.occlusion_intervals.raw, 1, 100, " %"),
        "the same beyond chance, AC1": in_words(analysis.occlusion_intervals.ac1, 2),
    }
    return {name: value for name, value in said.items() if value != "–"}


def summary_section(analysis: Analysis, config: QcConfig, unanswered: int, since: Sequence[Sentence] = ()) -> Section:
    """What to tell whom, what follows from all the rest in a few sentences, and how well people agree.

    Args:
        analysis: everything.
        config: with the gates.
        unanswered: hands nobody answered.
        since: sentences on what changed since earlier rounds.
    """
    gates = _gates(analysis, config)
    said = [*_agreement(analysis), *_hands(analysis, unanswered), *_mistakes(analysis)]
    first = [*gates, *since]
    blocks: list[Block] = [Points(first)] if first else []
    return Section("In short", [*blocks, *_words(analysis), Points(said), *_in_figures(analysis)])


def _in_figures(analysis: Analysis) -> list[Block]:
    """How well two people agree, folded away: the sections below go into it."""
    if not compared(analysis):
        return []
    everything, states = analysis.agreement[0], analysis.occlusion_intervals
    rows: list[list[Cell]] = [
        ["distance of two people's joints", with_interval(everything.distance, 3), "in hand sizes"],
        ["joints within 5 %", with_interval(everything.pck[0], 1, 100), "% of them, of the hand's longer side"],
        ["OKS of two people", with_interval(everything.oks, 0, 100), "% of what they reach who err by σ alone"],
        ["same answer on visible or occluded", with_interval(states.raw, 1, 100), "% of the joints both judged"],
        ["AC1", with_interval(states.ac1, 2), "the same beyond chance: 1 always, 0 as if by guessing"],
    ]
    return [Details("How well two people agree, in figures", [Table(["figure", "value (95 %)", "what it is"], rows)])]


def _gates(analysis: Analysis, config: QcConfig) -> list[str]:
    gates = check_gates(analysis, config)
    missed = [f"{g.asks} (expected {g.expected}, got {g.got})" for g in gates if not g.passed]
    if missed:
        return [f"Not passed: {'; '.join(missed)}."]
    return [f"Passed: {'; '.join(g.asks for g in gates)}."] if gates else []


def _agreement(analysis: Analysis) -> list[str]:
    if not compared(analysis):
        return [
            "No hand has joints of two people yet: nothing here says how well people agree. "
            "Two answers each to some 50 hands are enough for a first look."
        ]
    said = []
    palm = _both_visible(analysis).palm
    if np.isfinite(palm.value):
        said.append(
            f"Two people place {in_words(palm, 1, 100, ' %')} of the visible joints within a quarter of the palm of "
            f"each other; HInt's own annotators did {100 * HINT_WITHIN_PALM:.1f} %."
        )
    if analysis.occlusion.n_units:
        said.append(
            f"They give {in_words(analysis.occlusion_intervals.raw, 1, 100, ' %')} of the joints the same answer on "
            f"visible or occluded; HInt's own did {100 * HINT_SAME_STATE:.1f} %."
        )
    return said


def _both_visible(analysis: Analysis) -> Agreement:
    return next(a for a in analysis.agreement if (a.group, a.name) == ("state", "both visible"))


def _hands(analysis: Analysis, unanswered: int) -> list[Sentence]:
    total, queued = len(analysis.consensus), len(analysis.queue)
    status = Counter(c.status for c in analysis.consensus)
    said: list[Sentence] = [f"None of {several(total, 'hand')} is worth a second look; `hint fit` comes next."]
    if queued:
        which = Link(f"{counted(queued)} of {several(total, 'hand')}", f"#{QUEUE_ANCHOR}")
        verb = "is" if queued == 1 else "are"
        said = [(which, f" {verb} worth a second look; `hint push --queue` sends them back, and says why.")]
    told = (
        (status[Status.DISAGREED], "no consensus: neither fitted nor released", "have"),
        (status[Status.SINGLE], "one answer that nothing confirms", "have"),
        (status[Status.ADJUDICATED], "decided by a second look or an expert", "were"),
        (unanswered, "no answer yet", "have"),
    )
    alone = {"have": "has", "were": "was"}
    return [
        *said,
        *(f"{several(n, 'hand')} {alone[verb] if n == 1 else verb} {words}." for n, words, verb in told if n),
    ]


def _mistakes(analysis: Analysis) -> list[str]:
    kinds = Counter(m.kind for m in analysis.mistakes if m.certain).most_common(_MOST_KINDS)
    most = "; ".join(f"{KINDS[kind].means} ({number})" for kind, number in kinds)
    return [f"Certain mistakes found most often: {most}."] if kinds else []


def _words(analysis: Analysis) -> list[Block]:
    """A table of what to tell whom, who needs it most first; nothing where nothing is certain."""
    rows: list[list[Cell]] = []
    for profile in sorted(analysis.profiles, key=lambda p: (-sum(p.mistakes.values()), -p.error.value, p.annotator)):
        said = advice_to(analysis, profile)
        if said:
            rows.append(_row(analysis, profile, said))
    left = len(rows) - _MOST_PEOPLE
    caption = "What is certain enough to be told, most mistakes first; a name leads to figures and pictures"
    more = f"; {several(left, 'more person', 'more people')} below" if left > 0 else ""
    error = ["error, × average"] if told_apart(analysis) else []
    head = ["annotator", "certain mistakes", *error, "what to tell them"]
    return [Table(head, rows[:_MOST_PEOPLE], caption + more, stacks=True)] if rows else []


def _row(analysis: Analysis, profile: Profile, said: Sequence[str]) -> list[Cell]:
    """One person: the gravest sentences, and a link to the rest."""
    place, left = person_target(profile.annotator), len(said) - _MOST_ADVICE
    points: list[Sentence] = list(said[:_MOST_ADVICE])
    if left > 0:
        points.append((Link(f"{left} more", place),))
    name = Link(analysis.panel.annotators[profile.annotator], place)
    error = [error_text(analysis, profile)] if told_apart(analysis) else []
    return [name, sum(profile.mistakes.values()), *error, Points(points)]
