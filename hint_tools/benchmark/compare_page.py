"""The section of a report that sets two models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hint_tools.benchmark.compare import Difference
from hint_tools.benchmark.results import SUBSET_WORDS
from hint_tools.report.page import Section, Table


def comparison_section(
    differences: Sequence[Difference], model: str, other: str, words: Mapping[str, str] | None = None
) -> Section:
    """Both models' figures and their difference with its interval.

    Args:
        differences: one a figure.
        model: name of the scored one.
        other: name of the other one.
        words: what to call the figures; default: their names.
    """
    named = words or {}
    rows: list[list[str | int | float]] = []
    for d in differences:
        factor = 100 if d.metric.startswith("PCK") else 1
        verdict = "" if d.low != d.low else ("certain" if d.certain else "within chance")
        figures = [factor * v for v in (d.own, d.other, d.own - d.other, d.low, d.high)]
        digits = 3 if d.metric.startswith("f_") else 2
        name = named.get(d.metric, d.metric)
        rows.append(
            [d.source, SUBSET_WORDS[d.subset], name, *(f"{v:.{digits}f}" if v == v else "–" for v in figures), verdict]
        )
    head = ["source", "joints", "figure", model, other, "difference", "low", "high", ""]
    caption = (
        "PCK in per cent. Both models are scored on the same resampled images, so the interval is of the difference "
        "itself; “certain” where it does not hold 0."
    )
    return Section("Two models", [Table(head, rows, caption)], f"{model} against {other}.")
