"""Hands to predict: where they are, and who found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class HandBox:
    """A hand in a picture.

    Args:
        box: (4,) x0, y0, x1, y1 px.
        side: `left`, `right`, or None where it is not known.
        origin: who says so: `coco`, `release`, or the detector's name.
        name: what it is called there: annotation id, hand id; empty for found ones.
        score: of the detector, in [0, 1]; NaN for given ones.
        side_from: who says which side, if not `origin`: a reader's name, or `assumed`.
    """

    box: Floats
    side: str | None
    origin: str
    name: str = ""
    score: float = float("nan")
    side_from: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to work on.

    Args:
        path: of the file.
        label: what to call it: its path below the folder it was found in.
        name: of its folder in the output.
        hands: in it; None where a detector has to look.
    """

    path: Path
    label: str
    name: str
    hands: tuple[HandBox, ...] | None


ASSUMED: Final = "assumed"
"""`side_from` of a side that nobody told."""


class HandReader(Protocol):
    """Finds hands in pictures, and tells sides. Made outside this stage, from any detector backend."""

    @property
    def name(self) -> str:
        """Networks and settings: the same name, the same answers."""

    def find(self, image: Image) -> list[HandBox]:
        """The hands in `image` (H, W, 3) RGB, best first."""

    def sides(self, image: Image, boxes: Floats) -> Sequence[str | None]:
        """The side of the hand in each of `boxes` (n, 4); None where it can't be told."""
