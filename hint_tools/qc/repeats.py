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
    sources: Mapping[str, str] | None = None,
) -> list[Repeats]:
    """Each annotator who repeated hands, by name.

    Joints left where they were the first time, and those of rejected hands, take no part.

    Args:
        repeats: (first, second) answers of one annotator to one hand.
        sigmas: of the round.
        resamples: of the hands, for the intervals.
        seed: of the resamples.
        sizes: hand -> its size, px, as σ was measured with. Without one it is that of the middle of both answers, and
            the hands of careless people look a little too large.
        sources: hand -> its source, whose σ counts.
    """
    of: dict[str, list[tuple[Submission, Submission]]] = {}
    for first, second in repeats:
        if all(s.keypoints is not None and s.visibility is not None and not s.rejected for s in (first, second)):
            of.setdefault(first.annotator, []).append((first, second))
    found = []
    for name, pairs in sorted(of.items()):
        hands, hand = np.unique([first.hand_id for first, _ in pairs], return_inverse=True)
        source = [(sources or {}).get(first.hand_id, "") for first, _ in pairs]
        resampler = Resampler(hand.astype(np.int64), resamples, seed)
        found.append(_measured(name, pairs, len(hands), hand.astype(np.int64), source, sigmas, sizes or {}, resampler))
    return found


def _measured(
    name: str,
    pairs: Sequence[tuple[Submission, Submission]],
    n_hands: int,
    hand: Ints,
    source: Sequence[str],
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
    tables = np.stack([sigmas.table_of(name) for name in source])
    own_sigma = np.take_along_axis(tables, np.maximum(states[:, :1], 0), axis=1)[:, 0]
    sigma = own_sigma * scale[:, None]
    moved = placed & same & (apart > UNTOUCHED_PX)
    relative = np.where(moved, (apart / sigma) ** 2, np.nan)
    each = np.repeat(hand, states.shape[2])
    squared = resampler.median(relative.ravel(), each)
    value, low, high = (math.sqrt(v / (4 * math.log(2))) for v in (squared.value, squared.low, squared.high))
    judged = np.where(placed, same.astype(np.float64), np.nan)
    state = np.where(np.isfinite(relative), states[:, 0], ABSENT)
    ends = _with_sigma(value, low, high, _moved(state, source, sigmas))
    return Repeats(name, n_hands, Estimate(value, *ends, squared.n), resampler.share(judged.ravel(), each))


def _moved(state: Ints, source: Sequence[str], sigmas: Sigmas) -> Floats:
    """(groups) how far each group of the round's pictures moves log σ of the joints (pairs, 21) in these states."""
    total = max(int((state != ABSENT).sum()), 1)
    moved = np.zeros(sigmas.influence.shape[1])
    for name in set(source) if len(sigmas.influence) else ():
        at = 1 + sigmas.sources.index(name) if name in sigmas.sources else 0
        here = np.array([s == name for s in source])[:, None]
        for code in (Visibility.VISIBLE, Visibility.OCCLUDED):
            part = ((state == code) & here).sum(axis=0) / total
            moved += sigmas.influence[at, :, int(code)] @ part / 2
    return moved


def _with_sigma(value: float, low: float, high: float, moved: Floats) -> tuple[float, float]:
    """Ends of the interval once σ, which the error is counted in, is known no better than it is.

    Logarithms of both, whose errors add as squares, each limit by itself. Source: G. Y. Zou and A. Donner,
    "Construction of confidence limits about effect measures: a general approach", Stat. Med. 27 (2008).
    """
    error, t = linear_error(moved)
    if not value > 0 or not moved.any():
        return low, high
    down, up = (math.hypot(math.log(end / value), t * error) for end in (low, high))
    return value * math.exp(-down), value * math.exp(up)
