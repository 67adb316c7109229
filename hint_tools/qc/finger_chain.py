"""What is known of a finger's four joints before and after somebody says where they are: normal laws of chains.

A finger is a chain: each bone goes on much as the one before it, at its share of the length, from whatever side it is
seen (`BEND` says how much not), and lies much as that of the finger beside it (`ASIDE`). So joints tell of each other,
and one people place badly is told by its neighbours. Both coordinates have the same covariance and no other: a chain is
four means in the plane and one 4 x 4 covariance, and opinions linear in the joints update it by Kalman's formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS
from hint_tools.qc.plausible import BONE_MM

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

N_PLACES = 4
BEND = (0.16, 0.12, 0.09)
"""By how much a bone misses the one before it times the ratio of their lengths in the open hand, one coordinate over
the hand's size; metacarpal to proximal, to middle, to distal bone. On ten labelled hands of four public data sets
0.20, 0.14, 0.08 with the errors of their labels; on the five larger ones 0.15, 0.11, 0.08."""
ASIDE = 0.10
"""The same between bones of long fingers side by side (0.04 to 0.10 there). Both laws together miss those hands' bones
by 0.08, 0.06, 0.06, where they say 0.085, 0.077, 0.067."""
_ANYWHERE = 3.0
"""Standard deviation of a joint of which nothing is known, in sizes of the hand."""
_LENGTHS = np.array(BONE_MM, dtype=np.float64).reshape(len(FINGERS), N_PLACES)
_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_BESIDE = {1: [2], 2: [1, 3], 3: [2, 4], 4: [3]}
_STEPS = np.diff(np.eye(N_PLACES), axis=0)


@dataclass(frozen=True, eq=False)
class Chains:
    """Normal laws of K fingers.

    Args:
        mean: (K, 4, 2) px.
        covariance: (K, 4, 4) px², of each coordinate.
    """

    mean: Floats
    covariance: Floats

    def __getitem__(self, index: Ints) -> Chains:
        return Chains(self.mean[index], self.covariance[index])


@dataclass(frozen=True, eq=False)
class Knowledge:
    """The same in the form in which opinions add up: precision (K, 4, 4) and precision times mean (K, 4, 2)."""

    precision: Floats
    pull: Floats

    def joined_by(self, points: Floats, variance: Floats) -> Knowledge:
        """With opinions on the joints; NaN ones say nothing.

        Args:
            points: (K, 4, 2) px.
            variance: (K, 4) px².
        """
        known = placed(points) & np.isfinite(variance)
        weight = np.where(known, 1 / np.where(known, variance, 1.0), 0.0)
        precision = self.precision + weight[..., None] * np.eye(N_PLACES)
        return Knowledge(precision, self.pull + weight[..., None] * np.where(known[..., None], points, 0.0))

    def chains(self) -> Chains:
        """As means and covariances."""
        covariance = np.asarray(np.linalg.inv(self.precision), dtype=np.float64)
        return Chains(covariance @ self.pull, covariance)


def bones_aside(points: Floats, variance: Floats, size: Floats) -> tuple[Floats, Floats]:
    """(H, 5, 3, 2) px the bones of each finger as those beside it have them, and (H, 5, 3) px² their variance.

    NaN where no finger is beside it: the thumb's lie their own way.

    Args:
        points: (H, 21, 2) px.
        variance: (H, 21) px² of a coordinate.
        size: (H) px.
    """
    joints, spread = points[:, _JOINTS], variance[:, _JOINTS]
    bones, noise = np.diff(joints, axis=2), spread[:, :, 1:] + spread[:, :, :-1]
    told, its = np.full(bones.shape, np.nan), np.full(noise.shape, np.nan)
    for finger, beside in _BESIDE.items():
        ratio = _LENGTHS[finger, 1:] / _LENGTHS[beside, 1:]
        seen = bones[:, beside] * ratio[..., None]
        known = placed(seen)
        count = known.sum(axis=1)
        some = count > 0
        for values, out in ((np.where(known[..., None], seen, 0.0), told), (noise[:, beside] * ratio**2, its)):
            extra = (..., None) if values.ndim > 3 else (...,)
            total = np.where(known[extra], np.nan_to_num(values), 0.0).sum(axis=1)
            out[:, finger] = np.divide(
                total, count[extra], out=np.full(total.shape, np.nan), where=np.broadcast_to(some[extra], total.shape)
            )
        its[:, finger] = its[:, finger] / np.maximum(count, 1) + (ASIDE * size[:, None]) ** 2
    return told, its


def anatomy(finger: Ints, wrist: Floats, size: Floats, aside: Floats, aside_variance: Floats) -> Knowledge:
    """What is known of a finger nobody has answered: how its bones follow each other, and those of other fingers.

    Args:
        finger: (K) index.
        wrist: (K, 2) px; NaN where unknown, then the first bone may point anywhere.
        size: (K) px of the hands.
        aside: (K, 3, 2) px the bones of `bones_aside`.
        aside_variance: (K, 3) px² of them.
    """
    ratio = (_LENGTHS[:, 1:] / _LENGTHS[:, :-1])[finger]
    spread = np.array(BEND) * size[:, None]
    known = placed(wrist)
    weight = 1 / spread**2
    weight[:, 0] = np.where(known, weight[:, 0], 0.0)
    rows = np.zeros((len(finger), 3, N_PLACES))
    for k in range(3):
        rows[:, k, k + 1], rows[:, k, k] = 1.0, -1 - ratio[:, k]
        if k:
            rows[:, k, k - 1] = ratio[:, k]
    origin = np.where(known[:, None], wrist, 0.0)
    vague = 1 / (_ANYWHERE * size) ** 2
    weighted = rows * weight[..., None]
    precision = rows.swapaxes(1, 2) @ weighted + vague[:, None, None] * np.eye(N_PLACES)
    pull = -weighted[:, 0, :, None] * (ratio[:, 0, None] * origin)[:, None]
    told = placed(aside)
    sure = np.where(told, 1 / np.where(told, aside_variance, 1.0), 0.0)[..., None]
    precision += _STEPS.T @ (sure * _STEPS)
    pull += _STEPS.T @ (sure * np.where(told[..., None], aside, 0.0))
    return Knowledge(precision, pull + (vague[:, None] * origin)[:, None])


def predicted(chains: Chains, how: Floats, noise: Floats) -> Chains:
    """Law of points that are `how` times the joints plus noise.

    Args:
        chains: of the joints.
        how: (4, 4).
        noise: (K, 4, 4) px² covariance.
    """
    return Chains(how @ chains.mean, how @ chains.covariance @ how.T + noise)


def updated(chains: Chains, how: Floats, noise: Floats, points: Floats) -> tuple[Chains, Floats]:
    """The chains after points were seen that are `how` times the joints plus noise, and (K) log density of the points.

    Args:
        chains: before.
        how: (4, 4).
        noise: (K, 4, 4) px² covariance; huge where a point is to say nothing.
        points: (K, 4, 2) px.
    """
    expected = predicted(chains, how, noise)
    cross = chains.covariance @ how.T
    gain = np.linalg.solve(expected.covariance, cross.swapaxes(1, 2)).swapaxes(1, 2)
    mean = chains.mean + gain @ (points - expected.mean)
    return Chains(mean, chains.covariance - gain @ cross.swapaxes(1, 2)), log_density(expected, points)


def log_density(chains: Chains, points: Floats) -> Floats:
    """(K) of points (K, 4, 2) px under the laws."""
    away = points - chains.mean
    squared = (away * np.linalg.solve(chains.covariance, away)).sum(axis=(1, 2))
    log_det = np.linalg.slogdet(chains.covariance)[1]
    return np.asarray(-squared / 2 - log_det - N_PLACES * np.log(2 * np.pi))


def diagonal(variance: Floats) -> Floats:
    """(K, 4, 4) covariance of independent errors of variance (K, 4)."""
    return np.asarray(variance[..., None] * np.eye(N_PLACES))


def placed(points: Floats) -> Bools:
    """(...) both coordinates (..., 2) are known."""
    return np.asarray(np.isfinite(points).all(axis=-1))


def by_finger(values: npt.NDArray[Any]) -> Floats:
    """(..., 5, 4) of (..., 21): joints of each finger, the wrist left out."""
    return np.asarray(values[..., _JOINTS])
