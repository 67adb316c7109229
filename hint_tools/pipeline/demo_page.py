"""The demo's report: what every stage made of the world, beside what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hint_tools.core.records import Consensus
from hint_tools.media.draw import draw_hand, draw_label, hand_crop, side_by_side
from hint_tools.media.images import read_image
from hint_tools.pipeline.demo_compare import CONSENSUS_ROW, PRELABEL, Comparison
from hint_tools.report.blocks import Block, Chart, Figure, Gallery, Link, Section, Table, Text
from hint_tools.report.charts import bar_chart
from hint_tools.report.page import write_report
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, FRAMES
from hint_tools.synth.annotators import PROFILES
from hint_tools.synth.compare import PCK_AT, Score, hand_size
from hint_tools.synth.truth import TruthHand

_SHOWN = 8
"""Hands with pictures: half of them the worst, half from the middle."""
_CROP_PX = 220
_OTHER_PAGES = (
    ("project/sample/report.html", "what was taken of each source, and why"),
    ("project/qc/report.html", "agreement, mistakes, the queue"),
    ("project/fit/report.html", "every fitted hand with its uncertainty"),
    ("project/benchmark/report.html", "the trained network on the release"),
    ("project/benchmark-3d/report.html", "the trained network in space"),
    ("project/releases/demo/card.md", "the frozen dataset"),
)


def summary(result: Comparison) -> dict[str, int | float | str]:
    """The figures that matter most, in reading order."""
    consensus, first = result.scores[CONSENSUS_ROW], result.scores[PRELABEL]
    planted = sum(m.planted for m in result.mistakes)
    found = sum(m.found for m in result.mistakes)
    return {
        "hands": result.hands,
        "detected in the folder": f"{result.detected} of {result.searched}",
        "pre-label, median error": _percent(first.median),
        "consensus, median error": _percent(consensus.median),
        "consensus, right visibility": _percent(consensus.visibility_accuracy),
        "consensus, right side": _percent(consensus.side_accuracy),
        "mistakes named": f"{found} of {planted}",
        "fits accepted": f"{result.fits.accepted} of {result.fits.hands}",
        "fits, PA-MPJPE": f"{result.fits.pa_mm:.1f} mm",
    }


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def write_page(path: Path, project: Project, result: Comparison, steps: Mapping[str, dict[str, Any]]) -> None:
    """Write the report.

    Args:
        path: of the page.
        project: the demo's project.
        result: everything that was compared.
        steps: name -> seconds and counts of every step.

    Raises:
        DataError: a table or a picture is missing.
        EnvironmentFault: it can't be written.
    """
    sections = [
        Section("From pre-label to fit", _score_blocks(result), _SCORE_INTRO),
        Section("Mistakes that were planted", _mistake_blocks(result), _MISTAKE_INTRO),
        Section("Hands in space", _fit_blocks(result)),
        Section("Hands", [Gallery(_figures(project, result), columns=2)], _FIGURE_INTRO),
        Section("What ran", _step_blocks(steps)),
        Section("More pages", [Table(("page", "what it shows"), _other_pages(path.parent))]),
    ]
    facts = {name: str(value) for name, value in summary(result).items()}
    subtitle = "A whole round on rendered hands whose every joint is known exactly"
    write_report(path, "hint demo", subtitle, facts, sections)


def _other_pages(folder: Path) -> list[tuple[Link, str]]:
    """Links to what lies beside this page."""
    return [(Link(name, name), shows) for name, shows in _OTHER_PAGES if (folder / name).exists()]


_SCORE_INTRO = (
    "Distances to the truth in shares of the hand's size (square root of its box's area). All rows speak of the "
    "same hands where the stage speaks of them; joints outside the picture take no part."
)
_MISTAKE_INTRO = (
    "Simulated people swap fingers, confuse the sides, overlook occlusion and accept pre-labels unseen. 'Found' "
    "means that hint qc named the mistake in the right person's answer to the right hand; everything else it named "
    "under that word is a false alarm, even where somebody overlooked several hidden joints by chance."
)
_FIGURE_INTRO = "Left the truth, right the consensus of three people. The four worst hands, then four from the middle."


def _score_blocks(result: Comparison) -> list[Block]:
    head = ("", "hands", "joints placed", "median %", "mean %", "median px", "visible %", "occluded %")
    shares = ("", *(f"PCK@{t:g}" for t in PCK_AT), "visibility right", "side right")
    rows = [(_called(name), *_distances(found)) for name, found in result.scores.items()]
    right: list[tuple[str | float, ...]] = [
        (_called(name), *found.pck, found.visibility_accuracy, found.side_accuracy)
        for name, found in result.scores.items()
    ]
    shown = {_called(n): 100 * s.median for n, s in result.scores.items() if not np.isnan(s.median)}
    chart = bar_chart(
        list(shown), list(shown.values()), unit="% of the hand's size", title="Median distance of joints to the truth"
    )
    caption = "Median distance of a joint to the truth."
    return [Table(head, rows), Chart(chart, caption), Table(shares, right, "Share of joints and hands that are right")]


def _called(name: str) -> str:
    return name.removesuffix("@hint.local")


def _distances(found: Score) -> tuple[int | float, ...]:
    percent = (100 * v for v in (found.visible_median, found.occluded_median))
    return (found.hands, found.placed, 100 * found.median, 100 * found.mean, found.median_px, *percent)


def _mistake_blocks(result: Comparison) -> list[Block]:
    rows = [(m.kind, m.planted, m.found, m.recall, m.false_alarms) for m in result.mistakes]
    people = ((p.name, 100 * p.noise_visible, 100 * p.noise_occluded, p.swap_rate, p.wrong_side_rate) for p in PROFILES)
    return [
        Table(("mistake", "planted", "found", "recall", "false alarms"), rows),
        Table(
            ("annotator", "noise, visible %", "noise, occluded %", "swaps fingers", "confuses sides"),
            [(_called(p[0]), *p[1:]) for p in people],
            "Who answered, as shares of the hand's size and of the hands",
        ),
    ]


def _fit_blocks(result: Comparison) -> list[Block]:
    fits = result.fits
    rows = [
        ("accepted", fits.accepted, fits.pa_mm, fits.pa_median_mm, fits.root_mm),
        ("not accepted", fits.hands - fits.accepted, fits.rejected_pa_mm, float("nan"), float("nan")),
    ]
    head = ("fits", "hands", "PA-MPJPE mean, mm", "PA-MPJPE median, mm", "wrist-aligned mean, mm")
    what = (
        f"{result.detected} of {result.searched} hands were found in frames that came without boxes; "
        f"{result.false_hands} of {result.hands} hands in the round are none. The fits are to what people annotated, "
        "not to the truth, and the hand model is the one the world was rendered with."
    )
    return [Table(head, rows), Text(what)]


def _step_blocks(steps: Mapping[str, dict[str, Any]]) -> list[Block]:
    rows = [
        (name, float(step["seconds"]), ", ".join(f"{k}: {v}" for k, v in step["counts"].items()))
        for name, step in steps.items()
    ]
    return [Table(("step", "seconds", "what came out"), rows)]


def _figures(project: Project, result: Comparison) -> list[Figure]:
    rows = [
        (_error(row, result.matched[row.hand_id]), row)
        for row in project.read(CONSENSUS)
        if not row.rejected and row.hand_id in result.matched
    ]
    rows.sort(key=lambda r: (-r[0], r[1].hand_id))
    middle = max(0, len(rows) // 2 - _SHOWN // 4)
    chosen = rows[: _SHOWN // 2] + rows[max(middle, _SHOWN // 2) :][: _SHOWN // 2]
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    of_hand = {h.hand_id: frames[h.frame_id] for h in project.hands()}
    return [
        _figure(project.path(of_hand[row.hand_id].path), result.matched[row.hand_id], row, error)
        for error, row in chosen
    ]


def _error(row: Consensus, true: TruthHand) -> float:
    return float(np.linalg.norm(row.keypoints - true.keypoints, axis=1).mean()) / hand_size(true)


def _figure(picture: Path, true: TruthHand, row: Consensus, error: float) -> Figure:
    crop, to_crop = hand_crop(read_image(picture), true.box, size_px=_CROP_PX)
    pair = []
    for word, points, states in (
        ("truth", true.keypoints, true.visibility),
        ("consensus", row.keypoints, row.visibility),
    ):
        drawn = draw_hand(crop, points @ to_crop[:, :2].T + to_crop[:, 2], states)
        pair.append(draw_label(drawn, word))
    wrong = "" if row.side == true.side else f", called {row.side} and is {true.side}"
    return Figure(side_by_side(pair), f"{true.file}: mean error {100 * error:.1f} % of the hand's size{wrong}")
