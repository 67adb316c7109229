"""How near people come to themselves: what takes part, and how sure that is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import SIGMA, answer, make_round

from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.panel import build_pairs
from hint_tools.qc.repeats import measure_repeats
from hint_tools.qc.sigmas import measure_sigmas


def sigmas_of(made):
    panel = made.panel()
    nothing = np.zeros(panel.visibility.shape, dtype=bool)
    return measure_sigmas(panel, build_pairs(panel), made.scale, nothing, Resampler(panel.image, 400, 0))


def repeated(made, second_states=None):
    """Two answers of one person to each hand, the second one with other states where given."""
    rng = np.random.default_rng(0)
    pairs = []
    for h, hand in enumerate(made.hands):
        sigma = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2])[:, None] * made.scale[h]
        points = [made.truth[h] + rng.normal(size=(21, 2)) * sigma for _ in range(2)]
        states = [made.visibility[h], made.visibility[h] if second_states is None else second_states[h]]
        pairs.append(tuple(answer(hand.hand_id, "ana", points[k], states[k], number=10 * h + k) for k in range(2)))
    return pairs


def test_joints_called_visible_once_and_hidden_once_tell_of_states_alone():
    made = make_round(40, 2, seed=350)
    sizes = dict(zip(made.by_id(), made.scale.tolist(), strict=True))
    usual = repeated(made)
    states = made.visibility.copy()
    states[:, :10] = 3 - states[:, :10]
    away = np.where(np.arange(21) < 10, 300.0, 0.0)[:, None]
    mixed = [(a, replace(b, keypoints=b.keypoints + away)) for a, b in repeated(made, states)]
    sigmas = sigmas_of(made)
    (before,), (after,) = (measure_repeats(r, sigmas, 100, 0, sizes) for r in (usual, mixed))
    assert after.error.n == 11 * 40 == before.error.n - 10 * 40
    assert after.error.value == pytest.approx(1, abs=0.12)
    assert (before.same_state.value, after.same_state.value) == (1, pytest.approx(11 / 21))


def test_repeats_are_known_no_better_than_the_sigma_they_are_counted_in():
    """σ of 10 pictures, repeats of 200 hands: nearly all that is unsure is in σ, by about 1 / sqrt(n) of its joints."""
    sigmas = sigmas_of(make_round(20, 2, seed=351))
    made = make_round(200, 1, seed=352)
    sizes = dict(zip(made.by_id(), made.scale.tolist(), strict=True))
    unmoved = replace(sigmas, influence=np.zeros((0, 0, 3, 21)))
    (found,), (naive,) = (measure_repeats(repeated(made), s, 400, 0, sizes) for s in (sigmas, unmoved))
    assert found.error.value == naive.error.value
    width, least = (math.log(r.error.high / r.error.low) for r in (found, naive))
    assert width > 1.5 * least
    assert found.error.low < 1 < found.error.high
