"""The report a person reads: `qc/report.html`."""

from __future__ import annotations

from collections import Counter

import numpy as np

from hint_tools.core.records import Status
from hint_tools.qc.advice import advice_to
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import gate_section
from hint_tools.qc.methods import METHODS
from hint_tools.qc.mistakes import KINDS
from hint_tools.qc.people_page import IN_REPORT, agreement_row, people_page, people_sections
from hint_tools.qc.person_page import distances_to_consensus, person_section
from hint_tools.qc.pictures import LEGEND, Pictures
from hint_tools.qc.sigmas import Sigma
from hint_tools.report.charts import grouped_bar_chart, line_chart
from hint_tools.report.page import Block, Cell, Chart, Details, Link, Links, Points, Section, Table, Text

REPORT_FILE = "report.html"
_QUEUE_ANCHOR = "queue"
_LISTED = 200
"""Rows of the longest lists; qc.json has all of them."""


def headline(analysis: Analysis) -> dict[str, str]:
    """The figures shown large at the top."""
    panel = analysis.panel
    everything = analysis.agreement[0]
    twice = int((panel.has_joints.sum(axis=1) >= 2).sum())
    flagged = len(analysis.queue) / max(len(panel.hand_ids), 1)
    return {
        "hands": f"{len(panel.hand_ids):,}".replace(",", "\u202f"),
        "answered at least twice": f"{twice:,}".replace(",", "\u202f"),
        "mean distance of two people, in hand sizes": _with_interval(everything.distance, 3, 1),
        "joints within 0.05 of each other": _with_interval(everything.pck[0], 1, 100, " %"),
        "agreement on occlusion, AC1": f"{analysis.occlusion.ac1:.2f}" if analysis.occlusion.n_units else "–",
        "similarity of two people, of the human ceiling": _with_interval(everything.oks, 0, 100, " %"),
        "mistakes named": str(len(analysis.mistakes)),
        "hands to look at again": f"{len(analysis.queue)}\n{flagged:.0%} of all",
    }


def sections(analysis: Analysis, config: QcConfig, pictures: Pictures) -> list[Section]:
    """The body of the report."""
    pairs = [agreement_row(a) for a in analysis.agreement if a.group == "annotators"]
    return [
        _in_short(analysis),
        *gate_section(analysis, config),
        _agreement(analysis),
        _precision(analysis),
        _occlusion(analysis),
        *people_sections(analysis, _AGREEMENT_HEAD, pairs),
        *_people(analysis, pictures, 0),
        _mistakes(analysis, config, pictures),
        _queue(analysis, config, pictures),
        Section("Methods", [Table(["figure", "method"], METHODS)]),
    ]


def _in_short(analysis: Analysis) -> Section:
    """What follows from all the rest, in a few sentences."""
    total, queued = len(analysis.consensus), len(analysis.queue)
    status = Counter(c.status for c in analysis.consensus)
    said = [f"{queued} of {total} hands are worth a second look; `hint push --queue` sends them back, and says why."]
    if not queued:
        said = [f"None of {total} hands is worth a second look; `hint fit` comes next."]
    if status[Status.DISAGREED]:
        said.append(f"{status[Status.DISAGREED]} hands have no consensus: they are neither fitted nor released.")
    if status[Status.SINGLE]:
        said.append(f"{status[Status.SINGLE]} hands have one answer that nothing confirms.")
    if status[Status.ADJUDICATED]:
        said.append(f"{status[Status.ADJUDICATED]} hands were decided by a second look or an expert.")
    kinds = Counter(m.kind for m in analysis.mistakes).most_common(3)
    if kinds:
        most = "; ".join(f"{KINDS[kind]} ({number})" for kind, number in kinds)
        said.append(f"Mistakes named most often: {most}.")
    words = [(analysis.panel.annotators[p.annotator], len(advice_to(analysis, p))) for p in analysis.profiles]
    heard = [f"{name} ({number})" for name, number in words if number]
    if heard:
        said.append(f"Worth a word with {', '.join(heard)}: see the sections on them.")
    return Section("In short", [Points(said)])


