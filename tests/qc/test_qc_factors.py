"""How many times σ somebody errs, where answers are few."""

import math

import numpy as np
import pytest
from qc_rounds import SIGMA, answer, make_round

from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.factors import error_factors, factor_intervals
from hint_tools.qc.panel import build_pairs
from hint_tools.qc.sigmas import measure_sigmas

TIMES = 4.0


def measured(seed):
    """Error of somebody who errs `TIMES` as much as two others in the few hands both answered, too; times true σ."""
    made = make_round(24, 2, seed=seed)
    rng = np.random.default_rng(seed)
    for h in range(4):
        sigma = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2])[:, None] * made.scale[h] * TIMES
        points = made.truth[h] + rng.normal(size=(21, 2)) * sigma
        made.submissions.append(answer(f"h{h:05d}", "cy", points, made.visibility[h], number=900 + h))
    panel = made.panel()
    pairs, resampler = build_pairs(panel), Resampler(panel.image, 50, 0)
    sigmas = measure_sigmas(panel, pairs, made.scale, np.zeros(panel.visibility.shape, dtype=bool), resampler)
    found = factor_intervals(panel, pairs, sigmas.relative, sigmas.influence, resampler)
    return found[2].value * sigmas.table[2].mean() / SIGMA[2]


def test_who_errs_much_in_few_pictures_is_not_excused_by_making_their_joints_look_hard():
    assert np.mean([measured(330 + seed) for seed in range(16)]) == pytest.approx(TIMES, rel=0.06)


def test_few_joints_make_nobody_careless():
    """Two of whom 42 distances say f² = 3: least squares with a pull of 20 joints to 1 has (42 · 6 + 20) / 104."""
    panel = make_round(2, 2, seed=331).panel()
    relative = np.full((2, 21), 6 * 2 * math.log(2))
    assert error_factors(panel, build_pairs(panel), relative) ** 2 == pytest.approx(np.full(2, 272 / 104))
