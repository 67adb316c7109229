"""Rows no evaluation can use: a file that has one is refused with a message that names the first few and the count."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.formats.hamer_npz import HamerSet

CONFIDENT: Final = 0.5
"""Joints with a higher confidence count (HaMeR's evaluator)."""
_EXAMPLES: Final = 3


def require_sound(name: str, hands: HamerSet) -> None:
    """Nothing is wrong with any row.

    Raises:
        DataError: there are no rows, a hand stands there twice, a box or a counted joint is not finite, or a hand is of
            no side.
    """
    if not len(hands):
        raise DataError(f"{name}: expected hands, the file holds none", hint="get the file again")
    _single(name, hands)
    _finite(name, hands)
    _sided(name, hands)


def row_keys(hands: HamerSet) -> list[tuple[str, float, float, float]]:
    """What tells each hand of a file from the others: image, middle of the box, side."""
    columns = (hands.imgname.tolist(), *hands.center.T.tolist(), hands.right.tolist())
    return list(zip(*columns, strict=True))


def _single(name: str, hands: HamerSet) -> None:
    """No hand of the file stands there twice: it would count twice."""
    twice = [key for key, count in Counter(row_keys(hands)).items() if count > 1]
    if twice:
        examples = ", ".join(key[0] for key in twice[:_EXAMPLES])
        raise DataError(
            f"{name}: {len(twice)} of {len(hands)} hands stand there more than once, such as {examples}",
            hint="keep one row a hand",
        )


def _finite(name: str, hands: HamerSet) -> None:
    """Boxes have an extent, and joints that count a place."""
    bad = np.zeros(len(hands), dtype=bool)
    for points in (hands.hand_keypoints_2d, hands.hand_keypoints_3d):
        if points is not None:
            counted = ~(points[..., -1] <= CONFIDENT)
            bad |= (counted & ~np.isfinite(points).all(axis=-1)).any(axis=1)
    bad |= ~(np.isfinite(hands.center).all(axis=1) & np.isfinite(hands.scale).all(axis=1))
    bad |= ~(hands.scale.max(axis=1) > 0)
    if bad.any():
        examples = ", ".join(hands.imgname[bad][:_EXAMPLES])
        raise DataError(
            f"{name}: {int(bad.sum())} of {len(hands)} hands have a joint or a box that is not finite, or a box "
            f"without an extent, such as {examples}",
            hint="mend or remove these rows",
        )


def _sided(name: str, hands: HamerSet) -> None:
    """Each is a right hand or a left one."""
    odd = ~np.isin(hands.right, (0, 1))
    if odd.any():
        few = zip(hands.imgname[odd][:_EXAMPLES], hands.right[odd][:_EXAMPLES], strict=True)
        examples = ", ".join(f"{n}: {v:g}" for n, v in few)
        raise DataError(
            f"{name}: {int(odd.sum())} of {len(hands)} hands are of no side: expected right 1 or 0, got {examples}",
            hint="mend or remove these rows",
        )
