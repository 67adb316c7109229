"""How many times σ each annotator errs, from the distances of every two of them, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.influence import linear_error, log_density, median_influence
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MIN_PAIRS = 30
"""Below this many pairs a joint borrows its finger's figure, a finger all joints': ±25 % at 30."""
FACTOR_PULL = 20.0
"""Joint pairs' worth by which an annotator is taken for an average one."""
FACTOR_LIMITS = (0.5, 4.0)
"""An annotator never counts for more than four average ones, nor for less than a sixteenth."""

_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class PairEquation:
    """What two annotators' distances say of their errors: f_a² + f_b² = `total`, from `count` joints.

    Args:
        first, second: annotators, indices.
        count: joints whose state they agree on.
        middle: median of d² / (σ² s²).
    """

    first: int
    second: int
    count: int
    middle: float

    @property
    def total(self) -> float:
        """f_a² + f_b²: under a normal law the median is 2 ln 2 times that."""
        return self.middle / (2 * math.log(2))


def moved_by_all(relative: Floats, pairs: Pairs, left: Bools) -> Floats:
    """`relative` (P, 21) of joints that no answer left where its pre-label had them, in units of their own σ.

    Who leaves more alone is at the same place as others who do more often; those pairs are no two opinions and take no
    part, so that what is left of such people would look as if they erred more, and the others less, than they do. σ
    holds joints that one of two left, too, and with them the pre-label's error: these here have another one.

    Args:
        relative: d² / (σ² s²).
        pairs: of the panel.
        left: (H, A, 21) of `prelabels.untouched_joints`.
    """
    by_somebody = np.asarray(left.any(axis=1))
    kept = np.where(by_somebody[pairs.hand], np.nan, relative)
    known = kept[np.isfinite(kept)]
    return kept * (4 * math.log(2) / float(np.median(known))) if by_somebody.any() and len(known) else kept


def error_factors(panel: Panel, pairs: Pairs, relative: Floats) -> Floats:
    """(n annotators) how many times σ each errs, from d² / (σ² s²) (P, 21) of the joints whose state is undisputed.

    Every two annotators give one linear equation for f²: least squares, weighted by joints, with a pull towards 1,
    since two annotators alone can't be told apart.
    """
    equations = [equation for equation, _ in _equations(panel, pairs, relative)]
    return _factors(equations, len(panel.annotators))


def factor_intervals(
    panel: Panel, pairs: Pairs, relative: Floats, influence: Floats, resampler: Resampler
) -> list[Estimate]:
    """The factors with intervals, linearised: every group of pictures moves medians of pairs, and σ beneath them.

    They are of f², in which the equations are linear, and of the least squares alone: the pull to 1 is no evidence.

    No interval (NaN) where nothing tells somebody from the others: of two people alone the equation holds for any
    f_a² + f_b² = 2, and so it does in a group that falls into two halves of which nobody met the own half.

    Args:
        panel: the answers.
        pairs: of the panel.
        relative: (P, 21) d² / (σ² s²), NaN where the state is disputed.
        influence: `Sigmas.influence`.
        resampler: of the panel's pictures.
    """
    n = len(panel.annotators)
    relative = _by_others(panel, pairs, relative, influence, resampler)
    found = _equations(panel, pairs, relative)
    equations = [equation for equation, _ in found]
    factors, weights = _factors(equations, n), _solver(equations, n, pull=0.0)[0]
    squared = weights @ np.array([e.total for e in equations], dtype=np.float64)
    moved = np.zeros((resampler.n_groups, len(equations)))
    crowding = []
    for k, (equation, mine) in enumerate(found):
        moved[:, k] = equation.total * _moved(panel, pairs, relative, mine, equation.middle, influence, resampler)
        crowding.append(_crowding(relative[mine], equation.middle))
    each = moved @ weights.T / (float(np.mean(crowding)) if crowding else 1.0)
    told = _told_apart(equations, n)
    estimates = []
    for k, factor in enumerate(factors.tolist()):
        error, t = linear_error(each[:, k]) if told[k] else (math.nan, math.nan)
        low, high = np.sqrt(np.maximum(squared[k] + np.array([-t, t]) * error, 0.0)).tolist()
        value = min(max(factor, low), high) if error > 0 else factor
        estimates.append(Estimate(value, low, high, int((panel.annotator == k).sum())))
    return estimates


