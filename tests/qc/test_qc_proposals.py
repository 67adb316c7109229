"""What is proposed instead of a mistaken answer: points and states of the same joints."""

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round, swapped
from test_qc_shifted import analysed, shift

from hint_tools.qc.results import qc_json


def proposals(made, kind):
    return [m["proposal"] for m in qc_json(analysed(made), {})["mistakes"] if m["code"] == f"qc.{kind}"]


def test_joints_that_get_another_name_take_their_states_along():
    made = make_round(60, 3, seed=420)
    states = np.where(np.isin(np.arange(21), [5, 6, 7, 8]), 1, 2)
    good = joints_of(made, 4, "bo")
    for name in ("ana", "bo", "cy"):
        changed(made, 4, name, visibility=states)
    changed(made, 4, "bo", keypoints=good[swapped(1, 3)], visibility=states[swapped(1, 3)])
    (proposed,) = proposals(made, "finger-swap")
    assert proposed["keypoints"] == good.tolist()
    assert proposed["visibility"] == states.tolist()
    assert proposed["placed_anew"] == []


@pytest.mark.parametrize("others", [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("own", [1, 2])
def test_a_joint_placed_anew_is_visible_where_another_saw_it(own, others):
    """What the answer itself says of that name is said of another joint."""
    made = make_round(60, 3, seed=421)
    for name, word in (("bo", own), ("ana", others[0]), ("cy", others[1])):
        states = np.full(21, 2)
        states[9] = word
        changed(made, 6, name, visibility=states)
    shift(made, 6, "bo", "middle")
    (proposed,) = proposals(made, "shifted-chain")
    assert proposed["placed_anew"] == ["middle_mcp"]
    assert proposed["visibility"][9] == max(others)
