"""The report's part on agreement: positions, precision of each joint, occlusion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.qc.agreement import Agreement
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.later_rounds import GROUP
from hint_tools.qc.occlusion import agreement_by_joint
from hint_tools.qc.panel import Panel, build_pairs
from hint_tools.qc.people_page import compared
from hint_tools.qc.sigmas import Sigma
from hint_tools.qc.wording import listed, span, with_interval
from hint_tools.report.charts import grouped_bar_chart, line_chart
from hint_tools.report.hand_map import hand_map
from hint_tools.report.matrix_chart import MOST_PEOPLE, matrix_chart
from hint_tools.report.page import Block, Cell, Chart, Details, Section, Table, Text

AGREEMENT_HEAD = (
    "of",
    "joints",
    "pairs",
    "distance, hand sizes",
    "95 %",
    "≤\u00a00.05,\u00a0%",
    "≤\u00a00.10,\u00a0%",
    "≤\u00a00.15,\u00a0%",
    "≤\u00a0¼\u00a0palm,\u00a0%",
    "OKS,\u00a0%",
)
_UNITS = (
    "Pairs are joints placed by two people of one hand, mistakes included. A hand's size is the square root of the "
    "area of the box around its joints; 0.05 to 0.15 are parts of its longer side, ¼ palm is a quarter of wrist to "
    "middle MCP; OKS is in % of what two people reach who err by σ alone."
)
_LATER = (
    "Rounds after the first hold the hands that were looked at again, mostly hard ones, by people who saw what had "
    "been answered before. They take no part in any other figure of agreement. "
)
_NOTHING = "No hand has joints of two people: nothing can be compared yet."
_MEASURED = "population"
"""Level of a σ that stands in where nothing was measured."""
_DIFFERING_RADIUS = 0.25
"""Of the disc of a joint on which all differ, in hand sizes: discs of half as much just touch."""
_AC1_IS = "beyond chance: 1 always, 0 as if by guessing; steady where one state is rare"
_MOST_PAIRS = 100
"""Rows on every two annotators; qc.json has all of them."""
_MOST_UNFOLDED = 12
"""Rows up to which that table is not folded away."""


def agreement_sections(analysis: Analysis) -> list[Section]:
    """Positions, precision, occlusion."""
    return [_positions(analysis), _precision(analysis), _occlusion(analysis)]


def _positions(analysis: Analysis) -> Section:
    intro = "How far apart two people put the same joint. A model can't be measured finer than this."
    if not compared(analysis):
        return Section("Positions", [Text(_NOTHING)], intro)
    blocks: list[Block] = [_rows_of(analysis, "all", "state", "pre-label", "source", "finger")]
    blocks.append(Details("Joint by joint", [_rows_of(analysis, "joint")]))
    if len(analysis.periods) > 1:
        blocks.append(Details("Period by period", [_rows_of(analysis, "period")]))
    if any(a.group == GROUP for a in analysis.agreement):
        blocks.append(Details("Round by round", [_rows_of(analysis, GROUP, note=_LATER)]))
    if analysis.curves:
        svg = line_chart(
            analysis.curves,
            x_unit="threshold, of the hand's longer side",
            y_unit="joints within it, %",
            title="Share of the joints that two people place within a threshold of each other",
        )
        blocks.append(Chart(svg, "Joints that two annotators place within a threshold of each other"))
    return Section("Positions", blocks, intro)


def _rows_of(analysis: Analysis, *groups: str, note: str = "") -> Table:
    rows = [agreement_row(a) for g in groups for a in analysis.agreement if a.group == g]
    return Table(AGREEMENT_HEAD, rows, note + _UNITS, named_by=2)


def pair_blocks(analysis: Analysis) -> list[Block]:
    """Every two annotators: as a square, and as a table that is folded away; nothing for one alone."""
    found = [a for a in analysis.agreement if a.group == "annotators"]
    if not found:
        return []
    blocks: list[Block] = []
    names = analysis.panel.annotators
    if 2 < len(names) <= MOST_PEOPLE:
        caption = (
            "Mean distance of every two people's joints, in hand sizes; the stronger the colour, the farther apart"
        )
        blocks.append(Chart(matrix_chart(names, _distances(analysis.panel, found), title=caption), caption))
    rows = [agreement_row(a)[1:] for a in found[:_MOST_PAIRS]]
    left = f"; {len(found) - _MOST_PAIRS} more pairs are in qc.json" if len(found) > _MOST_PAIRS else ""
    table = Table(("annotators", *AGREEMENT_HEAD[2:]), rows, f"Every two annotators{left}. {_UNITS}")
    folded = bool(blocks) or len(rows) > _MOST_UNFOLDED
    return [*blocks, Details("Every two annotators as a table", [table])] if folded else [table]


def _distances(panel: Panel, found: list[Agreement]) -> npt.NDArray[np.float64]:
    """(n, n) mean distance; NaN where two share no hand."""
    pairs = build_pairs(panel)
    one, other = (panel.annotator[pairs.hand, k].tolist() for k in (pairs.first, pairs.second))
    square = np.full((len(panel.annotators), len(panel.annotators)), np.nan)
    for (i, j), pair in zip(sorted(set(zip(one, other, strict=True))), found, strict=True):
        square[i, j] = square[j, i] = pair.distance.value
    return square


def agreement_row(found: Agreement) -> list[Cell]:
    """One row of the tables of positions."""
    d = found.distance
    within = [100 * e.value for e in (*found.pck, found.palm, found.oks)]
    interval = f"{d.low:.3f}\u00a0to\u00a0{d.high:.3f}" if np.isfinite(d.low) else "–"
    name = found.name if found.group == "annotators" else found.name.replace("_", " ").replace(" ", "\u00a0")
    return [found.group, name.replace("-", "\u2011"), d.n, d.value, interval, *within]


def _precision(analysis: Analysis) -> Section:
    intro = "How precisely one person places a joint, once mistakes are set aside: σ of one coordinate, in hand sizes."
    by_state: dict[str, list[Sigma]] = {}
    for cell in analysis.sigmas.cells:
        by_state.setdefault(cell.state, []).append(cell)
    measured = {s: cells for s, cells in by_state.items() if any(c.level != _MEASURED for c in cells)}
    standing_in = [s for s in by_state if s not in measured]
    blocks: list[Block] = []
    if measured:
        blocks += _precision_charts(measured)
    if standing_in:
        values = listed([f"{by_state[s][0].estimate.value:.3f} for {s} joints" for s in standing_in])
        verb = "stands in" if len(standing_in) == 1 else "stand in"
        blocks.append(Text(f"Too few joints were placed twice to measure everything: {values} {verb}."))
    rows: list[list[Cell]] = [
        [v.joint.replace("_", " "), *_sigma_cells(v), *_sigma_cells(o)]
        for v, o in zip(by_state["visible"], by_state["occluded"], strict=True)
    ]
    head = ["joint", "σ visible", "rms", "pairs", "from", "σ occluded", "rms", "pairs", "from"]
    caption = "rms is the classic figure, which mistakes inflate; 'from' says what was pooled for want of pairs"
    blocks.append(Details("The same as a table", [Table(head, rows, caption)]))
    return Section("Precision", blocks, intro)


def _precision_charts(measured: dict[str, list[Sigma]]) -> list[Block]:
    names = {"visible": "visible joints", "occluded": "occluded joints"}
    radii = {names[s]: np.array([c.estimate.value for c in cells]) for s, cells in measured.items()}
    drawn = hand_map(radii, unit="σ in hand sizes", title="Precision of each joint on a drawn hand")
    bars = grouped_bar_chart(
        [name.replace("_", " ") for name in JOINT_NAMES],
        {state: [c.estimate.value for c in cells] for state, cells in measured.items()},
        errors={state: [(c.estimate.low, c.estimate.high) for c in cells] for state, cells in measured.items()},
        unit="σ of one coordinate, in hand sizes",
        title="Precision of each joint",
    )
    return [
        Chart(drawn, "Discs: σ of each joint, to the scale of the drawn hand; thumb at the left, whichever hand it is"),
        Details(
            "The same as bars, with intervals",
            [Chart(bars, "Joints whose state both annotators agree on, with 95 % intervals")],
        ),
    ]


def _sigma_cells(cell: Sigma) -> list[Cell]:
    return [cell.estimate.value, cell.rms, cell.estimate.n, "stands in" if cell.level == _MEASURED else cell.level]


def _occlusion(analysis: Analysis) -> Section:
    found, intervals = analysis.occlusion, analysis.occlusion_intervals
    if not found.n_units:
        return Section("Occlusion", [Text("No joint was called visible or occluded by two people.")])
    rows: list[list[Cell]] = [
        ["raw agreement", with_interval(intervals.raw, 3), "chance that two people give one joint the same state"],
        ["joints called occluded", f"{found.prevalence[0]:.3f}", "share of all answers"],
        [
            "Gwet's AC1",
            with_interval(intervals.ac1, 3),
            _AC1_IS,
        ],
        ["Krippendorff's alpha", span([found.alpha], 3), "beyond chance, by another notion of it"],
        ["Fleiss' kappa", span([found.kappa], 3), "beyond chance, the best known of the three"],
    ]
    intro = f"Visible or occluded, over {found.n_units} joints that two or more people judged."
    caution = (
        "Alpha and kappa fall when nearly all joints are in one state, however well people agree; read them beside AC1."
    )
    table = Table(["figure", "value (95 %)", "what it is"], rows)
    differing = 1 - agreement_by_joint(analysis.panel)
    if not np.nanmax(differing) > 0:
        return Section("Occlusion", [table], intro)
    drawn = hand_map(
        {"": differing},
        unit="part of the pairs of answers that differ on visible or occluded",
        radius=_DIFFERING_RADIUS,
        title="Where people differ on what is occluded",
    )
    caption = "Discs: part of the pairs of answers that differ on visible or occluded; thumb at the left"
    return Section("Occlusion", [table, Text(caution), Chart(drawn, caption)], intro)
