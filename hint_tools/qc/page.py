"""The report a person reads: `qc/report.html`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hint_tools.qc.agreement_page import agreement_sections, pair_blocks
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import gate_section
from hint_tools.qc.methods import METHODS
from hint_tools.qc.mistakes import KINDS
from hint_tools.qc.people_page import IN_REPORT, people_page, people_section
from hint_tools.qc.person_page import person_section
from hint_tools.qc.pictures import LEGEND, Pictures
from hint_tools.qc.spreadsheets import SPREADSHEETS
from hint_tools.qc.summary import MISTAKES_ANCHOR, QUEUE_ANCHOR, summary_section
from hint_tools.qc.time_page import time_section
from hint_tools.report.page import Block, Cell, Gallery, Link, Links, Section, Table, Text

REPORT_FILE = "report.html"
_LISTED = 200
"""Rows of the longest lists; qc.json has all of them."""


def sections(analysis: Analysis, config: QcConfig, pictures: Pictures, unanswered: int = 0) -> list[Section]:
    """The body of the report.

    Args:
        analysis: everything.
        config: thresholds.
        pictures: of the project.
        unanswered: hands nobody answered.
    """
    return [
        summary_section(analysis, config, unanswered),
        *gate_section(analysis, config),
        *agreement_sections(analysis),
        people_section(analysis, pair_blocks(analysis)),
        *time_section(analysis),
        *_people(analysis, pictures, 0),
        replace(_mistakes(analysis, config, pictures), anchor=MISTAKES_ANCHOR),
        replace(_queue(analysis, config, pictures), anchor=QUEUE_ANCHOR),
        _files(),
        Section("Methods", [Table(["figure", "method"], METHODS)]),
    ]


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
        caption = f"{mistake.kind.replace('-', ' ').capitalize()}: {mistake.message}"
        own = conclusions[hand]
        gallery = pictures.gallery(
            analysis.panel, mistake.hand, own, caption, pictures.whereabouts(hand), mistake.slots
        )
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
    places = _places(analysis, config)
    rows: list[list[Cell]] = [
        [q.rank, Link(q.hand_id, places[q.hand_id]) if q.hand_id in places else q.hand_id, q.score, q.reason]
        for q in analysis.queue[:_LISTED]
    ]
    blocks = _queue_galleries(analysis, pictures, 0, config.report_hands)
    blocks += _pager(1, len(page_starts(analysis, config)) + 1)
    left = len(analysis.queue) - len(rows)
    caption = f"{left} more are in the queue table and in qc.json" if left > 0 else ""
    blocks.append(Table(["rank", "hand", "chance of a mistake", "why"], rows, caption))
    return Section(
        "Hands to look at again",
        blocks,
        "Those whose answers most probably hold a mistake first. `hint push --queue` sends exactly these back.",
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
    """What does not fit into the report: file name -> (what it holds, sections)."""
    pages: dict[str, tuple[str, list[Section]]] = {}
    starts = page_starts(analysis, config)
    for number, start in enumerate(starts, start=2):
        end = min(start + config.report_hands, len(analysis.queue))
        pager = _pager(number, len(starts) + 1)
        blocks = [*pager, *_queue_galleries(analysis, pictures, start, end), *pager]
        pages[queue_page(number)] = (
            f"queue, page {number}",
            [Section(f"Hands {start + 1} to {end} of the queue", blocks, LEGEND)],
        )
    for start in range(IN_REPORT, len(analysis.profiles), IN_REPORT):
        people = _people(analysis, pictures, start, REPORT_FILE)
        which = f"annotators {start + 1} to {start + len(people)}"
        pages[people_page(start // IN_REPORT)] = (which, people)
    return pages


def _people(analysis: Analysis, pictures: Pictures, start: int, back: str = "") -> list[Section]:
    """Sections on the annotators that share a file, from the `start`-th on."""
    chosen = analysis.profiles[start : start + IN_REPORT]
    return [person_section(analysis, p, pictures, back) for p in chosen]


def _pager(current: int, pages: int) -> list[Block]:
    """Links to the pages of the queue; nothing where there is one."""
    if pages < 2:
        return []
    anchor = f"#{QUEUE_ANCHOR}"
    links = [
        f"{n}" if n == current else Link(f"{n}", queue_page(n) + (anchor if n == 1 else ""))
        for n in range(1, pages + 1)
    ]
    return [Links(links, "Pages of the queue")]


def _queue_galleries(analysis: Analysis, pictures: Pictures, start: int, end: int) -> list[Block]:
    index = {h: i for i, h in enumerate(analysis.panel.hand_ids)}
    conclusions = {c.hand_id: c for c in analysis.consensus}
    messages: dict[int, list[str]] = {}
    for mistake in analysis.mistakes:
        messages.setdefault(mistake.hand, []).append(mistake.message)
    blocks: list[Block] = []
    for item in analysis.queue[start:end]:
        first, rest = _parted(item.reason, messages.get(index[item.hand_id], []))
        caption, place = f"{item.rank}. {first}", _anchor(item.rank)
        note = "; ".join(filter(None, [rest, pictures.whereabouts(item.hand_id)]))
        gallery = pictures.gallery(
            analysis.panel, index[item.hand_id], conclusions[item.hand_id], caption, note, anchor=place
        )
        blocks.append(gallery or Gallery([], 4, caption, place, note))  # without a picture there is still a reason
    return blocks


def _parted(reason: str, messages: list[str]) -> tuple[str, str]:
    """The mistake a reason begins with, and the rest of it; all of it and nothing where it begins with none."""
    first = max((m for m in messages if reason.startswith(f"{m}; ")), key=len, default=reason)
    return first, reason[len(first) :].removeprefix("; ")


def _anchor(rank: int) -> str:
    """Of a hand of the queue."""
    return f"rank-{rank}"


def _places(analysis: Analysis, config: QcConfig) -> dict[str, str]:
    """Hand id -> link to its pictures in the queue; hands beyond the last page have none."""
    if not config.report_hands:
        return {}
    shown = analysis.queue[: config.report_hands * config.report_pages]
    numbers = {item.hand_id: 1 + k // config.report_hands for k, item in enumerate(shown)}
    return {
        item.hand_id: ("" if numbers[item.hand_id] == 1 else queue_page(numbers[item.hand_id]))
        + f"#{_anchor(item.rank)}"
        for item in shown
    }


def _files() -> Section:
    """What lies beside the report."""
    rows: list[list[Cell]] = [
        [Link("qc.json", "qc.json"), "every figure of this report, every mistake with its mended answer, the queue"],
        [Link("sigmas.json", "sigmas.json"), "σ of every joint, state and source"],
    ]
    rows += [[Link(name, name), words] for name, words in SPREADSHEETS.items()]
    return Section(
        "Files", [Table(["file", "what it holds"], rows)], "The same numbers, for programs and spreadsheets."
    )