def _agreement(analysis: Analysis) -> Section:
    groups = ("all", "state", "source", "period", "finger")
    rows = [agreement_row(a) for g in groups for a in analysis.agreement if a.group == g]
    blocks: list[Block] = [
        Table(_AGREEMENT_HEAD, rows, "Two annotators of one hand, mistakes included; OKS in % of the human ceiling")
    ]
    if analysis.curves:
        svg = line_chart(
            analysis.curves, x_unit="threshold, of max(width, height)", y_unit="joints within it, %", title="PCK"
        )
        blocks.append(Chart(svg, "Joints that two annotators place within a threshold of each other"))
    intro = "How far apart two people put the same joint. A model can't be measured finer than this."
    return Section("Positions", blocks, intro)


_AGREEMENT_HEAD = [
    "of",
    "joints",
    "pairs",
    "distance",
    "95 %",
    "≤ 0.05, %",
    "≤ 0.10, %",
    "≤ 0.15, %",
    "≤ ¼ palm, %",
    "OKS, %",
]


def _precision(analysis: Analysis) -> Section:
    by_state: dict[str, list[Sigma]] = {}
    for cell in analysis.sigmas.cells:
        by_state.setdefault(cell.state, []).append(cell)
    svg = grouped_bar_chart(
        [c.joint.replace("_", " ") for c in by_state["visible"]],
        {state: [c.estimate.value for c in cells] for state, cells in by_state.items()},
        errors={state: [(c.estimate.low, c.estimate.high) for c in cells] for state, cells in by_state.items()},
        unit="σ of one coordinate, in hand sizes",
        title="Precision of each joint",
    )
    blocks: list[Block] = [Chart(svg, "Joints whose state both annotators agree on, with 95 % intervals")]
    rows: list[list[Cell]] = [
        [v.joint.replace("_", " "), *_sigma_cells(v), *_sigma_cells(o)]
        for v, o in zip(by_state["visible"], by_state["occluded"], strict=True)
    ]
    head = ["joint", "σ visible", "rms", "pairs", "from", "σ occluded", "rms", "pairs", "from"]
    caption = "rms is the classic figure, which mistakes inflate; 'from' says what was pooled for want of pairs"
    blocks.append(Details("The same as a table", [Table(head, rows, caption)]))
    return Section("Precision", blocks, "How precisely one person places a joint, once mistakes are set aside.")


def _sigma_cells(cell: Sigma) -> list[Cell]:
    return [cell.estimate.value, cell.rms, cell.estimate.n, cell.level]


def _occlusion(analysis: Analysis) -> Section:
    found = analysis.occlusion
    rows: list[list[Cell]] = [
        ["raw agreement", found.raw],
        ["joints called occluded", found.prevalence[0]],
        ["Gwet's AC1", found.ac1],
        ["Krippendorff's alpha", found.alpha],
        ["Fleiss' kappa", found.kappa],
    ]
    intro = f"Visible or occluded, over {found.n_units} joints that two or more people judged."
    caution = (
        "Alpha and kappa fall when nearly all joints are in one state, however well people agree; read them beside AC1."
    )
    return Section("Occlusion", [Table(["", "value"], rows), Text(caution)], intro)


