"""What a finger is held against: opinions that contradict each other, or are one, and points that are slips."""

from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import SIGMA, changed, joints_of, make_round

from hint_tools.core.skeleton import FINGERS
from hint_tools.qc.shift_evidence import WAYS, gains_over, label_cases, moved_variance, rest_of
from hint_tools.qc.shifted import gather_fingers

HAND = 3
INDEX = len(FINGERS) * HAND + FINGERS.index("index")
CY = 2


def fingers_of(made):
    panel = made.panel()
    sigma = np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    n = len(made.hands)
    nobody = np.zeros(panel.visibility.shape, dtype=bool)
    return gather_fingers(panel, made.scale, sigma, np.ones(3), nobody, None, np.ones((n, 5)))


def moved(made, name, joint, by):
    joints = joints_of(made, HAND, name).copy()
    joints[joint] += by * made.scale[HAND]
    changed(made, HAND, name, keypoints=joints)


def test_where_the_others_contradict_each_other_neither_is_believed():
    made = make_round(20, 3, seed=430)
    before, agreed = rest_of(fingers_of(made), CY)
    assert agreed[INDEX].all()
    moved(made, "ana", 7, 0.4)
    after, agreed = rest_of(fingers_of(made), CY)
    assert agreed[INDEX].tolist() == [True, True, False, True]
    assert after.covariance[INDEX, 2, 2] > 4 * before.covariance[INDEX, 2, 2]
    away = np.linalg.norm(after.mean[INDEX, 2] - made.truth[HAND, 7]) / made.scale[HAND]
    assert away < 0.15


def test_a_knuckle_that_two_have_elsewhere_than_the_palm_is_where_they_have_it():
    made = make_round(20, 3, seed=431)
    for name in ("ana", "bo"):
        moved(made, name, 5, 0.5)
        moved(made, name, 6, 0.5)
    fingers = fingers_of(made)
    rest, _ = rest_of(fingers, CY)
    without = replace(fingers, palm=np.full_like(fingers.palm, np.nan))
    assert np.isfinite(fingers.palm[INDEX]).all()
    assert rest.mean[INDEX] == pytest.approx(rest_of(without, CY)[0].mean[INDEX])


def test_two_who_left_the_pre_label_are_one_opinion():
    made = make_round(20, 3, seed=432)
    fingers = fingers_of(made)
    both = rest_of(replace(fingers, shared=np.full_like(fingers.shared, 2.0)), CY)[0]
    points = fingers.points.copy()
    points[:, 0] = fingers.points[:, :2].mean(axis=1)
    points[:, 1] = np.nan
    one = rest_of(replace(fingers, points=points, variance=fingers.variance), CY)[0]
    assert both.covariance == pytest.approx(one.covariance)
    assert both.mean == pytest.approx(one.mean)


def test_a_point_far_off_is_a_slip_however_far():
    made = make_round(20, 3, seed=433)
    fingers = fingers_of(made)
    rest, agreed = rest_of(fingers, CY)
    cases = label_cases(fingers, rest)
    gains = []
    for away in (2.0, 20.0):
        points = fingers.points[:, CY].copy()
        points[:, 3] += away * fingers.size[:, None]
        gains.append(gains_over(fingers, CY, cases, agreed, points))
    assert gains[0] == pytest.approx(gains[1], abs=0.5)
    assert (gains[0] < 0).all()


def test_the_point_left_over_lies_anywhere_within_a_bone_of_the_end():
    """A length drawn evenly from 0 to 1 has variance 1 / 12; the bone at the end is that of the two middle points."""
    made = make_round(20, 3, seed=434)
    fingers = fingers_of(made)
    points = fingers.points[:, CY]
    usual = fingers.usual[:, CY]
    beyond = ((points[:, 2] - points[:, 1]) ** 2).sum(axis=-1) / 12
    for way, outward in enumerate(WAYS):
        found = moved_variance(fingers, CY, way, points)
        if outward:
            expected = np.stack([usual[:, 1], usual[:, 2], usual[:, 3], usual[:, 3] + beyond], axis=1)
        else:
            expected = np.stack([usual[:, 0] + beyond, usual[:, 0], usual[:, 1], usual[:, 2]], axis=1)
        assert found == pytest.approx(expected)
