"""Names that may be mistaken for one another: whoever answers under two of them would confirm themselves."""

from __future__ import annotations

import difflib
import re
import shlex
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from hint_tools.core.findings import Finding, Severity

_LOOK_LIKE: Final = str.maketrans(
    "авеікмнорстухјѕһԁ" + "αικνορτυχ",
    "abeikmhopctyxjshd" + "aikvoptux",
)
"""Small Cyrillic and Greek letters, and the Latin ones that they or their capitals look like."""
_SCRIPTS: Final = frozenset({"CYRILLIC", "GREEK", "LATIN"})
_SPACES, _FORM, _CAPITALS, _LETTERS = "spaces", "unicode form", "capitals", "letters of another script"
_WAYS: Final = (_CAPITALS, _SPACES, _FORM, _LETTERS)


def name_findings(names: Collection[str], experts: Collection[str]) -> list[Finding]:
    """What is to be said about names.

    Args:
        names: of everybody whose answers count.
        experts: who was named as one.
    """
    alike = _alike(names)
    told = {name for group in alike for name in group}
    return [
        *(_alike_finding(group) for group in alike),
        *(f for name in sorted(set(names) - told) for f in _mixed_finding(name)),
        *(_unknown_expert(name, sorted(names)) for name in sorted(set(experts) - set(names))),
    ]


def _alike(names: Iterable[str]) -> list[list[str]]:
    read: dict[str, list[str]] = {}
    for name in sorted(names):
        read.setdefault(_read(name), []).append(name)
    return [group for group in read.values() if len(group) > 1]


def _read(name: str, heeded: str = "") -> str:
    """What a person reads: without what the eye passes over, but for one way to differ that is `heeded`."""
    plain = name if heeded == _FORM else unicodedata.normalize("NFKC", name)
    plain = plain if heeded == _CAPITALS else plain.casefold()
    plain = plain if heeded == _FORM else unicodedata.normalize("NFKC", plain)
    plain = plain if heeded == _LETTERS else plain.translate(_LOOK_LIKE)
    return plain if heeded == _SPACES else "".join(c for c in plain if c.isprintable() and not c.isspace())


def _alike_finding(alike: list[str]) -> Finding:
    ways = [way for way in _WAYS if len({_read(name, way) for name in alike}) > 1]
    # names that look the same on the screen are told apart by their codes
    shown = [f"{n!r} ({n!a})" if {_FORM, _LETTERS} & set(ways) and not n.isascii() else repr(n) for n in alike]
    return Finding(
        code="qc.names-alike",
        severity=Severity.WARNING,
        message=f"{' and '.join(shown)} differ in {' and '.join(ways)} alone; they count as {len(alike)} people, "
        "who confirm each other",
        suggestion="if they are one person, let them have one account in Label Studio, then: hint pull",
        subjects=tuple(alike),
        count=len(alike),
    )


def _mixed_finding(name: str) -> list[Finding]:
    """A word of letters of two scripts is most often typed on the wrong keyboard, or made to be mistaken."""
    for word in re.findall(r"\w+", name):
        scripts = {unicodedata.name(c, "?").split()[0] for c in word} & _SCRIPTS
        if len(scripts) > 1:
            mixed = " and ".join(s.capitalize() for s in sorted(scripts))
            return [
                Finding(
                    code="qc.name-mixed",
                    severity=Severity.WARNING,
                    message=f"{name!r} ({name!a}) has {mixed} letters in one word",
                    suggestion="see that it is nobody else's name written otherwise: hint status",
                    subjects=(name,),
                )
            ]
    return []


def _unknown_expert(name: str, known: list[str]) -> Finding:
    """An expert without an answer: most often a name that is written otherwise."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return Finding(
        code="qc.unknown-expert",
        severity=Severity.WARNING,
        message=f"expert {name!r} has answered nothing" + (f"; did you mean {near[0]!r}?" if near else ""),
        suggestion=f"hint qc --experts {shlex.quote(near[0])}"
        if near
        else "hint status lists everybody who has answered",
        subjects=(name,),
    )
