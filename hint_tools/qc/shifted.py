"""Fingers labelled one joint too far: the knuckle's name on the next joint, and so on to the tip, or the reverse.

`shift_evidence` says how much likelier that is than names in their places, `shift_alarms` from where on it is believed.
With two answers "one is ahead" and "the other is behind" explain them nearly alike: what is left to tell them apart is
the palm, the bones, the pre-label, and who shifts fingers elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.qc.difficulty import finger_difficulty
from hint_tools.qc.finger_chain import bones_aside, by_finger, placed
from hint_tools.qc.identity import TRUNCATE, Renaming
from hint_tools.qc.label_error import KINDS, Labels
from hint_tools.qc.palm import expected_knuckles
from hint_tools.qc.panel import Panel
from hint_tools.qc.shift_alarms import alarm_threshold
from hint_tools.qc.shift_evidence import WAYS, Fingers, rest_of, shift_gains

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHIFTED = "shifted-chain"
UNKNOWN = -1
"""In an order: this joint is nowhere in the answer and is placed anew."""
_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_SURE = 11.0
"""Likelihoods of 250 to 1, as 2 ln: where the laws behind them hold only about, one in a hundred is wrong."""
_WORTH_A_LOOK = 6.0
"""Fall of d²/σ² once shifted, over the mean of the others, from which on a finger is looked at closely."""
_FEW = 5.0
"""Shifted fingers' worth by which an annotator is taken for one like the others."""
_SAMPLE = 600
"""Hands from which the threshold is computed."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One answer's finger is a joint too far out, or in.

    Args:
        gain: 2 ln of the likelihood ratio.
        slot: which answer.
        outward: too far out.
        certain: nobody else may as well be wrong.
        anew: px of the joint that is nowhere in the answer, as everybody else has it.
    """

    gain: float
    slot: int
    outward: bool
    certain: bool
    anew: tuple[float, float]


def find_shifted(
    panel: Panel,
    scale: Floats,
    sigma_px: Floats,
    factors: Floats,
    excluded: Bools,
    labels: Labels | None,
    rate: float,
    seed: int = 0,
) -> list[Renaming]:
    """Answers with fingers labelled one joint too far out or in, sorted by hand and answer.

    Args:
        panel: the answers.
        scale: (H) px.
        sigma_px: (H, A, 21) expected error of a coordinate of each joint.
        factors: (annotators) how many times the usual error each errs.
        excluded: (H, A, 21) joints known to be wrong already: nobody is held against them.
        labels: of the pre-labels, if there are any.
        rate: part of the clean hands that may be accused.
        seed: of the draws behind the threshold.
    """
    excluded = excluded | ~np.isfinite(scale)[:, None, None]
    hard = finger_difficulty(panel.keypoints, sigma_px, excluded)
    every = gather_fingers(panel, scale, sigma_px, factors, excluded, labels, hard)
    counted = placed(every.points) & every.counted
    usable = np.asarray(counted.all(axis=-1))
    hands = _sample(len(panel.hand_ids), counted)
    some = (hands[:, None] * len(FINGERS) + np.arange(len(FINGERS))).ravel()
    threshold = alarm_threshold(every.taken(some), len(hands), usable[some], rate, seed)
    gains = np.full((*usable.shape, len(WAYS)), -np.inf)
    for slot in range(usable.shape[1]):
        near = np.flatnonzero(_first_look(every, slot).max(axis=1) > _WORTH_A_LOOK)
        gains[near, slot] = shift_gains(every.taken(near), slot)
    told = np.flatnonzero(gains.max(axis=(1, 2)) > threshold)
    habits = _habits(panel, gains, usable, told)
    upheld: dict[tuple[int, int], list[tuple[int, _Claim]]] = defaultdict(list)
    for k in told.tolist():
        hand, finger = divmod(k, len(FINGERS))
        for claim in _judged(every.taken(np.array([k])), gains[k], usable[k], habits[hand]):
            upheld[hand, claim.slot].append((finger, claim))
    return [_renaming(hand, slot, upheld[hand, slot]) for hand, slot in sorted(upheld)]


def _sample(n: int, counted: Bools) -> Ints:
    """Hands with a finger answered twice, evenly spread, at most `_SAMPLE`."""
    twice = (counted.any(axis=-1).sum(axis=1) >= 2).reshape(n, len(FINGERS)).any(axis=1)
    known = np.flatnonzero(twice)
    return np.asarray(known[np.unique(np.linspace(0, len(known) - 1, min(len(known), _SAMPLE)).astype(np.int64))])


