"""Pages: one HTML file that opens offline, in light and dark, on paper and on a telephone.

No script and no reference to anything outside the file; a content security policy in its head
makes browsers hold it to that. The same arguments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from hint_tools.core.printable import printable
from hint_tools.report.blocks import (
    Block,
    Cell,
    Chart,
    Details,
    Figure,
    Gallery,
    Link,
    Links,
    Points,
    Section,
    Sentence,
    Table,
    Text,
)
from hint_tools.report.photo import Legend, Overlay, Photo
from hint_tools.store.atomic import write_text

__all__ = [
    "Block", "Cell", "Chart", "Details", "Figure", "Gallery", "Legend", "Link", "Links", "Overlay", "Photo", "Points",
    "Section", "Sentence", "Table", "Text", "render_page", "write_report",
]  # fmt: skip

_TEMPLATES = Path(__file__).parent / "templates"
_LONG_WORD = 20
"""Letters from which on a word at the left of a table may be broken anywhere: others would be torn to letters."""
_CONTENTS_FROM = 3
"""Sections from which on a page gets a list of contents."""


def render_page(
    title: str,
    subtitle: str,
    facts: Mapping[str, str | Link],
    sections: Sequence[Section],
    back: Link | None = None,
) -> str:
    """The whole page as HTML. Every text is escaped; only drawings (of charts, overlays, legends) are taken as markup.

    Args:
        title: the headline, which is the name of the browser's tab, too: what this page is, and of what.
        subtitle: one line under it.
        facts: label -> value, shown large at the top, in their order; a second line of a value is shown small; a
            link leads to more about it.
        sections: the rest, in their order.
        back: to the page this one belongs to, above the headline.
    """
    template, style = _parts()
    placed = [replace(s, anchor=s.anchor or f"section-{k}") for k, s in enumerate(sections, start=1)]
    listed = [s for s in placed if s.listed]
    page = template.render(
        title=title,
        subtitle=subtitle,
        facts=facts,
        sections=placed,
        style=style,
        contents=listed if len(listed) >= _CONTENTS_FROM else [],
        held=set(),  # anchors of the photographs that stand on the page already
        back=back,
    )
    return printable(page)


def write_report(
    path: Path,
    title: str,
    subtitle: str,
    facts: Mapping[str, str | Link],
    sections: Sequence[Section],
    back: Link | None = None,
) -> None:
    """`path` holds the page `render_page` makes of the rest, atomically.

    Raises:
        EnvironmentFault: it could not be written; an older page is untouched.
    """
    write_text(path, render_page(title, subtitle, facts, sections, back))


@cache
def _parts() -> tuple[jinja2.Template, Markup]:
    """The template and the style sheet, read once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    environment.filters["breakable"] = _breakable
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html"), Markup(style)  # noqa: S704  (our own file)


def _breakable(cell: str | Link | Points) -> bool:
    """Whether a cell holds a word so long that it must be broken: an address, or a name without spaces."""
    text = cell.text if isinstance(cell, Link) else cell
    return isinstance(text, str) and max(map(len, text.split()), default=0) > _LONG_WORD


def _coded(text: str) -> Markup:
    """The text, escaped, with what stands in pairs of `backticks` as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    joined = Markup("")
    for k, piece in enumerate(pieces):
        joined += Markup("<code>{}</code>").format(piece) if k % 2 else escape(piece)
    return joined
