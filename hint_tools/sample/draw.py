"""Which frames to take of those that may be taken, and in which order: seeded water-filling.

Frames are drawn round by round, one from each group a round, so that no group gives more than its share while another
still has some left; with several levels (side, then video) the rounds are nested, the first level outermost. A larger
`n` only adds, and new data never reshuffles what was there: everything sorts by hashes of the things themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.sample.quota import parse_quota
from hint_tools.sample.table import NO_HAND, Bools, Coded, HandTable, Ints, Keys, Verdicts

SIZES_PX = (32, 64, 128, 256, 512)
"""Ends of the classes of hand size; sizes of hands in footage are about log-normal."""
NOT_DRAWN = "not drawn"
MIXED = "several"
"""Word of a frame whose hands differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """What is drawn as one: a frame, or a run of frames.

    Args:
        number: `(m,)` their numbers.
        key: `(m,)` keyed hash.
        levels: what each can be balanced by.
    """

    number: Ints
    key: Keys
    levels: Mapping[str, Coded]


def size_classes() -> tuple[str, ...]:
    """Names of the classes of hand size, smallest first, then the word for no hand."""
    pairs = itertools.pairwise(SIZES_PX)
    return (f"under {SIZES_PX[0]} px", *(f"{a}-{b} px" for a, b in pairs), f"from {SIZES_PX[-1]} px", "no hand")


def lots_of(table: HandTable, alive: Bools, lot: Ints) -> Lots:
    """The lots with a row that is alive, by their number.

    Args:
        table: candidates.
        alive: `(n,)` rows that may be taken.
        lot: `(n,)` number of each row's lot.
    """
    rows = np.flatnonzero(alive)
    rows = rows[np.lexsort((table.place[rows], table.candidate[rows], lot[rows]))]
    number, start = np.unique(lot[rows], return_index=True)
    head = rows[start]
    plain = {n: getattr(table, n).at(head) for n in ("source", "participant", "video", "action", "frame_type")}
    mixed = {n: _common(getattr(table, n).at(rows), start) for n in ("side", "contact")}
    largest = np.maximum.reduceat(table.size_px[rows], start) if len(rows) else np.zeros(0)
    size = np.searchsorted(np.array(SIZES_PX), largest, side="right")
    size = np.where(table.place[head] == NO_HAND, len(SIZES_PX) + 1, size)
    return Lots(number, table.key[head], plain | mixed | {"size": Coded(size, size_classes())})


def _common(column: Coded, start: Ints) -> Coded:
    """The word all rows of a group share; `MIXED` where they differ."""
    if not len(start):
        return Coded(np.zeros(0, np.int64), column.words)
    low, high = np.minimum.reduceat(column.codes, start), np.maximum.reduceat(column.codes, start)
    return Coded(np.where(low == high, low, len(column.words)), (*column.words, MIXED))


def draw_order(lots: Lots, balance: Sequence[str], seed: int) -> Ints:
    """Places in `lots`, in the order in which they are drawn.

    Args:
        lots: what may be taken.
        balance: levels, outermost first.
        seed: of the order among groups.
    """
    order = np.lexsort((lots.number, lots.key))
    groups = _nested([lots.levels[level] for level in balance])
    for level, group in zip(reversed(balance), reversed(groups), strict=True):
        turn = lots.levels[level].keys(seed, level)
        by_group = order[np.argsort(group[order], kind="stable")]
        rank = np.empty(len(order), np.int64)
        rank[by_group] = _running(group[by_group])
        order = np.lexsort((group, turn, rank))
    return np.asarray(order)


def _nested(columns: Sequence[Coded]) -> list[Ints]:
    """For each depth, the number of each row's group of that many columns."""
    groups: list[Ints] = []
    for column in columns:
        outer = groups[-1] if groups else np.zeros(len(column.codes), np.int64)
        _, group = np.unique(outer * (len(column.words) + 1) + column.codes, return_inverse=True)
        groups.append(np.asarray(group, np.int64))
    return groups


def _running(group: Ints) -> Ints:
    """0, 1, 2 ... within each run of equal numbers."""
    fresh = np.ones(len(group), np.bool_)
    fresh[1:] = group[1:] != group[:-1]
    starts = np.flatnonzero(fresh)
    return np.asarray(np.arange(len(group)) - starts[np.cumsum(fresh) - 1])


def take(
    table: HandTable,
    verdicts: Verdicts,
    *,
    n: int | None,
    balance: Sequence[str],
    quotas: Sequence[str],
    seed: int,
    lot: Ints | None = None,
) -> Ints:
    """Numbers of the lots drawn, in order; the rows of the others get their verdict.

    Args:
        table: candidates.
        verdicts: of its rows; changed.
        n: how many lots; None for all.
        balance: levels, outermost first.
        quotas: as `parse_quota` reads them.
        seed: of the order.
        lot: number of each row's lot; by default its frame's.
    """
    of_row = table.frame if lot is None else lot
    lots = lots_of(table, verdicts.alive, of_row)
    order = draw_order(lots, balance, seed)
    full: dict[str, list[int]] = {}
    if quotas:
        order = _within(lots, order, [parse_quota(q) for q in quotas], n, full)
    for reason, places in full.items():
        verdicts.drop(np.isin(of_row, lots.number[places]), reason)
    drawn = lots.number[order[:n]]
    verdicts.drop(~np.isin(of_row, drawn), NOT_DRAWN)
    return drawn


def _within(
    lots: Lots, order: Ints, quotas: Sequence[tuple[str, str, int]], n: int | None, full: dict[str, list[int]]
) -> Ints:
    """The order without those for which a quota was full when their turn came, until `n` are drawn."""
    rules = []
    for level, word, most in quotas:
        column = lots.levels[level]
        only = column.words.index(word) if word in column.words else -1
        rules.append((f"quota of {level}{f' {word}' if word else ''} full", bool(word), only, column.codes, most))
    used: list[dict[int, int]] = [{} for _ in rules]
    kept: list[int] = []
    for place, i in enumerate(order.tolist()):
        if len(kept) == n:
            return np.concatenate([np.array(kept, np.int64), order[place:]])
        mine = [
            (r, int(codes[i])) for r, (_, single, only, codes, _) in enumerate(rules) if not single or codes[i] == only
        ]
        blocked = next((r for r, code in mine if used[r].get(code, 0) >= rules[r][4]), None)
        if blocked is not None:
            full.setdefault(rules[blocked][0], []).append(i)
            continue
        for r, code in mine:
            used[r][code] = used[r].get(code, 0) + 1
        kept.append(i)
    return np.array(kept, np.int64)
