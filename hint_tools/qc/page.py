"""The report a person reads: `qc/report.html`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from hint_tools.qc.agreement_page import agreement_sections, pair_blocks
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import gate_section
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.legend import with_legend
from hint_tools.qc.methods import METHODS
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.people_page import IN_REPORT, people_page, people_section
from hint_tools.qc.person_page import person_section
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.queue_page import REPORT_FILE, further_queue_pages, queue_section
from hint_tools.qc.round_changes import Comparison
from hint_tools.qc.rounds_page import rounds_section, since_earlier
from hint_tools.qc.spreadsheets import SPREADSHEETS
from hint_tools.qc.summary import MISTAKES_ANCHOR, summary_section
from hint_tools.qc.time_page import time_section
from hint_tools.report.page import Block, Cell, Gallery, Link, Section, Table, Text


def sections(
    analysis: Analysis,
    config: QcConfig,
    pictures: Pictures,
    unanswered: int = 0,
    rounds: Comparison | None = None,
) -> list[Section]:
    """The body of the report.

    Args:
        analysis: everything.
        config: thresholds.
        pictures: of the project.
        unanswered: hands nobody answered.
        rounds: how this one compares with earlier ones, where some were given.
    """
    shown = [
        summary_section(analysis, config, unanswered, since_earlier(rounds)),
        *gate_section(analysis, config),
        *rounds_section(rounds),
        *agreement_sections(analysis),
        people_section(analysis, pair_blocks(analysis)),
        *time_section(analysis),
        *_people(analysis, pictures, 0),
        replace(_mistakes(analysis, config, pictures), anchor=MISTAKES_ANCHOR),
        queue_section(analysis, config, pictures),
        _files(),
        Section("Methods", [Table(["figure", "method"], METHODS)]),
    ]
    return with_legend(shown)


def further_pages(analysis: Analysis, config: QcConfig, pictures: Pictures) -> dict[str, tuple[str, list[Section]]]:
    """What does not fit into the report: file name -> (what it holds, sections)."""
    queue = further_queue_pages(analysis, config, pictures)
    pages = {name: (f"queue, page {k}", with_legend([s])) for k, (name, s) in enumerate(queue.items(), start=2)}
    for start in range(IN_REPORT, len(analysis.profiles), IN_REPORT):
        people = _people(analysis, pictures, start, REPORT_FILE)
        which = f"annotators {start + 1} to {start + len(people)}"
        pages[people_page(start // IN_REPORT)] = (which, with_legend(people))
    return pages


def _people(analysis: Analysis, pictures: Pictures, start: int, back: str = "") -> list[Section]:
    """Sections on the annotators that share a file, from the `start`-th on."""
    chosen = analysis.profiles[start : start + IN_REPORT]
    return [person_section(analysis, p, pictures, back) for p in chosen]


def _mistakes(analysis: Analysis, config: QcConfig, pictures: Pictures) -> Section:
    counted = Counter(m.kind for m in analysis.mistakes)
    sure = Counter(m.kind for m in analysis.mistakes if m.certain)
    queued = {q.hand_id for q in analysis.queue}
    again = Counter(m.kind for m in analysis.mistakes if analysis.panel.hand_ids[m.hand] in queued)
    rows: list[list[Cell]] = [[_spoken(k), KINDS[k].means, counted[k], sure[k], again[k]] for k in KINDS if counted[k]]
    if not rows:
        return Section("Mistakes", [Text("None was found.")])
    blocks: list[Block] = [Table(["kind", "meaning", "found", "of them certain", "looked at again"], rows)]
    each = max(1, config.report_hands // len(rows)) if config.report_hands else 0
    for kind in KINDS:
        ordered = sorted((m for m in analysis.mistakes if m.kind == kind), key=lambda m: (not m.certain, -m.gain))
        shown = list(islice(_mistake_galleries(analysis, ordered, pictures), each))
        blocks += shown
        if 0 < len(shown) < len(ordered):
            left = len(ordered) - len(shown)
            blocks.append(Text(f"{_spoken(kind).capitalize()}: {left} more in `mistakes.csv`."))
    words = (
        "What went wrong, and in whose answer. Joints called visible, pre-labels left as they were and hurry are for "
        "talking about: the others decide such hands, and nobody has to look again. No answer was changed; `qc.json` "
        "has proposals, `mistakes.csv` a list."
    )
    return Section("Mistakes", blocks, words)


def _mistake_galleries(analysis: Analysis, mistakes: Iterable[Mistake], pictures: Pictures) -> Iterator[Gallery]:
    """Those that have a picture, one after the other."""
    conclusions = {c.hand_id: c for c in analysis.consensus}
    for mistake in mistakes:
        hand = analysis.panel.hand_ids[mistake.hand]
        gallery = pictures.gallery(
            analysis.panel,
            mistake.hand,
            conclusions[hand],
            f"{_spoken(mistake.kind).capitalize()}: {mistake.message}",
            pictures.whereabouts(hand),
            {slot: mistake.joints for slot in mistake.slots},
        )
        if gallery is not None:
            yield gallery


def _spoken(kind: str) -> str:
    return kind.replace("-", " ")


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
