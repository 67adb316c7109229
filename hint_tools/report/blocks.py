"""What a page is made of: text, tables, figures, charts, and the sections that hold them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.report.data_uri import data_uri
from hint_tools.report.photo import Legend, Overlay

_LOCAL = re.compile(r"(?![./]*\.\./\.\.)[\w./-]*(#[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a place of this page or to a file beside it.

    Args:
        text: the words.
        target: `#anchor`, `other.html` or `folder/other.html#anchor`; never an address of the network.
    """

    text: str
    target: str

    def __post_init__(self) -> None:
        if not self.target or not _LOCAL.fullmatch(self.target) or self.target.startswith("/"):
            raise ValueError(f"expected an anchor or a relative file name, got {self.target!r}")


Sentence: TypeAlias = str | tuple[str | Link, ...]
"""Words, or the pieces of a sentence with links in it."""


@dataclass(frozen=True)
class Points:
    """A list of sentences.

    Args:
        items: one a line.
        caption: shown above them.
    """

    items: Sequence[Sentence]
    caption: str = ""
    kind = "points"


Cell: TypeAlias = str | int | float | Link | Points

SIGNIFICANT_DIGITS = 3
"""Of the largest number in a table's column; the rest of the column keeps the same decimals."""
_MISSING = "–"


@dataclass(frozen=True, eq=False)
class Figure:
    """One picture with words under it.

    Args:
        image: (H, W, 3) uint8 RGB.
        caption: shown under it.
        alt: what it shows, for those who can't see it; the caption where empty.
    """

    image: npt.NDArray[np.uint8]
    caption: str = ""
    alt: str = ""
    kind = "figure"

    @property
    def source(self) -> str:
        """The picture as a data URI: JPEG, or PNG where that is smaller (flat drawings)."""
        return data_uri(self.image)

    @property
    def height(self) -> int:
        """Of the picture, px."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Of the picture, px."""
        return int(self.image.shape[1])


@dataclass(frozen=True, eq=False)
class Gallery:
    """Figures in rows of at most `columns`, fewer on a narrow screen.

    Args:
        figures: what to show.
        columns: at most so many in a row.
        caption: shown above them.
        anchor: by which links find it; none where empty.
        note: small words between caption and figures.
    """

    figures: Sequence[Figure | Overlay]
    columns: int = 4
    caption: str = ""
    anchor: str = ""
    note: str = ""
    kind = "gallery"


@dataclass(frozen=True)
class Table:
    """Rows under a head; columns of numbers are aligned to the right, NaN is shown as a dash.

    Args:
        head: titles of the columns.
        rows: the cells.
        caption: shown above them.
        named_by: columns at the left that say what a row is about.
        stacks: on a telephone each row becomes a paragraph of its own; for tables of sentences.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    named_by: int = 1
    stacks: bool = False
    kind = "table"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(
                    f"table {self.caption!r}: expected {len(self.head)} cells in a row, got {len(row)}: {row!r}"
                )

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether it holds numbers and nothing else."""
        return tuple(
            bool(self.rows) and all(isinstance(row[i], int | float | np.number) for row in self.rows)
            for i in range(len(self.head))
        )

    @property
    def formatted(self) -> tuple[tuple[str | Link | Points, ...], ...]:
        """The rows as they are shown."""
        columns = [_formatted([row[i] for row in self.rows]) for i in range(len(self.head))]
        return tuple(zip(*columns, strict=True))


@dataclass(frozen=True)
class Chart:
    """A drawing made by `report.charts`, with words under it."""

    svg: Markup
    caption: str = ""
    kind = "chart"


@dataclass(frozen=True, init=False)
class Text:
    """Paragraphs."""

    paragraphs: tuple[str, ...]
    kind = "text"

    def __init__(self, *paragraphs: str) -> None:
        object.__setattr__(self, "paragraphs", paragraphs)


@dataclass(frozen=True)
class Links:
    """A row of links, such as the pages of a long list.

    Args:
        links: in their order; plain words stand for the page that is open.
        label: what they are, for screen readers.
    """

    links: Sequence[Link | str]
    label: str
    kind = "links"


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that are folded away until somebody asks for them; printed unfolded."""

    summary: str
    blocks: Sequence[Figure | Gallery | Table | Chart | Text | Points]
    kind = "details"


Block: TypeAlias = Figure | Gallery | Table | Chart | Text | Points | Links | Details | Legend


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, a sentence or two, and blocks.

    Args:
        title: the heading.
        blocks: what is under it.
        intro: between the two.
        anchor: by which links find it; `section-3` for the third one where empty.
        listed: whether the page's list of contents has it.
    """

    title: str
    blocks: Sequence[Block]
    intro: str = ""
    anchor: str = ""
    listed: bool = True


def _formatted(cells: Sequence[Cell]) -> list[str | Link | Points]:
    """One column: its floats share their decimals, so that they can be compared down the page."""
    floats = [abs(float(c)) for c in cells if isinstance(c, float | np.floating) and math.isfinite(c)]
    largest = max(floats, default=0.0)
    decimals = min(max(SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(largest)), 0), 6) if largest > 0 else 1
    return [c if isinstance(c, Link | Points) else _text(c, decimals) for c in cells]


def _text(cell: str | int | float, decimals: int) -> str:
    if isinstance(cell, float | np.floating):
        return f"{float(cell):,.{decimals}f}".replace(",", "\u202f") if math.isfinite(cell) else _MISSING
    if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
        return f"{int(cell):,}".replace(",", "\u202f")
    return str(cell)
