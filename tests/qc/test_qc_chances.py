"""The chance of a mistake, held against integrals and densities written elsewhere, and against what was planted."""

from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import SIGMA, Round, changed, joints_of, make_round, swapped
from scipy import integrate, stats

from hint_tools.qc import chances as chances_module
from hint_tools.qc.analysis import analyse
from hint_tools.qc.chances import KINDS, Chances, Law
from hint_tools.qc.config import QcConfig
from hint_tools.qc.hypotheses import HYPOTHESES, changes_of_answer

CONFIG = QcConfig(bootstrap=50)


def weighed(made: Round) -> Chances:
    return analyse(made.panel(), made.by_id(), {}, CONFIG).chances


def chance(found: Chances) -> np.ndarray:
    return 1 / (1 + np.exp(-found.log_odds))


def number_of(words: str) -> int:
    return [h.words for h in HYPOTHESES].index(words)


@pytest.mark.parametrize("freedom", [4.0, 12.0, 200.0])
def test_the_law_of_a_hand_is_the_normal_law_integrated_over_its_difficulty(freedom):
    """Inverse gamma of t², by quadrature; the first law's constant is common to all, so differences are compared."""
    law = Law(np.full(len(KINDS), 0.002), freedom, 1.3)
    cases = [(42.0, 42.0), (38.0, 40.0), (90.0, 42.0), (20.0, 22.0)]
    prior = stats.invgamma(freedom / 2, scale=freedom * law.middle / 2)

    def density(scatter, n):
        def at(u):
            return (2 * np.pi * u) ** (-n / 2) * np.exp(-scatter / (2 * u)) * prior.pdf(u)

        return np.log(integrate.quad(at, 0, 50, points=[0.5, 1, 2, 4], limit=400)[0])

    ours = [float(chances_module._log_law(np.array([q]), np.array([n]), law)[0]) for q, n in cases]
    theirs = [density(q, n) for q, n in cases]
    assert np.diff(ours) == pytest.approx(np.diff(theirs), abs=1e-6)


def held(rng, *, reorder=None):
    """One hand: an answer (named by `reorder`), the others' mean, and the variance of their difference, px."""
    mean = rng.uniform(0, 100, (21, 2))
    variance = rng.uniform(2, 9, 21)
    points = mean + rng.normal(size=(21, 2)) * np.sqrt(variance)[:, None]
    return points[reorder] if reorder is not None else points, mean, variance


def log_density(points, mean, variance, size):
    return sum(
        stats.multivariate_normal(m / size, v / size**2).logpdf(p / size)
        for p, m, v in zip(points, mean, variance, strict=True)
    )


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("swapped index and middle", swapped(1, 2)),
        ("swapped thumb and pinky", swapped(0, 4)),
        ("reversed ring (tip for base)", np.r_[0:13, 16, 15, 14, 13, 17:21]),
        ("named the fingers in the mirrored order", np.r_[0, 17:21, 13:17, 9:13, 5:9, 1:5]),
        ("mixed up fingers", np.r_[0:5, 9:17, 5:9, 17:21]),
    ],
)
def test_the_likelihood_ratio_of_a_naming_is_that_of_the_densities(words, order):
    points, mean, variance = held(np.random.default_rng(3), reorder=np.argsort(order))
    size, every = 80.0, np.ones((1, 21), dtype=bool)
    found = changes_of_answer(
        points[None], every, mean[None], every, variance[None], np.array([size]), np.asarray(order)[None]
    )
    k = number_of(words)
    told = -0.5 * found.scatter[0, k] - found.freedom[0, k] / 2 * np.log(2 * np.pi) + found.density[0, k]
    truth = log_density(points[order], mean, variance, size) - log_density(points, mean, variance, size)
    assert truth > 5
    assert told == pytest.approx(truth, abs=1e-8)


def test_joints_that_only_one_side_has_take_their_part_of_the_density():
    """A swap with joints missing here and there: points that have nothing to lie on may be anywhere about the hand."""
    rng = np.random.default_rng(5)
    points, mean, variance = held(rng, reorder=swapped(1, 2))
    placed, known = np.ones((1, 21), dtype=bool), np.ones((1, 21), dtype=bool)
    placed[0, 6], known[0, 11] = False, False
    size, order = 80.0, swapped(1, 2)
    found = changes_of_answer(
        np.where(placed[..., None], points, 0.0), placed, np.where(known[..., None], mean, 0.0), known, variance[None],
        np.array([size]), np.arange(21)[None],
    )  # fmt: skip
    k = number_of("swapped index and middle")
    told = -0.5 * found.scatter[0, k] - found.freedom[0, k] / 2 * np.log(2 * np.pi) + found.density[0, k]

    def total(which):
        anywhere = stats.multivariate_t(np.zeros(2), 0.5**2 * np.eye(2), df=3).logpdf(np.zeros(2))
        value = 0.0
        for j, i in enumerate(which):
            if placed[0, i]:
                value += log_density(points[[i]], mean[[j]], variance[[j]], size) if known[0, j] else anywhere
        return value

    assert told == pytest.approx(total(order) - total(np.arange(21)), abs=1e-8)


