"""Simulated annotators: what they are told to be like is what they do, and every mistake is on the list."""

from dataclasses import replace

import numpy as np
import pytest
from synth_hand import hand

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS
from hint_tools.synth.annotators import FINGER_SWAP, MISSED_OCCLUSION, PROFILES, RUBBER_STAMP, WRONG_SIDE, answer
from hint_tools.synth.stills import seeded

QUIET = replace(
    PROFILES[0],
    noise_visible=0.0,
    noise_occluded=0.0,
    tip_bias=0.0,
    swap_rate=0.0,
    wrong_side_rate=0.0,
    occlusion_sensitivity=1.0,
    occlusion_specificity=1.0,
    reject_rate=0.0,
)


def answers(profile, n, prelabel=None, true=None):
    true = true or hand()
    return [answer(true, prelabel, profile, seeded(0, "test", i)) for i in range(n)]


def test_without_noise_or_mistakes_the_answer_is_the_truth():
    given = answers(QUIET, 1)[0]
    true = hand()
    np.testing.assert_array_equal(given.keypoints, true.keypoints)
    np.testing.assert_array_equal(given.visibility, true.visibility)
    assert (given.side, given.reject_reason, given.mistakes) == ("right", "", ())


def test_noise_has_the_stated_size_for_visible_and_occluded_joints():
    profile = replace(QUIET, noise_visible=0.02, noise_occluded=0.06)
    error = np.stack([a.keypoints for a in answers(profile, 600)]) - hand().keypoints
    assert error[:, :15].std() == pytest.approx(2.0, rel=0.03)
    assert error[:, 15:].std() == pytest.approx(6.0, rel=0.03)


def test_the_habit_at_the_tips_points_along_the_hand():
    error = answers(replace(QUIET, tip_bias=0.05), 1)[0].keypoints - hand().keypoints
    along = hand().keypoints[9] - hand().keypoints[0]
    along /= np.linalg.norm(along)
    for tip in (4, 8, 12, 16, 20):
        np.testing.assert_allclose(error[tip], 5 * along, atol=1e-9)
    assert np.abs(error[[0, 1, 5, 9, 13, 17]]).max() == 0


def test_only_joints_that_look_wrong_are_moved():
    prelabel = hand().keypoints.copy()
    prelabel[3] += [1.0, 0]
    prelabel[8] += [30.0, 0]
    given = answers(replace(QUIET, keep_below=0.02), 1, prelabel)[0]
    np.testing.assert_array_equal(given.keypoints[3], prelabel[3])
    np.testing.assert_array_equal(given.keypoints[8], hand().keypoints[8])


def test_every_mistake_is_made_as_often_as_stated_and_is_listed():
    profile = replace(QUIET, swap_rate=0.2, wrong_side_rate=0.1, oblivious_rate=0.3)
    given = answers(profile, 1000)
    swapped = [a for a in given if any(m.startswith(FINGER_SWAP) for m in a.mistakes)]
    assert len(swapped) == pytest.approx(200, abs=40)
    assert sum(WRONG_SIDE in a.mistakes for a in given) == pytest.approx(100, abs=30)
    assert sum(MISSED_OCCLUSION in a.mistakes for a in given) == pytest.approx(300, abs=45)
    for one in given:
        assert (one.side == "left") == (WRONG_SIDE in one.mistakes)
        assert (one.visibility == Visibility.VISIBLE).all() == (MISSED_OCCLUSION in one.mistakes)
        listed = [m for m in one.mistakes if m.startswith(FINGER_SWAP)]
        assert bool(listed) == bool(np.abs(one.keypoints - hand().keypoints).max() > 0)
        if listed:
            first, second = listed[0].removeprefix(f"{FINGER_SWAP}:").split("-")
            a, b = list(FINGER_JOINTS[first]), list(FINGER_JOINTS[second])
            np.testing.assert_array_equal(one.keypoints[a], hand().keypoints[b])


def test_overlooking_few_hidden_joints_is_no_mistake_to_be_found():
    given = answers(replace(QUIET, oblivious_rate=1.0), 5, true=hand(n_occluded=2))
    assert all(a.mistakes == () for a in given)


def test_a_rubber_stamp_sends_the_pre_label_on_untouched():
    prelabel = hand().keypoints + 20
    given = answers(replace(QUIET, rubber_stamp_rate=1.0), 3, prelabel)
    for one in given:
        np.testing.assert_array_equal(one.keypoints, prelabel)
        assert one.mistakes == (RUBBER_STAMP,)


def test_only_hardly_visible_hands_are_rejected():
    picky = replace(QUIET, reject_rate=1.0)
    assert all(a.reject_reason == "" for a in answers(picky, 5))
    rejected = answers(picky, 5, true=hand(n_occluded=20))
    assert all(a.reject_reason and a.keypoints is None for a in rejected)


def test_the_same_seed_gives_the_same_answer():
    a, b = (answer(hand(), None, PROFILES[2], seeded(7, "x")) for _ in range(2))
    np.testing.assert_array_equal(a.keypoints, b.keypoints)
    assert (a.mistakes, a.lead_time_s) == (b.mistakes, b.lead_time_s)
