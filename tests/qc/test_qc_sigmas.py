import math

import numpy as np
import pytest
from qc_rounds import SIGMA, changed, joints_of, make_round
from scipy import stats

from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.qc.analysis import analyse
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_pairs
from hint_tools.qc.scale import geometric_median, measure
from hint_tools.qc.sigmas import FLOOR_PX, MEDIAN_FACTOR, POPULATION, measure_sigmas


def test_median_factor_is_that_of_chi_squared_for_pair_differences():
    assert pytest.approx(2 * stats.chi2(2).median()) == MEDIAN_FACTOR
    rng = np.random.default_rng(0)
    difference = rng.normal(0, 0.7, (400_000, 2)) - rng.normal(0, 0.7, (400_000, 2))
    assert math.sqrt(np.median((difference**2).sum(axis=1)) / MEDIAN_FACTOR) == pytest.approx(0.7, rel=0.005)


def measured(made, excluded=None):
    panel = made.panel()
    excluded = np.zeros(panel.visibility.shape, bool) if excluded is None else excluded
    return measure_sigmas(panel, build_pairs(panel), made.scale, excluded, Resampler(panel.image, 400, 0))


@pytest.mark.parametrize("people", [2, 3])
def test_sigma_is_within_ten_percent_under_five_percent_contamination(people):
    made = make_round(450, people, seed=1, swaps=0.03, slips=0.02)
    found = analyse(made.panel(), made.by_id(), {}, QcConfig(bootstrap=50)).sigmas
    for code in (1, 2):
        ratio = found.table[code] / SIGMA[code]
        assert ratio.mean() == pytest.approx(1, abs=0.05)
        # a joint's own figure has a sampling error besides: 5 % of it in the smallest cells
        assert np.abs(ratio - 1).max() < 0.10 + 3 * 0.05


def test_root_mean_square_is_carried_away_where_the_median_is_not():
    found = measured(make_round(400, 3, seed=2, swaps=0.03, slips=0.02))
    cell = next(c for c in found.cells if c.joint == "index_tip" and c.state == "visible")
    assert cell.rms > 1.8 * SIGMA[2]
    assert cell.estimate.value == pytest.approx(SIGMA[2], rel=0.15)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    hits = []
    for seed in range(6):
        for cell in measured(make_round(80, 2, seed=100 + seed)).cells:
            if cell.state == "visible":
                hits.append(cell.estimate.low <= SIGMA[2] <= cell.estimate.high)
    assert 0.90 <= np.mean(hits) <= 0.99


def test_small_cells_borrow_from_the_finger_then_from_all_then_from_the_population():
    made = make_round(45, 2, seed=3)
    for s in made.submissions:
        visibility = np.full(21, 2)
        number = int(s.hand_id[1:])
        visibility[5:9] = 1 if number < 20 else 2
        visibility[JOINT_INDEX["thumb_tip"]] = 1 if number < 3 else 2
        object.__setattr__(s, "visibility", visibility)
    level = {(c.joint, c.state): c.level for c in measured(made).cells}
    assert level["wrist", "visible"] == "joint"
    assert level["index_mcp", "visible"] == "finger"
    assert level["index_mcp", "occluded"] == "finger"
    assert level["thumb_tip", "occluded"] == "all"


def test_nothing_annotated_twice_uses_the_population_and_says_so():
    found = measured(make_round(40, 1, seed=4))
    assert {c.level for c in found.cells} == {"population"}
    assert found.table[2, 0] == POPULATION["visible"]
    assert all(math.isnan(c.estimate.low) for c in found.cells)


