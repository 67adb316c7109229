"""Published results beside one's own: tables whose every number names its source; what is not known stays blank."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final

from hint_tools.benchmark.results import SUBSET_WORDS, SourceScore
from hint_tools.report.page import Section, Table

SOURCES: Final = ("newdays", "epick", "ego4d")
"""Columns of the published table; `epick` is called VISOR there."""
_WORDS: Final = {"newdays": "New Days", "epick": "VISOR", "ego4d": "Ego4D"}
_MESH: Final = {
    "pa_mpjpe_mm": "PA-MPJPE, mm",
    "pa_mpvpe_mm": "PA-MPVPE, mm",
    "f_5": "F@5",
    "f_15": "F@15",
    "auc_joints": "AUC joints",
    "auc_vertices": "AUC vertices",
}
_BLANK: Final = ""


@cache
def published() -> dict[str, Any]:
    """The published results, as packaged."""
    text = resources.files("hint_tools.benchmark").joinpath("published.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def hint_section(scores: list[SourceScore], model: str, *, whole: bool) -> Section | None:
    """PCK@0.05 on HInt, published and own; None where no source of HInt was scored.

    Args:
        scores: one a source.
        model: what to call one's own.
        whole: they are HInt's own test hands, all of them: the figures may be compared.
    """
    own = {s.source: {p.subset: 100 * p.pck[0].mean for p in s.subsets} for s in scores}
    if not set(own) & set(SOURCES):
        return None
    document = published()
    head = ["model", *(f"{word}, {_WORDS[s]}" for word in SUBSET_WORDS.values() for s in SOURCES), "from"]
    rows: list[list[str | int | float]] = []
    for row in document["hint_pck_005"]:
        cells = [_cell(v) for word in SUBSET_WORDS.values() for v in row[word]]
        rows.append([row["model"], *cells, row["from"]])
    mine = [_cell(own.get(s, {}).get(subset)) for subset in SUBSET_WORDS for s in SOURCES]
    rows.append([f"{model} (this run)", *mine, "this run"])
    intro = "" if whole else (
        "The last row is not of HInt's own test hands, all of them; it can't be compared with the rows above."
    )  # fmt: skip
    words = f"PCK@0.05, per cent, as published. Blank: not published, or not found.{_remarks(document['hint_pck_005'])}"
    table = Table(head, rows, words)
    return Section("Leaderboard: HInt", [table, _sources(document, document["hint_pck_005"])], intro)


def mesh_section(name: str, own: dict[str, float | None], model: str, *, whole: bool) -> Section:
    """Published results on FreiHAND or HO-3D, and one's own.

    Args:
        name: `freihand`, `ho3d-v2` or `ho3d-v3`.
        own: figure -> value, named as in the packaged table.
        model: what to call one's own.
        whole: they are all the hands of the official set.
    """
    document = published()
    columns = [k for k in _MESH if any(k in row for row in document[name])]
    rows: list[list[str | int | float]] = [
        [row["model"], *(_cell(row.get(k), _digits(k)) for k in columns), row["from"]] for row in document[name]
    ]
    rows.append([f"{model} (this run)", *(_cell(own.get(k), _digits(k)) for k in columns), "this run"])
    words = f"As published. Blank: not found.{_remarks(document[name])}"
    table = Table(["model", *(_MESH[k] for k in columns), "from"], rows, words)
    intro = "" if whole else "The last row is of part of the official set; it can't be compared with the rows above."
    return Section(f"Leaderboard: {name}", [table, _sources(document, document[name])], intro)


def _remarks(rows: list[dict[str, Any]]) -> str:
    """What is to be known of single numbers, model by model."""
    return "".join(f" {row['model']}: {row['remark']}." for row in rows if "remark" in row)


def _cell(value: float | None, digits: int = 1) -> str:
    return _BLANK if value is None or value != value else f"{value:.{digits}f}"


def _digits(column: str) -> int:
    """Decimals of a figure: as many as papers print."""
    return 1 if column.endswith("_mm") else 3


def _sources(document: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    named = sorted({row["from"] for row in rows})
    cells: list[list[str | int | float]] = [
        [key, *(document["sources"][key][k] for k in ("title", "where", "note"))] for key in named
    ]
    return Table(["from", "title", "where", "note"], cells, "Where the published numbers come from.")
