"""How near people come to themselves: hands somebody answered twice in one round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Submission, Visibility
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.influence import linear_error
from hint_tools.qc.panel import ABSENT
from hint_tools.qc.scale import measure
from hint_tools.qc.sigmas import UNTOUCHED_PX, Sigmas

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    repeats: Sequence[tuple[Submission, Submission]],
    sigmas: Sigmas,
    resamples: int,
    seed: int,
    sizes: Mapping[str, float] | None = None,
) -> list[Repeats]:
    """Each annotator who repeated hands, by name. Joints left where they were the first time take no part.

    Args:
        repeats: (first, second) answers of one annotator to one hand.
        sigmas: of the round.
        resamples: of the hands, for the intervals.
        seed: of the resamples.
        sizes: hand -> its size, px, as σ was measured with. Without one it is that of the middle of both answers, and
            the hands of careless people look a little too large.
    """
    of: dict[str, list[tuple[Submission, Submission]]] = {}
    for first, second in repeats:
        if all(s.keypoints is not None and s.visibility is not None for s in (first, second)):
            of.setdefault(first.annotator, []).append((first, second))
    known = sizes or {}
    return [
        _measured(name, pairs, sigmas, known, Resampler(np.arange(len(pairs)), resamples, seed))
        for name, pairs in sorted(of.items())
    ]


def _measured(
    name: str,
    pairs: Sequence[tuple[Submission, Submission]],
    sigmas: Sigmas,
    sizes: Mapping[str, float],
    resampler: Resampler,
) -> Repeats:
    points = np.array([[s.keypoints for s in pair] for pair in pairs], dtype=np.float64)
    states = np.array([[s.visibility for s in pair] for pair in pairs], dtype=np.int64)
    placed = np.asarray((states > Visibility.NOT_ANNOTATABLE).all(axis=1))
    own = measure(np.where(placed[..., None], points.mean(axis=1), np.nan)).scale
    given = np.array([sizes.get(first.hand_id, math.nan) for first, _ in pairs])
    scale = np.where(given > 0, given, own)
    apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    same = states[:, 0] == states[:, 1]
    sigma = sigmas.table[states[:, 0], np.arange(states.shape[2])] * scale[:, None]
    moved = placed & same & (apart > UNTOUCHED_PX)
    relative = np.where(moved, (apart / sigma) ** 2, np.nan)
    each = np.repeat(np.arange(len(pairs), dtype=np.int64), states.shape[2])
    squared = resampler.median(relative.ravel(), each)
    value, low, high = (math.sqrt(v / (4 * math.log(2))) for v in (squared.value, squared.low, squared.high))
    judged = np.where(placed, same.astype(np.float64), np.nan)
    state = np.where(np.isfinite(relative), states[:, 0], ABSENT)
    error = Estimate(value, *_with_sigma(value, low, high, state, sigmas.influence[:1]), squared.n)
    return Repeats(name, len(pairs), error, resampler.share(judged.ravel(), each))


def _with_sigma(value: float, low: float, high: float, state: Ints, influence: Floats) -> tuple[float, float]:
    """Ends of the interval once σ, which the error is counted in, is known no better than it is.

    Logarithms of both, whose errors add as squares, each limit by itself. Source: G. Y. Zou and A. Donner,
    "Construction of confidence limits about effect measures: a general approach", Stat. Med. 27 (2008).
    """
    moved = np.zeros(influence.shape[1])
    for code in (Visibility.VISIBLE, Visibility.OCCLUDED):
        part = (state == code).sum(axis=0) / max(int((state != ABSENT).sum()), 1)
        moved += influence[:, :, int(code)].sum(axis=0) @ part / 2
    error, t = linear_error(moved)
    if not value > 0 or not moved.any():
        return low, high
    down, up = (math.hypot(math.log(end / value), t * error) for end in (low, high))
    return value * math.exp(-down), value * math.exp(up)