def _by_others(panel: Panel, pairs: Pairs, relative: Floats, influence: Floats, resampler: Resampler) -> Floats:
    """`relative` with σ as all other groups of pictures have it: who errs much in few pictures makes their σ larger."""
    visible = panel.visibility[pairs.hand, pairs.first] == Visibility.VISIBLE
    moved = influence[1 + panel.source[pairs.hand], resampler.group[pairs.hand]]
    of_state = np.where(visible, moved[:, Visibility.VISIBLE], moved[:, Visibility.OCCLUDED])
    return np.asarray(relative * np.exp(of_state))


def _equations(panel: Panel, pairs: Pairs, relative: Floats) -> list[tuple[PairEquation, Bools]]:
    """One for every two annotators with `MIN_PAIRS` joints or more, with a mask of their pairs."""
    one, other = (panel.annotator[pairs.hand, k] for k in (pairs.first, pairs.second))
    found = []
    for a, b in sorted(set(zip(one.tolist(), other.tolist(), strict=True))):
        mine = (one == a) & (other == b)
        values = relative[mine]
        values = values[np.isfinite(values)]
        if len(values) >= MIN_PAIRS:
            found.append((PairEquation(a, b, len(values), float(np.median(values))), mine))
    return found


def _solver(equations: Sequence[PairEquation], n: int, pull: float = FACTOR_PULL) -> tuple[Floats, Floats]:
    """Weights (n, equations) of the equations' totals in each annotator's f², and what the pull to 1 adds (n)."""
    design = _design(equations, n)
    weighted = design.T * np.array([e.count for e in equations], dtype=np.float64)
    inverse = np.linalg.pinv(weighted @ design + pull * np.eye(n), hermitian=True)
    return inverse @ weighted, pull * inverse.sum(axis=1)


def _factors(equations: Sequence[PairEquation], n: int) -> Floats:
    weights, pull = _solver(equations, n)
    solved = weights @ np.array([e.total for e in equations], dtype=np.float64) + pull
    return np.asarray(np.sqrt(np.clip(solved, FACTOR_LIMITS[0] ** 2, FACTOR_LIMITS[1] ** 2)))


def _design(equations: Sequence[PairEquation], n: int) -> Floats:
    design = np.zeros((len(equations), n))
    for k, e in enumerate(equations):
        design[k, [e.first, e.second]] = 1.0
    return design


def _told_apart(equations: Sequence[PairEquation], n: int) -> Bools:
    """(n) the equations alone give this annotator's f²."""
    design = _design(equations, n)
    kept = np.linalg.pinv(design) @ design if len(equations) else np.zeros((n, n))
    return np.asarray(np.abs(kept - np.eye(n)).max(axis=1, initial=0.0) < _SAME)


def _crowding(values: Floats, middle: float) -> float:
    """How many times denser distances lie within one standard error of the median than a smooth law has them.

    σ was measured from the same distances: the median one of each joint and state is 1 exactly, or two are as near to
    it on either side, so that the median of all moves less than a smooth law lets it. Source of counting in order
    statistics: D. G. Bonett and R. M. Price, "Statistical inference for a linear function of medians", Psychological
    Methods 7 (2002).
    """
    logs = np.log(values[values > 0])
    error = 0.5 / math.sqrt(len(logs))
    start, end = np.quantile(logs, [0.5 - error, 0.5 + error]).tolist()
    smooth = 2 * error / log_density(values[values > 0], middle)
    return smooth / (end - start) if end > start else 1.0


def _moved(
    panel: Panel,
    pairs: Pairs,
    relative: Floats,
    mine: Bools,
    middle: float,
    influence: Floats,
    resampler: Resampler,
) -> Floats:
    """How far each group of pictures moves the logarithm of a pair's median, σ's own moves taken off."""
    values, hand = relative[mine], pairs.hand[mine]
    known = values > 0
    group = np.broadcast_to(resampler.group[hand][:, None], values.shape)[known]
    chosen = values[known]
    own = median_influence(chosen, group, middle, log_density(chosen, middle), resampler.n_groups)
    visible = panel.visibility[hand, pairs.first[mine]] == Visibility.VISIBLE
    total = max(len(chosen), 1)
    for state, here in ((Visibility.VISIBLE, visible), (Visibility.OCCLUDED, ~visible)):
        for k in range(len(panel.sources)):
            part = (known & here & (panel.source[hand] == k)[:, None]).sum(axis=0) / total
            own = own - influence[1 + k, :, int(state)] @ part.astype(np.float64)
    return own
