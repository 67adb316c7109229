"""Names of people inside sentences, in quotes of their own, so that each can be found again and called otherwise.

A sentence alone does not say which of its words are names: somebody may be called “index”, “and”, or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hint_tools.core.printable import shortened

_QUOTED = re.compile("“([^“”]*)”")
_STRAIGHT = str.maketrans({"“": '"', "”": '"'})


def quoted(name: str) -> str:
    """The name as it stands in a sentence; quotes of these shapes inside it become straight ones."""
    return f"“{bare(name)}”"


def bare(name: str) -> str:
    """The name as `with_names` finds it again."""
    return name.translate(_STRAIGHT)


def with_names(text: str, called: Callable[[str], str]) -> str:
    """The sentence with each name in it, quotes included, replaced by what `called` makes of it."""
    return _QUOTED.sub(lambda found: called(found.group(1)), text)


def plain(text: str) -> str:
    """The sentence as people read it: long names cut, a missing one told, no quotes."""
    return with_names(text, lambda name: shortened(name) if name.strip() else "(no name)")
