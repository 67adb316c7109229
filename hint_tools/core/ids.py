"""Content ids: the same thing gets the same id on every machine, in every order."""

from __future__ import annotations

import hashlib

from hint_tools.core.errors import DataError

ID_LENGTH = 20
"""Hex digits kept: 80 bits, so a collision among 10 million hands has a chance below 1e-10."""

_SEPARATOR = "\x1f"


def content_id(kind: str, *parts: str | int | float) -> str:
    """A 20-hex-digit id of `kind` and `parts`.

    Floats are written with six decimals, so a box that went through a file keeps its id.

    Args:
        kind: what is named: `"frame"`, `"hand"`, `"prediction"`...
        parts: what makes it itself, in a fixed order.

    Raises:
        DataError: a part is not finite.
    """
    digest = hashlib.sha256()
    digest.update(_SEPARATOR.join([kind, *(_canonical(p) for p in parts)]).encode())
    return digest.hexdigest()[:ID_LENGTH]


def _canonical(part: str | int | float) -> str:
    if isinstance(part, float):
        if part != part or part in (float("inf"), float("-inf")):
            raise DataError(f"an id can't be made of {part!r}: expected a finite number")
        return f"{part + 0.0:.6f}"
    return str(part)


def order_key(seed: int, *parts: str | int) -> str:
    """A hash to sort by: a seeded shuffle in which new items never reorder old ones."""
    return hashlib.sha256(_SEPARATOR.join([str(seed), *map(str, parts)]).encode()).hexdigest()


def unit_interval(seed: int, *parts: str | int) -> float:
    """A number in [0, 1) that depends on nothing but `seed` and `parts`."""
    return int(order_key(seed, *parts)[:13], 16) / float(16**13)


def task_key(hand_id: str, round_number: int) -> str:
    """The key of a hand's annotation task in a round: 0 for the first, one more each time it is sent again."""
    return content_id("task", hand_id, round_number)
