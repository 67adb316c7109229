"""One table of all candidates: a row a hand, columns as arrays, so that a million rows are chosen from in seconds.

A frame that came without hands has one row without a box. Every row ends with exactly one verdict (`Verdicts`): taken,
or dropped for one reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hint_tools.core.ids import content_id, order_key
from hint_tools.sources.candidates import Candidate

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
NO_HAND = -1
"""`place` of the row of a frame without hands."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column of words as numbers.

    Args:
        codes: `(n,)` places in `words`.
        words: sorted, each once.
    """

    codes: Ints
    words: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str]) -> Coded:
        """The column that holds `values`."""
        encoded = pa.array(values, type=pa.string()).dictionary_encode()
        met = encoded.dictionary.to_pylist()
        order = sorted(range(len(met)), key=met.__getitem__)
        place = np.empty(len(met), np.int64)
        place[order] = np.arange(len(met))
        return cls(place[encoded.indices.to_numpy(zero_copy_only=False)], tuple(met[i] for i in order))

    def at(self, rows: Ints) -> Coded:
        """The column of some rows; words that none of them has stay listed."""
        return Coded(self.codes[rows], self.words)

    def among(self, wanted: Sequence[str]) -> Bools:
        """Which rows hold one of the `wanted` words."""
        return np.array([w in set(wanted) for w in self.words], np.bool_)[self.codes]

    def keys(self, seed: int, level: str) -> Keys:
        """A keyed hash of each row's word."""
        hashed = [int(order_key(seed, level, w)[:16], 16) for w in self.words]
        return np.array(hashed, np.uint64)[self.codes]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HandTable:
    """Candidate hands; every column has one entry a row.

    Args:
        candidate: place of the candidate among those of the source.
        place: of the hand among its candidate's; `NO_HAND` where it has none.
        frame: number of the frame: rows of one picture have one number, whichever candidate they came by.
        key: keyed hash of the frame, what choices sort by.
        frame_index: of the frame in its unit.
        time_s: of the frame in its video; NaN where unknown.
        size_px: longer side of the box; 0 without one.
        source: collection each frame is from.
    """

    candidate: Ints
    place: Ints
    frame: Ints
    key: Keys
    frame_index: Ints
    time_s: npt.NDArray[np.float64]
    size_px: npt.NDArray[np.float64]
    unit: Coded
    source: Coded
    video: Coded
    participant: Coded
    action: Coded
    frame_type: Coded
    side: Coded
    contact: Coded

    def __len__(self) -> int:
        return len(self.candidate)


class Verdicts:
    """What became of every row: 0 while it may still be taken, else the number of a reason.

    Args:
        n: number of rows.
    """

    def __init__(self, n: int) -> None:
        self.code: npt.NDArray[np.int16] = np.zeros(n, np.int16)
        self.words: list[str] = [""]

    @property
    def alive(self) -> Bools:
        """Rows that may still be taken."""
        return np.asarray(self.code == 0)

    def drop(self, rows: Bools, reason: str) -> None:
        """Rows that were alive are dropped for `reason`; the others keep theirs."""
        self.code[rows & (self.code == 0)] = self._number(reason)

    def drop_at(self, rows: Sequence[int], reason: str) -> None:
        """As `drop`, for a few rows by their number."""
        places = np.array(rows, np.int64)
        self.code[places[self.code[places] == 0]] = self._number(reason)

    def _number(self, reason: str) -> int:
        if reason not in self.words:
            self.words.append(reason)
        return self.words.index(reason)

    def copy(self) -> Verdicts:
        """The same verdicts, free to change."""
        other = Verdicts(0)
        other.code, other.words = self.code.copy(), list(self.words)
        return other

    def reason(self, row: int) -> str:
        """Why a row was dropped; empty when it was not."""
        return self.words[int(self.code[row])]

    def counts(self) -> Counter[str]:
        """Rows dropped, by reason."""
        number = np.bincount(self.code, minlength=len(self.words))
        return +Counter({w: int(number[i]) for i, w in enumerate(self.words) if i})


@dataclass(slots=True)
class _Columns:
    unit: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    video: list[str] = field(default_factory=list)
    participant: list[str] = field(default_factory=list)
    action: list[str] = field(default_factory=list)
    frame_type: list[str] = field(default_factory=list)
    key: list[int] = field(default_factory=list)


def frame_id(label: str, candidate: Candidate) -> str:
    """The id of a candidate's frame in the tables of source `label`."""
    return content_id("frame", label, candidate.unit, candidate.frame_index)


def table_of(candidates: Sequence[Candidate], seed: int) -> HandTable:
    """The rows of all candidates, in their order.

    Args:
        candidates: of one source.
        seed: of the keyed order.
    """
    columns = _Columns()
    for c in candidates:
        columns.unit.append(c.unit)
        columns.source.append(c.collection)
        columns.video.append(c.video)
        columns.participant.append(c.participant)
        columns.action.append(c.action)
        columns.frame_type.append(c.frame_type)
        columns.key.append(int(order_key(seed, "frame", c.unit, c.frame_index)[:16], 16))
    hands = [c.hands for c in candidates]
    n_hands = np.array([len(h) for h in hands], np.int64)
    source = np.repeat(np.arange(len(candidates)), np.maximum(n_hands, 1))
    first = np.cumsum(np.maximum(n_hands, 1)) - np.maximum(n_hands, 1)
    place = np.where(n_hands[source] > 0, np.arange(len(source)) - first[source], NO_HAND)
    flat = [h for of_frame in hands for h in (of_frame or (None,))]
    sizes = [0.0 if h is None else max(h.box[2] - h.box[0], h.box[3] - h.box[1]) for h in flat]
    unit = Coded.of(columns.unit)
    index = np.array([c.frame_index for c in candidates], np.int64)
    return HandTable(
        candidate=source,
        place=place,
        frame=_frame_numbers(unit.codes, index)[source],
        key=np.array(columns.key, np.uint64)[source],
        frame_index=index[source],
        time_s=np.array([c.time_s for c in candidates], np.float64)[source],
        size_px=np.array(sizes, np.float64),
        unit=unit.at(source),
        source=Coded.of(columns.source).at(source),
        video=Coded.of(columns.video).at(source),
        participant=Coded.of(columns.participant).at(source),
        action=Coded.of(columns.action).at(source),
        frame_type=Coded.of(columns.frame_type).at(source),
        side=Coded.of(["" if h is None else h.side or "" for h in flat]),
        contact=Coded.of(["" if h is None else h.contact for h in flat]),
    )


def _frame_numbers(unit: Ints, index: Ints) -> Ints:
    """One number for each (unit, frame index)."""
    if not len(unit):
        return unit
    span = int(index.max()) - int(index.min()) + 1
    _, number = np.unique(unit * span + (index - index.min()), return_inverse=True)
    return np.asarray(number, np.int64)
