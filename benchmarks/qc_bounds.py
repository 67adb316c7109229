"""What nobody could beat: the same rounds judged by somebody who knows every σ, or every annotator's skill.

`shifted_bound` is the likelihood ratio of a finger one joint too far against one as it is named, with the true σ, the
mean place of the joint beyond the tip, and a threshold set to 0.1 % of the clean hands afterwards. `witness_bound` is
the same of `qc.shift_evidence`, which adds palm, bones and pre-label: all σ and the pre-label's law are the true ones,
every finger is looked at closely, and the threshold is set afterwards. `visibility_bound` is Bayes' theorem with the
true skills and how the world hides fingers.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from qc_world import BEYOND, FINGER_HIDDEN, JOINT_HIDDEN, WRIST_HIDDEN, Round, answer

from hint_tools.core.skeleton import FINGER_JOINTS
from hint_tools.qc.label_error import Labels, measure_labels
from hint_tools.qc.prelabels import untouched_joints
from hint_tools.qc.shift_evidence import shift_gains
from hint_tools.qc.shifted import gather_fingers

_JOINTS = np.array(list(FINGER_JOINTS.values()))
FALSE_ALARMS = 0.001


def shifted_bound(rounds: list[Round], noise: float, *, truth: bool) -> float:
    """Part of the shifted fingers (hands with one mistake) that can be told.

    Args:
        rounds: of as many people each.
        noise: times σ.
        truth: each answer is held against the truth instead of the mean of the others.
    """
    return _told(rounds, [_largest_gain(made, noise, truth=truth) for made in rounds])


def witness_bound(rounds: list[Round], noise: float) -> float:
    """The same with palm, bones and, where the rounds have them, pre-labels.

    Args:
        rounds: of as many people each.
        noise: times σ.
    """
    return _told(rounds, [_witnessed_gain(made, noise) for made in rounds])


def _told(rounds: list[Round], gains: list[np.ndarray]) -> float:
    """Part of the shifted fingers, in hands with one mistake, above what one clean hand in a thousand reaches."""
    clean, spoilt = [], []
    for made, gain in zip(rounds, gains, strict=True):
        mistakes = Counter(h for places in made.planted.values() for h, _ in places)
        clean.append([g for h, g in enumerate(gain) if h not in mistakes])
        spoilt.append([gain[h] for h in made.spoilt_hands("shifted") if mistakes[h] == 1])
    threshold = np.quantile(np.concatenate(clean), 1 - FALSE_ALARMS)
    return float((np.concatenate(spoilt) > threshold).mean())


def _witnessed_gain(made: Round, noise: float) -> np.ndarray:
    """(n) of all answers, fingers and ways of a hand."""
    panel, scale = made.panel(), made.world.scale
    sigma = np.repeat((noise * made.world.sigma)[:, None], panel.keypoints.shape[1], axis=1)
    nobody = np.zeros(sigma.shape, dtype=bool)
    labels = None if made.labels is None else _true_labels(made)
    fingers = gather_fingers(
        panel, scale, sigma, np.ones(len(panel.annotators)), nobody, labels, np.ones((len(scale), 5))
    )
    gains = np.stack([shift_gains(fingers, slot) for slot in range(sigma.shape[1])], axis=1)
    return gains.reshape(len(scale), -1).max(axis=1)


def _true_labels(made: Round) -> Labels:
    """The pre-labels with the law of their error as it is measured against the truth."""
    exact = answer(made.world, 1, 0, noise=1e-9)
    exact.labels = made.labels
    panel = exact.panel()
    tiny = np.full(panel.visibility.shape, 1e-3)
    nobody = np.zeros(tiny.shape, dtype=bool)
    law = measure_labels(panel, exact.predictions(), tiny, nobody, made.world.scale, 1e-6)
    if law is None:
        raise ValueError("a round without enough pre-labels has no such bound")
    untouched, _ = untouched_joints(made.panel(), made.predictions(), 0.05)
    points = np.where(untouched.any(axis=1)[..., None], np.nan, law.points)
    return Labels(points, law.variance, untouched, law.alike, law.shares)


def _largest_gain(made: Round, noise: float, *, truth: bool) -> np.ndarray:
    """(n) of all answers and fingers of a hand."""
    points = made.joints[:, :, _JOINTS]
    variance = (noise * made.world.sigma[:, _JOINTS]) ** 2
    people = points.shape[1]
    best = np.full(len(points), -np.inf)
    for a in range(people):
        others = [b for b in range(people) if b != a]
        goal = made.world.joints[:, _JOINTS] if truth else points[:, others].mean(axis=1)
        spread = variance if truth else variance * (1 + 1 / len(others))
        beyond = goal[:, :, 3:] + np.mean(BEYOND) * (goal[:, :, 3:] - goal[:, :, 2:3])
        ahead = np.concatenate([goal[:, :, 1:], beyond], axis=2)
        ahead_spread = np.concatenate([spread[:, :, 1:], spread[:, :, 3:]], axis=2)
        costs = [
            (((points[:, a] - at) ** 2).sum(axis=-1) / v + 2 * np.log(v)).sum(axis=-1)
            for at, v in ((goal, spread), (ahead, ahead_spread))
        ]
        best = np.maximum(best, (costs[0] - costs[1]).max(axis=1))
    return best


def visibility_bound(made: Round, skill: np.ndarray) -> np.ndarray:
    """(n, 21) most probable state of each joint.

    Args:
        made: a round whose people call a joint what it is with chance `skill`, whatever it is.
        skill: (people).
    """
    word = np.where(made.said == 2, 1, -1)
    odds = (word * np.log(skill / (1 - skill))[None, :, None]).sum(axis=1)
    chance = WRIST_HIDDEN * JOINT_HIDDEN
    hidden = np.empty(odds.shape)
    hidden[:, 0] = chance * np.exp(-odds[:, 0]) / (chance * np.exp(-odds[:, 0]) + 1 - chance)
    for joints in _JOINTS:
        given = np.exp(-odds[:, joints])
        each = JOINT_HIDDEN * given + 1 - JOINT_HIDDEN
        whole = FINGER_HIDDEN * each.prod(axis=1, keepdims=True)
        hidden[:, joints] = whole / each * JOINT_HIDDEN * given / (whole + 1 - FINGER_HIDDEN)
    return np.where(hidden > 0.5, 1, 2)
