"""How near people come to themselves: hands somebody answered twice in one round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hint_tools.core.records import Submission, Visibility
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.scale import measure
from hint_tools.qc.sigmas import UNTOUCHED_PX, Sigmas


@dataclass(frozen=True, slots=True)
class Repeats:
    """One annotator against themselves.

    Args:
        annotator: name.
        hands: answered twice.
        error: median distance of the two answers, × that of two different people who err by σ.
        same_state: part of the joints given the same state both times, with its interval.
    """

    annotator: str
    hands: int
    error: Estimate
    same_state: Estimate


def measure_repeats(
    repeats: Sequence[tuple[Submission, Submission]], sigmas: Sigmas, resamples: int, seed: int
) -> list[Repeats]:
    """Each annotator who repeated hands, by name. Joints left where they were the first time take no part.

    Args:
        repeats: (first, second) answers of one annotator to one hand.
        sigmas: of the round.
        resamples: of the hands, for the intervals.
        seed: of the resamples.
    """
    of: dict[str, list[tuple[Submission, Submission]]] = {}
    for first, second in repeats:
        if all(s.keypoints is not None and s.visibility is not None for s in (first, second)):
            of.setdefault(first.annotator, []).append((first, second))
    return [_measured(name, of[name], sigmas, resamples, seed) for name in sorted(of)]


def _measured(
    name: str, pairs: Sequence[tuple[Submission, Submission]], sigmas: Sigmas, resamples: int, seed: int
) -> Repeats:
    points = np.array([[s.keypoints for s in pair] for pair in pairs], dtype=np.float64)
    states = np.array([[s.visibility for s in pair] for pair in pairs], dtype=np.int64)
    placed = np.asarray((states > Visibility.NOT_ANNOTATABLE).all(axis=1))
    # of both answers' middle: a careless answer alone looks larger than its hand
    scale = measure(np.where(placed[..., None], points.mean(axis=1), np.nan)).scale
    apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    same = states[:, 0] == states[:, 1]
    sigma = sigmas.table[states[:, 0], np.arange(states.shape[2])] * scale[:, None]
    moved = placed & same & (apart > UNTOUCHED_PX)
    relative = np.where(moved, (apart / sigma) ** 2, np.nan)
    hand = np.arange(len(pairs), dtype=np.int64)
    resampler = Resampler(hand, resamples, seed)
    each = np.repeat(hand, states.shape[2])
    squared = resampler.median(relative.ravel(), each)
    value, low, high = (math.sqrt(v / (4 * math.log(2))) for v in (squared.value, squared.low, squared.high))
    judged = np.where(placed, same.astype(np.float64), np.nan)
    return Repeats(name, len(pairs), Estimate(value, low, high, squared.n), resampler.share(judged.ravel(), each))
