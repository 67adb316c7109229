"""Parts of a file: which are there, which are missing, which are near enough to be asked for at once."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field

_WORTH_A_REQUEST = 1 << 17
"""Bytes between two parts that are fetched along rather than asking twice."""

Span = tuple[int, int]
"""First byte, and the one after the last."""


@dataclass(slots=True)
class Spans:
    """Parts of a file that are there: ascending, none touching the next."""

    spans: list[Span] = field(default_factory=list)

    def add(self, start: int, end: int) -> None:
        """This part is there."""
        first = bisect.bisect_left(self.spans, start, key=lambda s: s[1])
        last = bisect.bisect_right(self.spans, end, key=lambda s: s[0])
        touched = self.spans[first:last]
        self.spans[first:last] = [(min([start, *(s for s, _ in touched)]), max([end, *(e for _, e in touched)]))]

    def missing(self, start: int, end: int) -> list[Span]:
        """What of this part is not there."""
        holes = []
        for have, until in self.spans[bisect.bisect_right(self.spans, start, key=lambda s: s[1]) :]:
            if have >= end or start >= end:
                break
            if have > start:
                holes.append((start, have))
            start = max(start, until)
        return [*holes, (start, end)] if start < end else holes

    def total(self) -> int:
        """Bytes that are there."""
        return sum(end - start for start, end in self.spans)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans, ascending by their start, with those in one that are too near for a request each."""
    found: list[Span] = []
    for start, end in spans:
        if found and start - found[-1][1] <= _WORTH_A_REQUEST:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
