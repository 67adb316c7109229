"""How much likelier an answer is with a finger labelled one joint too far out or in than as it is named.

Each answer is held against the rest: the other answers, where the palm has the knuckle, how bones follow each other
(`finger_chain`), and the pre-label. The rest makes the finger's four joints a normal law; the answer's four points are
those joints plus its own error, or the next ones out or in. The fourth point has no partner then: it lies beyond the
tip, or before the knuckle, by up to a bone. So every point is told by both hypotheses, each with its own variance, and
a likelihood ratio comes out. A point so far off that it is likelier a slip counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from hint_tools.qc.finger_chain import (
    N_PLACES,
    Chains,
    anatomy,
    diagonal,
    log_density,
    placed,
    predicted,
    updated,
)
from hint_tools.qc.label_error import KINDS, finger_covariance, slide

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WAYS = (True, False)
"""Outward, inward."""
STRAY = 0.01
"""Part of an annotator's joints that are nowhere near."""
_ROOM = 2.0
"""Area in which a stray joint lies, in squared sizes of the hand."""
_LEFT_OVER = 16.0
"""Largest d²/σ² of opinions that are to make one: 1 in 3,000 at random."""
_HUGE = 1e4
"""Variance, in squared sizes of the hand, of a point that is to say nothing."""
_OUT = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, -0.5, 1.5]])
_MOVES = (_OUT, _OUT[::-1, ::-1].copy())
"""For each of `WAYS` where the points are, in terms of the joints; the one alone is half a bone off the end."""
_ALONE = (3, 0)
_TO = ((1, 2, 3, 3), (0, 0, 1, 2))
_BEYOND = 1 / 12
"""Variance of where it lies, in squared lengths of that bone: nobody knows more than that it is within one."""


@dataclass(frozen=True, eq=False)
class Fingers:
    """What is said of K fingers of four joints; NaN where nothing is.

    Args:
        finger: (K) index.
        points: (K, A, 4, 2) px of the answers.
        counted: (K, A, 4) False for points nobody is to be held against.
        variance: (K, A, 4) px² of each point, as named.
        shared: (K, A, 4) how many answers this opinion is: all that left the pre-label there are one.
        usual: (K, A, 4) px² that this annotator's point has at each joint, were it that joint.
        wrist: (K, 2) px.
        palm, palm_variance: (K, 2) px and (K) px² of the knuckle.
        aside, aside_variance: (K, 3, 2) px and (K, 3) px² of the bones as fingers beside this one have them.
        label, label_variance: (K, 4, 2) px and (K, 4) px² of the pre-label.
        size: (K) px of the hands.
        alike, shares: how the pre-label errs, see `label_error.Labels`.
    """

    finger: Ints
    points: Floats
    counted: Bools
    variance: Floats
    shared: Floats
    usual: Floats
    wrist: Floats
    palm: Floats
    palm_variance: Floats
    aside: Floats
    aside_variance: Floats
    label: Floats
    label_variance: Floats
    size: Floats
    alike: float
    shares: Floats

    def taken(self, index: Ints) -> Fingers:
        """Some of them."""
        common = ("alike", "shares")
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in common})

    @property
    def room(self) -> Floats:
        """(K) log density of a stray point."""
        return np.asarray(np.log(STRAY) - np.log(_ROOM * self.size**2))


def rest_of(fingers: Fingers, slot: int) -> tuple[Chains, Bools]:
    """Where everything but one answer and the pre-label has the joints, and (K, 4) joints another answer placed.

    Joints on which the others contradict each other, or the palm them, are left to the rest of the finger.
    """
    others = np.delete(np.arange(fingers.points.shape[1]), slot)
    variance = fingers.variance[:, others] * fingers.shared[:, others]
    points = np.where(fingers.counted[:, others, :, None], fingers.points[:, others], np.nan)
    known = placed(points) & np.isfinite(variance)
    weight = np.where(known, 1 / np.where(known, variance, 1.0), 0.0)
    total, filled = weight.sum(axis=1), np.where(known[..., None], points, 0.0)
    spread = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0)
    mean = (weight[..., None] * filled).sum(axis=1) * spread[..., None]
    scatter = (weight * ((filled - mean[:, None]) ** 2).sum(axis=-1)).sum(axis=1)
    agreed = known.any(axis=1) & (scatter <= _LEFT_OVER * np.maximum(known.sum(axis=1) - 1, 1))
    mean = np.where(agreed[..., None], mean, np.nan)
    palm = np.full(mean.shape, np.nan)
    astray = ((fingers.palm - mean[:, 0]) ** 2).sum(axis=-1) > _LEFT_OVER * (fingers.palm_variance + spread[:, 0])
    palm[:, 0] = np.where(astray[:, None], np.nan, fingers.palm)
    its = np.repeat(fingers.palm_variance[:, None], N_PLACES, axis=1)
    told = anatomy(fingers.finger, fingers.wrist, fingers.size, fingers.aside, fingers.aside_variance)
    return told.joined_by(mean, spread).joined_by(palm, its).chains(), agreed


