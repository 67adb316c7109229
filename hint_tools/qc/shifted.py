"""Fingers labelled one joint too far: the knuckle's name on the next joint, and so on to the tip, or the reverse.

Each answer is held against the mean of the others, weighted by 1/σ². Of a shifted finger three joints lie on their
neighbours of that mean instead of on their own; as they are named each counts for `TRUNCATE` at most, since a single
slip must not look like a shifted finger. With two answers "one is ahead" and "the other is behind" explain them alike;
so the palm has a word, too: where the finger begins (`palm`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.qc.identity import TRUNCATE, Renaming
from hint_tools.qc.palm import KNUCKLES, expected_knuckles
from hint_tools.qc.panel import Panel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHIFTED = "shifted-chain"
UNKNOWN = -1
"""In an order: this joint is nowhere in the answer and is to be placed anew."""
_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_LEFT_OVER = 12.0
"""Largest d²/σ² of the three joints once shifted, and of two answers to make a mean: 1 in 400 at random."""
_ALONE = 2.0
"""Expected d²/σ² of one joint."""
_SURE = 6.0
"""Likelihoods of 20 to 1, in d²/σ²."""
_WAYS = (True, False)
"""Outward, inward."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One answer's finger is a joint too far out, or in.

    Args:
        gain: fall of d²/σ².
        slot: which answer.
        outward: too far out.
    """

    gain: float
    slot: int
    outward: bool


def find_shifted(panel: Panel, scale: Floats, sigma_px: Floats, excluded: Bools, threshold: float) -> list[Renaming]:
    """Answers with fingers labelled one joint too far out or in, sorted by hand and answer.

    Args:
        panel: the answers.
        scale: (H) px.
        sigma_px: (H, A, 21) expected error of a coordinate of each joint.
        excluded: (H, A, 21) joints known to be wrong already: nobody is held against them.
        threshold: gain in d²/σ² to be exceeded, in one finger.
    """
    palm = expected_knuckles(panel.keypoints, sigma_px, excluded, scale)
    slots = range(panel.keypoints.shape[1])
    gains = np.stack([_gains(panel, sigma_px, excluded, palm, slot) for slot in slots], axis=-2)
    placed = np.isfinite(panel.keypoints).all(axis=-1) & ~excluded
    upheld: dict[tuple[int, int], list[tuple[int, bool, float, bool]]] = defaultdict(list)
    for hand, finger in np.argwhere(gains.max(axis=(2, 3)) > threshold).tolist():
        usable = placed[hand][:, _JOINTS[finger]].all(axis=1)
        for claim, certain in _judged(gains[hand, finger], usable):
            upheld[hand, claim.slot].append((finger, claim.outward, claim.gain, certain))
    return [_renaming(hand, slot, upheld[hand, slot]) for hand, slot in sorted(upheld)]


def _gains(panel: Panel, sigma_px: Floats, excluded: Bools, palm: tuple[Floats, Floats], slot: int) -> Floats:
    """(H, 5, 2) what shifting each finger of one answer out and in gains over the mean of the others."""
    reference, its_variance = _mean_of_others(panel, sigma_px, excluded, palm, slot)
    points, variance = panel.keypoints[:, slot], sigma_px[:, slot] ** 2
    return np.stack([_gain(points, variance, reference, its_variance, outward=o) for o in _WAYS], axis=-1)


def _mean_of_others(
    panel: Panel, sigma_px: Floats, excluded: Bools, palm: tuple[Floats, Floats], slot: int
) -> tuple[Floats, Floats]:
    """Mean (H, 21, 2) of all answers but one, and its variance (H, 21); the palm is one of them where fingers begin.

    NaN where nobody else placed the joint, or those who did contradict each other.
    """
    rest = np.delete(np.arange(panel.keypoints.shape[1]), slot)
    points = np.where(excluded[:, rest, :, None], np.nan, panel.keypoints[:, rest])
    knuckles, its_variance = (np.full((len(points), 1, N_JOINTS, *size), np.nan) for size in ((2,), ()))
    knuckles[:, 0, KNUCKLES], its_variance[:, 0, KNUCKLES] = palm
    placed = np.isfinite(points).all(axis=-1).any(axis=1)
    points = np.concatenate([points, knuckles], axis=1)
    known = np.isfinite(points).all(axis=-1)
    variances = np.concatenate([sigma_px[:, rest] ** 2, its_variance], axis=1)
    weight = np.where(known, 1 / np.where(known, variances, 1.0), 0.0)
    count, total = known.sum(axis=1), weight.sum(axis=1)
    filled = np.where(known[..., None], points, 0.0)
    variance = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0)
    mean = (weight[..., None] * filled).sum(axis=1) * variance[..., None]
    scatter = (weight * ((filled - mean[:, None]) ** 2).sum(axis=-1)).sum(axis=1)
    agreed = placed & (scatter <= _LEFT_OVER * np.maximum(count - 1, 1))
    return np.where(agreed[..., None], mean, np.nan), variance


def _gain(points: Floats, variance: Floats, reference: Floats, its_variance: Floats, *, outward: bool) -> Floats:
    """(H, 5) fall of d²/σ² of a finger once shifted; -inf where its three joints don't fit even then.

    The fourth has no partner then, and gets what a joint costs on average: so fit alone tells who is wrong.
    """
    own, target = (slice(0, 3), slice(1, 4)) if outward else (slice(1, 4), slice(0, 3))
    as_named = ((points - reference) ** 2).sum(axis=-1) / (variance + its_variance)
    x, v = points[:, _JOINTS[:, own]], variance[:, _JOINTS[:, own]]
    goal = _JOINTS[:, target]
    shifted = ((x - reference[:, goal]) ** 2).sum(axis=-1) / (v + its_variance[:, goal])
    fits = np.nan_to_num(shifted, nan=np.inf).max(axis=-1) < _LEFT_OVER
    before = np.minimum(np.nan_to_num(as_named), TRUNCATE)[:, _JOINTS].sum(axis=-1)
    return np.where(fits, before - np.nan_to_num(shifted).sum(axis=-1) - _ALONE, -np.inf)


def _judged(gains: Floats, usable: Bools) -> list[tuple[_Claim, bool]]:
    """Who is wrong, and whether that is certain: the one whose mending gains clearly more than another's.

    Of three or more answers the best is named even where the next one comes near; of two both are, then.

    Args:
        gains: (A, 2) of one finger, by answer and way.
        usable: (A) answers with the whole finger.
    """
    slot, way = divmod(int(gains.argmax()), len(_WAYS))
    best = _Claim(float(gains[slot, way]), slot, _WAYS[way])
    certain = best.gain > float(np.delete(gains, slot, axis=0).max(initial=-np.inf)) + _SURE
    rivals = [k for k in np.flatnonzero(usable).tolist() if k != slot]
    if certain or len(rivals) != 1:
        return [(best, certain)]
    return [(best, False), (_Claim(best.gain, rivals[0], not best.outward), False)]


def _renaming(hand: int, slot: int, upheld: list[tuple[int, bool, float, bool]]) -> Renaming:
    """All fingers of one answer as one finding; corrected joint j is the answer's joint `order[j]`, or `UNKNOWN`."""
    order = list(range(N_JOINTS))
    for finger, outward, _, _ in upheld:
        own = _JOINTS[finger].tolist()
        moved = [UNKNOWN, *own[:3]] if outward else [*own[1:], UNKNOWN]
        for joint, source in zip(own, moved, strict=True):
            order[joint] = source
    fingers = tuple(FINGERS[f] for f, *_ in upheld)
    gain, certain = sum(g for _, _, g, _ in upheld), all(sure for *_, sure in upheld)
    return Renaming(hand, slot, SHIFTED, fingers, tuple(order), gain, certain)


def merged(renamings: list[Renaming], shifted: list[Renaming]) -> list[Renaming]:
    """Both kinds of wrong names, of each answer the one that explains more."""
    best: dict[tuple[int, int], Renaming] = {}
    for found in [*renamings, *shifted]:
        held = best.get((found.hand, found.slot))
        if held is None or found.gain > held.gain:
            best[found.hand, found.slot] = found
    return [best[key] for key in sorted(best)]
