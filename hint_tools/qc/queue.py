"""The hands to look at again, worst first, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import QueueItem
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.qc.mistakes import KINDS, Mistake, name_of
from hint_tools.qc.occlusion import occlusion_counts
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ALWAYS = frozenset({"wrong-side", "side-unclear", "wrong-hand", "rejection-split"})
"""Mistakes no distance shows: such a hand is looked at again however near its joints are."""


@dataclass(frozen=True, eq=False)
class Outliers:
    """The joint at which two answers to each hand are farthest apart in units of σ.

    Args:
        z: (H) the standardised distance; NaN with fewer than two answers.
        joint: (H) index of the joint.
        pair: (H) index of the pair, -1 without one.
    """

    z: Floats
    joint: Ints
    pair: Ints


def find_outliers(panel: Panel, pairs: Pairs, sigma_px: Floats) -> Outliers:
    """The worst joint of every hand; under clean answers z² is χ² with two degrees of freedom.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
    """
    first, second = ((pairs.hand, k) for k in (pairs.first, pairs.second))
    apart = np.linalg.norm(panel.keypoints[first] - panel.keypoints[second], axis=-1)
    z = np.nan_to_num(apart / np.sqrt(sigma_px[first] ** 2 + sigma_px[second] ** 2), nan=-1.0)
    n = len(panel.hand_ids)
    worst, joint, pair = np.full(n, np.nan), np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    if len(z):
        at = z.argmax(axis=1)
        largest = z.max(axis=1)
        order = np.lexsort((-np.arange(len(z)), largest))  # the last one written to a hand is its largest
        worst[pairs.hand[order]], joint[pairs.hand[order]] = largest[order], at[order]
        pair[pairs.hand[order]] = order
    worst[worst < 0] = np.nan
    return Outliers(worst, joint, pair)


def occlusion_disagreement(panel: Panel) -> Floats:
    """(H) part of the joints with two or more votes on which they are not of one mind; 0 without any."""
    counts = occlusion_counts(panel)
    voted = counts.sum(axis=2) >= 2
    split = voted & (counts > 0).all(axis=2)
    total = voted.sum(axis=1)
    return np.asarray(np.divide(split.sum(axis=1), total, out=np.zeros(len(total)), where=total > 0))


def second_look(panel: Panel, outliers: Outliers, mistakes: Sequence[Mistake], threshold: float) -> Floats:
    """(H) what a second look would gain: max(z, sqrt(gain of mending)); at least `threshold` with a mistake named.

    Args:
        panel: the answers.
        outliers: of the panel.
        mistakes: found in it.
        threshold: that a hand with a mistake no distance shows gets at least.
    """
    score = np.nan_to_num(outliers.z)
    for mistake in mistakes:
        floor = threshold if mistake.kind in _ALWAYS or mistake.gain > 0 else 0.0
        score[mistake.hand] = max(score[mistake.hand], math.sqrt(mistake.gain), floor)
    return np.asarray(score)


def spread_over_clips(score: Floats, split: Floats, clip: Ints) -> Ints:
    """Hands, most worth a look first, in an order no clip can fill: a clip's k-th hand counts for score / sqrt(k).

    Args:
        score: (H) of `second_look`.
        split: (H) disagreement on occlusion; decides between equal scores.
        clip: (H) index.
    """
    order = np.lexsort((np.arange(len(score)), -split, -score))
    seen: Counter[int] = Counter()
    shared = np.zeros(len(score))
    for hand in order.tolist():
        seen[int(clip[hand])] += 1
        shared[hand] = score[hand] / math.sqrt(seen[int(clip[hand])])
    return np.asarray(np.lexsort((np.arange(len(score)), -split, -shared)), dtype=np.int64)


def build_queue(
    panel: Panel,
    pairs: Pairs,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    threshold: float,
    *,
    settled: frozenset[str] = frozenset(),
    unsettled: frozenset[str] = frozenset(),
) -> list[QueueItem]:
    """Hands past `threshold` and hands without a consensus, by what a second look would gain, spread over clips.

    Args:
        panel: the answers.
        pairs: of the panel.
        outliers: of the panel.
        mistakes: found in it.
        threshold: score from which on a hand is looked at again.
        settled: hands a later round or an expert has decided: they stay out.
        unsettled: hands without enough agreement: they are in, whatever their score.
    """
    of_hand: dict[int, list[Mistake]] = {}
    for mistake in mistakes:
        of_hand.setdefault(mistake.hand, []).append(mistake)
    score = second_look(panel, outliers, mistakes, threshold)
    undecided = np.array([h in unsettled for h in panel.hand_ids], dtype=np.bool_)
    score = np.where(undecided, np.maximum(score, threshold), score)
    chosen = np.array([h not in settled for h in panel.hand_ids], dtype=np.bool_) & (score >= threshold)
    index = np.flatnonzero(chosen)
    order = index[spread_over_clips(score[index], occlusion_disagreement(panel)[index], panel.clip[index])]
    return [
        QueueItem(
            hand_id=panel.hand_ids[hand],
            rank=rank,
            score=float(score[hand]),
            reason=_reason(panel, pairs, outliers, of_hand.get(hand, []), hand, threshold)
            or "no two annotators agree on enough joints",
        )
        for rank, hand in enumerate(order.tolist(), start=1)
    ]


def _reason(
    panel: Panel, pairs: Pairs, outliers: Outliers, mistakes: Sequence[Mistake], hand: int, threshold: float
) -> str:
    order = list(KINDS)
    parts = [m.message for m in sorted(mistakes, key=lambda m: (order.index(m.kind), m.slots))]
    if outliers.z[hand] >= threshold:
        pair = outliers.pair[hand]
        who = " and ".join(name_of(panel, hand, int(k[pair])) for k in (pairs.first, pairs.second))
        joint = JOINT_NAMES[outliers.joint[hand]]
        parts.append(f"{who} are {outliers.z[hand]:.1f} standard deviations apart at {joint}")
    return "; ".join(parts)
