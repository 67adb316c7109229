"""Intervals of raw agreement and AC1: how often they cover the truth, and what they say at the ends."""

import numpy as np
import pytest

from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.occlusion import category_agreement
from hint_tools.qc.occlusion_intervals import occlusion_estimates


def drawn(rng, pictures, occluded, wrong):
    """How often three people call each joint either; a seventh of them missing; pictures differ in both rates."""
    part, error = (rng.beta(m * s, (1 - m) * s, size=pictures) for m, s in ((occluded, 1.5), (wrong, 6.0)))
    truth = rng.random((pictures, 21)) < part[:, None]
    said = truth[..., None] ^ (rng.random((pictures, 21, 3)) < error[:, None, None])
    there = rng.random((pictures, 1, 3)) >= 1 / 7
    return np.stack([(said & there).sum(axis=-1), (~said & there).sum(axis=-1)], axis=-1)


@pytest.mark.parametrize(("occluded", "wrong"), [(0.3, 0.08), (0.05, 0.02), (0.5, 0.2)])
def test_both_cover_the_truth_in_small_rounds(occluded, wrong):
    rng, hits, naive = np.random.default_rng(4), np.zeros(2), 0
    truth = category_agreement(drawn(rng, 40_000, occluded, wrong).reshape(-1, 2))
    for k in range(300):
        counts = drawn(rng, 25, occluded, wrong)
        found = occlusion_estimates(counts, Resampler(np.arange(25), 10, k))
        plain = category_agreement(counts.reshape(-1, 2))
        assert (found.raw.value, found.ac1.value) == pytest.approx((plain.raw, plain.ac1))
        assert found.raw.n == plain.n_units
        hits += [e.low <= t <= e.high for e, t in ((found.raw, truth.raw), (found.ac1, truth.ac1))]
        apart = 1.96 * np.sqrt(plain.raw * (1 - plain.raw) / plain.n_units)  # as if joints were independent
        naive += abs(plain.raw - truth.raw) <= apart
    assert (hits / 300 >= 0.92).all(), hits / 300
    assert naive / 300 < 0.9


def test_where_all_agree_nothing_is_certain_and_few_pictures_give_no_interval():
    pictures = Resampler(np.arange(20), 10, 0)
    found = occlusion_estimates(np.array([[[3, 0], [0, 3]]] * 20), pictures)
    assert found.ac1.value == found.ac1.high == 1
    assert found.ac1.low == pytest.approx(1 - (1 - found.raw.low) / 0.5, abs=0.02)  # half would differ by chance
    assert np.isnan(occlusion_estimates(np.array([[[3, 0], [1, 2]]] * 2), Resampler(np.arange(2), 10, 0)).ac1.low)
    nobody = occlusion_estimates(np.zeros((20, 21, 2), dtype=np.int64), pictures)
    assert np.isnan([nobody.raw.value, nobody.ac1.value, nobody.ac1.low]).all()
    contrary = occlusion_estimates(np.array([[[1, 1]]] * 19 + [[[2, 1]]]), pictures)
    assert contrary.ac1.low <= contrary.ac1.value <= contrary.ac1.high < 0
    never = occlusion_estimates(np.array([[[1, 1], [1, 0]]] * 19 + [[[1, 1], [0, 1]]]), pictures)
    assert never.ac1.low == pytest.approx(never.ac1.value)
    assert never.ac1.value < never.ac1.high < 0
