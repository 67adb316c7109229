"""What is known of each annotator: error, habits, mistakes, judgement of occlusion, speed; all with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.qc.bias import Bias
from hint_tools.qc.bootstrap import Estimate, Resampler, wilson_ends
from hint_tools.qc.dawid_skene import VisibilityModel, judged_joints, without_folds
from hint_tools.qc.factors import factor_intervals, moved_by_all
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.panel import Pairs, Panel
from hint_tools.qc.sigmas import Sigmas
from hint_tools.qc.wording import percent

Floats = npt.NDArray[np.float64]

MOSTLY = 0.5
"""Part of the pre-labels left as they are from which on, with its whole interval, somebody is named."""
FOLDS = 20
"""Of the jackknife behind the intervals of sensitivity and specificity."""
_T = 2.093
"""Of Student's t with 19 degrees of freedom, 97.5 %."""


@dataclass(frozen=True, eq=False)
class Profile:
    """One annotator.

    Args:
        annotator: index.
        answers: how many, rejections included.
        error: how many times σ this annotator errs, pulled towards 1.
        biases: habits at each joint.
        identity_rate: part of the answers with wrong names of joints, certain ones.
        mistakes: kind -> number of certain ones.
        sensitivity: chance to call an occluded joint occluded (Dawid and Skene).
        specificity: chance to call a visible joint visible.
        one_coin: both are one figure, for want of joints judged by others, too.
        untouched: part of the answers with a pre-label that are equal to it.
        seconds: median time for an answer.
    """

    annotator: int
    answers: int
    error: Estimate
    biases: tuple[Bias, ...]
    identity_rate: Estimate
    mistakes: Mapping[str, int]
    sensitivity: Estimate
    specificity: Estimate
    one_coin: bool
    untouched: Estimate
    seconds: Estimate


def build_profiles(
    panel: Panel,
    pairs: Pairs,
    sigmas: Sigmas,
    biases: Sequence[Bias],
    mistakes: Sequence[Mistake],
    occlusion: VisibilityModel,
    untouched: npt.NDArray[np.int64],
    resampler: Resampler,
    left: npt.NDArray[np.bool_] | None = None,
) -> list[Profile]:
    """One profile an annotator, in their order.

    Errors, sensitivity and specificity are NaN where nobody can say who errs: of two people alone, or of people who
    never answered the same hand.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigmas: of the panel.
        biases: of all annotators.
        mistakes: of all annotators.
        occlusion: Dawid and Skene's model.
        untouched: (H, A) of `prelabels.untouched_answers`.
        resampler: of the panel's pictures.
        left: (H, A, 21) joints left where the pre-label had them: they tell of nobody's error.
    """
    told_by = sigmas.relative if left is None else moved_by_all(sigmas.relative, pairs, left)
    errors = factor_intervals(panel, pairs, told_by, sigmas.influence, resampler)
    told = np.array([np.isfinite(e.low) for e in errors], dtype=np.bool_)
    known = len(panel.annotators) > 2 and len(pairs.hand) > 0
    judgement = _occlusion_intervals(panel, occlusion, told, resampler)
    seconds = _lead_times(panel)
    found = []
    for k in range(len(panel.annotators)):
        mine = panel.annotator == k
        hand, slot = np.nonzero(mine)
        certain = [m for m in mistakes if m.certain for s in m.slots if panel.annotator[m.hand, s] == k]
        with_joints = np.flatnonzero((mine & panel.has_joints).any(axis=1))
        wrong = np.isin(with_joints, [m.hand for m in certain if KINDS[m.kind].misnamed])
        stamped = np.where(untouched[hand, slot] < 0, np.nan, untouched[hand, slot] == 1)
        sensitivity, specificity = judgement[k]
        found.append(
            Profile(
                annotator=k,
                answers=len(hand),
                error=errors[k] if known else _unknown(errors[k]),
                biases=tuple(b for b in biases if b.annotator == k),
                identity_rate=resampler.share(wrong.astype(np.float64), with_joints.astype(np.int64)),
                mistakes=dict(sorted(Counter(m.kind for m in certain).items())),
                sensitivity=sensitivity if known else _unknown(sensitivity),
                specificity=specificity if known else _unknown(specificity),
                one_coin=bool(occlusion.one_coin[k]),
                untouched=resampler.share(stamped.astype(np.float64), hand.astype(np.int64)),
                seconds=resampler.median(seconds[hand, slot], hand.astype(np.int64)),
            )
        )
    return found


def _unknown(estimate: Estimate) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, estimate.n)


def _occlusion_intervals(
    panel: Panel, model: VisibilityModel, told: npt.NDArray[np.bool_], resampler: Resampler
) -> list[tuple[Estimate, Estimate]]:
    """Sensitivity and specificity of every annotator, with Wilson's intervals where answers tell people apart.

    They are of as many joints as would spread like the estimates without one fold of the pictures at a time, but never
    more than this annotator judged: an estimate that has come to its limit doesn't spread at all. Who of two people is
    right nothing tells: then there is no interval.

    Args:
        panel: the answers.
        model: estimated from them.
        told: (n annotators) there are enough answers to tell this one from the others.
        resampler: of the panel's pictures.
    """
    fold = resampler.group % FOLDS
    values = np.stack([model.sensitivity, model.specificity])
    judged = judged_joints(panel, model)
    known = len(np.unique(fold)) == FOLDS
    error = _jackknife(without_folds(panel, model, fold, FOLDS)) if known else np.full(values.shape, np.nan)

    def of(kind: int, k: int) -> Estimate:
        value, spread, joints = float(values[kind, k]), float(error[kind, k]), float(judged[kind, k])
        if not (known and told[k]) or joints < 1:
            return Estimate(value, float("nan"), float("nan"), round(joints))
        worth = min(value * (1 - value) / spread**2, joints) if spread > 0 else joints
        return Estimate(value, *wilson_ends(value, worth, _T), round(joints))

    return [(of(0, k), of(1, k)) for k in range(values.shape[1])]


def _jackknife(left_out: Floats) -> Floats:
    """Standard error of a figure from what it is without each of `FOLDS` folds (FOLDS, ...)."""
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt((FOLDS - 1) / FOLDS * spread))


def _lead_times(panel: Panel) -> Floats:
    """(H, A) s; NaN where there is no answer or no time."""
    rows = [[np.nan if s is None else s.lead_time_s for s in row] for row in panel.submissions]
    return np.array(rows, dtype=np.float64).reshape(panel.annotator.shape)


def stamp_findings(panel: Panel, profiles: Sequence[Profile]) -> list[Finding]:
    """Annotators who, beyond doubt, leave most pre-labels as they are; works without a second annotator, too."""
    return [
        Finding(
            code="qc.rubber-stamp-rate",
            severity=Severity.WARNING,
            message=f"{shortened(panel.annotators[p.annotator])} sent {percent(p.untouched.value)} of {p.untouched.n} "
            "pre-labels back without moving a joint",
            suggestion="either the pre-labels are excellent, or nobody looked: see some of them",
            subjects=(panel.annotators[p.annotator],),
        )
        for p in profiles
        if p.untouched.low > MOSTLY
    ]
