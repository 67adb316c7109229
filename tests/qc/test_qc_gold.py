"""Annotators held against experts."""

from dataclasses import replace

import numpy as np
import pytest
from qc_rounds import changed, joints_of, make_round

from hint_tools.qc.gold import FAILED, PASSED, UNDECIDED, gold_tests
from hint_tools.qc.panel import build_panel

HANDS = 40


def held_against(made, experts=("expert",), change=lambda s: s):
    """Tests of a round whose truth the experts gave, each answer of theirs changed."""
    given = [s for s in made.submissions if s.annotator == "ana"]
    theirs = [
        change(replace(s, annotator=e, submission_id=f"{s.submission_id}-{e}", keypoints=made.truth[h]))
        for e in experts
        for h, s in enumerate(given)
    ]
    panel, decided = made.panel(), build_panel(theirs, made.hands, [])
    sigma = np.full(panel.visibility.shape, 0.04) * made.scale[:, None, None]
    found = gold_tests(panel, decided, experts, sigma, 5.0)
    return {panel.annotators[t.annotator]: t for t in found}


def test_who_places_nothing_has_failed():
    made = make_round(HANDS, 2, seed=250)
    for h in range(HANDS):
        changed(made, h, "bo", visibility=np.zeros(21, dtype=int))
    found = held_against(made)
    assert found["bo"].verdict == FAILED
    assert found["bo"].failures.value == 1
    assert found["ana"].verdict == PASSED


def test_a_joint_more_or_less_is_no_failure():
    made = make_round(HANDS, 2, seed=251)
    for h in range(HANDS):
        changed(made, h, "bo", visibility=np.where(np.arange(21) < 5, 0, made.visibility[h]))
    assert held_against(made)["bo"].verdict == PASSED


def test_sides_are_compared_where_both_give_one():
    made = make_round(HANDS, 2, seed=252)
    assert held_against(made, change=lambda s: replace(s, side=None))["bo"].verdict == PASSED
    assert held_against(made, change=lambda s: replace(s, side="left"))["bo"].verdict == FAILED


@pytest.mark.parametrize("who", ["annotator", "expert"])
def test_a_rejection_must_be_shared(who):
    made = make_round(HANDS, 2, seed=253)
    rejects = {"rejected": True, "reject_reason": "blurred"}
    if who == "annotator":
        for h in range(HANDS):
            changed(made, h, "bo", **rejects)
    found = held_against(made, change=(lambda s: replace(s, **rejects)) if who == "expert" else (lambda s: s))
    assert found["bo"].verdict == FAILED
    assert found["ana"].verdict == (FAILED if who == "expert" else PASSED)


def test_of_several_experts_most_words_count():
    made = make_round(HANDS, 2, seed=254)

    def odd_one(s):
        return replace(s, keypoints=s.keypoints + 300) if s.annotator == "x" else s

    assert held_against(made, ("x", "y", "z"), odd_one)["bo"].verdict == PASSED


def test_the_order_of_answers_decides_when_it_is_decided():
    """Three failures at the end leave a passed test passed; at the beginning they fail it."""
    for first, verdict in ((True, FAILED), (False, PASSED)):
        made = make_round(HANDS, 2, seed=255)
        spoilt = range(3) if first else range(HANDS - 3, HANDS)
        for h in range(HANDS):
            # answered in the reverse order of their names
            day = f"2026-01-{1 + h // 2 if first else 28 - (HANDS - 1 - h) // 2:02d}T00:00:{h:02d}Z"
            changed(made, h, "bo", updated_at=day)
        for h in spoilt:
            joints = joints_of(made, h, "bo").copy()
            joints[8] += made.scale[h]
            changed(made, h, "bo", keypoints=joints)
        assert held_against(made)["bo"].verdict == verdict


def test_few_gold_hands_decide_nothing():
    made = make_round(5, 2, seed=256)
    assert held_against(made)["bo"].verdict == UNDECIDED
