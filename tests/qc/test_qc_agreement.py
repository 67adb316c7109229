import math

import numpy as np
import pytest
from qc_rounds import answer, make_round
from scipy import stats

from hint_tools.core.records import Frame, Hand
from hint_tools.qc.agreement import measure_agreement, pair_distances, pck_curves
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.occlusion import (
    category_agreement,
    occlusion_agreement,
    occlusion_counts,
    occlusion_findings,
    occlusion_habits,
)
from hint_tools.qc.panel import build_pairs, build_panel
from hint_tools.qc.scale import geometric_median, measure

# The four raters and twelve units that Krippendorff ("Computing Krippendorff's Alpha-Reliability", 2011, section C) and
# Gwet (Handbook of Inter-Rater Reliability, table 2.10) both work through; 0 is a gap.
FOUR_RATERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)


def test_coefficients_match_the_worked_examples_of_their_authors():
    counts = np.stack([(c == FOUR_RATERS).sum(axis=0) for c in range(1, 6)], axis=1)
    found = category_agreement(counts)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.ac1 == pytest.approx(0.77544, abs=5e-6)
    assert found.raw == pytest.approx(0.81818, abs=5e-6)
    assert found.n_units == 11


def test_two_raters_match_the_binary_example():
    """Krippendorff 2011, section A: ten units, two observers, alpha = 0.095."""
    one, other = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]])
    counts = np.stack([(one == c).astype(int) + (other == c) for c in (0, 1)], axis=1)
    found = category_agreement(counts)
    assert found.alpha == pytest.approx(0.095, abs=5e-4)
    assert found.raw == pytest.approx(0.6)


def test_alpha_falls_with_prevalence_where_ac1_does_not():
    rng = np.random.default_rng(0)

    def of(prevalence):
        truth = rng.random(40_000) < prevalence
        said = truth[:, None] ^ (rng.random((40_000, 2)) < 0.05)
        return category_agreement(np.stack([said.sum(axis=1), 2 - said.sum(axis=1)], axis=1))

    even, rare = of(0.5), of(0.02)
    assert even.alpha == pytest.approx(even.ac1, abs=0.01)
    assert rare.alpha < 0.35 < 0.85 < rare.ac1


def test_one_category_or_one_rater_gives_no_alpha():
    assert math.isnan(category_agreement(np.array([[2, 0], [2, 0]])).alpha)
    assert category_agreement(np.array([[2, 0], [2, 0]])).ac1 == 1
    alone = category_agreement(np.array([[1, 0], [0, 1]]))
    assert alone.n_units == 0
    assert math.isnan(alone.ac1)
    assert category_agreement(np.zeros((0, 2), int)).n_units == 0


def agreed(made, people_frames=None):
    panel = made.panel()
    pairs = build_pairs(panel)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)))
    sigma = np.full(panel.visibility.shape, 0.02) * made.scale[:, None, None]
    distances = pair_distances(panel, pairs, sigma)
    found = measure_agreement(panel, pairs, distances, sizes, Resampler(panel.image, 200, 0))
    return {(a.group, a.name): a for a in found}, pck_curves(pairs, distances, sizes)


def test_figures_of_known_displacements():
    """Two answers 6 px apart at every joint of a hand 100 px wide, 50 px high."""
    joints = np.linspace([0, 0], [100, 50], 21)
    hand = Hand(hand_id="h", frame_id="f", box=[0, 0, 100, 50])
    answers = [answer("h", n, joints + np.array([d, 0]), np.full(21, 2)) for n, d in (("a", -3), ("b", 3))]
    panel = build_panel(answers, [hand], [])
    pairs = build_pairs(panel)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)))
    found = measure_agreement(
        panel,
        pairs,
        pair_distances(panel, pairs, np.ones(panel.visibility.shape)),
        sizes,
        Resampler(panel.image, 50, 0),
    )
    every = found[0]
    assert every.distance.value == pytest.approx(6 / math.sqrt(5000))
    assert [e.value for e in every.pck] == [0, 1, 1]
    palm = np.linalg.norm(joints[9] - joints[0])
    assert every.palm.value == float(palm / 4 >= 6)
    assert every.distance.n == 21
    assert math.isnan(every.distance.low)


def test_similarity_is_by_the_mean_variance_of_both_answers():
    """COCO's exp(-d² / 2 s² k²), k² = 8 σ²: 4 px apart, σ of 1 and 3 px."""
    joints = np.linspace([0, 0], [100, 50], 21)
    answers = [answer("h", n, joints + d, np.full(21, 2)) for n, d in (("a", 0), ("b", [4, 0]))]
    panel = build_panel(answers, [Hand(hand_id="h", frame_id="f", box=[0, 0, 100, 50])], [])
    sigma = np.ones(panel.visibility.shape) * np.array([1, 3])[None, :, None]
    found = pair_distances(panel, build_pairs(panel), sigma)
    assert found.oks == pytest.approx(np.full((1, 21), math.exp(-16 / (2 * 8 * (1 + 9) / 2))))


