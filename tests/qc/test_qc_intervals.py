"""Intervals: how often they cover the truth in small rounds, and that they equal what they approximate."""

import numpy as np
import pytest
from scipy import stats
from test_qc_dawid_skene import judged

from hint_tools.core.records import Hand
from hint_tools.qc.bootstrap import Resampler, _tail, student, wilson
from hint_tools.qc.dawid_skene import estimate_visibility, judged_joints, without_folds
from hint_tools.qc.panel import build_panel


@pytest.mark.parametrize("groups", [5, 6, 10, 30, 400])
def test_tails_are_students(groups):
    t = stats.t(groups - 1).ppf(0.975)
    assert _tail(groups) == pytest.approx(stats.norm.cdf(-np.sqrt(groups / (groups - 1)) * t))


def test_students_t_is_that_of_the_tables():
    assert [student(f) for f in (1, 2, 4, 30, 1e9)] == pytest.approx([12.706, 4.303, 2.776, 2.042, 1.960], abs=6e-4)


def clustered(rng, pictures, truth):
    """Figures of two hands a picture that share most of their error, and what resamples them."""
    image = np.repeat(np.arange(pictures), 2)
    values = truth + rng.normal(size=pictures)[image] + 0.3 * rng.normal(size=2 * pictures)
    return Resampler(image, 400, int(rng.integers(1 << 30))), values, np.arange(2 * pictures)


@pytest.mark.parametrize("pictures", [10, 20, 60])
def test_means_and_medians_are_covered_in_small_rounds(pictures):
    rng, hits = np.random.default_rng(pictures), np.zeros(2)
    for _ in range(400):
        resampler, values, hand = clustered(rng, pictures, 0.0)
        mean, median = resampler.mean(values, hand), resampler.median(np.exp(values), hand)
        hits += [mean.low <= 0 <= mean.high, median.low <= 1 <= median.high]
    assert hits[0] / 400 == pytest.approx(0.95, abs=0.03)
    assert hits[1] / 400 >= 0.92


def test_shares_near_one_are_covered_where_percentiles_fail():
    rng, hits, plain = np.random.default_rng(1), 0, 0
    for _ in range(400):
        resampler, values, hand = clustered(rng, 40, 0.0)
        within = (values < 2.0).astype(float)
        truth = stats.norm.cdf(2.0 / np.sqrt(1 + 0.3**2))
        share, percentile = resampler.share(within, hand), resampler.mean(within, hand)
        assert share.value == percentile.value
        assert share.n == percentile.n
        hits += share.low <= truth <= share.high
        plain += percentile.low <= truth <= percentile.high
    assert hits / 400 >= 0.92 > plain / 400


def test_independent_shares_have_wilsons_interval():
    rng = np.random.default_rng(2)
    values = (rng.random(400) < 0.9).astype(float)
    found = Resampler(np.arange(400), 4000, 0).share(values, np.arange(400))
    expected = wilson(int(values.sum()), 400)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)


def test_leaving_out_a_fold_is_estimating_from_the_rest():
    panel, _ = judged(120, [(0.95, 0.9), (0.7, 0.97), (0.85, 0.8)])
    fold = np.arange(120) % 3
    found = without_folds(panel, estimate_visibility(panel), fold, 3)
    for k in range(3):
        rest = [s for h in np.flatnonzero(fold != k) for s in panel.submissions[h]]
        hands = [Hand(hand_id=h, frame_id=h, box=[0, 0, 9, 9]) for h in panel.hand_ids]
        again = estimate_visibility(build_panel(rest, hands, []))
        assert found[k] == pytest.approx(np.stack([again.sensitivity, again.specificity]), abs=1e-4)
    assert judged_joints(panel, estimate_visibility(panel)).sum(axis=0) == pytest.approx(np.full(3, 120 * 21))