def _mistakes(analysis: Analysis, config: QcConfig, pictures: Pictures) -> Section:
    counted = Counter(m.kind for m in analysis.mistakes)
    sure = Counter(m.kind for m in analysis.mistakes if m.certain)
    rows: list[list[Cell]] = [[k.replace("-", " "), KINDS[k], counted[k], sure[k]] for k in KINDS if counted[k]]
    if not rows:
        return Section("Mistakes", [Text("None was found.")])
    blocks: list[Block] = [Table(["kind", "meaning", "found", "of them certain"], rows)]
    each = max(1, config.report_hands // max(len(rows), 1)) if config.report_hands else 0
    shown: Counter[str] = Counter()
    conclusions = {c.hand_id: c for c in analysis.consensus}
    order = list(KINDS)
    for mistake in sorted(analysis.mistakes, key=lambda m: (order.index(m.kind), not m.certain, -m.gain)):
        if shown[mistake.kind] >= each:
            continue
        hand = analysis.panel.hand_ids[mistake.hand]
        caption = f"{mistake.kind.replace('-', ' ').capitalize()}: {mistake.message} · hand {hand}"
        own = conclusions[hand]
        gallery = pictures.gallery(analysis.panel, mistake.hand, own, caption, mistake.slots)
        if gallery is not None:
            shown[mistake.kind] += 1
            blocks.append(gallery)
    return Section(
        "Mistakes",
        blocks,
        f"What went wrong, and in whose answer. No answer was changed; qc.json has proposals. {LEGEND}",
    )


def _queue(analysis: Analysis, config: QcConfig, pictures: Pictures) -> Section:
    if not analysis.queue:
        return Section("Hands to look at again", [Text("None is past the threshold.")])
    rows: list[list[Cell]] = [[q.rank, q.hand_id, q.score, q.reason] for q in analysis.queue[:_LISTED]]
    blocks = _queue_galleries(analysis, pictures, 0, config.report_hands)
    blocks += _pager(1, len(page_starts(analysis, config)) + 1)
    left = len(analysis.queue) - len(rows)
    caption = f"{left} more are in the queue table and in qc.json" if left > 0 else ""
    blocks.append(Table(["rank", "hand", "score", "why"], rows, caption))
    return Section(
        "Hands to look at again",
        blocks,
        "Worst first. `hint push --queue` sends exactly these back.",
        anchor=_QUEUE_ANCHOR,
    )


def page_starts(analysis: Analysis, config: QcConfig) -> range:
    """Places in the queue at which the further pages begin: large rounds don't fit into one file."""
    if not config.report_hands:
        return range(0)
    end = min(len(analysis.queue), config.report_hands * config.report_pages)
    return range(config.report_hands, end, config.report_hands)


def queue_page(number: int) -> str:
    """File name of a page of the queue; the report itself is the first."""
    return REPORT_FILE if number == 1 else f"queue-{number}.html"


def further_pages(analysis: Analysis, config: QcConfig, pictures: Pictures) -> dict[str, tuple[str, list[Section]]]:
    """What does not fit into the report: file name -> (line under the headline, sections)."""
    pages: dict[str, tuple[str, list[Section]]] = {}
    starts = page_starts(analysis, config)
    for number, start in enumerate(starts, start=2):
        end = min(start + config.report_hands, len(analysis.queue))
        blocks = [*_queue_galleries(analysis, pictures, start, end), *_pager(number, len(starts) + 1)]
        pages[queue_page(number)] = ("queue", [Section(f"Hands {start + 1} to {end} of the queue", blocks, LEGEND)])
    for start in range(IN_REPORT, len(analysis.profiles), IN_REPORT):
        people = _people(analysis, pictures, start, REPORT_FILE)
        pages[people_page(start // IN_REPORT)] = ("annotators", people)
    return pages


def _people(analysis: Analysis, pictures: Pictures, start: int, back: str = "") -> list[Section]:
    """Sections on the annotators that share a file, from the `start`-th on."""
    apart = distances_to_consensus(analysis)
    chosen = analysis.profiles[start : start + IN_REPORT]
    return [person_section(analysis, p, apart, pictures, back) for p in chosen]


def _pager(current: int, pages: int) -> list[Block]:
    """Links to the pages of the queue; nothing where there is one."""
    if pages < 2:
        return []
    anchor = f"#{_QUEUE_ANCHOR}"
    links = [
        f"{n}" if n == current else Link(f"{n}", queue_page(n) + (anchor if n == 1 else ""))
        for n in range(1, pages + 1)
    ]
    return [Links(links, "Pages of the queue")]


def _queue_galleries(analysis: Analysis, pictures: Pictures, start: int, end: int) -> list[Block]:
    index = {h: i for i, h in enumerate(analysis.panel.hand_ids)}
    conclusions = {c.hand_id: c for c in analysis.consensus}
    blocks: list[Block] = []
    for item in analysis.queue[start:end]:
        caption = f"{item.rank}. {item.reason} · hand {item.hand_id}"
        gallery = pictures.gallery(analysis.panel, index[item.hand_id], conclusions[item.hand_id], caption)
        if gallery is not None:
            blocks.append(gallery)
    return blocks


def _with_interval(estimate: Estimate, decimals: int, factor: float, unit: str = "") -> str:
    if not np.isfinite(estimate.value):
        return "–"
    value, low, high = (f"{factor * v:.{decimals}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value}{unit}" if not np.isfinite(estimate.low) else f"{value}{unit}\n95 %: {low} to {high}"