def label_cases(fingers: Fingers, rest: Chains) -> list[tuple[Floats, Chains]]:
    """The rest with the pre-label, for each way it may err: (K) log probability so far, and the joints."""
    known = placed(fingers.label)
    if not known.any():
        return [(np.zeros(len(known)), rest)]
    noise = finger_covariance(np.where(known, fingers.label_variance, 1.0), fingers.alike)
    both = known[:, :, None] & known[:, None, :]
    silent = diagonal(np.where(known, 0.0, (_HUGE * fingers.size**2)[:, None]))
    found = []
    for (factor, bones), share in zip(KINDS, fingers.shares, strict=True):
        how = slide(bones)
        points = np.where(known[..., None], fingers.label, how @ rest.mean)
        after, density = updated(rest, how, np.where(both, noise * factor**2, 0.0) + silent, points)
        found.append((np.log(share) + density, after))
    return found


def shift_gains(fingers: Fingers, slot: int) -> Floats:
    """(K, 2) 2 ln of the likelihood ratio of one answer's fingers too far out, or in, against as named.

    -inf where fewer than three of its points can be compared then.
    """
    rest, agreed = rest_of(fingers, slot)
    cases = label_cases(fingers, rest)
    return gains_over(fingers, slot, cases, agreed, fingers.points[:, slot])


def gains_over(
    fingers: Fingers, slot: int, cases: list[tuple[Floats, Chains]], agreed: Bools, points: Floats
) -> Floats:
    """`shift_gains` of any points (K, 4, 2) px in the place of that answer's."""
    named = [odds + _told(fingers, c, np.eye(N_PLACES), points, fingers.variance[:, slot]) for odds, c in cases]
    as_named = _log_sum(np.stack(named))
    known = placed(points)
    gains = []
    for way, how in enumerate(_MOVES):
        variance = moved_variance(fingers, slot, way, points)
        partners = np.arange(N_PLACES) != _ALONE[way]
        moved = np.stack([odds + _told(fingers, c, how, points, variance) for odds, c in cases])
        usable = known & agreed[:, _TO[way]] & np.isfinite(variance)
        gains.append(np.where(usable[:, partners].all(axis=1), 2 * (_log_sum(moved) - as_named), -np.inf))
    return np.stack(gains, axis=-1)


def moved_variance(fingers: Fingers, slot: int, way: int, points: Floats) -> Floats:
    """(K, 4) px² of one answer's points, its finger being shifted; the one alone lies anywhere within a bone."""
    variance = fingers.usual[:, slot][:, _TO[way]].copy()
    last, before = (2, 1) if WAYS[way] else (1, 2)
    bone = ((points[:, last] - points[:, before]) ** 2).sum(axis=-1)
    variance[:, _ALONE[way]] += _BEYOND * bone
    return np.asarray(variance)


def move(way: int) -> Floats:
    """(4, 4) that leads from the joints to where a shifted finger's points are."""
    return _MOVES[way]


def _told(fingers: Fingers, chains: Chains, how: Floats, points: Floats, variance: Floats) -> Floats:
    """(K) log density of points that are `how` times the joints, slips included."""
    known = placed(points) & np.isfinite(variance)
    huge = (_HUGE * fingers.size**2)[:, None]
    spread = np.where(known, variance, huge)
    law = predicted(chains, how, diagonal(spread))
    own = np.diagonal(law.covariance, axis1=1, axis2=2)
    filled = np.where(known[..., None], points, law.mean)
    squared = ((filled - law.mean) ** 2).sum(axis=-1) / own
    room = fingers.room[:, None]
    slipped = known & (-squared / 2 - np.log(2 * np.pi * own) < room)
    silent = slipped | ~known
    law = Chains(law.mean, law.covariance + diagonal(np.where(slipped, huge, 0.0)))
    filled = np.where(silent[..., None], law.mean, filled)
    paid = np.where(silent, np.log(2 * np.pi * huge), 0.0) + np.where(slipped, room, 0.0)
    return np.asarray(log_density(law, filled) + paid.sum(axis=1))


def _log_sum(values: Floats) -> Floats:
    """Logarithm of Σ exp along the first axis."""
    largest = values.max(axis=0)
    return np.asarray(np.log(np.exp(values - largest).sum(axis=0)) + largest)