def test_joints_both_left_on_the_pre_label_can_be_set_aside():
    """Both leave five joints alone, one leaves five more; the others lie 6 px apart."""
    joints = np.linspace([0, 0], [100, 50], 21)
    hand = Hand(hand_id="h", frame_id="f", box=[0, 0, 100, 50])
    away = np.repeat([[6.0, 0.0]], 21, axis=0)
    away[:5] = 0
    answers = [answer("h", n, joints + d, np.full(21, 2)) for n, d in (("a", 0), ("b", away))]
    panel = build_panel(answers, [hand], [])
    pairs = build_pairs(panel)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)))
    distances = pair_distances(panel, pairs, np.ones(panel.visibility.shape))
    untouched = np.zeros(panel.visibility.shape, dtype=bool)
    untouched[0, 0, :10] = untouched[0, 1, :5] = True
    resampler = Resampler(panel.image, 50, 0)
    found = {a.name: a for a in measure_agreement(panel, pairs, distances, sizes, resampler, untouched=untouched)}
    assert found["all joints"].distance.n == 21
    moved = found["moved by one or both"]
    assert moved.group == "pre-label"
    assert moved.distance.n == 16
    assert moved.distance.value * 16 == pytest.approx(found["all joints"].distance.value * 21)
    untouched[0, 1] = False
    again = measure_agreement(panel, pairs, distances, sizes, resampler, untouched=untouched)
    assert "pre-label" not in {a.group for a in again}


def test_pck_of_gaussian_people_matches_the_rayleigh_law():
    made = make_round(300, 3, seed=31)
    found, curves = agreed(made)
    visible = found["state", "both visible"]
    longer = np.ptp(made.truth, axis=1).max(axis=1)
    law = [stats.rayleigh.cdf(t * longer / made.scale, scale=0.018 * math.sqrt(2)).mean() for t in (0.05, 0.1, 0.15)]
    assert [e.value for e in visible.pck] == pytest.approx(law, abs=0.012)
    assert visible.distance.value == pytest.approx(0.018 * math.sqrt(2) * math.sqrt(math.pi / 2), rel=0.03)
    assert dict(curves["both visible"])[0.05] == pytest.approx(100 * visible.pck[0].value, abs=0.01)


def test_groups_share_out_all_pairs():
    found, _ = agreed(make_round(60, 3, seed=32))
    total = found["all", "all joints"].distance.n
    for group in ("state", "finger", "joint", "annotators", "source"):
        assert sum(a.distance.n for (g, _), a in found.items() if g == group) == total


def test_intervals_resample_pictures_not_joints():
    """Errors shared by a whole picture must widen the interval, by about the square root of the joints in it."""
    rng = np.random.default_rng(0)
    image = np.arange(200)
    shared = np.repeat(rng.exponential(size=200), 42)
    hand = np.repeat(image, 42)
    found = Resampler(image, 1000, 0).mean(shared, hand)
    expected = 2 * 1.96 * shared[::42].std() / math.sqrt(200)
    assert found.high - found.low == pytest.approx(expected, rel=0.12)


def test_an_annotator_blind_to_occlusion_is_named_and_others_are_not():
    made = make_round(60, 3, seed=33)
    rng = np.random.default_rng(0)
    for s in made.submissions:
        if s.annotator == "bo":
            missed = (s.visibility == 1) & (rng.random(21) < 0.5)
            object.__setattr__(s, "visibility", np.where(missed, 2, s.visibility))
    panel = made.panel()
    habits = occlusion_habits(panel)
    assert habits[1].found == pytest.approx(0.5, abs=0.08)
    assert habits[0].found == 1
    (found,) = occlusion_findings(panel, habits)
    assert found.subjects == ("bo",)
    assert occlusion_counts(panel).sum() == 60 * 21 * 3


def test_sources_are_told_apart():
    made = make_round(20, 2, seed=34)
    for s in made.submissions:
        if int(s.hand_id[1:]) >= 10 and s.annotator == "bo":
            object.__setattr__(s, "keypoints", s.keypoints + 0.2 * made.scale[int(s.hand_id[1:])])
    frames = [
        Frame(frame_id=f"f{i:05d}", source="near" if i < 5 else "far", video="v", width_px=9, height_px=9, path="p",
              sha256="", pixel_sha256="", origin="")
        for i in range(10)
    ]  # fmt: skip
    panel = build_panel(made.submissions, made.hands, frames)
    assert panel.sources == ("far", "near")
    pairs = build_pairs(panel)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)))
    all_found = measure_agreement(
        panel,
        pairs,
        pair_distances(panel, pairs, np.ones(panel.visibility.shape)),
        sizes,
        Resampler(panel.image, 50, 0),
    )
    found = {a.name: a for a in all_found if a.group == "source"}
    assert found["far"].distance.value > 0.2 > 0.05 > found["near"].distance.value


def test_a_hand_answered_once_moves_no_figure_of_agreement():
    made = make_round(40, 3, seed=240)
    more = make_round(60, 1, seed=241)
    hands = [Hand(hand_id=f"x{i}", frame_id=f"x{i}", side="right", box=h.box) for i, h in enumerate(more.hands)]
    alone = [
        answer(hands[i].hand_id, "ana", s.keypoints, np.ones(21, dtype=int), number=i)
        for i, s in enumerate(more.submissions)
    ]
    without = occlusion_agreement(occlusion_counts(made.panel()))
    beside = occlusion_agreement(occlusion_counts(build_panel([*made.submissions, *alone], [*made.hands, *hands], [])))
    assert beside == without


def test_ends_of_an_interval_do_not_hang_on_the_order_of_few_pictures():
    """Seven pictures of a hundred: resamples that hold one of them have no standard error, but for rounding."""
    rng = np.random.default_rng(0)
    resampler = Resampler(np.arange(100), 1000, 0)
    for _ in range(20):
        values, hand = rng.exponential(size=140), np.repeat(np.arange(7), 20)
        order = rng.permutation(140)
        one, other = resampler.mean(values, hand), resampler.mean(values[order], hand[order])
        assert other.low == pytest.approx(one.low, rel=1e-6)
        assert other.high == pytest.approx(one.high, rel=1e-6)
