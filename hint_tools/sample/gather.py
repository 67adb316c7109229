"""Draw, extract, look: until everything drawn is really there and fit to be annotated.

A frame that can't be had, or whose hands are dropped once they are seen, is replaced by the next in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.sample.config import SampleConfig
from hint_tools.sample.crops import CropRules
from hint_tools.sample.diversity import most_different
from hint_tools.sample.draw import take
from hint_tools.sample.extract import Extractor, Stored
from hint_tools.sample.pictures import Failure
from hint_tools.sample.rows import fit_hands
from hint_tools.sample.table import NO_HAND, HandTable, Ints, Verdicts
from hint_tools.sources.candidates import Candidate, HandBox, Tally

ALIKE = "less different than those taken"
SAME_PICTURE = "the same picture came from another source"


@dataclass(frozen=True, slots=True)
class TakenHand:
    """One hand of a frame.

    Args:
        row: of the table.
        candidate: it came by.
        hand: in px of the stored picture; None for a frame without hands.
    """

    row: int
    candidate: Candidate
    hand: HandBox | None


@dataclass(frozen=True, slots=True)
class TakenFrame:
    """One frame that made it, with its hands inside the picture."""

    candidate: Candidate
    stored: Stored
    hands: tuple[TakenHand, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was taken.

    Args:
        frames: in the order in which they were drawn.
        verdicts: of all rows; those still alive are taken.
        changed: what was done to boxes of hands, with how often.
        failures: frames that could not be had.
    """

    frames: tuple[TakenFrame, ...]
    verdicts: Verdicts
    changed: Counter[str]
    failures: Tally


def lots(config: SampleConfig, table: HandTable) -> Ints:
    """What is drawn as one: frames, or in mode `seq` the runs of an action."""
    if config.mode == "img":
        return table.frame
    return np.asarray(table.unit.codes * (len(table.action.words) + 1) + table.action.codes)


def draw(config: SampleConfig, table: HandTable, verdicts: Verdicts) -> Ints:
    """The numbers of the lots drawn, in order; what is not drawn gets its verdict."""
    n = None if config.n is None else round(config.n * config.diversity)
    return take(
        table, verdicts, n=n, balance=config.balance, quotas=config.quota, seed=config.seed, lot=lots(config, table)
    )


def gather(
    config: SampleConfig,
    candidates: Sequence[Candidate],
    table: HandTable,
    verdicts: Verdicts,
    extractor: Extractor,
    rules: CropRules,
    elsewhere: frozenset[str],
) -> Gathered:
    """The frames to take, extracted.

    Args:
        config: of the stage.
        candidates: of the source.
        table: of their hands.
        verdicts: of its rows; changed by what turns out to be unusable.
        extractor: where pictures come from.
        rules: how hands must look.
        elsewhere: pixel digests of other sources' frames.
    """
    failures = Tally()
    while True:
        trial = verdicts.copy()
        order = draw(config, table, trial)
        before = int(verdicts.alive.sum())
        changed: Counter[str] = Counter()
        frames = []
        heads, rows_of = _frames(candidates, table, trial)
        for head, result in extractor.extract(heads):
            rows = rows_of[head.unit, head.frame_index]
            if isinstance(result, Failure):
                verdicts.drop_at(rows, result.reason)
                failures.add(result.reason, result.message)
            elif result.pixel_sha256 in elsewhere:
                verdicts.drop_at(rows, SAME_PICTURE)
                failures.add(SAME_PICTURE, head.origin)
            else:
                frames.append(TakenFrame(head, result, _fitted(candidates, table, verdicts, rows, result, changed)))
        frames = _in_order([f for f in frames if f.hands], table, lots(config, table), order)
        for row, reason in rules.refuse(frames):
            verdicts.drop_at([row], reason)
        if int(verdicts.alive.sum()) == before:
            return Gathered(tuple(_different(config, frames, trial, rules)), trial, changed, failures)


def _frames(
    candidates: Sequence[Candidate], table: HandTable, verdicts: Verdicts
) -> tuple[list[Candidate], dict[tuple[str, int], list[int]]]:
    """The first candidate of each frame that is alive, and its rows."""
    rows_of: dict[tuple[str, int], list[int]] = {}
    for row in np.flatnonzero(verdicts.alive).tolist():
        candidate = candidates[table.candidate[row]]
        rows_of.setdefault((candidate.unit, candidate.frame_index), []).append(row)
    return [candidates[table.candidate[rows[0]]] for rows in rows_of.values()], rows_of


def _fitted(
    candidates: Sequence[Candidate],
    table: HandTable,
    verdicts: Verdicts,
    rows: Sequence[int],
    stored: Stored,
    changed: Counter[str],
) -> tuple[TakenHand, ...]:
    """The hands of a stored frame; those that don't lie in it get their verdict."""
    by_candidate: dict[int, list[int]] = {}
    for row in rows:
        by_candidate.setdefault(int(table.candidate[row]), []).append(row)
    taken = []
    for number, own in by_candidate.items():
        candidate = candidates[number]
        if table.place[own[0]] == NO_HAND:
            taken.append(TakenHand(own[0], candidate, None))
            continue
        hands = [candidate.hands[table.place[row]] for row in own]
        for row, fitted in zip(own, fit_hands(candidate, hands, stored.width_px, stored.height_px), strict=True):
            if fitted.hand is None:
                verdicts.drop_at([row], fitted.dropped)
            else:
                changed.update(fitted.changed)
                taken.append(TakenHand(row, candidate, fitted.hand))
    return tuple(taken)


def _in_order(frames: Sequence[TakenFrame], table: HandTable, lot: Ints, order: Ints) -> list[TakenFrame]:
    turn = {int(number): place for place, number in enumerate(order)}
    return sorted(frames, key=lambda f: (turn[int(lot[f.hands[0].row])], f.candidate.frame_index))


def _different(
    config: SampleConfig, frames: Sequence[TakenFrame], verdicts: Verdicts, rules: CropRules
) -> Sequence[TakenFrame]:
    """With `diversity`, the `n` frames whose first hands differ most; the others get their verdict."""
    if config.diversity == 1 or config.n is None or len(frames) <= config.n:
        return frames
    features = np.stack([rules.feature(f) for f in frames])
    chosen = {int(i) for i in most_different(features, config.n)}
    for i, frame in enumerate(frames):
        if i not in chosen:
            verdicts.drop_at([h.row for h in frame.hands], ALIKE)
    return [f for i, f in enumerate(frames) if i in chosen]
