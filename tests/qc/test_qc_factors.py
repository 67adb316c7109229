"""How many times σ somebody errs, where answers are few."""

import math
from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import SIGMA, answer, make_round

from hint_tools.core.records import Prediction
from hint_tools.qc.analysis import analyse
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
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


def test_who_leaves_more_of_the_pre_label_alone_errs_no_less_and_the_others_no_more():
    """All err alike; bo leaves joints that are nearer to the pre-label than three of his σ, the others than a half."""
    rng = np.random.default_rng(6)
    made = make_round(150, 3, seed=262)
    labels = made.truth + rng.normal(size=made.truth.shape) * 0.08 * made.scale[:, None, None]
    predictions = {}
    for i, s in enumerate(made.submissions):
        h = int(s.hand_id[1:])
        sigma = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2]) * made.scale[h]
        near = np.linalg.norm(s.keypoints - labels[h], axis=1) < (3 if s.annotator == "bo" else 0.5) * sigma
        kept = np.where(near[:, None], labels[h], s.keypoints)
        made.submissions[i] = replace(s, keypoints=kept, prediction_id=f"p{h}")
        predictions[f"p{h}"] = Prediction(
            prediction_id=f"p{h}", hand_id=s.hand_id, model="m", keypoints=labels[h], confidence=np.ones(21),
            hand_confidence=1.0,
        )  # fmt: skip
    profiles = analyse(made.panel(), made.by_id(), predictions, QcConfig(bootstrap=50)).profiles
    for profile in profiles:
        assert profile.error.value == pytest.approx(1, abs=0.06)
        assert profile.error.low < 1 < profile.error.high
