"""Habits: where an annotator puts a joint beside where the others do, always in the same direction of the hand.

Offsets are turned into the hand's own frame: `along` from the wrist to the middle finger's MCP, `across` towards the
thumb's side. Each is measured against the mean of the other answers, cut off at `CUT` standard deviations, and its
interval comes from resampling pictures. As most of 21 joints x 2 directions x all annotators are noise, each figure is
pulled towards zero by the part of its variance that noise explains (empirical Bayes; B. Efron and C. Morris, "Data
analysis using Stein's estimator", J. Am. Stat. Assoc. 70, 1975). The interval is not pulled.

Who is far from the mean of two others may be right, and one of them wrong. So somebody is told of a habit only where
more than half of the others, each by themselves, have the joint beyond doubt on the same side of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.skeleton import JOINT_NAMES, N_JOINTS
from hint_tools.qc.bootstrap import Estimate, Resampler, student
from hint_tools.qc.panel import Panel
from hint_tools.qc.wording import several, signed

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DIRECTIONS = ("along", "across")
CUT = 3.0
WORTH_A_WORD = 0.008
"""Of the hand's size: about half of the error of a visible joint; smaller habits are not worth a conversation."""
_Z = 1.959964
_FIGURES = N_JOINTS * len(DIRECTIONS)
"""Of a person: a habit is told where that interval leaves zero out which one of so many does by chance with one person
in a hundred (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Bias:
    """An annotator's habit at one joint in one direction, in units of the hand's size.

    Args:
        annotator: index.
        joint: its name.
        direction: of `DIRECTIONS`.
        measured: mean offset from the others, with interval and number of answers.
        shrunk: what is left of it once noise is taken off, no farther than the interval, which is that of `measured`.
        told: it is beyond doubt, large enough to matter, and this annotator's own rather than the others'.
    """

    annotator: int
    joint: str
    direction: str
    measured: Estimate
    shrunk: Estimate
    told: bool = False


@dataclass(frozen=True, eq=False)
class Placed:
    """Where answers have joints in the hand's own frame, in units of its size.

    Args:
        at: (2, H, A, 21) along and across; NaN where there is no joint.
        error: (H, A, 21) expected error of either, the same standard for everybody.
    """

    at: Floats
    error: Floats


def hand_axes(robust: Floats) -> tuple[Floats, Floats]:
    """Unit vectors (H, 2) along the hand and across it, towards the thumb's side; NaN where they are unknown."""
    along = robust[:, 9] - robust[:, 0]
    length = np.linalg.norm(along, axis=1, keepdims=True)
    along = np.divide(along, length, out=np.full_like(along, np.nan), where=length > 0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    known: Bools = np.asarray(np.isfinite(robust).all(axis=-1))
    thumb_side = np.where(known[:, 5, None], robust[:, 5], robust[:, 9])
    other_side = np.where(known[:, 17, None], robust[:, 17], robust[:, 13])
    thumbwards = ((thumb_side - other_side) * across).sum(axis=1, keepdims=True)
    # where too few knuckles are known nobody can say which side is the thumb's
    return along, across * np.where(np.isfinite(thumbwards), np.where(thumbwards < 0, -1.0, 1.0), np.nan)


def in_hand_frame(panel: Panel, robust: Floats, scale: Floats, sigma_px: Floats, excluded: Bools) -> Placed:
    """The answers' joints along and across the hand.

    Args:
        panel: the answers.
        robust: (H, 21, 2) consensus, for the hand's frame.
        scale: (H) px.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
        excluded: (H, A, 21) joints that carry a wrong name.
    """
    points = np.where(excluded[..., None], np.nan, panel.keypoints)
    # from the consensus: differences are what counts, and small numbers keep their digits
    from_it = (points - robust[:, None]) / scale[:, None, None, None]
    at = np.stack([(from_it * axis[:, None, None]).sum(axis=-1) for axis in hand_axes(robust)])
    return Placed(at, sigma_px / scale[:, None, None])


def offsets_from_others(placed: Placed) -> Floats:
    """Offsets (2, H, A, 21) of every answer from the mean of the others, cut off at `CUT` standard deviations."""
    known = np.isfinite(placed.at)
    filled = np.where(known, placed.at, 0.0)
    others = known.sum(axis=2, keepdims=True) - known
    rest = filled.sum(axis=2, keepdims=True) - filled
    mean = np.divide(rest, others, out=np.full_like(rest, np.nan), where=others > 0)
    expected = placed.error * np.sqrt(1 + 1 / np.maximum(others, 1))
    return np.asarray(np.clip(placed.at - mean, -CUT * expected, CUT * expected))


def measure_bias(panel: Panel, placed: Placed, resampler: Resampler) -> list[Bias]:
    """Every annotator's habit at every joint, sorted by annotator, joint and direction."""
    raw: list[tuple[int, int, int, Estimate]] = []
    offsets = offsets_from_others(placed)
    for k in range(len(panel.annotators)):
        hand, slot = np.nonzero(panel.annotator == k)
        for joint in range(N_JOINTS):
            for d, offset in enumerate(offsets):
                raw.append((k, joint, d, resampler.mean(offset[hand, slot, joint], hand.astype(np.int64))))
    value = np.array([e.value for *_, e in raw])
    error = np.array([(e.high - e.low) / (2 * _Z) for *_, e in raw])
    known = np.isfinite(value) & np.isfinite(error)
    between = max(float(np.mean(value[known] ** 2 - error[known] ** 2)), 0.0) if known.any() else 0.0
    pictures = [
        len(np.unique(resampler.group[(panel.annotator == k).any(axis=1)])) for k in range(len(panel.annotators))
    ]
    found = []
    for i, (k, joint, d, estimate) in enumerate(raw):
        shrunk = _shrunk(estimate, float(error[i]), between)
        told = _beyond_chance(estimate, shrunk, pictures[k]) and _is_own(
            panel, placed, resampler, (k, joint, d), estimate.value
        )
        found.append(Bias(k, JOINT_NAMES[joint], DIRECTIONS[d], estimate, shrunk, told))
    return found


def _beyond_chance(measured: Estimate, shrunk: Estimate, pictures: int) -> bool:
    """Large enough to matter, and no accident among the many figures of a person."""
    if abs(shrunk.value) < WORTH_A_WORD or not np.isfinite(measured.low):
        return False
    nearer = measured.value - measured.low if measured.value > 0 else measured.high - measured.value
    careful = student(pictures - 1, 1 - 0.005 / _FIGURES) / student(pictures - 1)
    return bool(abs(measured.value) > careful * nearer)


def _is_own(panel: Panel, placed: Placed, resampler: Resampler, which: tuple[int, int, int], value: float) -> bool:
    """More than half of the others, and two at least, have the joint on the same side, each beyond doubt."""
    k, joint, direction = which
    compared = clear = 0
    for other in range(len(panel.annotators)):
        own, its = (panel.annotator == k).argmax(axis=1), (panel.annotator == other).argmax(axis=1)
        hand = np.flatnonzero((panel.annotator == k).any(axis=1) & (panel.annotator == other).any(axis=1))
        if other == k or not len(hand):
            continue
        one, two = (hand, own[hand], joint), (hand, its[hand], joint)
        apart = placed.at[(direction, *one)] - placed.at[(direction, *two)]
        most = CUT * np.hypot(placed.error[one], placed.error[two])
        found = resampler.mean(np.clip(apart, -most, most), hand.astype(np.int64))
        compared += np.isfinite(found.low)
        clear += found.low > 0 if value > 0 else found.high < 0
    return bool(compared >= 2 and 2 * clear > compared)


def _shrunk(estimate: Estimate, error: float, between: float) -> Estimate:
    """Posterior mean under a normal prior of variance `between` about zero, within the measured interval.

    The posterior's own interval is right on average over all habits, and wrong for the few large ones among many that
    are nil, which are the ones that matter: pulled halfway to zero, they would lie outside in four of five rounds. So
    the pull ends where the interval does, and the interval stays. Source: B. Efron and C. Morris, "Limiting the risk of
    Bayes and empirical Bayes estimators, part II", J. Am. Stat. Assoc. 67 (1972).
    """
    if not np.isfinite(error):
        return Estimate(float("nan"), float("nan"), float("nan"), estimate.n)
    total = between + error**2
    pulled = float(between / total * estimate.value) if total > 0 else 0.0
    return Estimate(min(max(pulled, estimate.low), estimate.high), estimate.low, estimate.high, estimate.n)


def bias_findings(panel: Panel, biases: Sequence[Bias]) -> list[Finding]:
    """One finding for each annotator with habits that are beyond doubt and large enough to matter."""
    found = []
    for k, name in enumerate(panel.annotators):
        certain = [b for b in biases if b.annotator == k and b.told]
        if certain:
            worst = max(certain, key=lambda b: (abs(b.shrunk.value), b.joint, b.direction))
            joints = len({b.joint for b in certain})
            value, low, high = (signed(v, 3) for v in (worst.measured.value, worst.measured.low, worst.measured.high))
            found.append(
                Finding(
                    code="qc.bias",
                    severity=Severity.INFO,
                    message=f"{shortened(name)} has a habit at {several(joints, 'joint')}, most at "
                    f"{worst.joint.replace('_', ' ')}: {value} hand sizes {worst.direction} the hand "
                    f"(95 % {low} to {high})",
                    suggestion="look at that joint together with the instructions",
                    subjects=(name,),
                    count=joints,
                )
            )
    return found