def test_a_careless_annotator_is_told_from_careful_ones():
    made = make_round(200, 3, seed=5)
    rng = np.random.default_rng(0)
    for s in made.submissions:
        if s.annotator == "cy":
            spread = np.where(s.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[int(s.hand_id[1:])]
            # variances add: 1 + 3 makes the error twice as large
            object.__setattr__(s, "keypoints", s.keypoints + rng.normal(size=(21, 2)) * spread[:, None] * math.sqrt(3))
    factors = measured(made).factors
    assert factors[2] / factors[0] == pytest.approx(2, rel=0.08)
    assert factors[0] == pytest.approx(factors[1], rel=0.05)


def test_joints_both_left_at_the_pre_label_do_not_make_people_look_precise():
    made = make_round(300, 2, seed=15)
    kept = np.random.default_rng(0).random((300, 21)) < 0.6
    for s in made.submissions:
        number = int(s.hand_id[1:])
        pre_label = made.truth[number] + 0.02 * made.scale[number]
        object.__setattr__(s, "keypoints", np.where(kept[number][:, None], pre_label, s.keypoints))
        object.__setattr__(s, "prediction_id", f"p{number}")
    found = measured(made)
    assert found.table[2].mean() == pytest.approx(SIGMA[2], rel=0.05)
    visible = [c for c in found.cells if c.state == "visible"]
    assert {c.level for c in visible} == {"joint"}
    assert sum(c.estimate.n for c in visible) == (~kept & (made.visibility == 2)).sum()


def test_sigma_does_not_depend_on_picture_size():
    made = make_round(60, 3, seed=6)
    small = measured(made).table
    for s in made.submissions:
        object.__setattr__(s, "keypoints", s.keypoints * 7)
    made.scale = made.scale * 7
    assert np.allclose(small, measured(made).table, rtol=1e-9, equal_nan=True)


def test_geometric_median_ignores_a_far_point_and_matches_the_optimum():
    points = 100 * np.array([[0.0, 0], [1, 0], [0, 1], [1, 1], [500, 500]])
    found = geometric_median(points)
    cost = lambda x: np.linalg.norm(points - x, axis=1).sum()  # noqa: E731
    around = [found + 1.0 * np.array(d) for d in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    assert all(cost(found) <= cost(x) + 1e-9 for x in around)
    assert np.allclose(geometric_median(np.array([[0.0, 0], [2, 4]])), [1, 2])
    assert np.isnan(geometric_median(np.full((3, 2), np.nan))).all()
    assert np.allclose(geometric_median(np.array([[3.0, 4], [np.nan, np.nan]])), [3, 4])


def test_sizes_of_a_known_hand():
    joints = np.zeros((1, 21, 2))
    joints[0, 9] = [30, 40]
    joints[0, 20] = [90, 10]
    sizes = measure(joints)
    assert sizes.box[0].tolist() == [0, 0, 90, 40]
    assert sizes.scale[0] == pytest.approx(60)
    assert sizes.longer[0] == 90
    assert sizes.palm[0] == 50
    assert np.isnan(measure(np.full((1, 21, 2), np.nan)).scale[0])


def test_a_hand_and_its_mirror_image_are_as_large_as_either():
    """Their middle is a line; so is that of their joints."""
    joints = make_round(1, 1, seed=17).truth
    turned = joints * [-1, 1] + [2 * joints[..., 0].mean(), 0]
    answers = np.stack([joints, turned], axis=1)
    middle = geometric_median(answers.swapaxes(1, 2))
    found, own = measure(middle, answers), measure(joints)
    assert measure(middle).scale[0] < 0.2 * own.scale[0]
    assert found.scale == pytest.approx(own.scale)
    assert found.longer == pytest.approx(own.longer)


def test_one_joint_far_away_makes_no_hand_large():
    joints = make_round(1, 1, seed=18).truth
    own = measure(joints)
    joints[0, 4] += 100 * own.scale
    assert measure(joints).scale < 3 * own.scale
    assert measure(joints).longer < 3 * own.longer


def test_a_hand_of_few_joints_is_as_large_as_the_box_that_was_asked_for():
    joints = np.full((2, 21, 2), np.nan)
    joints[0, [0, 5, 9]] = [[0, 0], [4, 2], [2, 8]]
    joints[1, :10] = np.arange(20).reshape(10, 2)
    found = measure(joints, asked=np.array([[0.0, 0, 90, 40]] * 2))
    assert (found.scale[0], found.longer[0]) == (60, 90)
    assert (found.scale[1], found.longer[1]) == (18, 18)


def test_three_words_in_four_settle_a_state_and_two_in_three_do_not():
    """Of three people one calls six hidden joints visible; then of four."""
    for people, told in ((3, 0), (4, 3)):
        made = make_round(40, people, seed=19)
        hidden = np.where(np.arange(21) < 6, 1, 2)
        for h in range(40):
            for name in ("ana", "bo", "cy", "di")[:people]:
                changed(made, h, name, visibility=np.full(21, 2) if name == "cy" else hidden)
        found = measured(made)
        pairs = people * (people - 1) // 2
        assert sum(c.estimate.n for c in found.cells if c.joint == "wrist" and c.state == "occluded") == told * 40
        assert sum(c.estimate.n for c in found.cells if c.joint == "pinky_tip" and c.state == "visible") == pairs * 40
        assert np.isfinite(found.relative).sum() == (15 * pairs + 6 * told) * 40


def test_a_joint_half_of_all_call_hidden_has_half_of_either_variance():
    made = make_round(60, 2, seed=20)
    changed(made, 3, "bo", visibility=np.where(np.arange(21) == 8, 3 - made.visibility[3], made.visibility[3]))
    found = measured(made)
    sigma = found.in_px(made.panel(), made.scale, personal=False)[3, :, 8] / made.scale[3]
    expected = math.sqrt((found.table[1, 8] ** 2 + found.table[2, 8] ** 2) / 2)
    assert sigma == pytest.approx(np.full(2, expected))


def test_nobody_is_expected_to_click_finer_than_pixels_are():
    """Two who are a fifth of a pixel apart at every joint have σ of an eighth of one."""
    made = make_round(40, 2, seed=21)
    for h in range(40):
        changed(made, h, "bo", keypoints=joints_of(made, h, "ana") + np.array([0.2, 0.0]))
    found = measured(made)
    assert found.in_px(made.panel(), made.scale, personal=False) == pytest.approx(FLOOR_PX)
    assert pytest.approx(1 / math.sqrt(12), abs=0.02) == FLOOR_PX
