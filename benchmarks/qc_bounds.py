"""What nobody could beat: the same rounds judged by somebody who knows every σ, or every annotator's skill.

`shifted_bound` is the likelihood ratio of a finger one joint too far against one as it is named, with the true σ, the
exact place of the joint beyond the tip, and a threshold set to 0.1 % of the clean hands afterwards. `visibility_bound`
is Bayes' theorem with the true skills and how the world hides fingers.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from qc_world import FINGER_HIDDEN, JOINT_HIDDEN, WRIST_HIDDEN, Round

from hint_tools.core.skeleton import FINGER_JOINTS

_JOINTS = np.array(list(FINGER_JOINTS.values()))
FALSE_ALARMS = 0.001


def shifted_bound(rounds: list[Round], noise: float, *, truth: bool) -> float:
    """Part of the shifted fingers (hands with one mistake) that can be told.

    Args:
        rounds: of as many people each.
        noise: times σ.
        truth: each answer is held against the truth instead of the mean of the others.
    """
    clean, spoilt = [], []
    for made in rounds:
        gain = _largest_gain(made, noise, truth=truth)
        mistakes = Counter(h for places in made.planted.values() for h, _ in places)
        clean.append([g for h, g in enumerate(gain) if h not in mistakes])
        spoilt.append([gain[h] for h in made.spoilt_hands("shifted") if mistakes[h] == 1])
    threshold = np.quantile(np.concatenate(clean), 1 - FALSE_ALARMS)
    return float((np.concatenate(spoilt) > threshold).mean())


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
        beyond = goal[:, :, 3:] + 0.3 * (goal[:, :, 3:] - goal[:, :, 2:3])
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
