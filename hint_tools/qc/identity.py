"""Answers in which fingers carry each other's names, or the whole hand is mirrored.

For two answers every naming of five fingers by five is tried, each finger in its order or reversed
(tip for base): the exact optimum of the assignment problem, all 120 at once. A naming is accepted
when it lowers the sum of d²/σ² by more than a threshold, each joint counting for `TRUNCATE` at most.
Who is wrong then is `accused`'s question.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

N_FINGERS = len(FINGERS)
_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_NAMINGS = np.array(list(itertools.permutations(range(N_FINGERS))))
"""(120, 5): for each finger of the second answer's names, which finger of the first it is; first is identity."""
TRUNCATE = 16.0
"""Largest d²/σ² one joint may count for when a naming is chosen (four standard deviations): a single slip must
not look like a reversed finger."""
_CHUNK = 4096
_RESIDUAL = 8.0
"""Median d²/σ² that may be left once the names are mended (1.4 is expected): a naming that still leaves the
hands far apart, such as of two different hands, explains nothing."""
MIRRORED_PICTURE = "mirrored-picture"


@dataclass(frozen=True, slots=True)
class Renaming:
    """What is wrong with the names in one answer, and how they should have been.

    Args:
        hand: index.
        slot: which answer of the hand.
        kind: `finger-swap`, `finger-reversed`, `mirrored-order`, `fingers-renamed` or `mirrored-picture`.
        fingers: names of the fingers concerned.
        order: (21) corrected joint j is this answer's joint `order[j]`; the identity where no reordering helps.
        gain: by how much d²/σ² falls, untruncated.
        certain: False where it may as well be the other annotator.
        anew: joint, x and y (px) of joints that are nowhere in the answer, as the others have them.
    """

    hand: int
    slot: int
    kind: str
    fingers: tuple[str, ...]
    order: tuple[int, ...]
    gain: float
    certain: bool
    anew: tuple[tuple[int, float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class PairGains:
    """What renaming would do to each pair, for pairs where it helps: all arrays share their first axis.

    Args:
        pair: (K) index of the pair.
        gain: (K).
        order: (K, 21) joint of the first answer that each joint of the second one stands on.
        mirrored: (K) a mirrored picture explains the pair better than any naming.
    """

    pair: Ints
    gain: Floats
    order: Ints
    mirrored: Bools


def pair_gains(panel: Panel, pairs: Pairs, sigma_px: Floats, threshold: float) -> PairGains:
    """The best renaming of every pair that gains more than `threshold`.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) expected error of a coordinate of each joint.
        threshold: gain in d²/σ² to be exceeded.
    """
    found: list[PairGains] = []
    for start in range(0, len(pairs.hand), _CHUNK):
        stop = min(start + _CHUNK, len(pairs.hand))
        first, second = ((pairs.hand[start:stop], k[start:stop]) for k in (pairs.first, pairs.second))
        found.append(_gains(panel, first, second, sigma_px, threshold, start))
    if not found:
        return PairGains(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, N_JOINTS), np.int64), np.zeros(0, np.bool_))
    return PairGains(*(np.concatenate([getattr(f, n) for f in found]) for n in ("pair", "gain", "order", "mirrored")))


def _gains(
    panel: Panel, first: tuple[Ints, Ints], second: tuple[Ints, Ints], sigma_px: Floats, threshold: float, start: int
) -> PairGains:
    a, b = panel.keypoints[first], panel.keypoints[second]
    variance_a, variance_b = sigma_px[first] ** 2, sigma_px[second] ** 2
    as_given = _squares(a, b, variance_a, variance_b)
    # nothing can gain more than the whole cost: most pairs end here
    chosen = np.flatnonzero(_truncated(as_given) > threshold)
    a, b, variance_a, variance_b, as_given = (x[chosen] for x in (a, b, variance_a, variance_b, as_given))
    cost, backward, as_named = finger_costs(a, b, variance_a, variance_b)
    everything = cost[:, _NAMINGS, np.arange(N_FINGERS)].sum(axis=-1)
    best = everything.argmin(axis=1)
    gain = as_named - np.take_along_axis(everything, best[:, None], axis=1)[:, 0]
    mirror_gain, turned = mirror_gains(a, b, variance_a, variance_b)
    mirrored = (mirror_gain > np.maximum(gain, threshold)) & (_median(turned) < _RESIDUAL)
    better = np.where(mirrored, mirror_gain, gain) > threshold
    order = np.tile(np.arange(N_JOINTS), (len(best), 1))
    for k in np.flatnonzero(better & ~mirrored):
        order[k] = _order(_NAMINGS[best[k]], backward[k])
    mended = np.take_along_axis(a, order[..., None], axis=1), np.take_along_axis(variance_a, order, axis=1)
    left = np.where(mirrored[:, None], turned, _squares(mended[0], b, mended[1], variance_b))
    keep = np.flatnonzero(better & (_median(left) < _RESIDUAL))
    full = np.maximum(np.nansum(as_given, axis=1) - np.nansum(left, axis=1), threshold)
    return PairGains(start + chosen[keep], full[keep], order[keep], mirrored[keep])


