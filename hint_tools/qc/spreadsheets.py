"""The tables of the report as CSV files, for a spreadsheet or a data frame: the same numbers as `qc.json`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from hint_tools.core.printable import one_line
from hint_tools.core.records import Frame, Hand
from hint_tools.qc.advice import advice_to
from hint_tools.qc.agreement import PCK_THRESHOLDS
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.mistakes import name_of

Value = str | int | float | bool
Rows = list[list[Value]]

SPREADSHEETS: Final[Mapping[str, str]] = {
    "hands.csv": "one row a hand: answers to it, how far they are apart, what was concluded, its place in the queue",
    "annotators.csv": "one row an annotator: figures with 95 % intervals, and what to tell them",
    "mistakes.csv": "one row a mistake: what, in whose answer to which hand, and whether it is certain",
    "agreement.csv": "distances of two people: by state, finger, joint, annotators, source, period and round",
    "sigmas.csv": "how precisely one person places each joint, visible and occluded",
}
"""File -> what it holds."""
_BOM = "\ufeff"
"""Without it Excel takes the letters of names for those of another alphabet."""
_FORMULA = re.compile("(^|;)(?=[\\s\u200b-\u200f\u2060\ufeff]*[-=+@\uff0d\uff1d\uff0b\uff20])")
"""Spreadsheets run a cell that begins so as a formula, in full width too; an apostrophe before it makes it text (OWASP,
CSV injection). Where lists are separated by semicolons they begin a cell after each, in quotes or not."""


def spreadsheets(analysis: Analysis, hands: Mapping[str, Hand], frames: Mapping[str, Frame]) -> dict[str, str]:
    """File name of `SPREADSHEETS` -> its text; the same input, the same text.

    Args:
        analysis: everything.
        hands: by id.
        frames: by id.
    """
    tables = {
        "hands.csv": _hands(analysis, hands, frames),
        "annotators.csv": _annotators(analysis),
        "mistakes.csv": _mistakes(analysis),
        "agreement.csv": _agreement(analysis),
        "sigmas.csv": _sigmas(analysis),
    }
    return {name: _csv(rows) for name, rows in tables.items()}


def _csv(rows: Iterable[Sequence[Value]]) -> str:
    return _BOM + "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: Value) -> str:
    """A number as it is; text in quotes, in one line, and never a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    if isinstance(value, int):
        return str(value)
    text = _FORMULA.sub(r"\1'", one_line(value))
    return '"' + text.replace('"', '""') + '"' if text else ""


def _hands(analysis: Analysis, hands: Mapping[str, Hand], frames: Mapping[str, Frame]) -> Rows:
    queued = {q.hand_id: q for q in analysis.queue}
    codes: dict[str, set[str]] = {}
    for mistake in analysis.mistakes:
        codes.setdefault(analysis.panel.hand_ids[mistake.hand], set()).add(mistake.kind)
    rows: Rows = [
        ["hand", "picture", "source", "answers", "status", "side", "rejected", "disagreement", "size_px", "rank",
         "score", "why", "mistakes"]
    ]  # fmt: skip
    for found in analysis.consensus:
        frame = frames.get(hands[found.hand_id].frame_id)
        item = queued.get(found.hand_id)
        before = analysis.overruled.get(found.hand_id)
        # a hand somebody decided was answered by others first, and those are what may lie apart
        answers = found.n_submissions + (before.n_submissions if before else 0)
        apart = float(np.fmax(found.disagreement, before.disagreement if before else math.nan))
        rows.append(
            [found.hand_id, frame.path if frame else "", frame.source if frame else "", answers,
             str(found.status), found.side or "", found.rejected, apart, found.scale_px,
             item.rank if item else "", item.score if item else "", item.reason if item else "",
             "; ".join(sorted(codes.get(found.hand_id, ())))]
        )  # fmt: skip
    return rows


def _annotators(analysis: Analysis) -> Rows:
    names = ("error", "identity_rate", "sensitivity", "specificity", "untouched", "seconds")
    rows: Rows = [["annotator", "answers", *(c for n in names for c in _columns(n)), "mistakes", "advice"]]
    for profile in analysis.profiles:
        figures = (profile.error, profile.identity_rate, profile.sensitivity, profile.specificity, profile.untouched,
                   profile.seconds)  # fmt: skip
        rows.append(
            [analysis.panel.annotators[profile.annotator], profile.answers, *(v for e in figures for v in _values(e)),
             sum(profile.mistakes.values()), " ".join(advice_to(analysis, profile))]
        )  # fmt: skip
    return rows


def _mistakes(analysis: Analysis) -> Rows:
    panel = analysis.panel
    rows: Rows = [["code", "certain", "hand", "annotators", "gain", "message"]]
    for m in analysis.mistakes:
        who = "; ".join(name_of(panel, m.hand, k) for k in m.slots)
        rows.append([f"qc.{m.kind}", m.certain, panel.hand_ids[m.hand], who, m.gain, m.message])
    return rows


def _agreement(analysis: Analysis) -> Rows:
    names = ("distance", *(f"within_{t:g}" for t in PCK_THRESHOLDS), "within_quarter_palm", "oks_of_ceiling")
    rows: Rows = [["group", "name", "pairs", *(c for n in names for c in _columns(n))]]
    for a in analysis.agreement:
        figures = (a.distance, *a.pck, a.palm, a.oks)
        rows.append([a.group, a.name, a.distance.n, *(v for e in figures for v in _values(e))])
    return rows


def _sigmas(analysis: Analysis) -> Rows:
    rows: Rows = [["source", "joint", "state", *_columns("sigma"), "rms", "pairs", "from"]]
    for c in (*analysis.sigmas.cells, *analysis.sigmas.by_source):
        rows.append(
            [c.source or "all", c.joint, c.state, *_values(c.estimate), c.rms, c.estimate.n,
             f"{c.level} of all sources" if c.borrowed else c.level]
        )  # fmt: skip
    return rows


def _columns(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _values(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
