"""Mistakes that leave something free, held against integrals and densities written out."""

import numpy as np
import pytest
from qc_rounds import swapped
from scipy import integrate, stats
from test_qc_chances import held, log_density, number_of

from hint_tools.qc.hypotheses import changes_of_answer

SIZE = 80.0


def told(points, mean, variance, k, known=None, placed=None):
    """Log of the likelihood ratio of hypothesis `k` over no mistake, σ given."""
    every = np.ones((1, 21), dtype=bool)
    there = every if known is None else known[None]
    own = every if placed is None else placed[None]
    given = np.where(own[..., None], points, 0.0), own, np.where(there[..., None], mean, 0.0), there
    found = changes_of_answer(*given, variance[None], np.array([SIZE]), np.arange(21)[None])
    return -0.5 * found.scatter[0, k] - found.freedom[0, k] / 2 * np.log(2 * np.pi) + found.density[0, k]


def near(point, place, reach):
    return stats.multivariate_t(place / SIZE, reach**2 * np.eye(2), df=3).logpdf(point / SIZE)


def test_a_mirror_image_may_lie_anywhere_within_half_a_hand():
    """The integral over where it lies of the density of all points, times that of lying there, 1 / (2 π 0.5²)."""
    points, mean, variance = held(np.random.default_rng(11))
    points = points * [-1, 1] + [100.0, 3.0]
    turned, spread = points * [-1, 1] / SIZE, np.sqrt(variance) / SIZE
    total = -np.log(2 * np.pi * 0.5**2)
    for x in (0, 1):
        middle = np.average(mean[:, x] / SIZE - turned[:, x], weights=1 / variance)

        def density(shift, x=x):
            return stats.norm(mean[:, x] / SIZE, spread).logpdf(turned[:, x] + shift).sum()

        most = density(middle)
        reach = 8 * np.sqrt(1 / (1 / spread**2).sum())
        value, _ = integrate.quad(lambda s, f=density, m=most: np.exp(f(s) - m), middle - reach, middle + reach)
        total += most + np.log(value)
    expected = total - log_density(points, mean, variance, SIZE)
    found = told(points, mean, variance, number_of("placed the joints mirrored left to right"))
    assert found == pytest.approx(expected, abs=1e-6)


def test_two_joints_tell_nothing_of_a_mirror_image():
    """Two points turned over are two points."""
    points, mean, variance = held(np.random.default_rng(12))
    points = points + np.random.default_rng(13).normal(size=(21, 2)) * 40
    k = number_of("placed the joints mirrored left to right")
    assert told(points, mean, variance, k, known=np.arange(21) < 2) == 0
    assert told(points, mean, variance, k, known=np.arange(21) < 3) != 0


@pytest.mark.parametrize("outward", [True, False])
def test_the_point_left_over_of_a_shifted_finger_lies_about_the_end_of_it(outward):
    points, mean, variance = held(np.random.default_rng(14))
    own, goal, left_over = ([5, 6, 7], [6, 7, 8], 8) if outward else ([6, 7, 8], [5, 6, 7], 5)
    k = number_of("labelled index one joint off") + (0 if outward else 5)
    expected = (
        log_density(points[own], mean[goal], variance[goal], SIZE)
        + near(points[left_over], mean[left_over], 0.2)
        - log_density(points[5:9], mean[5:9], variance[5:9], SIZE)
    )
    assert told(points, mean, variance, k) == pytest.approx(expected, abs=1e-8)


def test_an_answer_elsewhere_lies_about_a_hand_away_in_every_joint():
    points, mean, variance = held(np.random.default_rng(15))
    points = points + 30.0
    expected = sum(near(p, m, 0.5) for p, m in zip(points, mean, strict=True))
    found = told(points, mean, variance, number_of("annotated something else"))
    assert found == pytest.approx(expected - log_density(points, mean, variance, SIZE), abs=1e-8)


def test_a_point_that_has_nothing_to_lie_on_may_be_anywhere_about_the_hand():
    """As named, the middle's point has no partner; swapped, what would have none was never placed."""
    points, mean, variance = held(np.random.default_rng(16), reorder=swapped(1, 2))
    known, placed = np.arange(21) != 11, np.arange(21) != 7
    as_named = np.flatnonzero(known & placed)
    order = swapped(1, 2)
    goals = np.flatnonzero(known & placed[order])
    expected = (
        log_density(points[order][goals], mean[goals], variance[goals], SIZE)
        - log_density(points[as_named], mean[as_named], variance[as_named], SIZE)
        - near(mean[0], mean[0], 0.5)
    )
    found = told(points, mean, variance, number_of("swapped index and middle"), known, placed)
    assert found == pytest.approx(expected, abs=1e-8)
