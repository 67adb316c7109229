"""Hands that are hard for everybody."""

import numpy as np
import pytest
from qc_rounds import SIGMA, make_round
from test_qc_shifted import CONFIG, shifts_in

from hint_tools.core.skeleton import FINGER_JOINTS
from hint_tools.qc.analysis import analyse
from hint_tools.qc.difficulty import finger_difficulty


def hard_round(n, people, factors, seed, noise=1.0):
    """Everybody's errors on a hand times its factor."""
    made = make_round(n, people, seed=seed, noise=noise)
    for s in made.submissions:
        hand = int(s.hand_id[1:])
        truth = made.truth[hand]
        object.__setattr__(s, "keypoints", truth + (s.keypoints - truth) * factors[hand])
    return made


def measured(made):
    panel = made.panel()
    sigma = np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    return panel, sigma, finger_difficulty(panel.keypoints, sigma, np.zeros(panel.visibility.shape, bool))


@pytest.mark.parametrize("people", [2, 3, 5])
def test_where_all_hands_are_alike_every_factor_is_one(people):
    _, _, found = measured(make_round(600, people, seed=61))
    assert np.mean(found) == pytest.approx(1, abs=0.12)
    assert np.std(found) < 0.15


@pytest.mark.parametrize("people", [2, 3])
def test_hard_hands_are_told_from_easy_ones(people):
    factors = np.where(np.arange(600) % 3 == 0, 2.0, 1.0)
    _, _, found = measured(hard_round(600, people, factors, 62))
    hard, easy = np.median(found[::3]), np.median(np.delete(found, np.s_[::3], axis=0))
    assert 3.2 < hard < 6
    assert 0.8 < easy < 1.5


def test_a_finger_has_no_word_on_itself():
    """A finger that is wrong must not make its own hand look hard."""
    made = make_round(300, 2, seed=63)
    panel, sigma, before = measured(made)
    wrong = panel.keypoints.copy()
    wrong[:10, 1, list(FINGER_JOINTS["ring"])] += 0.12 * made.scale[:10, None, None]
    after = finger_difficulty(wrong, sigma, np.zeros(sigma.shape, bool))
    assert np.allclose(after[:10, 3], before[:10, 3], rtol=0.05)
    assert np.mean(after[:10, 0]) > 1.1 * np.mean(before[:10, 0])


@pytest.mark.parametrize("people", [2, 3])
def test_hard_hands_are_not_accused_of_shifted_fingers(people):
    """Of 600 hands hardly one; told by the usual σ it would be a dozen."""
    factors = np.exp(np.random.default_rng(1).normal(0, 0.5, 600))
    made = hard_round(600, people, factors, 64, noise=1.5)
    assert len({h for h, _ in shifts_in(analyse(made.panel(), made.by_id(), {}, CONFIG))}) <= 2
