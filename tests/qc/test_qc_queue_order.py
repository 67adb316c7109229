"""Which of two hands comes first in the queue, and how likely what distances don't show is."""

from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import changed, make_round
from test_qc_shared_mistakes import flip
from test_qc_shift_witnesses import begun_from, prelabels

from hint_tools.qc.analysis import analyse
from hint_tools.qc.chances import KINDS, Chances, Law
from hint_tools.qc.config import QcConfig
from hint_tools.qc.hypotheses import HYPOTHESES
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.panel import build_pairs
from hint_tools.qc.queue import build_queue, find_outliers, joints_at_stake, rank_hands

CONFIG = QcConfig(bootstrap=50)


def analysed(made, predictions=None):
    return analyse(made.panel(), made.by_id(), predictions or {}, CONFIG)


def test_of_hands_as_likely_wrong_the_one_with_more_to_mend_comes_first():
    nothing = np.zeros(3)
    order = rank_hands(np.full(3, 2.0), np.array([1, 21, 8]), nothing, nothing.astype(int))
    assert order.tolist() == [1, 2, 0]


def test_what_a_second_look_would_mend_is_what_is_likeliest_wrong_or_the_whole_hand():
    kinds = [h.kind for h in HYPOTHESES]
    likeliest = np.array([kinds.index(k) for k in ("astray", "swap", "mirrored", "astray", "astray")])
    slots = np.zeros(5, dtype=int)
    chances = Chances(np.zeros(5), slots, likeliest, np.ones(5), Law(np.full(len(KINDS), 0.001), 12.0, 1.0))
    said = [Mistake("wrong-side", 3, (0,), "left"), Mistake("long-bone", 4, (0,), "long")]
    assert joints_at_stake(chances, said).tolist() == [1, 8, 21, 21, 1]


def test_of_two_hands_with_one_mistake_the_one_disagreed_on_what_is_hidden_comes_first():
    made = make_round(40, 2, seed=340)
    made.hands[:] = [replace(h, frame_id="one picture") for h in made.hands]
    for hand in (3, 7):
        changed(made, hand, "bo", side="left")
    changed(made, 7, "bo", visibility=np.where(np.arange(21) < 5, 3 - made.visibility[7], made.visibility[7]))
    assert [q.hand_id for q in analysed(made).queue] == ["h00007", "h00003"]


def test_where_all_are_mirrored_or_the_pre_label_is_two_in_three_are_people():
    made = make_round(60, 2, seed=341)
    for name in ("ana", "bo"):
        flip(made, 7, name)
    queued = {q.hand_id: q.score for q in analysed(made, begun_from(made, prelabels(made, 0.05))).queue}
    assert queued["h00007"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("kind", "chance"),
    [
        *((k, 1.0) for k in ("wrong-side", "side-unclear", "rejection-split", "no-joints", "in-one-place")),
        *((k, 0.99) for k in ("wrong-hand", "outside-picture")),
        *((k, 0.5) for k in ("side-doubtful", "outside-box", "long-bone", "unposable")),
        *((k, None) for k in ("missed-occlusion", "rubber-stamp", "impossible-time")),
    ],
)
def test_a_contradiction_is_certain_another_hand_nearly_and_a_hint_right_as_often_as_wrong(kind, chance):
    made = make_round(1, 1, seed=342)
    panel = made.panel()
    outliers = find_outliers(panel, build_pairs(panel), np.ones(panel.visibility.shape))
    one = np.zeros(1, dtype=int)
    chances = Chances(np.array([-6.0]), one, one, np.ones(1), Law(np.full(len(KINDS), 0.001), 12.0, 1.0))
    queue = build_queue(panel, outliers, [Mistake(kind, 0, (0,), "told")], chances, CONFIG)
    assert [q.score for q in queue] == ([pytest.approx(chance)] if chance else [])
