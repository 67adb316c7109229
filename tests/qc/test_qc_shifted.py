"""Fingers labelled one joint too far, and answers on another hand when the majority is there, too."""

import json
from pathlib import Path

import numpy as np
import pytest
from qc_rounds import NAMES, changed, joints_of, kinds, make_round

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, PALM_JOINTS
from hint_tools.qc import palm
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.palm import expected_knuckles

REAL_HANDS = Path(__file__).parents[3] / "shared/data/real_hands/hands.json"
CONFIG = QcConfig(bootstrap=50)


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def shift(made, hand, name, finger, *, outward=True):
    """Spoil one answer as a person does who begins at the wrong joint; the last point is anywhere near."""
    joints = list(FINGER_JOINTS[finger])
    points = joints_of(made, hand, name).copy()
    own = points[joints]
    step = own[-1] - own[-2]
    points[joints] = np.concatenate([own[1:], own[-1:] + 0.3 * step] if outward else [own[:1] - 0.5 * step, own[:3]])
    changed(made, hand, name, keypoints=points)


def shifts_in(found):
    return {(m.hand, found.panel.annotators[found.panel.annotator[m.hand, m.slots[0]]]): m
            for m in found.mistakes if m.kind == "shifted-chain"}  # fmt: skip


@pytest.mark.parametrize("outward", [True, False])
@pytest.mark.parametrize(("people", "noise", "recall"), [(2, 1, 0.9), (3, 1, 0.85), (3, 2, 0.5)])
def test_planted_shifts_are_found_and_other_hands_are_left_alone(people, noise, recall, outward):
    made = make_round(300, people, seed=81, noise=noise)
    rng = np.random.default_rng(0)
    planted = {}
    for hand in range(0, 300, 6):
        name, finger = NAMES[rng.integers(people)], FINGERS[rng.integers(5)]
        shift(made, hand, name, finger, outward=outward)
        planted[hand] = (name, finger)
    found = shifts_in(analysed(made))
    assert {h for h, _ in found} <= set(planted)
    assert len({h for h, _ in found}) >= recall * len(planted)
    sure = {at: m for at, m in found.items() if m.certain}
    assert len(sure) > 0.2 * len(found) or not outward or people == 3
    assert sum(who != planted[hand][0] for hand, who in sure) <= 0.05 * len(sure)
    for (hand, who), mistake in sure.items():
        name, finger = planted[hand]
        first = FINGER_JOINTS[finger][0]
        outwards, inwards = (-1, first, first + 1, first + 2), (first + 1, first + 2, first + 3, -1)
        expected = outwards if outward is (who == name) else inwards
        assert mistake.joint_order[first : first + 4] == expected


def test_the_palm_tells_where_a_finger_begins_from_any_side():
    """An affine picture of a flat palm is told without error, whatever the view."""
    rng = np.random.default_rng(3)
    joints = np.full((50, 1, 21, 2), np.nan)
    joints[:, 0, PALM_JOINTS] = palm._OPEN_MM @ rng.normal(size=(50, 2, 2)) + rng.normal(0, 99, (50, 1, 2))
    nobody = np.zeros(joints.shape[:-1], dtype=bool)
    for k, knuckle in enumerate(palm.KNUCKLES):
        hidden = joints.copy()
        hidden[:, :, knuckle] = 1e6
        mean, variance = expected_knuckles(hidden, np.ones(nobody.shape), nobody, np.full(50, 100.0))
        assert np.allclose(mean[:, k], joints[:, 0, knuckle])
        assert (variance[:, k] > (100 * palm.FLEX[k]) ** 2).all()
    without_wrist = nobody.copy()
    without_wrist[:, :, 0] = True
    assert np.isnan(expected_knuckles(joints, np.ones(nobody.shape), without_wrist, np.full(50, 100.0))[0]).all()


@pytest.mark.shared
@pytest.mark.skipif(not REAL_HANDS.is_file(), reason="needs ../shared/data/real_hands")
def test_knuckles_of_real_hands_lie_where_the_palm_has_them():
    hands = [h for h in json.loads(REAL_HANDS.read_text()) if all(h["labelled"])]
    points = np.array([h["keypoints"] for h in hands], dtype=float)[:, None]
    scale = np.sqrt(np.ptp(points[:, 0], axis=1).prod(axis=1))
    nobody = np.zeros(points.shape[:-1], dtype=bool)
    mean, _ = expected_knuckles(points, np.ones(nobody.shape), nobody, scale)
    off = np.abs(mean - points[:, 0, palm.KNUCKLES]) / scale[:, None, None]
    assert len(hands) >= 5
    assert np.all(np.sqrt((off**2).mean(axis=(0, 2))) < 1.5 * np.array(palm.FLEX))


def test_one_joint_gone_astray_is_no_shifted_finger():
    made = make_round(200, 3, seed=82, noise=2)
    rng = np.random.default_rng(1)
    for hand in range(200):
        points = joints_of(made, hand, "bo").copy()
        points[rng.integers(1, 21)] += rng.normal(0, 0.33, 2) * made.scale[hand]
        changed(made, hand, "bo", keypoints=points)
    assert len(shifts_in(analysed(made))) <= 2


def test_a_swapped_third_answer_does_not_hide_a_shift():
    made = make_round(60, 3, seed=83)
    points = joints_of(made, 5, "ana")
    order = np.arange(21)
    order[9:13], order[13:17] = np.arange(13, 17), np.arange(9, 13)
    changed(made, 5, "ana", keypoints=points[order])
    shift(made, 5, "cy", "middle")
    found = kinds([m for m in analysed(made).mistakes if m.hand == 5], made.panel())
    assert ("finger-swap", 5, "ana") in found
    assert ("shifted-chain", 5, "cy") in found


def test_a_named_shift_is_queued_even_where_no_joint_is_far_off():
    made = make_round(150, 3, seed=84, noise=2.5)
    for hand in range(0, 150, 3):
        shift(made, hand, "cy", "pinky")
    found = analysed(made)
    named = {found.panel.hand_ids[h] for h, _ in shifts_in(found)}
    assert any(m.gain < CONFIG.queue_z**2 for m in shifts_in(found).values())
    assert named <= {q.hand_id for q in found.queue}


def test_two_of_three_on_the_other_hand_of_the_picture_are_both_told():
    made = make_round(40, 3, seed=87)
    assert np.abs(made.truth[8].mean(axis=0) - made.truth[9].mean(axis=0)).max() > 2 * made.scale[9]
    rng = np.random.default_rng(2)
    for name in ("bo", "cy"):
        there = made.truth[9] + rng.normal(size=(21, 2)) * 0.015 * made.scale[9]
        changed(made, 8, name, keypoints=there)
    found = [m for m in analysed(made).mistakes if m.kind == "wrong-hand"]
    assert kinds(found, made.panel()) == {("wrong-hand", 8, "bo"), ("wrong-hand", 8, "cy")}
    assert {m.other_hand for m in found} == {"h00009"}


def test_a_wrong_box_is_nobodys_mistake():
    """All three agree, far from the box that was asked for, and no other hand is there."""
    made = make_round(40, 3, seed=86)
    hand = made.hands[8]
    object.__setattr__(hand, "box", np.asarray(hand.box) + 2000.0)
    assert [m for m in analysed(made).mistakes if m.kind == "wrong-hand"] == []
