"""The first screen of the report: how good the round is, who is to be told what, what comes next."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from hint_tools.core.records import Status
from hint_tools.qc.advice import advice_to
from hint_tools.qc.agreement import Agreement
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import check_gates
from hint_tools.qc.mistakes import KINDS
from hint_tools.qc.people_page import compared, person_target
from hint_tools.qc.wording import counted, on_two_lines, several
from hint_tools.report.page import Block, Cell, Link, Points, Section, Table

HINT_WITHIN_PALM = 0.946
"""Part of the visible joints HInt's annotators placed within a quarter of the palm of each other, 90 hands annotated
twice (Pavlakos et al., 2024)."""
HINT_SAME_STATE = 0.905
"""Part of the joints of the same hands they agreed on being visible or occluded."""
_MOST_PEOPLE: Final = 12
"""Rows of what to tell whom; everybody has a section."""
_MOST_KINDS: Final = 3


def headline(analysis: Analysis, unanswered: int = 0) -> dict[str, str]:
    """The figures shown large at the top.

    Args:
        analysis: everything.
        unanswered: hands nobody answered.
    """
    panel, total = analysis.panel, len(analysis.consensus)
    everything = analysis.agreement[0]
    status = Counter(c.status for c in analysis.consensus)
    twice = int((panel.has_joints.sum(axis=1) >= 2).sum())
    agreed = status[Status.AGREED] + status[Status.ADJUDICATED]
    queued = len(analysis.queue)
    certain = sum(m.certain for m in analysis.mistakes)
    doubtful = len(analysis.mistakes) - certain
    occlusion = analysis.occlusion
    left = f"; {counted(unanswered)} without an answer" if unanswered else ""
    return {
        "hands answered": f"{counted(total)}\n{counted(twice)} by two people or more{left}",
        "hands with a consensus": f"{counted(agreed)}\n{100 * agreed / max(total, 1):.0f} % of those answered",
        "distance of two people's joints, in hand sizes": on_two_lines(everything.distance, 3),
        "joints of two people within 5 % of the hand's longer side": on_two_lines(everything.pck[0], 1, 100, " %"),
        "same answer on visible or hidden": f"{100 * occlusion.raw:.1f} %\nAC1 {occlusion.ac1:.2f}"
        if occlusion.n_units
        else "–",
        "OKS of two people; 100 % if they err by σ alone": on_two_lines(everything.oks, 0, 100, " %"),
        "certain mistakes": counted(certain) + (f"\n{counted(doubtful)} more are possible" if doubtful else ""),
        "hands to look at again": f"{counted(queued)}\n{100 * queued / max(total, 1):.0f} % of those answered",
    }


def figures(analysis: Analysis) -> dict[str, str]:
    """What a person at the terminal reads beside the counts; nothing where nobody's answers can be compared."""
    if not compared(analysis):
        return {}
    said = {
        "distance of two people": on_two_lines(analysis.agreement[0].distance, 3, 1, " hand sizes"),
        "visible joints within ¼ palm": on_two_lines(_both_visible(analysis).palm, 1, 100, " %"),
        "same answer on visible or hidden": f"{100 * analysis.occlusion.raw:.1f} % (AC1 {analysis.occlusion.ac1:.2f})",
    }
    return {name: value.replace("\n", " (") + ")" * ("\n" in value) for name, value in said.items() if value != "–"}


def summary_section(analysis: Analysis, config: QcConfig, unanswered: int) -> Section:
    """What follows from all the rest, in a few sentences, and what to tell whom.

    Args:
        analysis: everything.
        config: with the gates.
        unanswered: hands nobody answered.
    """
    said = [*_gates(analysis, config), *_agreement(analysis), *_hands(analysis, unanswered), *_mistakes(analysis)]
    return Section("In short", [Points(said), *_words(analysis)])


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
            f"Two people place {100 * palm.value:.1f} % of the visible joints within a quarter of the palm of each "
            f"other; HInt's own annotators did {100 * HINT_WITHIN_PALM:.1f} %."
        )
    if analysis.occlusion.n_units:
        said.append(
            f"They give {100 * analysis.occlusion.raw:.1f} % of the joints the same answer on visible or hidden; "
            f"HInt's own did {100 * HINT_SAME_STATE:.1f} %."
        )
    return said


def _both_visible(analysis: Analysis) -> Agreement:
    return next(a for a in analysis.agreement if (a.group, a.name) == ("state", "both visible"))


def _hands(analysis: Analysis, unanswered: int) -> list[str]:
    total, queued = len(analysis.consensus), len(analysis.queue)
    status = Counter(c.status for c in analysis.consensus)
    said = [f"None of {several(total, 'hand')} is worth a second look; `hint fit` comes next."]
    if queued:
        said = [
            f"{counted(queued)} of {several(total, 'hand')} {'is' if queued == 1 else 'are'} worth a second look; "
            "`hint push --queue` sends them back, and says why."
        ]
    told = (
        (status[Status.DISAGREED], "no consensus: neither fitted nor released", "have"),
        (status[Status.SINGLE], "one answer that nothing confirms", "have"),
        (status[Status.ADJUDICATED], "decided by a second look or an expert", "were"),
        (unanswered, "no answer yet", "have"),
    )
    alone = {"have": "has", "were": "was"}
    return said + [f"{several(n, 'hand')} {alone[verb] if n == 1 else verb} {words}." for n, words, verb in told if n]


def _mistakes(analysis: Analysis) -> list[str]:
    kinds = Counter(m.kind for m in analysis.mistakes if m.certain).most_common(_MOST_KINDS)
    most = "; ".join(f"{KINDS[kind]} ({number})" for kind, number in kinds)
    return [f"Certain mistakes found most often: {most}."] if kinds else []


def _words(analysis: Analysis) -> list[Block]:
    """A table of what to tell whom, who needs it most first; nothing where nothing is beyond doubt."""
    rows: list[list[Cell]] = []
    for profile in sorted(analysis.profiles, key=lambda p: (-sum(p.mistakes.values()), -p.error.value, p.annotator)):
        said = advice_to(analysis, profile)
        if said:
            rows.append(
                [Link(analysis.panel.annotators[profile.annotator], person_target(profile.annotator)), " ".join(said)]
            )
    left = len(rows) - _MOST_PEOPLE
    caption = "What is beyond doubt worth a word, most mistakes first; a name leads to figures and pictures"
    more = f"; {several(left, 'more person', 'more people')} below" if left > 0 else ""
    return [Table(["annotator", "what to tell them"], rows[:_MOST_PEOPLE], caption + more)] if rows else []