def test_a_misplaced_joint_is_weighed_against_students_law():
    points, mean, variance = held(np.random.default_rng(7))
    points[8] += [40.0, 10.0]
    size, every = 80.0, np.ones((1, 21), dtype=bool)
    args = (points[None], every, mean[None], every, variance[None], np.array([size]), np.arange(21)[None])
    found, k = changes_of_answer(*args), number_of("misplaced index_tip")
    told = -0.5 * found.scatter[0, k] - found.freedom[0, k] / 2 * np.log(2 * np.pi) + found.density[0, k]
    astray = stats.multivariate_t(mean[8] / size, 0.2**2 * np.eye(2), df=3).logpdf(points[8] / size)
    assert told == pytest.approx(astray - log_density(points[[8]], mean[[8]], variance[[8]], size), abs=1e-8)


@pytest.mark.parametrize("people", [2, 3])
def test_chances_are_what_they_say(people):
    """Chances add up to the number of spoilt hands; the likely ones are spoilt, the unlikely ones are not."""
    expected = spoilt = likely = right = missed = 0.0
    for seed in (300, 301, 302):
        made = make_round(1500, people, seed=seed, swaps=0.02, noise=2.5)
        bad = np.isin(np.arange(1500), [h for h, _ in made.planted])
        told = chance(weighed(made))
        expected, spoilt = expected + told.sum(), spoilt + bad.sum()
        likely, right = likely + (told > 0.9).sum(), right + bad[told > 0.9].sum()
        missed += bad[told < 0.1].sum()
    assert expected / 4500 == pytest.approx(spoilt / 4500, abs=0.006)  # kinds the noise hides keep their prior rates
    assert right > 0.98 * likely
    assert missed < 0.01 * spoilt + 1


def test_rates_are_learnt_from_the_round():
    made = make_round(1500, 3, seed=310, swaps=0.04)
    rates = dict(zip(KINDS, weighed(made).law.rates, strict=True))
    hands = len({h for h, _ in made.planted})  # two answers to a hand that are both spoilt count once
    assert rates["neighbours"] + rates["swap"] == pytest.approx((hands + 2 * 0.5) / (4500 + 500), rel=0.03)
    assert max(v for k, v in rates.items() if k not in ("neighbours", "swap")) < 0.002


def test_a_clean_round_has_hardly_any_suspects():
    told = chance(weighed(make_round(1500, 2, seed=311)))
    assert told.sum() < 5
    assert told.max() < 0.5


@pytest.mark.parametrize(("away", "low", "high"), [(3.3, 0.0, 0.1), (7.0, 0.9, 1.0)])
def test_of_21_joints_one_may_well_lie_three_sigma_off(away, low, high):
    made = make_round(400, 2, seed=312)
    points = made.truth[7] + 0.0
    sigma = 0.018 * made.scale[7] * np.where(made.visibility[7] == 1, 2, 1)
    points[8] += [away * np.sqrt(2) * sigma[8], 0.0]
    changed(made, 7, "ana", keypoints=made.truth[7])
    changed(made, 7, "bo", keypoints=points)
    # all other joints as far apart as usual, so that the hand is not an easy one
    changed(made, 7, "ana", keypoints=made.truth[7] + sigma[:, None] * [0.0, 1.4] * (np.arange(21) != 8)[:, None])
    assert low <= chance(weighed(made))[7] <= high


def hard(made: Round, spread: float, seed: int) -> Round:
    """The same hands, some harder than others: errors times a factor of each hand."""
    factor = np.random.default_rng(seed).lognormal(0, spread, len(made.truth))
    for i, s in enumerate(made.submissions):
        h = int(s.hand_id[1:])
        moved = made.truth[h] + factor[h] * (s.keypoints - made.truth[h])
        made.submissions[i] = replace(s, keypoints=moved)
    return made


def test_a_hard_hand_is_not_a_mistake():
    """Half of the hands are hard or easy; without a mistake few are suspected, though many joints lie five σ apart."""
    made = hard(make_round(1000, 2, seed=313), 0.6, 1)
    found = weighed(made)
    assert found.law.freedom < 20
    assert chance(found).sum() < 30
    equal = weighed(make_round(1000, 2, seed=313))
    assert equal.law.freedom >= 80
    swaps = hard(make_round(1000, 2, seed=314, swaps=0.03), 0.6, 2)
    bad = np.isin(np.arange(1000), [h for h, _ in swaps.planted])
    told = chance(weighed(swaps))
    assert told[bad].mean() > 0.85
    assert told[~bad].mean() < 0.03


def test_several_fingers_of_wrong_names_are_weighed_by_the_naming_that_was_found():
    made = make_round(300, 3, seed=315)
    changed(made, 5, "cy", keypoints=joints_of(made, 5, "cy")[np.r_[0:5, 9:17, 5:9, 17:21]])
    found = weighed(made)
    assert chance(found)[5] > 0.999
    assert HYPOTHESES[found.hypothesis[5]].kind == "renamed"
    assert found.slot[5] == 2


