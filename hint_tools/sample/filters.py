"""What of the table may be taken: each filter gives a verdict to the rows it drops, and no row gets two.

Choices among equals follow keyed hashes of the things themselves, so new data never changes them.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hint_tools.sample.table import NO_HAND, Bools, HandTable, Ints, Keys, Verdicts

RUN_TYPES = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame")
"""The moments of a run in HInt's `seq` folders: no pnr and post frame occurs in the published lists."""
TOO_SMALL, CONTACT, TYPE = "hands too small", "contact state not wanted", "frame type not wanted"
OTHER_OF_ACTION = "another frame of the action was taken"
NO_RUN, OTHER_SIDE = "not part of a long enough run", "the action's other hand was taken"
AGAIN = "annotated again under another action"
OTHER_HAND = "another hand of the frame was taken"
TOO_CLOSE = "too close in time to a frame taken"

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mixed(*keys: Keys) -> Keys:
    """One hash of several, by the finaliser of splitmix64 (Steele, Lea, Flood 2014)."""
    z = np.zeros_like(keys[0])
    for key in keys:
        z = (z ^ key) + _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return z


def drop_unwanted(
    table: HandTable, verdicts: Verdicts, *, min_hand_px: float, contact: Sequence[str], frame_types: Sequence[str]
) -> None:
    """Drop hands that are too small or not in a wanted contact state, and frames of unwanted types.

    Args:
        table: candidates.
        verdicts: of its rows; changed.
        min_hand_px: least length of a box's longer side.
        contact: states wanted; empty for all.
        frame_types: types wanted; empty for all.
    """
    boxed = table.place != NO_HAND
    verdicts.drop(boxed & (table.size_px < min_hand_px), TOO_SMALL)
    if contact:
        verdicts.drop(boxed & ~table.contact.among(contact), CONTACT)
    if frame_types:
        verdicts.drop(~table.frame_type.among(frame_types), TYPE)


def keep_per_action(table: HandTable, verdicts: Verdicts, per_action: int, seed: int) -> None:
    """`img` mode: of each action's frames, the first `per_action` in keyed order stay, with all their hands."""
    rows = np.flatnonzero(verdicts.alive & _has_action(table))
    key = mixed(table.key, table.action.keys(seed, "action"), table.frame_type.keys(seed, "type"))[rows]
    action = _pairs(table.unit.codes, table.action.codes)[rows]
    candidate = table.candidate[rows]
    order = np.lexsort((candidate, key, action))
    fresh = _changes(action[order], candidate[order])
    turn = np.cumsum(fresh) - 1
    rank = turn - _first_of_group(action[order], turn)
    dropped = np.zeros(len(table), np.bool_)
    dropped[rows[order][rank >= per_action]] = True
    verdicts.drop(dropped, OTHER_OF_ACTION)


def keep_runs(table: HandTable, verdicts: Verdicts, min_run: int, seed: int) -> None:
    """`seq` mode: of each action one hand's run of the five moments up to contact stays.

    The hand boxed in most of them is taken, at a tie the first in keyed order; runs shorter than `min_run` are dropped.
    """
    hand = (table.place != NO_HAND) & table.side.among(("left", "right"))
    verdicts.drop(~(_has_action(table) & hand & table.frame_type.among(RUN_TYPES)), NO_RUN)
    rows = np.flatnonzero(verdicts.alive)
    action = _pairs(table.unit.codes, table.action.codes)
    run = _pairs(action, table.side.codes)[rows]
    runs, inverse, length = np.unique(run, return_inverse=True, return_counts=True)
    first = np.full(len(runs), -1, np.int64)
    first[inverse[::-1]] = rows[::-1]
    of_action = action[first]
    key = mixed(table.action.keys(seed, "run"), table.side.keys(seed, "run side"))[first]
    order = np.lexsort((key, -length, of_action))
    best = np.zeros(len(runs), np.bool_)
    best[order] = _changes(of_action[order])
    verdicts.drop(_spread(table, rows, (best & (length < min_run))[inverse]), NO_RUN)
    verdicts.drop(_spread(table, rows, ~best[inverse]), OTHER_SIDE)


def drop_repeated(table: HandTable, verdicts: Verdicts) -> None:
    """One frame under several actions: a side that comes again is dropped, the first action's stays."""
    rows = np.flatnonzero(verdicts.alive)
    side = _pairs(table.frame, table.side.codes)[rows]
    columns = (table.candidate, table.frame_type.codes, table.action.codes)
    order = np.lexsort((*(c[rows] for c in columns), side))
    start = _first_of_group(side[order], np.arange(len(rows)))
    candidate = table.candidate[rows][order]
    verdicts.drop(_spread(table, rows[order], candidate != candidate[start]), AGAIN)


def keep_one_hand(table: HandTable, verdicts: Verdicts, seed: int) -> None:
    """One hand of each frame stays, the first in keyed order."""
    rows = np.flatnonzero(verdicts.alive)
    key = mixed(table.key, table.side.keys(seed, "hand"))[rows]
    order = np.lexsort((table.place[rows], key, table.frame[rows]))
    verdicts.drop(_spread(table, rows[order], ~_changes(table.frame[rows][order])), OTHER_HAND)


def keep_apart(table: HandTable, verdicts: Verdicts, min_gap_s: float) -> None:
    """In keyed order, a frame stays unless one that stays lies less than `min_gap_s` from it in its video."""
    rows = np.flatnonzero(verdicts.alive & np.isfinite(table.time_s))
    frames, first = np.unique(table.frame[rows], return_index=True)
    heads = rows[first]
    order = np.argsort(table.key[heads], kind="stable")
    unit, times = table.unit.codes[heads].tolist(), table.time_s[heads].tolist()
    kept: dict[int, list[float]] = {}
    close = np.zeros(len(frames), np.bool_)
    for i in order.tolist():
        line, time_s = kept.setdefault(unit[i], []), times[i]
        at = bisect.bisect_left(line, time_s)
        if (at and time_s - line[at - 1] < min_gap_s) or (at < len(line) and line[at] - time_s < min_gap_s):
            close[i] = True
        else:
            line.insert(at, time_s)
    verdicts.drop(np.isin(table.frame, frames[close]), TOO_CLOSE)


def _has_action(table: HandTable) -> Bools:
    return ~table.action.among(("",))


def _pairs(a: Ints, b: Ints) -> Ints:
    """One number for each pair of codes."""
    return np.asarray(a * (int(b.max(initial=0)) + 1) + b)


def _changes(*columns: npt.NDArray[np.int64]) -> Bools:
    """Where a row differs from the one before it; true for the first."""
    fresh = np.ones(len(columns[0]), np.bool_)
    if len(fresh):
        fresh[1:] = np.any([c[1:] != c[:-1] for c in columns], axis=0)
    return fresh


def _first_of_group(group: Ints, values: Ints) -> Ints:
    """For each row the value of the first row of its run of equal `group`."""
    fresh = _changes(group)
    return np.asarray(values[np.flatnonzero(fresh)[np.cumsum(fresh) - 1]])


def _spread(table: HandTable, rows: Ints, chosen: Bools) -> Bools:
    """A mask over the table with the `chosen` of `rows` set."""
    mask = np.zeros(len(table), np.bool_)
    mask[rows[chosen]] = True
    return mask
