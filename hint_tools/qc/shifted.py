"""Fingers labelled one joint too far: the knuckle's name on the next joint, and so on to the tip, or the reverse.

Of two answers one may be a joint ahead of the other along a finger: its first three joints lie on the other's last
three. Which of the two is wrong is decided by majority; with two annotators by whose knuckle is as far from the
wrist as those of the hand's other fingers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.qc.identity import TRUNCATE, Renaming, four_joints
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHIFTED = "shifted-chain"
UNKNOWN = -1
"""In an order: this joint is nowhere in the answer and is to be placed anew."""
_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_LEFT_OVER = 12.0
"""Largest d²/σ² of the three joints once shifted, of `identity.TRUNCATE`: 1 in 400 at random, so the rest fits."""
_CLEAR = 0.12
"""Two knuckles' distances from the wrist, each in units of its hand's others, differ clearly from here on."""
_THUMB = 0
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class _Shifts:
    """One answer a joint ahead of another: all arrays share their axis.

    Args:
        hand, ahead, behind, finger: (K) indices.
        gain: (K) fall of d²/σ².
    """

    hand: Ints
    ahead: Ints
    behind: Ints
    finger: Ints
    gain: Floats


def find_shifted(panel: Panel, pairs: Pairs, sigma_px: Floats, threshold: float) -> list[Renaming]:
    """Answers with fingers labelled one joint too far out or in, sorted by hand and answer.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) expected error of a coordinate of each joint.
        threshold: gain in d²/σ² to be exceeded, in one finger.
    """
    shifts = _shifts(panel, pairs, sigma_px, threshold)
    against: dict[tuple[int, int], dict[tuple[int, bool], list[tuple[int, float]]]] = {}
    for hand, ahead, behind, finger, gain in zip(
        *(x.tolist() for x in (shifts.hand, shifts.ahead, shifts.behind, shifts.finger)), shifts.gain, strict=True
    ):
        for slot, other, outward in ((ahead, behind, True), (behind, ahead, False)):
            said = against.setdefault((hand, slot), {}).setdefault((finger, outward), [])
            said.append((other, float(gain)))
    answers = panel.has_joints.sum(axis=1)
    found = []
    for (hand, slot), claims in sorted(against.items()):
        others = int(answers[hand]) - 1
        upheld = {
            claim: _certain(panel, hand, slot, claim, said, others)
            for claim, said in sorted(claims.items())
            if 2 * len(said) > others
        }
        upheld = {claim: sure for claim, sure in upheld.items() if sure is not None}
        if upheld:
            gain = sum(max(g for _, g in claims[c]) for c in upheld)
            fingers = tuple(FINGERS[f] for f, _ in upheld)
            certain = all(upheld.values())
            found.append(Renaming(hand, slot, SHIFTED, fingers, _order(tuple(upheld)), gain, certain))
    return found


def _shifts(panel: Panel, pairs: Pairs, sigma_px: Floats, threshold: float) -> _Shifts:
    parts = []
    for start in range(0, len(pairs.hand), _CHUNK):
        cut = slice(start, start + _CHUNK)
        hand = pairs.hand[cut]
        sides = [(hand, pairs.first[cut]), (hand, pairs.second[cut])]
        points = [panel.keypoints[s][:, _JOINTS] for s in sides]
        variance = [sigma_px[s][:, _JOINTS] ** 2 for s in sides]
        as_named = four_joints(_squares(points[0], points[1], variance[0], variance[1]))
        for ahead, behind in ((0, 1), (1, 0)):
            squares = _squares(
                points[ahead][:, :, :3], points[behind][:, :, 1:], variance[ahead][:, :, :3], variance[behind][:, :, 1:]
            )
            gain = as_named - four_joints(squares)
            fits = np.nan_to_num(squares, nan=np.inf).max(axis=2) < _LEFT_OVER
            pair, finger = np.nonzero((np.nan_to_num(gain) > threshold) & fits)
            parts.append(_Shifts(hand[pair], sides[ahead][1][pair], sides[behind][1][pair], finger, gain[pair, finger]))
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return _Shifts(nothing, nothing, nothing, nothing, np.zeros(0))
    return _Shifts(*(np.concatenate([getattr(p, n) for p in parts]) for n in _Shifts.__dataclass_fields__))


def _squares(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats) -> Floats:
    return np.asarray(np.minimum(((a - b) ** 2).sum(axis=-1) / (variance_a + variance_b), TRUNCATE))


def _certain(
    panel: Panel, hand: int, slot: int, claim: tuple[int, bool], said: list[tuple[int, float]], others: int
) -> bool | None:
    """Whether this answer is the wrong one for sure; None where it is clearly the other."""
    if others > 1:
        return True
    finger, outward = claim
    if finger == _THUMB:
        return False
    own, partner = (_knuckle(panel, hand, k, finger) for k in (slot, said[0][0]))
    # of the one who is ahead the knuckle lies too far out, of the one behind too far in
    own_off, partner_off = (own - 1, 1 - partner) if outward else (1 - own, partner - 1)
    if partner_off > own_off + _CLEAR:
        return None
    return bool(own_off > partner_off + _CLEAR)


def _knuckle(panel: Panel, hand: int, slot: int, finger: int) -> float:
    """Distance of a long finger's first joint from the wrist over the median of the other long fingers'; 1 unknown."""
    points = panel.keypoints[hand, slot]
    reach = np.linalg.norm(points[_JOINTS[1:, 0]] - points[0], axis=1)
    rest = np.delete(reach, finger - 1)
    rest = rest[np.isfinite(rest)]
    typical = float(np.median(rest)) if len(rest) else 0.0
    return float(reach[finger - 1] / typical) if typical > 0 and np.isfinite(reach[finger - 1]) else 1.0


def _order(claims: tuple[tuple[int, bool], ...]) -> tuple[int, ...]:
    """Corrected joint j is the answer's joint `order[j]`, or `UNKNOWN`."""
    order = list(range(N_JOINTS))
    for finger, outward in claims:
        own = _JOINTS[finger].tolist()
        moved = [UNKNOWN, *own[:3]] if outward else [*own[1:], UNKNOWN]
        for joint, source in zip(own, moved, strict=True):
            order[joint] = source
    return tuple(order)


def merged(renamings: list[Renaming], shifted: list[Renaming]) -> list[Renaming]:
    """Both kinds of wrong names, of each answer the one that explains more."""
    best: dict[tuple[int, int], Renaming] = {}
    for found in [*renamings, *shifted]:
        held = best.get((found.hand, found.slot))
        if held is None or found.gain > held.gain:
            best[found.hand, found.slot] = found
    return [best[key] for key in sorted(best)]
