"""Who is wrong where two answers name fingers differently.

What leaves the fewest mistakes is believed, so of three the majority; of two annotators the one is wrong whose answer
the pre-label contradicts, or whose line along the fingers' bases is longer, since a wrong name makes it double back.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, order=True)
class _Charge:
    """What one answer says against another: a naming that would mend it.

    Args:
        gain: by how much d²/σ² falls.
        order: (21) mended joint j is joint `order[j]` of the answer.
        mirrored: its picture is mirrored instead.
    """

    gain: float
    order: tuple[int, ...]
    mirrored: bool

    @property
    def naming(self) -> tuple[int, ...]:
        """For each finger the one that carries its name."""
        return tuple((self.order[4 * g + 1] - 1) // 4 for g in range(N_FINGERS))

    @property
    def renamed(self) -> tuple[int, ...]:
        """Fingers that carry another's name."""
        return tuple(g for g, f in enumerate(self.naming) if f != g)

    @property
    def moved(self) -> tuple[int, ...]:
        """Fingers that carry another's name or are reversed."""
        own = [tuple(range(4 * g + 1, 4 * g + 5)) for g in range(N_FINGERS)]
        return tuple(g for g in range(N_FINGERS) if self.order[4 * g + 1 : 4 * g + 5] != own[g])

    @property
    def mistakes(self) -> int:
        """How many it is: two fingers swapped, one reversed, or all mirrored, is one."""
        if self.mirrored or self.naming == _MIRRORED_NAMING:
            return 1
        reversed_ones = sum(self.order[4 * g + 1] > self.order[4 * g + 2] for g in range(N_FINGERS))
        return N_FINGERS - _cycles(self.naming) + reversed_ones


_Charges = dict[tuple[int, int], _Charge]
"""By the answer that is said to be wrong and the one that says so."""


def find_renamings(panel: Panel, pairs: Pairs, gains: PairGains, apart: Floats | None = None) -> list[Renaming]:
    """Whose names are wrong, sorted by hand and answer.

    Those answers are right that leave the fewest mistakes to the others. Where such answers contradict each other, as
    two alone always do, the one is wrong that is farther from the pre-label, or whose fingers' bases make the longer
    line; else all are named, marked uncertain.

    Args:
        panel: the answers.
        pairs: of the panel.
        gains: of the pairs.
        apart: (H, A) of `label_error.apart_from_labels`, where there are pre-labels.
    """
    charges: dict[int, _Charges] = {}
    for k, pair in enumerate(gains.pair):
        hand, a, b = (int(x[pair]) for x in (pairs.hand, pairs.first, pairs.second))
        forth = gains.order[k]
        # the order leads from the second answer's names to the first's joints: it mends the first answer
        for slot, other, order in ((a, b, forth), (b, a, np.argsort(forth))):
            charge = _Charge(float(gains.gain[k]), tuple(order.tolist()), bool(gains.mirrored[k]))
            charges.setdefault(hand, {})[slot, other] = charge
    return [found for hand in sorted(charges) for found in _wrong_in(panel, hand, charges[hand], apart)]


def _wrong_in(panel: Panel, hand: int, charges: _Charges, apart: Floats | None) -> list[Renaming]:
    """Whose names are wrong in one hand."""
    slots = np.flatnonzero(panel.has_joints[hand]).tolist()
    left = {r: _left_to_explain(slots, charges, r) for r in slots}
    right = [r for r in slots if left[r] == min(left.values())]
    disputed = any((r, q) in charges for r in right for q in right)
    found = []
    for slot in slots:
        against = [(charges[slot, r], r) for r in right if (slot, r) in charges]
        if not against:
            continue
        charge, accuser = max(against)
        blame = _blame(panel, hand, slot, accuser, apart) if disputed else 1
        if blame >= 0:
            found.append(_named(hand, slot, charge, certain=blame > 0))
    return found


def _left_to_explain(slots: list[int], charges: _Charges, right: int) -> int:
    """How many mistakes the other answers hold if this one is right, and how many charges that leaves unexplained."""
    against = {s: charges.get((s, right)) for s in slots}
    names = {s: (c.order, c.mirrored) if c else None for s, c in against.items()}
    odd = sum(
        (names[s] != names[t]) != ((s, t) in charges)
        for s, t in itertools.combinations(slots, 2)
        if right not in (s, t)
    )
    return odd + sum(c.mistakes for c in against.values() if c)


def _blame(panel: Panel, hand: int, slot: int, other: int, apart: Floats | None) -> int:
    """Of two answers: 1 if the first is wrong, -1 if the second is, 0 if nobody can tell."""
    if apart is not None:
        farther = float(apart[hand, slot] - apart[hand, other])
        if abs(farther) > _FARTHER:
            return 1 if farther > 0 else -1
    ratio = _bases_length(panel, hand, slot) / _bases_length(panel, hand, other)
    return 1 if ratio > _LONGER else -1 if ratio < 1 / _LONGER else 0


def _named(hand: int, slot: int, charge: _Charge, *, certain: bool) -> Renaming:
    naming, renamed, moved = charge.naming, charge.renamed, charge.moved
    fingers = tuple(FINGERS[g] for g in moved)
    if charge.mirrored:
        kind, fingers = MIRRORED_PICTURE, FINGERS
    elif naming == _MIRRORED_NAMING:
        kind = "mirrored-order"
    elif not renamed:
        kind = "finger-reversed"
    elif len(renamed) == 2 and len(moved) == 2:
        kind = "finger-swap"
    else:
        kind = "fingers-renamed"
    return Renaming(hand, slot, kind, fingers, charge.order, charge.gain, certain)


def _cycles(naming: tuple[int, ...]) -> int:
    """Cycles of a permutation, fixed points included: so many fewer swaps than fingers make it."""
    seen: set[int] = set()
    number = 0
    for start in range(len(naming)):
        number += start not in seen
        while start not in seen:
            seen.add(start)
            start = naming[start]
    return number


def _bases_length(panel: Panel, hand: int, slot: int) -> float:
    """Length of the line along the fingers' bases, thumb to pinky: short in a hand named as it is.

    A swapped finger makes it double back; a reversed one puts a tip on it.
    """
    bases = panel.keypoints[hand, slot, _BASES]
    return max(float(np.nansum(np.linalg.norm(np.diff(bases, axis=0), axis=1))), 1e-9)
