"""Who is wrong where two answers name fingers differently.

The majority says; of two annotators the one whose answer the pre-label contradicts, or whose line along the fingers'
bases is longer, since a wrong name makes it double back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGERS
from hint_tools.qc.identity import MIRRORED_PICTURE, N_FINGERS, PairGains, Renaming
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]

_MIRRORED_NAMING = tuple(reversed(range(N_FINGERS)))
_BASES = (1, 5, 9, 13, 17)
_LONGER = 1.1
"""Of two answers the one whose line along the fingers' bases is 10 % longer is named; closer calls stay open."""
_FARTHER = 16.0
"""Of two answers the one that is farther from the pre-label by so much, in d²/σ², is named: four standard deviations of
one joint, as pre-labels err more than a normal law says."""


def find_renamings(panel: Panel, pairs: Pairs, gains: PairGains, apart: Floats | None = None) -> list[Renaming]:
    """Whose names are wrong, sorted by hand and answer.

    With three or more answers an annotator is named when most of the others disagree with him; with two the one who is
    farther from the pre-label, or whose fingers' bases make the longer line, else both, marked uncertain.

    Args:
        panel: the answers.
        pairs: of the panel.
        gains: of the pairs.
        apart: (H, A) of `label_error.apart_from_labels`, where there are pre-labels.
    """
    accusations: dict[tuple[int, int], list[tuple[float, tuple[int, ...], bool]]] = {}
    partners: dict[tuple[int, int], int] = {}
    for k, pair in enumerate(gains.pair):
        hand, a, b = (int(x[pair]) for x in (pairs.hand, pairs.first, pairs.second))
        forth = gains.order[k]
        mirrored = bool(gains.mirrored[k])
        # the order leads from the second answer's names to the first's joints: it mends the first answer
        for slot, other, order in ((a, b, forth), (b, a, np.argsort(forth))):
            accusations.setdefault((hand, slot), []).append((float(gains.gain[k]), tuple(order.tolist()), mirrored))
            partners[hand, slot] = other
    answers = panel.has_joints.sum(axis=1)
    found = []
    for (hand, slot), against in sorted(accusations.items()):
        others = int(answers[hand]) - 1
        if 2 * len(against) <= others:
            continue
        certain = others > 1
        if others == 1:
            blame = _blame(panel, hand, slot, partners[hand, slot], apart)
            if blame < 0:
                continue
            certain = blame > 0
        gain, order, mirrored = max(against)
        found.append(_named(hand, slot, gain, order, mirrored=mirrored, certain=certain))
    return found


def _blame(panel: Panel, hand: int, slot: int, other: int, apart: Floats | None) -> int:
    """Of two answers: 1 if the first is wrong, -1 if the second is, 0 if nobody can tell."""
    if apart is not None:
        farther = float(apart[hand, slot] - apart[hand, other])
        if abs(farther) > _FARTHER:
            return 1 if farther > 0 else -1
    ratio = _bases_length(panel, hand, slot) / _bases_length(panel, hand, other)
    return 1 if ratio > _LONGER else -1 if ratio < 1 / _LONGER else 0


def _named(hand: int, slot: int, gain: float, order: tuple[int, ...], *, mirrored: bool, certain: bool) -> Renaming:
    naming = tuple((order[4 * g + 1] - 1) // 4 for g in range(N_FINGERS))
    moved = tuple(g for g in range(N_FINGERS) if order[4 * g + 1 : 4 * g + 5] != tuple(range(4 * g + 1, 4 * g + 5)))
    fingers = tuple(FINGERS[g] for g in moved)
    renamed = [g for g in range(N_FINGERS) if naming[g] != g]
    if mirrored:
        kind, fingers = MIRRORED_PICTURE, FINGERS
    elif naming == _MIRRORED_NAMING:
        kind = "mirrored-order"
    elif not renamed:
        kind = "finger-reversed"
    elif len(renamed) == 2 and len(moved) == 2:
        kind = "finger-swap"
    else:
        kind = "fingers-renamed"
    return Renaming(hand, slot, kind, fingers, order, gain, certain)


def _bases_length(panel: Panel, hand: int, slot: int) -> float:
    """Length of the line along the fingers' bases, thumb to pinky: short in a hand named as it is.

    A swapped finger makes it double back; a reversed one puts a tip on it.
    """
    bases = panel.keypoints[hand, slot, _BASES]
    return max(float(np.nansum(np.linalg.norm(np.diff(bases, axis=0), axis=1))), 1e-9)