def gather_fingers(
    panel: Panel,
    scale: Floats,
    sigma_px: Floats,
    factors: Floats,
    excluded: Bools,
    labels: Labels | None,
    hard: Floats,
) -> Fingers:
    """All fingers of all hands, hand by hand; arguments as those of `find_shifted`, and `hard` of `difficulty`."""
    n, width = panel.keypoints.shape[:2]
    count = n * len(FINGERS)
    variance = sigma_px**2
    knuckles, spread = expected_knuckles(panel.keypoints, sigma_px, excluded, scale)
    palm = np.concatenate([np.full((n, 1, 2), np.nan), knuckles], axis=1)
    its = np.concatenate([np.full((n, 1), np.nan), spread], axis=1)

    def per_finger(values: Floats | Bools) -> Floats:
        return np.ascontiguousarray(by_finger(values).swapaxes(1, 2)).reshape(count, width, 4)

    points = np.stack([per_finger(panel.keypoints[..., x]) for x in (0, 1)], axis=-1)
    harder = hard.reshape(count, 1, 1)
    everybody = np.where(excluded[..., None], np.nan, panel.keypoints)
    mean, its_variance = _weighted(everybody, variance)
    aside, aside_variance = bones_aside(mean, its_variance, scale)
    label = labels.points if labels else np.full((n, N_JOINTS, 2), np.nan)
    label_variance = labels.variance if labels else np.full((n, N_JOINTS), np.nan)
    return Fingers(
        finger=np.tile(np.arange(len(FINGERS)), n),
        points=points,
        counted=per_finger(~excluded).astype(np.bool_),
        variance=per_finger(variance) * harder,
        shared=per_finger(_shared(panel, labels)),
        usual=per_finger(_usual(variance, factors[np.maximum(panel.annotator, 0)])) * harder,
        wrist=np.repeat(mean[:, 0], len(FINGERS), axis=0),
        palm=palm.reshape(count, 2),
        palm_variance=its.reshape(count),
        aside=aside.reshape(count, 3, 2),
        aside_variance=aside_variance.reshape(count, 3),
        label=np.stack([by_finger(label[..., x]).reshape(count, 4) for x in (0, 1)], axis=-1),
        label_variance=by_finger(label_variance).reshape(count, 4),
        size=np.repeat(scale, len(FINGERS)),
        alike=0.0 if labels is None else labels.alike,
        shares=np.full(len(KINDS), 1 / len(KINDS)) if labels is None else labels.shares,
    )


def _shared(panel: Panel, labels: Labels | None) -> Floats:
    """(H, A, 21) how many answers left the pre-label where this one did; 1 where it moved the joint."""
    if labels is None:
        return np.ones(panel.visibility.shape)
    return np.where(labels.untouched, labels.untouched.sum(axis=1, keepdims=True), 1.0)


def _usual(variance: Floats, factor: Floats) -> Floats:
    """(H, A, 21) variance of each annotator at joints in the state the others say, his own where they say nothing."""
    common = variance / factor[..., None] ** 2
    known = np.isfinite(common)
    total, count = np.where(known, common, 0.0).sum(axis=1, keepdims=True), known.sum(axis=1, keepdims=True)
    rest, number = total - np.where(known, common, 0.0), count - known
    others = np.divide(rest, number, out=np.full_like(rest, np.nan), where=number > 0)
    return np.where(number > 0, others * factor[..., None] ** 2, variance)


