"""What is concluded where answers hardly meet, or hold something absurd."""

import numpy as np
import pytest
from qc_rounds import answer, changed, joints_of, make_round

from hint_tools.core.records import Status
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_panel
from hint_tools.qc.results import qc_json
from hint_tools.qc.scale import measure

CONFIG = QcConfig(bootstrap=50)


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


def _only(made, hand, name, joints):
    """Leave an answer with these joints; the others are said to be nowhere."""
    states = np.zeros(21, dtype=int)
    states[list(joints)] = 2
    changed(made, hand, name, visibility=states)


def _concluded(made, hand=3):
    found = analysed(made)
    qc_json(found, {})  # nothing in it is beyond writing
    queued = {q.hand_id: q for q in found.queue}
    kinds_here = {m.kind for m in found.mistakes if m.hand == hand}
    return found.consensus[hand], kinds_here, queued.get(f"h{hand:05d}")


def test_what_one_places_and_the_other_cannot_place_is_confirmed_by_nobody():
    made = make_round(30, 2, seed=216)
    _only(made, 3, "bo", ())
    concluded, named, queued = _concluded(made)
    assert concluded.status == Status.SINGLE
    assert named == {"no-joints"}
    assert queued is not None


def test_joints_that_most_cannot_place_are_no_consensus():
    made = make_round(30, 3, seed=217)
    for name in ("bo", "cy"):
        _only(made, 3, name, ())
    concluded, _, queued = _concluded(made)
    assert concluded.status == Status.DISAGREED
    assert queued is not None
    assert "no joint is left that most can place" in queued.reason


def test_a_few_joints_in_the_box_are_not_another_hand():
    """A hand of which little can be placed has a small box; that says nothing of where it is."""
    made = make_round(30, 3, seed=218)
    for name in ("ana", "bo", "cy"):
        _only(made, 3, name, (0, 5, 9))
    concluded, named, queued = _concluded(made)
    assert concluded.status == Status.AGREED
    assert not named
    assert queued is None


@pytest.mark.parametrize(("away", "named"), [(0.0, set()), (3.0, {"wrong-hand"})])
def test_two_joints_are_of_another_hand_only_where_neither_is_near_the_box(away, named):
    made = make_round(30, 2, seed=223)
    for name in ("ana", "bo"):
        _only(made, 3, name, (5, 9))
    changed(made, 3, "bo", keypoints=joints_of(made, 3, "bo") + away * made.scale[3])
    assert _concluded(made)[1] == named


def test_two_who_place_different_joints_have_not_met():
    made = make_round(30, 2, seed=219)
    _only(made, 3, "ana", (0,))
    _only(made, 3, "bo", (1,))
    assert _concluded(made)[0].status == Status.SINGLE


def test_all_joints_in_one_point():
    made = make_round(30, 2, seed=220)
    for name in ("ana", "bo"):
        changed(made, 3, name, keypoints=np.tile(made.truth[3].mean(axis=0), (21, 1)))
    concluded, named, queued = _concluded(made)
    assert concluded.status == Status.DISAGREED
    assert not concluded.visibility.any()
    assert named == {"in-one-place"}
    assert queued.score == 1


@pytest.mark.parametrize("away", [500, 10000])
def test_one_joint_that_all_left_far_away_spoils_no_other_hand(away):
    made = make_round(30, 3, seed=221)
    for name in ("ana", "bo", "cy"):
        joints = joints_of(made, 3, name).copy()
        joints[4] += away
        changed(made, 3, name, keypoints=joints)
    found = analysed(made)
    assert [q.hand_id for q in found.queue] == ["h00003"]


def test_a_second_look_that_decides_nothing_says_why():
    made = make_round(30, 3, seed=222)
    before = {s.annotator: s for s in made.submissions if s.hand_id == "h00003"}
    for name, more in (("ana", {}), ("bo", {"rejected": True, "reject_reason": "blurred"})):
        made.submissions.append(
            answer("h00003", name, before[name].keypoints, before[name].visibility, number=90, **more)
        )
    again = [s for s in made.submissions if s.submission_id.endswith("-90")]
    panel = build_panel([s for s in made.submissions if s not in again], made.hands, [])
    found = analyse(panel, made.by_id(), {}, CONFIG, Beside(decided=build_panel(again, made.hands, [])))
    (item,) = found.queue
    assert item.hand_id == "h00003"
    assert item.reason == "after another look: as many reject the hand as annotate it"


@pytest.mark.parametrize("absurd", [1e7, 1e308, -1e200])
def test_a_joint_no_picture_can_hold_is_none(absurd):
    """Numbers whose squares are beyond all numbers: that joint is left to the others, and the hand is as it was."""
    made, clean = make_round(30, 3, seed=223), make_round(30, 3, seed=223)
    joints = joints_of(made, 3, "bo").copy()
    joints[8] = absurd
    changed(made, 3, "bo", keypoints=joints)
    found, before = analysed(made).consensus[3], analysed(clean).consensus[3]
    assert found.status == Status.AGREED
    assert np.abs(found.keypoints - before.keypoints).max() < 0.03 * made.scale[3]


def test_the_middle_of_a_hand_and_its_mirror_image_is_a_line_and_has_the_size_of_either():
    """Exactly: on whole pixels, where no rounding keeps the box from having no width at all."""
    one = np.rint(make_round(1, 2, seed=224).truth[0])
    other = np.stack([1000 - one[:, 0], one[:, 1]], axis=1)
    middle = (one + other) / 2
    sizes = measure(middle[None], np.stack([one, other])[None])
    assert sizes.scale[0] == pytest.approx(measure(one[None]).scale[0])
