"""Gates are of the figure they name, and passed at their limit."""

import numpy as np
from qc_rounds import changed, joints_of, make_round

from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gates import check_gates


def checked(made, **limits):
    found = analyse(made.panel(), made.by_id(), {}, QcConfig(bootstrap=50))
    return {g.code: g for g in check_gates(found, QcConfig(bootstrap=50, **limits))}


def test_a_figure_at_its_limit_passes_and_one_beyond_does_not():
    made = make_round(20, 2, seed=370)
    for h in range(4):
        changed(made, h, "bo", side="left")
    at = {"max_flagged": 0.2, "max_disagreed": 0.0, "min_within_palm": 1.0, "min_occlusion_ac1": 1.0}
    assert [g.passed for g in checked(made, **at).values()] == [True] * 4
    # the sides of four hands are told, and decided by the source: in the queue, not without a consensus
    assert not checked(made, max_flagged=0.19)["qc.gate-flagged"].passed
    changed(made, 10, "bo", keypoints=joints_of(made, 10, "bo") + 0.4 * made.scale[10])
    gate = checked(made, max_disagreed=0.0)["qc.gate-disagreed"]
    assert (gate.passed, gate.expected, gate.got) == (False, "at most 0.0 %", "5.0 %")


def test_what_is_hidden_is_not_held_against_the_gate_on_visible_joints():
    made = make_round(40, 2, seed=371)
    rng = np.random.default_rng(0)
    for h in range(40):
        away = np.where(made.visibility[h] == 1, 0.3, 0.0)[:, None] * made.scale[h] * rng.normal(size=(21, 2))
        changed(made, h, "bo", keypoints=joints_of(made, h, "bo") + away)
    assert checked(made, min_within_palm=0.99)["qc.gate-within-palm"].passed
