"""Decoded frames, held back until what they are built on is known to be whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from av.video.frame import VideoFrame


@dataclass(slots=True)
class HeldFrames:
    """Frames that came out, held back until nothing they are built on can turn out damaged any more.

    A decoder may mark the picture the damage is in instead of raising, and pictures come out in the order they are
    shown: one that is shown before a damaged one but built on it comes out first, and unmarked.

    Args:
        entry: stamp of the key frame decoding began at; damage in what is shown before it is of no concern.
        damaged: a marked picture came out, or the caller knows of other damage; nothing after it is taken.
    """

    entry: int
    damaged: bool = False
    _highest: int | None = None
    _awaited: dict[int, int] = field(default_factory=dict)
    _frames: dict[int, VideoFrame] = field(default_factory=dict)
    _freed: list[tuple[int, VideoFrame]] = field(default_factory=list)

    def feed(self, pts: int | None, left: set[int]) -> None:
        """Remember, for a wanted packet, the last stamp among those fed so far: all it can be built on."""
        if pts is not None:
            self._highest = pts if self._highest is None else max(self._highest, pts)
            if pts in left:
                self._awaited[pts] = self._highest

    def take(self, frames: Iterable[VideoFrame], left: set[int]) -> None:
        """Hold the wanted ones of `frames`, given in the order they came out, and free those nothing is awaited for."""
        for frame in frames:
            if frame.pts is None or self.damaged:
                continue
            if frame.is_corrupt and frame.pts >= self.entry:
                self.damaged = True
            elif frame.pts in left and not frame.is_corrupt:
                self._frames[frame.pts] = frame
            self._free_before(frame.pts + (not self.damaged))

    def holds(self, left: set[int]) -> bool:
        """Whether all that is still wanted came out."""
        return left <= self._frames.keys() | {pts for pts, _ in self._freed}

    def nothing_follows(self) -> None:
        """The decoder is empty: what was held is sound unless damage was seen."""
        if not self.damaged and self._frames:
            self._freed += self._frames.items()
            self._frames.clear()

    def free(self) -> list[tuple[int, VideoFrame]]:
        """The frames that became free since the last call, with their stamps."""
        freed, self._freed = self._freed, []
        return freed

    def _free_before(self, stamp: int) -> None:
        for pts in [p for p in self._frames if self._awaited.get(p, p) < stamp]:
            self._freed.append((pts, self._frames.pop(pts)))
