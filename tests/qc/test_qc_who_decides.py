"""Whose answer decides a hand, and where nothing is decided."""

from dataclasses import replace

import pytest
from qc_rounds import answer, changed, joints_of, make_round

from hint_tools.core.ids import task_key
from hint_tools.core.records import Status
from hint_tools.qc.analysis import analyse
from hint_tools.qc.answers import choose_submissions
from hint_tools.qc.config import QcConfig

CONFIG = QcConfig(bootstrap=50)


def analysed(made, config=CONFIG):
    return analyse(made.panel(), made.by_id(), {}, config)


def test_an_expert_decides_over_any_later_round():
    made = make_round(4, 2, seed=300)
    expert = answer("h00002", "expert", made.truth[2], made.visibility[2], number=900)
    later = answer("h00002", "ana", made.truth[2], made.visibility[2], number=901, task_key=task_key("h00002", 3))
    chosen = choose_submissions([later, *made.submissions, expert], frozenset(made.by_id()), ["expert"])
    assert [a.annotation_id for a in chosen.deciding] == [900]
    assert chosen.dropped["decided later"] == 1
    assert len(chosen.taken) == 8


def test_of_an_expert_the_last_round_decides():
    made = make_round(4, 2, seed=301)
    for number in (2, 0, 1):
        made.submissions.append(
            answer(
                "h00002", "expert", made.truth[2], made.visibility[2], number=900 + number,
                task_key=task_key("h00002", number),
            )
        )  # fmt: skip
    chosen = choose_submissions(made.submissions, frozenset(made.by_id()), ["expert"])
    assert [a.annotation_id for a in chosen.deciding] == [902]
    assert chosen.dropped["decided later"] == 2


@pytest.mark.parametrize(("source", "status"), [(None, Status.DISAGREED), ("left", Status.AGREED)])
def test_a_side_that_nothing_decides_leaves_the_hand_without_a_consensus(source, status):
    made = make_round(20, 2, seed=302)
    changed(made, 3, "bo", side="left")
    made.hands[3] = replace(made.hands[3], side=source)
    found = analysed(made)
    assert found.consensus[3].status == status
    (queued,) = found.queue
    assert queued.hand_id == "h00003"
    assert ("annotators differ on left and right" in queued.reason) is (source is None)


@pytest.mark.parametrize(("apart", "status"), [(6, Status.DISAGREED), (5, Status.AGREED)])
def test_as_many_joints_as_the_option_says_make_a_hand_one_without_a_consensus(apart, status):
    made = make_round(20, 2, seed=303)
    joints = joints_of(made, 3, "ana").copy()
    joints[[0, 4, 8, 12, 16, 20][:apart]] += 0.4 * made.scale[3]
    changed(made, 3, "bo", keypoints=joints)
    assert CONFIG.disagreed_joints == 6
    assert analysed(made).consensus[3].status == status
