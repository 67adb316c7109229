"""Figures of the comparison against closed forms."""

import numpy as np
import pytest
from synth_hand import hand

from hint_tools.core.records import Visibility
from hint_tools.synth.compare import Claim, Named, detections, score


def test_a_claim_off_by_a_known_distance_has_that_error():
    true = hand(n_occluded=6)
    found = score([Claim(true, true.keypoints + np.array([6.0, 8.0]), true.visibility, "left")])
    assert found.median_px == pytest.approx(10)
    assert found.median == pytest.approx(0.10)
    assert found.pck[0] == 0
    assert found.pck[2] == 1
    assert (found.visibility_accuracy, found.side_accuracy) == (1.0, 0.0)


def test_joints_outside_the_picture_take_no_part():
    from dataclasses import replace

    true = hand()
    states = true.visibility.copy()
    states[4] = Visibility.NOT_ANNOTATABLE
    wrong = true.keypoints.copy()
    wrong[4] += 500
    found = score([Claim(replace(true, visibility=states), wrong)])
    assert found.mean == 0
    assert np.isnan(found.visibility_accuracy)
    assert np.isnan(found.side_accuracy)


def test_no_claims_give_no_figures():
    assert np.isnan(score([]).median)


def test_visible_and_occluded_joints_are_told_apart():
    true = hand(n_occluded=6)
    wrong = true.keypoints.copy()
    wrong[15:, 0] += 5
    found = score([Claim(true, wrong)])
    assert (found.visible_median, found.occluded_median) == (0, pytest.approx(0.05))


def test_detections_count_right_wrong_and_missed():
    made = [Named("swap", "h1", "ann"), Named("swap", "h2", "ann"), Named("side", "h1", "ann")]
    said = [Named("swap", "h1", "ann"), Named("swap", "h1", "bob"), Named("swap", "h1", "ann")]
    swap, side = detections(made, said, ("swap", "side"))
    assert (swap.planted, swap.found, swap.false_alarms, swap.recall) == (2, 1, 1, 0.5)
    assert (side.planted, side.found, side.false_alarms) == (1, 0, 0)
    assert np.isnan(detections([], [], ("swap",))[0].recall)


def test_joints_a_stage_left_open_are_counted_and_not_measured():
    true = hand()
    points = true.keypoints.copy()
    points[:3] = np.nan
    found = score([Claim(true, points)])
    assert found.placed == pytest.approx(18 / 21)
    assert found.mean == 0
