"""Which hands are refused once they are seen: cut off, badly exposed, blurred, or nearly one that was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Frame, Hand
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.duplicates import leaders
from hint_tools.sample.extract import Stored
from hint_tools.sample.measure import Box, Look, Looks, Place
from hint_tools.sources.candidates import HandBox

BORDER = "touches the picture's border"
EXPOSURE, BLUR = "too dark or too bright", "less sharp than its source"
DUPLICATE, UNREADABLE = "nearly the same as another hand", "stored picture can't be read again"
_TOUCHES_PX = 0.5
"""From a picture's edge: source boxes are rounded to whole pixels."""


class _TakenHand(Protocol):
    @property
    def row(self) -> int: ...
    @property
    def hand(self) -> HandBox | None: ...


class _TakenFrame(Protocol):
    @property
    def stored(self) -> Stored: ...
    @property
    def hands(self) -> Sequence[_TakenHand]: ...


class CropRules:
    """What the settings ask of a hand's look.

    Args:
        config: of the stage.
        looks: measures crops.
        others: frames and hands of other sources, which ours must not nearly repeat.
    """

    def __init__(self, config: SampleConfig, looks: Looks, others: Sequence[tuple[Frame, Hand]]) -> None:
        self._config = config
        self._looks = looks
        self._median: float | None = None
        self._elsewhere = self._hashes(others) if config.duplicate_bits is not None else []

    def refuse(self, frames: Sequence[_TakenFrame]) -> Iterator[tuple[int, str]]:
        """(row, reason) of every hand that must not be taken, of `frames` in the order in which they were drawn.

        "Sharp" is measured against the median of the first frames drawn from this source: a wide lens in a dim
        kitchen is never as sharp as a photograph, and one threshold for both would empty one of them.
        """
        whole: list[tuple[int, Place]] = []
        for frame in frames:
            for hand in frame.hands:
                if self._config.whole and hand.hand is not None and _touches(hand.hand.box, frame.stored):
                    yield hand.row, BORDER
                elif self._config.looks_at_crops:
                    whole.append((hand.row, _place(frame, hand)))
        self._looks.measure(place for _, place in whole)
        left: list[tuple[int, Look]] = []
        for row, place in whole:
            look = self._looks.at(place)
            if look is None:
                yield row, UNREADABLE
            else:
                left.append((row, look))
        yield from self._worse(left)

    def _worse(self, left: Sequence[tuple[int, Look]]) -> Iterator[tuple[int, str]]:
        """Of the hands that could be seen, those that are seen badly or were nearly seen before."""
        if self._median is None and left:
            self._median = float(np.median([look.sharpness for _, look in left]))
        fine = []
        for row, look in left:
            if look.clipped > self._config.max_clipped:
                yield row, EXPOSURE
            elif look.sharpness < self._config.min_sharpness * (self._median or 0.0):
                yield row, BLUR
            else:
                fine.append((row, look.hash))
        yield from self._near(fine)

    def feature(self, frame: _TakenFrame) -> npt.NDArray[np.float32]:
        """What `frame`'s first hand looks like, for diversity."""
        look = self._looks.at(_place(frame, frame.hands[0]))
        if look is None:
            raise AssertionError(f"{frame.stored.path}: measured before, unreadable now")
        return look.feature

    def _near(self, hands: Sequence[tuple[int, int]]) -> Iterator[tuple[int, str]]:
        if self._config.duplicate_bits is None or not hands:
            return
        hashes = np.array([*self._elsewhere, *(h for _, h in hands)], np.uint64)
        found = leaders(hashes, self._config.duplicate_bits)[len(self._elsewhere) :]
        yield from ((row, DUPLICATE) for (row, _), leader in zip(hands, found, strict=True) if leader >= 0)

    def _hashes(self, others: Sequence[tuple[Frame, Hand]]) -> list[int]:
        ordered = sorted(others, key=lambda o: (o[0].path, o[1].hand_id))
        boxes = ((f, (float(b[0]), float(b[1]), float(b[2]), float(b[3]))) for f, h in ordered for b in [h.box])
        places = [Place(f.path, f.sha256, box) for f, box in boxes]
        self._looks.measure(places)
        looks = map(self._looks.at, places)
        return sorted({look.hash for look in looks if look is not None})


def _place(frame: _TakenFrame, hand: _TakenHand) -> Place:
    """Where a hand is; the whole picture where it has no box."""
    stored = frame.stored
    whole = (-0.5, -0.5, stored.width_px - 0.5, stored.height_px - 0.5)
    return Place(stored.path, stored.sha256, whole if hand.hand is None else hand.hand.box)


def _touches(box: Box, stored: Stored) -> bool:
    low, high = min(box[:2]), max(box[2] - stored.width_px, box[3] - stored.height_px)
    return low <= -0.5 + _TOUCHES_PX or high >= -0.5 - _TOUCHES_PX