def _weighted(points: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Mean (N, J, 2) of the answers (N, A, J, 2), weighted by 1 / variance (N, A, J), and its variance (N, J)."""
    known = placed(points) & np.isfinite(variance)
    weight = np.where(known, 1 / np.where(known, variance, 1.0), 0.0)
    total = weight.sum(axis=1)
    spread = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0)
    return (weight[..., None] * np.where(known[..., None], points, 0.0)).sum(axis=1) * spread[..., None], spread


def _first_look(fingers: Fingers, slot: int) -> Floats:
    """(K, 2) fall of d²/σ², each joint counting for `TRUNCATE` at most, over the mean of the other answers.

    Of all fingers it leaves those few on which the evidence is worth its time.
    """
    others = np.delete(np.arange(fingers.points.shape[1]), slot)
    counted = np.where(fingers.counted[:, others, :, None], fingers.points[:, others], np.nan)
    mean, spread = _weighted(counted, fingers.variance[:, others])
    points, own = fingers.points[:, slot], fingers.variance[:, slot]
    as_named = np.minimum(np.nan_to_num(((points - mean) ** 2).sum(axis=-1) / (own + spread)), TRUNCATE).sum(axis=-1)
    found = []
    for outward in WAYS:
        here, there = (slice(0, 3), slice(1, 4)) if outward else (slice(1, 4), slice(0, 3))
        usual = fingers.usual[:, slot, there]
        moved = ((points[:, here] - mean[:, there]) ** 2).sum(axis=-1) / (usual + spread[:, there])
        found.append(as_named - np.minimum(np.nan_to_num(moved, nan=np.inf), TRUNCATE).sum(axis=-1))
    return np.stack(found, axis=-1)


def _habits(panel: Panel, gains: Floats, usable: Bools, told: Ints) -> Floats:
    """(H, A) 2 ln of how often each annotator shifts a finger where nobody else can have done it.

    Pulled to the average of all by `_FEW` such fingers.
    """
    best = gains.max(axis=2)
    count = np.zeros(len(panel.annotators))
    for k in told.tolist():
        slot = int(best[k].argmax())
        if best[k, slot] > np.delete(best[k], slot).max(initial=-np.inf) + _SURE:
            count[panel.annotator[k // len(FINGERS), slot]] += 1
    answered = np.repeat(panel.annotator, len(FINGERS), axis=0)[usable]
    number = np.bincount(answered[answered >= 0], minlength=len(count)).astype(np.float64)
    average = max(count.sum(), 1.0) / max(number.sum(), 1.0)
    rate = (count + _FEW) / (number + _FEW / average)
    return np.asarray(2 * np.log(rate)[np.maximum(panel.annotator, 0)])


def _judged(finger: Fingers, gains: Floats, usable: Bools, habit: Floats) -> list[_Claim]:
    """Who is wrong, and whether that is certain: the one whose mending gains clearly more than another's.

    Of three or more answers the best is named even where the next one comes near; of two both are, then.

    Args:
        finger: one.
        gains: (A, 2) by answer and way.
        usable: (A) answers with the whole finger.
        habit: (A) of `_habits`.
    """
    weighed = gains.max(axis=1) + habit
    slot = int(weighed.argmax())
    certain = bool(weighed[slot] > np.delete(weighed, slot).max(initial=-np.inf) + _SURE)
    rivals = [k for k in np.flatnonzero(usable).tolist() if k != slot]
    way = int(gains[slot].argmax())
    best = _Claim(float(gains[slot, way]), slot, WAYS[way], certain, _anew(finger, slot, WAYS[way]))
    if certain or len(rivals) != 1:
        return [best]
    other = rivals[0]
    return [best, _Claim(best.gain, other, not best.outward, False, _anew(finger, other, not best.outward))]


def _anew(finger: Fingers, slot: int, outward: bool) -> tuple[float, float]:
    """Where everybody else, the palm and the neighbouring joints have the joint that is nowhere in the answer."""
    place = 0 if outward else 3
    x, y = rest_of(finger, slot)[0].mean[0, place].tolist()
    return x, y


def _renaming(hand: int, slot: int, upheld: list[tuple[int, _Claim]]) -> Renaming:
    """All fingers of one answer as one finding; corrected joint j is the answer's joint `order[j]`, or `UNKNOWN`."""
    order = list(range(N_JOINTS))
    anew = []
    for finger, claim in upheld:
        own = _JOINTS[finger].tolist()
        moved = [UNKNOWN, *own[:3]] if claim.outward else [*own[1:], UNKNOWN]
        anew.append((own[moved.index(UNKNOWN)], *claim.anew))
        for joint, source in zip(own, moved, strict=True):
            order[joint] = source
    fingers = tuple(FINGERS[f] for f, _ in upheld)
    gain, certain = sum(c.gain for _, c in upheld), all(c.certain for _, c in upheld)
    return Renaming(hand, slot, SHIFTED, fingers, tuple(order), gain, certain, tuple(anew))


def merged(renamings: list[Renaming], shifted: list[Renaming]) -> list[Renaming]:
    """Both kinds of wrong names, of each answer the one that explains more."""
    best: dict[tuple[int, int], Renaming] = {}
    for found in [*renamings, *shifted]:
        held = best.get((found.hand, found.slot))
        if held is None or found.gain > held.gain:
            best[found.hand, found.slot] = found
    return [best[key] for key in sorted(best)]
