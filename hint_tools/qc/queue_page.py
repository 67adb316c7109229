"""The report's queue: the list of hands worth a second look, and their pictures, on as many pages as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from hint_tools.core.records import QueueItem
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.config import QcConfig
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.summary import QUEUE_ANCHOR
from hint_tools.report.page import Block, Cell, Details, Gallery, Link, Links, Section, Table, Text

REPORT_FILE = "report.html"
_LISTED = 200
"""Rows of the longest lists; qc.json has all of them."""
_SURE = 0.99
_AT_ONCE = 24
"""Rows that are not folded away."""


def queue_section(analysis: Analysis, config: QcConfig, pictures: Pictures) -> Section:
    """The list, with links to the pictures, and the first page of those."""
    if not analysis.queue:
        return Section("Hands to look at again", [Text("None is past the threshold.")])
    pager = _pager(1, len(_page_starts(analysis, config)) + 1)
    return Section(
        "Hands to look at again",
        [*_list(analysis, config), *pager, *_galleries(analysis, pictures, 0, config.report_hands), *pager],
        "Those whose answers most probably hold a mistake first; last, those where something is named, or far apart, "
        "and is probably no mistake. `hint push --queue` sends exactly these back.",
        anchor=QUEUE_ANCHOR,
    )


def further_queue_pages(analysis: Analysis, config: QcConfig, pictures: Pictures) -> dict[str, Section]:
    """File name -> pictures that do not fit into the report."""
    pages: dict[str, Section] = {}
    starts = _page_starts(analysis, config)
    for number, start in enumerate(starts, start=2):
        end = min(start + config.report_hands, len(analysis.queue))
        pager = _pager(number, len(starts) + 1)
        blocks = [*pager, *_galleries(analysis, pictures, start, end), *pager]
        pages[_queue_page(number)] = Section(f"Hands {start + 1} to {end} of the queue", blocks)
    return pages


def _list(analysis: Analysis, config: QcConfig) -> list[Block]:
    """The queue as a table; what is past the first rows is folded away."""
    places = _places(analysis, config)
    listed = analysis.queue[:_LISTED]
    blocks: list[Block] = [_table(listed[:_AT_ONCE], places, "")]
    if len(listed) > _AT_ONCE:
        left = len(analysis.queue) - len(listed)
        caption = f"{left} more are in the queue table and in qc.json" if left > 0 else ""
        words = f"Hands {_AT_ONCE + 1} to {len(listed)}"
        blocks.append(Details(words, [_table(listed[_AT_ONCE:], places, caption)]))
    return blocks


def _table(items: Sequence[QueueItem], places: dict[str, str], caption: str) -> Table:
    rows: list[list[Cell]] = [
        [q.rank, Link(q.hand_id, places[q.hand_id]) if q.hand_id in places else q.hand_id, _chance(q.score), q.reason]
        for q in items
    ]
    return Table(["rank", "hand", "chance of a mistake", "why"], rows, caption)


def _chance(score: float) -> str:
    """`> 0.99`, `0.62`, `< 0.01`: nothing is certain; low ones are in the queue for what is named or far apart."""
    return "> 0.99" if score > _SURE else "< 0.01" if score < 1 - _SURE else f"{score:.2f}"


def _page_starts(analysis: Analysis, config: QcConfig) -> range:
    """Places in the queue at which the further pages begin: large rounds don't fit into one file."""
    if not config.report_hands:
        return range(0)
    end = min(len(analysis.queue), config.report_hands * config.report_pages)
    return range(config.report_hands, end, config.report_hands)


def _queue_page(number: int) -> str:
    """File name of a page of the queue; the report itself is the first."""
    return REPORT_FILE if number == 1 else f"queue-{number}.html"


def _pager(current: int, pages: int) -> list[Block]:
    """Links to the pages of the queue; nothing where there is one."""
    if pages < 2:
        return []
    anchor = f"#{QUEUE_ANCHOR}"
    links = [
        f"{n}" if n == current else Link(f"{n}", _queue_page(n) + (anchor if n == 1 else ""))
        for n in range(1, pages + 1)
    ]
    return [Links(links, "Pages of the queue")]


def _galleries(analysis: Analysis, pictures: Pictures, start: int, end: int) -> list[Block]:
    index = {h: i for i, h in enumerate(analysis.panel.hand_ids)}
    conclusions = {c.hand_id: c for c in analysis.consensus}
    mistakes: dict[int, list[Mistake]] = {}
    for mistake in analysis.mistakes:
        mistakes.setdefault(mistake.hand, []).append(mistake)
    blocks: list[Block] = []
    for item in analysis.queue[start:end]:
        hand = index[item.hand_id]
        named = mistakes.get(hand, [])
        first, rest = _parted(item.reason, [m.message for m in named])
        caption, place = f"{item.rank}. {first}", _anchor(item.rank)
        note = "; ".join(filter(None, [rest, pictures.whereabouts(item.hand_id)]))
        meant = _meant(named)
        gallery = pictures.gallery(analysis.panel, hand, conclusions[item.hand_id], caption, note, meant, place)
        blocks.append(gallery or Gallery([], 4, caption, place, note))  # without a picture there is still a reason
    return blocks


def _meant(mistakes: Sequence[Mistake]) -> dict[int, set[int]]:
    """Answers that hold one of the mistakes, and which joints those are about."""
    meant: dict[int, set[int]] = {}
    for mistake in mistakes:
        for slot in mistake.slots:
            meant.setdefault(slot, set()).update(mistake.joints)
    return meant


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
        item.hand_id: ("" if numbers[item.hand_id] == 1 else _queue_page(numbers[item.hand_id]))
        + f"#{_anchor(item.rank)}"
        for item in shown
    }
