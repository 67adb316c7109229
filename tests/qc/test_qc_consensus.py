import numpy as np
import pytest
from qc_rounds import SIGMA, answer, make_round

from hint_tools.core.records import Hand
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.consensus import robust_positions
from hint_tools.qc.panel import build_panel
from hint_tools.qc.votes import vote_rejection, vote_side, vote_visibility

CONFIG = QcConfig(bootstrap=50)


def gaussian(n: int, people: int, sigma: float = 3.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    points = 500 + rng.normal(0, sigma, (n, people, 21, 2))
    return points, np.full((n, people, 21), sigma), np.zeros((n, people, 21), bool)


@pytest.mark.parametrize("people", [1, 2, 3, 5])
def test_mean_and_covariance_are_unbiased_on_clean_answers(people):
    points, sigma, nobody = gaussian(1200, people)
    found = robust_positions(points, sigma, nobody)
    error = found.mean - 500
    assert np.abs(error.mean(axis=(0, 1))).max() < 4 * 3 / np.sqrt(1200 * 21 * people)
    empirical = np.einsum("hjx,hjy->xy", error, error) / (1200 * 21)
    stated = found.covariance.mean(axis=(0, 1))
    assert np.allclose(np.diag(stated), np.diag(empirical), rtol=0.08)
    assert abs(stated[0, 1]) < 0.02 * stated[0, 0]
    assert np.diag(empirical) == pytest.approx(9 / people, rel=0.10)


@pytest.mark.parametrize("people", [2, 3, 5])
def test_the_95_percent_ellipse_covers_the_truth_about_as_often_as_it_says(people):
    points, sigma, nobody = gaussian(1200, people, seed=5)
    found = robust_positions(points, sigma, nobody)
    error = found.mean - 500
    squared = np.einsum("hjx,hjxy,hjy->hj", error, np.linalg.inv(found.covariance), error)
    assert 0.92 <= (squared <= 5.991).mean() <= 0.98


def test_covariance_grows_along_the_direction_people_disagree_in():
    points, sigma, nobody = gaussian(1, 3, sigma=1.0)
    points[0, :, 4] = [[500, 500], [506, 500], [494, 500]]
    stated = robust_positions(points, sigma, nobody).covariance[0, 4]
    assert stated[0, 0] > 3 * stated[1, 1]
    assert np.linalg.eigvalsh(stated).min() > 0


def test_more_precise_annotators_count_more():
    points = np.zeros((1, 2, 21, 2))
    points[0, 1, :, 0] = 5.0
    sigma = np.ones((1, 2, 21)) * np.array([2.0, 4.0])[None, :, None]
    found = robust_positions(points, sigma, np.zeros((1, 2, 21), bool))
    # distances 1 and 4 from the mean: 0.5 and 1.0 standard deviations, so plain inverse variances
    assert found.mean[0, 0, 0] == pytest.approx(1.0, abs=1e-6)
    assert found.covariance[0, 0, 1, 1] == pytest.approx(8 / 9 * 1 / (1 / 4 + 1 / 16), rel=1e-6)


@pytest.mark.parametrize(("people", "limit"), [(3, 0.85), (5, 0.5)])
def test_error_under_contamination(people, limit):
    made = make_round(300, people, seed=21, swaps=0.05, slips=0.02)
    found = np.array([c.keypoints for c in analyse(made.panel(), made.by_id(), {}, CONFIG).consensus])
    sigma = np.where(made.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None]
    error = (found - made.truth) / sigma[..., None]
    assert np.sqrt((error**2).mean()) <= limit


def test_a_hand_with_one_answer_has_a_consensus_with_the_population_covariance():
    made = make_round(1, 1, seed=22)
    (found,) = analyse(made.panel(), made.by_id(), {}, CONFIG).consensus
    assert np.allclose(found.keypoints, made.submissions[0].keypoints)
    expected = (np.where(made.visibility[0] == 1, 0.035, 0.018) * found.scale_px) ** 2
    assert np.allclose(found.covariance[:, 0, 0], expected)
    assert found.n_submissions == 1
    assert np.array_equal(found.visibility, made.visibility[0])
    assert np.isnan(found.disagreement)
    assert found.side == "right"


def test_a_rejected_hand_without_joints_keeps_its_box():
    hand = Hand(hand_id="h", frame_id="f", side="left", box=[1, 2, 30, 40])
    answers = [
        answer("h", n, None, None, rejected=True, reject_reason=r, side=None)
        for n, r in (("a", "blurred"), ("b", "too small"), ("c", "blurred"))
    ]
    (found,) = analyse(build_panel(answers, [hand], []), {"h": hand}, {}, CONFIG).consensus
    assert found.rejected
    assert found.reject_reason == "blurred"
    assert found.box.tolist() == [1, 2, 30, 40]
    assert np.isnan(found.keypoints).all()
    assert (found.visibility == 0).all()


def test_a_joint_only_some_placed_is_placed_and_one_nobody_placed_is_not():
    made = make_round(1, 3, seed=23)
    for s, state in zip(made.submissions, (0, 0, 2), strict=True):
        visibility = np.full(21, 2)
        visibility[[4, 8]] = [state, 0]
        object.__setattr__(s, "visibility", visibility)
    (found,) = analyse(made.panel(), made.by_id(), {}, CONFIG).consensus
    assert found.visibility[[4, 8]].tolist() == [0, 0]
    assert np.allclose(found.keypoints[4], made.submissions[2].keypoints[4])
    assert np.isnan(found.keypoints[8]).all()
    assert np.isfinite(np.delete(found.covariance, 8, axis=0)).all()


def panel_of(states: list[list[int]], **more):
    hand = Hand(hand_id="h", frame_id="f", box=[0, 0, 99, 99])
    joints = make_round(1, 1, seed=24).truth[0]
    answers = [answer("h", "abcde"[i], joints, np.array(row), **more) for i, row in enumerate(states)]
    return build_panel(answers, [hand], [])


def test_visibility_follows_the_vote_and_a_tie_claims_less():
    rows = np.full((3, 21), 2)
    rows[:2, 0], rows[0, 1] = 1, 1
    voted = vote_visibility(panel_of(rows.tolist()))
    assert voted.state[0, :3].tolist() == [1, 2, 2]
    assert voted.probability[0, 0] < 0.5 < voted.probability[0, 1] < voted.probability[0, 2]
    tie = vote_visibility(panel_of([[1] * 21, [2] * 21]))
    assert (tie.state == 1).all()
    assert np.allclose(tie.probability, 0.5)


def test_a_single_answer_is_believed():
    rows = np.tile([1, 2, 0], 7)
    voted = vote_visibility(panel_of([rows.tolist()]))
    assert np.array_equal(voted.state[0], rows)
    assert np.isnan(voted.probability[0, 2])


def test_two_who_are_usually_right_outvote_nobody_but_outweigh_one_who_is_not():
    made = make_round(80, 3, seed=25)
    rng = np.random.default_rng(0)
    for s in made.submissions:
        if s.annotator == "cy":
            object.__setattr__(s, "visibility", rng.integers(1, 3, 21))
    voted = vote_visibility(made.panel())
    assert voted.model.sensitivity[2] < 0.65 < 0.9 < voted.model.sensitivity[0]
    assert voted.model.specificity[2] < 0.65 < 0.9 < voted.model.specificity[0]
    assert np.array_equal(voted.state, made.visibility)


def test_sides_and_rejections_are_counted():
    joints = make_round(1, 1).truth[0]
    hand = Hand(hand_id="h", frame_id="f", box=[0, 0, 99, 99])
    seen = np.full(21, 2)
    sides = [answer("h", n, joints, seen, side=s) for n, s in (("a", "left"), ("b", "right"), ("c", "left"))]
    vote = vote_side(build_panel(sides, [hand], []), np.array([1]))
    assert vote.side.tolist() == [0]
    assert vote.agreement[0] == pytest.approx(2 / 3)
    assert vote_side(build_panel(sides[:2], [hand], []), np.array([1])).side.tolist() == [1]
    assert vote_side(build_panel(sides[:2], [hand], []), np.array([-1])).side.tolist() == [-1]
    mixed = [sides[0], answer("h", "z", None, None, rejected=True, reject_reason="glove")]
    split = vote_rejection(build_panel(mixed, [hand], []))
    assert not split.rejected[0]
    assert split.split[0]


def test_an_answer_far_off_widens_the_ellipse_no_more_than_it_weighs():
    """Three answers, one 30 σ away: (8 + Σ w u²) / (8 + 2) / Σ w along it, 8 / 10 / Σ w across, σ = 1 px."""
    points = np.zeros((1, 3, 21, 2))
    points[0, 2, :, 0] = 30.0
    found = robust_positions(points, np.ones((1, 3, 21)), np.zeros((1, 3, 21), dtype=bool))
    weight, apart = found.weight[0, :, 0], points[0, :, 0, 0] - found.mean[0, 0, 0]
    assert weight[2] == pytest.approx(1.5 / apart[2])
    along = (8 + (weight * apart**2).sum()) / 10 / weight.sum()
    assert found.covariance[0, 0] == pytest.approx(np.diag([along, 0.8 / weight.sum()]))
    assert along < 4


def test_where_all_answers_are_left_out_they_are_all_there_is():
    made = make_round(2, 2, seed=410)
    panel = made.panel()
    sigma, out = np.ones(panel.visibility.shape), np.zeros(panel.visibility.shape, dtype=bool)
    out[0, :, 5:9] = True
    out[1, 0] = True
    found = robust_positions(panel.keypoints, sigma, out)
    assert found.mean[0] == pytest.approx(panel.keypoints[0].mean(axis=0))
    assert found.mean[1] == pytest.approx(panel.keypoints[1, 1])
