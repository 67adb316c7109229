"""Text from data made safe to show: on a terminal, in a page, in a cell, in a sentence."""

from __future__ import annotations

import re
from typing import Final

LONGEST_NAME: Final = 60
"""Characters of a name inside a sentence; addresses of people are shorter."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which a terminal obeys; those that turn the direction of all words up to the end of the line: a
name that holds one would have the rest of a sentence read backwards, and names in right-to-left scripts need none; and
halves of surrogate pairs, which no file takes."""


_BREAK = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]")


def printable(text: str) -> str:
    """The text, but for line ends and tabs nothing in it that is obeyed instead of shown; U+FFFD stands there."""
    return _UNPRINTABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The text, printable, with spaces for line ends and tabs: no name can begin a line of its own."""
    return printable(_BREAK.sub(" ", text))


def shortened(name: str) -> str:
    """The name, or its first `LONGEST_NAME` characters with … at the end."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
