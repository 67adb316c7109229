"""What looks wrong in one answer alone: from where on it is told, and where it is not."""

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round

from hint_tools.core.records import Frame, Prediction
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.config import QcConfig

CONFIG = QcConfig(bootstrap=50)
HAND = 3


def analysed(made, labels=(), **more):
    return analyse(made.panel(), made.by_id(), {p.prediction_id: p for p in labels}, CONFIG, Beside(**more))


def told(made, *labels, **more):
    """Kinds of mistakes of the hand in question, with what was said."""
    return {m.kind: m.message for m in analysed(made, labels, **more).mistakes if m.hand == HAND}


def label(made, joints, **more):
    changed(made, HAND, "ana", prediction_id="p")
    return Prediction(
        prediction_id="p", hand_id=made.hands[HAND].hand_id, model="m", keypoints=joints, confidence=np.ones(21),
        hand_confidence=1.0, **more,
    )  # fmt: skip


def with_tip_at(made, place):
    joints = joints_of(made, HAND, "ana").copy()
    joints[8] = place
    changed(made, HAND, "ana", keypoints=joints)
    return made


@pytest.mark.parametrize(("beyond", "outside"), [(0.4, False), (0.6, True), (10.0, True)])
@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_a_picture_ends_where_its_last_pixel_does(edge, beyond, outside):
    """Pixels reach half a pixel beyond their middle: a picture 640 wide goes from -0.5 to 639.5."""
    made = make_round(8, 1, seed=320)
    low, high = made.truth[HAND].min(axis=0), made.truth[HAND].max(axis=0)
    middle = (low + high) / 2
    width, height = (int(v) for v in np.ceil(high) + 30)
    place = {
        "left": (-beyond, middle[1]), "top": (middle[0], -beyond),
        "right": (width - 1 + beyond, middle[1]), "bottom": (middle[0], height - 1 + beyond),
    }[edge]  # fmt: skip
    frame = Frame(
        frame_id=made.hands[HAND].frame_id, source="s", video="v", width_px=width, height_px=height, path="a.jpg",
        sha256="", pixel_sha256="", origin="",
    )  # fmt: skip
    found = told(with_tip_at(made, place), frames={frame.frame_id: frame})
    assert ("outside-picture" in found) is outside
    if outside:
        assert found["outside-picture"] == "ana placed 1 joint outside the picture: index tip"


@pytest.mark.parametrize(("boxes", "outside"), [(0.9, False), (1.1, True)])
def test_joints_may_lie_one_box_beside_the_box(boxes, outside):
    made = make_round(8, 1, seed=321)
    box = np.asarray(made.hands[HAND].box)
    place = [box[2] + boxes * (box[2] - box[0]), box[3]]
    found = told(with_tip_at(made, place))
    assert ("outside-box" in found) is outside
    if outside:
        assert found["outside-box"] == "ana placed 1 joint far outside the box: index tip"


@pytest.mark.parametrize(("sure", "doubtful"), [(0.6, False), (0.95, True)])
def test_a_model_contradicts_a_side_where_it_is_sure_and_the_hand_is_looked_at_again(sure, doubtful):
    made = make_round(8, 1, seed=322)
    given = label(made, made.truth[HAND], side="left", side_confidence=sure)
    found = analysed(made, [given])
    assert [(m.kind, m.message) for m in found.mistakes] == (
        [("side-doubtful", "ana says right, the model left (95 %)")] if doubtful else []
    )
    assert [(q.hand_id, q.score) for q in found.queue] == ([("h00003", 0.5)] if doubtful else [])


@pytest.mark.parametrize(("moved", "too_fast"), [(2, False), (10, True)])
def test_only_joints_that_were_moved_take_time(moved, too_fast):
    made = make_round(8, 1, seed=323)
    given = joints_of(made, HAND, "ana").copy()
    given[:moved] += 5
    labels = label(made, given)
    changed(made, HAND, "ana", lead_time_s=1.0)
    found = told(made, labels)
    assert found == ({"impossible-time": "ana placed 10 joints in 1.0 s"} if too_fast else {})


def test_all_joints_in_one_place_are_told_of_one_annotator_too():
    made = make_round(8, 1, seed=324)
    box = np.asarray(made.hands[HAND].box)
    changed(made, HAND, "ana", keypoints=np.tile((box[:2] + box[2:]) / 2, (21, 1)))
    assert told(made) == {"in-one-place": "ana placed all joints in one place"}


@pytest.mark.parametrize("left_by", [("ana",), ("ana", "bo")])
def test_who_left_a_pre_label_is_named_where_another_moved_it(left_by):
    made = make_round(8, 2, seed=325)
    for name in ("ana", "bo"):
        changed(made, HAND, name, prediction_id="p")
    given = label(made, joints_of(made, HAND, "ana"))
    for name in left_by:
        changed(made, HAND, name, keypoints=given.keypoints)
    found = told(made, given)
    assert found == (
        {"rubber-stamp": "ana left all joints where the pre-label had them; others moved some"}
        if left_by == ("ana",)
        else {}
    )


@pytest.mark.parametrize(("missed", "forgot"), [(3, False), (5, False), (6, True)])
def test_who_overlooks_most_hidden_joints_of_a_hand_forgot_to_look(missed, forgot):
    """Of eight that two others call hidden: three in four are most."""
    made = make_round(8, 3, seed=326)
    hidden = np.where(np.arange(21) < 8, 1, 2)
    for name in ("ana", "bo"):
        changed(made, HAND, name, visibility=hidden)
    changed(made, HAND, "cy", visibility=np.where(np.arange(21) < missed, 2, hidden))
    found = told(made)
    assert set(found) == ({"missed-occlusion"} if forgot else set())
    if forgot:
        assert found["missed-occlusion"].startswith("cy calls 6 joints visible that all others call occluded: ")