def mirror_gains(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats) -> tuple[Floats, Floats]:
    """(K) fall of d²/σ² when `b` is turned over left to right, and (K, 21) what is left then.

    Args:
        a: (K, 21, 2) px.
        b: (K, 21, 2) px.
        variance_a: (K, 21) px², of a coordinate.
        variance_b: (K, 21) px².
    """
    turned = _mirrored_squares(a, b, variance_a, variance_b)
    return _truncated(_squares(a, b, variance_a, variance_b)) - _truncated(turned), turned


def is_mirrored(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats, threshold: float) -> tuple[Bools, Floats]:
    """(K) a mirrored `b` explains `a` and nothing is left over, and (K) the fall of d²/σ².

    Args:
        a: (K, 21, 2) px.
        b: (K, 21, 2) px.
        variance_a: (K, 21) px², of a coordinate.
        variance_b: (K, 21) px².
        threshold: fall to be exceeded.
    """
    gain, left = mirror_gains(a, b, variance_a, variance_b)
    return (gain > threshold) & (_median(left) < _RESIDUAL), gain


def _truncated(squares: Floats) -> Floats:
    return np.asarray(np.nansum(np.minimum(squares, TRUNCATE), axis=1))


def _median(squares: Floats) -> Floats:
    """Median (K) of (K, 21), NaN ones ignored; every row has at least one number."""
    ordered = np.sort(squares, axis=1)
    middle = (np.isfinite(squares).sum(axis=1) - 1) // 2
    return np.asarray(np.take_along_axis(ordered, np.maximum(middle, 0)[:, None], axis=1)[:, 0])


def finger_costs(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats) -> tuple[Floats, Bools, Floats]:
    """Cost (K, 5, 5) of finger f of `a` being finger g of `b`, whether it is the reversed order's, and (K) as named.

    Joints only one of them has take no part; a finger's cost is brought to four joints, so that few
    joints are not cheap. A finger that can't be compared costs nothing in its own place and everything elsewhere.

    Args:
        a: (K, 21, 2) px.
        b: (K, 21, 2) px.
        variance_a: (K, 21) px², of a coordinate.
        variance_b: (K, 21) px².
    """
    fa, va = a[:, _JOINTS][:, :, None], variance_a[:, _JOINTS][:, :, None]
    fb, vb = b[:, _JOINTS][:, None], variance_b[:, _JOINTS][:, None]
    forward = four_joints(((fa - fb) ** 2).sum(axis=-1) / (va + vb))
    reverse = four_joints(((fa - fb[..., ::-1, :]) ** 2).sum(axis=-1) / (va + vb[..., ::-1]))
    same = np.eye(N_FINGERS, dtype=np.bool_)
    unknown = np.where(same, 0.0, 1e12)
    cost = np.fmin(forward, reverse)
    backward = np.asarray(reverse < forward)
    as_named = np.nansum(np.diagonal(forward, axis1=1, axis2=2), axis=1)
    return np.where(np.isnan(cost), unknown, cost), backward, as_named


def four_joints(squares: Floats) -> Floats:
    """Sum over the joints of a finger (last axis) of truncated d²/σ², brought to four; NaN with fewer than two."""
    known = np.isfinite(squares)
    count = known.sum(axis=-1)
    total = np.where(known, np.minimum(squares, TRUNCATE), 0.0).sum(axis=-1)
    return np.where(count >= 2, total * 4 / np.maximum(count, 1), np.nan)


def _squares(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats) -> Floats:
    return np.asarray(((a - b) ** 2).sum(axis=-1) / (variance_a + variance_b))


def _mirrored_squares(a: Floats, b: Floats, variance_a: Floats, variance_b: Floats) -> Floats:
    """d²/σ² (K, 21) when `b` is turned over left to right about its middle, then moved onto `a`."""
    known = np.isfinite(a - b).all(axis=-1)
    turned = b * np.array([-1.0, 1.0])
    weight = np.where(known, 1.0, 0.0)[..., None] / np.maximum(known.sum(axis=1), 1)[:, None, None]
    shift = np.nansum((a - turned) * weight, axis=1, keepdims=True)
    return _squares(a, turned + shift, variance_a, variance_b)


def _order(naming: Ints, backward: Bools) -> Ints:
    order = np.arange(N_JOINTS)
    for g, f in enumerate(naming):
        order[_JOINTS[g]] = _JOINTS[f][::-1] if backward[f, g] else _JOINTS[f]
    return order


def excluded_joints(panel: Panel, renamings: list[Renaming]) -> Bools:
    """(H, A, 21): joints of the fingers that carry a wrong name; all joints of a mirrored picture.

    Uncertain ones are excluded nowhere: with both answers gone nothing would be left.
    """
    excluded = np.zeros(panel.visibility.shape, dtype=np.bool_)
    for found in renamings:
        if not found.certain:
            continue
        if found.kind == MIRRORED_PICTURE:
            excluded[found.hand, found.slot] = True
        else:
            wrong = [j for j, k in enumerate(found.order) if j != k]
            excluded[found.hand, found.slot, wrong] = True
    return excluded
