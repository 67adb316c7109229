"""All answers to all hands as arrays: hands x answers x joints.

Answers of a hand are sorted by annotator, absent ones are NaN, so every later step is one array
expression and can't depend on the order in which the answers came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hint_tools.core.limits import FARTHEST_PX
from hint_tools.core.records import Frame, Hand, Side, Submission, Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.core.times import day

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ABSENT = -1
SIDES: tuple[str, ...] = (Side.LEFT.value, Side.RIGHT.value)
MAX_PERIODS = 12
"""Days of work are pooled into at most so many periods of about equal numbers of hands."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Answers of H hands, at most A to a hand.

    Args:
        hand_ids: (H), sorted.
        annotators: names, sorted.
        sources: names, sorted.
        submissions: H x A, None where absent; sorted by annotator within a hand.
        keypoints: (H, A, 21, 2) px; NaN where absent, rejected or not annotatable.
        visibility: (H, A, 21) `Visibility`, `ABSENT` where there are no joints.
        annotator: (H, A) index, `ABSENT` where there is no answer.
        side: (H, A) 0 left, 1 right, `ABSENT` where none is given.
        rejected: (H, A) the annotator says this is no hand to annotate.
        image: (H) index of the picture: what confidence intervals resample.
        source: (H) index.
        clip: (H) index of the clip, or the video or folder, the hand was taken from.
        periods: first day of each period, sorted; none where no answer carries a time.
        period: (H) index: when the hand's last answer came; `ABSENT` where that is unknown.
    """

    hand_ids: tuple[str, ...]
    annotators: tuple[str, ...]
    sources: tuple[str, ...]
    submissions: tuple[tuple[Submission | None, ...], ...]
    keypoints: Floats
    visibility: Ints
    annotator: Ints
    side: Ints
    rejected: Bools
    image: Ints
    source: Ints
    clip: Ints
    periods: tuple[str, ...]
    period: Ints

    @property
    def answered(self) -> Bools:
        """(H, A): somebody answered."""
        return np.asarray(self.annotator != ABSENT, dtype=np.bool_)

    @cached_property
    def has_joints(self) -> Bools:
        """(H, A): the answer has joints."""
        found = np.asarray((self.visibility != ABSENT).any(axis=2), dtype=np.bool_)
        found.flags.writeable = False
        return found


def build_panel(taken: Sequence[Submission], hands: Sequence[Hand], frames: Sequence[Frame]) -> Panel:
    """The answers as arrays; hands without an answer are left out.

    Args:
        taken: at most one an annotator and hand, of `hands`.
        hands: whatever `taken` speaks of, and more.
        frames: of those hands; a hand whose frame is missing counts as an image and source of its own.
    """
    of_hand: dict[str, list[Submission]] = {}
    for answer in taken:
        of_hand.setdefault(answer.hand_id, []).append(answer)
    hand_ids = tuple(sorted(of_hand))
    rows = [sorted(of_hand[h], key=lambda s: s.annotator) for h in hand_ids]
    width = max(map(len, rows), default=1)
    names = tuple(sorted({s.annotator for s in taken}))
    frame_of = {h.hand_id: h.frame_id for h in hands}
    by_frame = {f.frame_id: f for f in frames}
    images = [frame_of.get(h, h) for h in hand_ids]
    sources = [by_frame[i].source if i in by_frame else "unknown" for i in images]
    clips = [f"{by_frame[i].video}\n{by_frame[i].clip}" if i in by_frame else i for i in images]
    periods, period = _periods([max(day(s.updated_at) for s in r) for r in rows])
    keypoints, visibility = _joints(rows, width)
    code = {n: i for i, n in enumerate(names)}
    return Panel(
        hand_ids=hand_ids,
        annotators=names,
        sources=tuple(sorted(set(sources))),
        submissions=tuple((*r, *([None] * (width - len(r)))) for r in rows),
        keypoints=keypoints,
        visibility=visibility,
        annotator=_spread([[code[s.annotator] for s in r] for r in rows], width),
        side=_spread([[SIDES.index(s.side) if s.side in SIDES else ABSENT for s in r] for r in rows], width),
        rejected=_spread([[int(s.rejected) for s in r] for r in rows], width) == 1,
        image=_codes(images),
        source=_codes(sources),
        clip=_codes(clips),
        periods=periods,
        period=period,
    )


def _joints(rows: Sequence[Sequence[Submission]], width: int) -> tuple[Floats, Ints]:
    keypoints = np.full((len(rows), width, N_JOINTS, 2), np.nan)
    visibility = np.full((len(rows), width, N_JOINTS), ABSENT, dtype=np.int64)
    for i, row in enumerate(rows):
        for k, answer in enumerate(row):
            if not answer.rejected and answer.keypoints is not None and answer.visibility is not None:
                keypoints[i, k], visibility[i, k] = answer.keypoints, answer.visibility
    nowhere = ~(np.abs(keypoints) <= FARTHEST_PX).all(axis=-1)
    visibility[nowhere & (visibility > Visibility.NOT_ANNOTATABLE)] = ABSENT
    keypoints[nowhere | (visibility == Visibility.NOT_ANNOTATABLE)] = np.nan
    return keypoints, visibility


def _periods(days: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """First days of at most `MAX_PERIODS` periods, and the period of each hand; what has no day is in none."""
    given = np.asarray(days, dtype=np.str_)
    dated = given != ""
    period = np.full(len(given), ABSENT, dtype=np.int64)
    names, place, count = np.unique(given[dated], return_inverse=True, return_counts=True)
    if len(names) <= MAX_PERIODS:
        period[dated] = place
        return tuple(names.tolist()), period
    # a day goes where the middle of its hands falls
    middle = np.cumsum(count) - count / 2
    pooled = np.unique((middle * MAX_PERIODS / count.sum()).astype(np.int64), return_inverse=True)[1]
    firsts = [str(names[np.flatnonzero(pooled == k)[0]]) for k in range(int(pooled.max()) + 1)]
    period[dated] = pooled[place]
    return tuple(firsts), period


def _spread(rows: Sequence[Sequence[int]], width: int) -> Ints:
    """Rows of unequal length as one array, `ABSENT` behind their ends."""
    return np.array([[*r, *([ABSENT] * (width - len(r)))] for r in rows], dtype=np.int64).reshape(len(rows), width)


def _codes(names: Sequence[str]) -> Ints:
    return np.unique(np.asarray(names, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


def count_answers(panel: Panel) -> dict[int, int]:
    """Number of answers -> number of hands that got so many."""
    return dict(sorted(Counter(panel.answered.sum(axis=1).tolist()).items()))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every two answers with joints to one hand: indices into a panel.

    Args:
        hand, first, second: (P); `first` < `second` in the order of annotators.
    """

    hand: Ints
    first: Ints
    second: Ints


def build_pairs(panel: Panel) -> Pairs:
    """All pairs of a panel, by hand."""
    has = panel.has_joints
    found = [
        (np.flatnonzero(has[:, a] & has[:, b]), a, b) for a in range(has.shape[1]) for b in range(a + 1, has.shape[1])
    ]
    hand = np.concatenate([h for h, _, _ in found]) if found else np.zeros(0, dtype=np.int64)
    first = np.concatenate([np.full(len(h), a) for h, a, _ in found]) if found else hand
    second = np.concatenate([np.full(len(h), b) for h, _, b in found]) if found else hand
    order = np.lexsort((second, first, hand))
    return Pairs(hand[order], first[order], second[order])