@pytest.mark.parametrize("kind", ["mirrored", "elsewhere", "shifted", "reversed", "neighbours"])
def test_the_likeliest_mistake_is_the_one_that_was_made(kind):
    made = make_round(300, 3, seed=316)
    points = joints_of(made, 5, "bo").copy()
    if kind == "mirrored":
        points[:, 0] = 2 * points[:, 0].mean() - points[:, 0]
    elif kind == "elsewhere":
        points = np.random.default_rng(1).uniform(points.min(axis=0), points.max(axis=0), (21, 2))
    elif kind == "shifted":
        points[9:12], points[12] = points[10:13], points[12] + 0.5 * (points[12] - points[11])
    else:
        points = points[swapped(2, 3) if kind == "neighbours" else np.r_[0:5, 8, 7, 6, 5, 9:21]]
    changed(made, 5, "bo", keypoints=points)
    found = weighed(made)
    assert HYPOTHESES[found.hypothesis[5]].kind == kind
    assert (found.slot[5], chance(found)[5] > 0.99) == (1, True)


def test_what_was_left_where_the_pre_label_was_makes_no_hand_look_easy():
    """20 joints both left alone say nothing of how precisely the last one was placed."""
    made = make_round(400, 2, seed=317)
    usual = 0.036 * made.scale[9] * np.sqrt(2)
    changed(made, 9, "ana", keypoints=made.truth[9])
    changed(made, 9, "bo", keypoints=made.truth[9] + [[2.5 * usual if j == 4 else 0.0, 0.0] for j in range(21)])
    for name in ("ana", "bo"):
        changed(made, 9, name, visibility=np.full(21, 1))
    assert chance(weighed(made))[9] < 0.1


def test_one_answer_alone_is_never_suspected():
    made = make_round(200, 2, seed=318)
    made.submissions[:] = [s for s in made.submissions if s.hand_id > "h00050" or s.annotator == "ana"]
    told = chance(weighed(made))[:50]
    assert told == pytest.approx(told[0])
    assert told[0] < 0.03


def test_absent_joints_are_no_evidence():
    made = make_round(300, 3, seed=319)
    for h in range(0, 300, 3):
        state = made.visibility[h].copy()
        state[[h % 21, (h + 5) % 21]] = 0
        changed(made, h, "ana", visibility=state)
    told = chance(weighed(made))
    assert np.isfinite(told).all()
    assert told.max() < 0.5


@pytest.mark.parametrize("hands", [4, 12])
def test_a_round_of_few_hands_is_judged_too(hands):
    made = make_round(hands, 2, seed=320)
    changed(made, 1, "bo", keypoints=joints_of(made, 1, "bo")[swapped(2, 3)])
    told = chance(weighed(made))
    assert told[1] > 0.99
    assert np.delete(told, 1).max() < 0.1


@pytest.mark.parametrize(("times", "wrong"), [(3.0, False), (10.0, True)])
def test_no_hand_is_so_hard_that_nothing_in_it_could_be_a_mistake(times, wrong):
    """Hands differ much; on one of them both err three or ten times σ."""
    made = make_round(100, 2, seed=400)
    factor = np.random.default_rng(0).lognormal(0, 0.5, 100)
    factor[3] = times
    for h in range(100):
        for name in ("ana", "bo"):
            moved = factor[h] * (joints_of(made, h, name) - made.truth[h])
            changed(made, h, name, keypoints=made.truth[h] + moved)
    odds = weighed(made).log_odds[3]
    assert odds > 5 if wrong else odds < -2


def test_what_is_a_slip_of_the_careful_is_usual_for_the_careless():
    """Both 11 σ off at one joint; one of them errs three times as much as others everywhere."""
    made = make_round(120, 3, seed=401)
    for h in range(120):
        changed(made, h, "cy", keypoints=made.truth[h] + 3 * (joints_of(made, h, "cy") - made.truth[h]))
    for h, name in ((3, "ana"), (5, "cy")):
        joints = joints_of(made, h, name).copy()
        joints[8] = made.truth[h, 8] + 11 * SIGMA[made.visibility[h, 8]] * made.scale[h] / np.sqrt(2)
        changed(made, h, name, keypoints=joints)
    found = weighed(made)
    assert found.log_odds[3] > 5
    assert HYPOTHESES[found.hypothesis[3]].words == "misplaced index_tip"
    assert found.slot[3] == 0
    assert np.delete(found.log_odds, 3).max() < 0


@pytest.mark.parametrize(("people", "share"), [(2, 0.5), (3, 1.0)])
def test_of_two_either_may_hold_the_mistake_and_of_three_one_does(people, share):
    made = make_round(100, people, seed=402)
    changed(made, 5, "bo", keypoints=joints_of(made, 5, "bo")[swapped(1, 4)])
    found = weighed(made)
    assert found.log_odds[5] > 5
    assert found.share[5] == pytest.approx(share, abs=0.2)
