import numpy as np
import pytest
from qc_rounds import SIGMA, answer, changed, joints_of, make_round

from hint_tools.core.ids import task_key
from hint_tools.core.records import Status, Submission
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.answers import choose_submissions, planned_repeats
from hint_tools.qc.bias import hand_axes
from hint_tools.qc.config import QcConfig
from hint_tools.qc.gold import FAILED, PASSED
from hint_tools.qc.panel import build_panel

CONFIG = QcConfig(bootstrap=200, experts=("expert",))


def analysed(made, **more):
    chosen = choose_submissions(made.submissions, frozenset(made.by_id()), CONFIG.experts)
    panel = build_panel(chosen.taken, made.hands, [])
    beside = Beside(decided=build_panel(chosen.deciding, made.hands, []), repeats=chosen.repeats, **more)
    return analyse(panel, made.by_id(), {}, CONFIG, beside)


def test_a_planted_habit_is_found_in_the_hands_frame_and_nobody_else_gets_one():
    made = make_round(150, 3, seed=51)
    along, across = hand_axes(made.truth)
    for h in range(150):
        points = joints_of(made, h, "bo").copy()
        points[8] += 0.03 * made.scale[h] * along[h]
        points[4] -= 0.02 * made.scale[h] * across[h]
        changed(made, h, "bo", keypoints=points)
    found = analysed(made)
    bias = {(found.panel.annotators[p.annotator], b.joint, b.direction): b for p in found.profiles for b in p.biases}
    tip, thumb = bias["bo", "index_tip", "along"], bias["bo", "thumb_tip", "across"]
    assert tip.measured.value == pytest.approx(0.03, abs=0.005)
    assert tip.shrunk.low <= tip.shrunk.value < tip.measured.value
    for found_one, planted in ((tip, 0.03), (thumb, -0.02)):
        assert found_one.shrunk.low < planted < found_one.shrunk.high
        assert found_one.shrunk.low * found_one.shrunk.high > 0
    clean = [b for (who, joint, _), b in bias.items() if joint not in ("index_tip", "thumb_tip")]
    assert max(abs(b.shrunk.value) for b in clean) < 0.006


def _with_a_habit(people: int, size: float, seed: int):
    made = make_round(150, people, seed=seed)
    along, _ = hand_axes(made.truth)
    for h in range(150):
        points = joints_of(made, h, "bo").copy()
        points[[8, 12, 16]] += size * made.scale[h] * along[h]
        changed(made, h, "bo", keypoints=points)
    found = analysed(made)
    return {found.panel.annotators[p.annotator]: [b for b in p.biases if b.told] for p in found.profiles}


def test_a_habit_is_told_to_whose_it_is():
    """Of three, who is far from the mean of the others may be right, and one of them wrong."""
    told = _with_a_habit(3, 0.03, seed=56)
    assert {(b.joint, b.direction) for b in told["bo"]} == {(f"{f}_tip", "along") for f in ("index", "middle", "ring")}
    assert not told["ana"]
    assert not told["cy"]


def test_of_two_alone_nobody_has_a_habit():
    assert not any(_with_a_habit(2, 0.03, seed=57).values())


def test_chance_makes_no_habit():
    """40 rounds of 30 hands and three people: one person in a hundred may be told something."""
    told = 0
    for seed in range(40):
        made = make_round(30, 3, seed=900 + seed)
        told += sum(b.told for p in analysed(made).profiles for b in p.biases)
    assert told <= 4


def test_error_factor_has_an_interval_around_the_truth():
    made = make_round(200, 3, seed=52)
    rng = np.random.default_rng(0)
    for h in range(200):
        spread = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2])[:, None] * made.scale[h] * np.sqrt(3)
        changed(made, h, "cy", keypoints=joints_of(made, h, "cy") + rng.normal(size=(21, 2)) * spread)
    profiles = analysed(made).profiles
    ratio = profiles[2].error.value / profiles[0].error.value
    assert ratio == pytest.approx(2, rel=0.1)
    for p in profiles:
        assert p.error.low < p.error.value < p.error.high
    assert profiles[2].error.low > profiles[0].error.high


def test_a_later_round_decides_and_the_first_answers_stay_in_the_comparison():
    made = make_round(30, 2, seed=53)
    changed(made, 4, "bo", keypoints=joints_of(made, 4, "bo") + 0.5 * made.scale[4])
    before = {c.hand_id: c for c in analysed(made).consensus}
    assert before["h00004"].status == Status.DISAGREED
    assert before["h00000"].status == Status.AGREED
    again = answer("h00004", "ana", made.truth[4], made.visibility[4], number=999)
    object.__setattr__(again, "task_key", task_key("h00004", 1))
    made.submissions.append(again)
    after = analysed(made)
    decided = {c.hand_id: c for c in after.consensus}["h00004"]
    assert decided.status == Status.ADJUDICATED
    assert np.allclose(decided.keypoints, made.truth[4])
    assert decided.n_submissions == 1
    assert "h00004" not in {q.hand_id for q in after.queue}
    assert after.panel.answered.sum() == 60


def test_a_hand_without_agreement_is_queued_even_when_a_second_round_also_disagrees():
    made = make_round(30, 2, seed=54)
    changed(made, 4, "bo", keypoints=joints_of(made, 4, "bo") + 0.5 * made.scale[4])
    for k, (name, offset) in enumerate((("ana", 0.0), ("bo", 0.5))):
        points = made.truth[4] + offset * made.scale[4]
        again = answer("h00004", name, points, made.visibility[4], number=900 + k)
        object.__setattr__(again, "task_key", task_key("h00004", 1))
        made.submissions.append(again)
    found = analysed(made)
    assert {c.hand_id: c for c in found.consensus}["h00004"].status == Status.DISAGREED
    assert "h00004" in {q.hand_id for q in found.queue}


def test_gold_hands_separate_the_careful_from_the_careless():
    made = make_round(60, 2, seed=55)
    for h in range(40):
        made.submissions.append(answer(f"h{h:05d}", "expert", made.truth[h], made.visibility[h], number=5000 + h))
        if h % 3 == 0:
            points = joints_of(made, h, "bo").copy()
            points[12] += 0.4 * made.scale[h]
            changed(made, h, "bo", keypoints=points)
    found = analysed(made)
    verdict = {found.panel.annotators[t.annotator]: t for t in found.gold}
    assert set(verdict) == {"ana", "bo"}
    assert verdict["ana"].verdict == PASSED
    assert verdict["bo"].verdict == FAILED
    assert verdict["bo"].failures.value == pytest.approx(14 / 40)
    assert verdict["bo"].decided_after < 40
    assert {c.status for c in found.consensus[:40]} == {Status.ADJUDICATED}


def test_gold_hands_are_taken_in_the_order_of_one_clock():
    made = make_round(60, 2, seed=55)
    for h in range(20):
        made.submissions.append(answer(f"h{h:05d}", "expert", made.truth[h], made.visibility[h], number=5000 + h))
        # the second half was answered first; its text sorts last
        changed(made, h, "bo", updated_at="2026-03-01T23:00:00-12:00" if h < 10 else "2026-03-02T01:00:00+14:00")
        if h >= 10:
            points = joints_of(made, h, "bo").copy()
            points[12] += 0.4 * made.scale[h]
            changed(made, h, "bo", keypoints=points)
    found = analysed(made)
    (bo,) = [t for t in found.gold if found.panel.annotators[t.annotator] == "bo"]
    assert (bo.verdict, bo.decided_after) == (FAILED, 3)


def test_a_change_of_error_is_dated_and_a_steady_round_has_none():
    made = make_round(200, 2, seed=56)
    rng = np.random.default_rng(1)
    for h in range(200):
        for name in ("ana", "bo"):
            changed(made, h, name, updated_at=f"2026-03-{1 + h // 10:02d}")
    steady = analysed(made)
    assert steady.changes == ()
    assert len(steady.periods) == 12
    for h in range(120, 200):
        spread = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2])[:, None] * made.scale[h] * 2
        changed(made, h, "bo", keypoints=joints_of(made, h, "bo") + rng.normal(size=(21, 2)) * spread)
    found = {c.since for c in analysed(made).changes}
    assert found <= {"2026-03-12", "2026-03-13", "2026-03-14"}
    assert found


def test_repeats_measure_people_against_themselves():
    made = make_round(60, 2, seed=57)
    rng = np.random.default_rng(2)
    for h in range(60):
        sigma = np.where(made.visibility[h] == 1, SIGMA[1], SIGMA[2])[:, None] * made.scale[h] / 2
        for k in range(2):
            points = made.truth[h] + rng.normal(size=(21, 2)) * sigma
            made.submissions.append(answer(f"h{h:05d}", "di", points, made.visibility[h], number=7000 + 2 * h + k))
    whole = analysed(made)
    (found,) = whole.repeats
    # the careful third annotator is part of the round's own σ
    average = whole.sigmas.table[2].mean() / SIGMA[2]
    assert found.annotator == "di"
    assert found.hands == 60
    assert found.error.value * average == pytest.approx(0.5, rel=0.08)
    assert found.same_state.value == 1


def test_nothing_but_decisions_is_a_round_too():
    made = make_round(5, 1, seed=58)
    made.submissions = [
        answer(h.hand_id, "expert", made.truth[i], made.visibility[i]) for i, h in enumerate(made.hands)
    ]
    found = analysed(made)
    assert [c.status for c in found.consensus] == [Status.ADJUDICATED] * 5
    assert found.queue == ()


def test_a_planned_repeat_pairs_the_answers_of_one_person_alone():
    def given(hand: str, annotator: str) -> Submission:
        return Submission(
            submission_id=f"{hand}-{annotator}", hand_id=hand, task_key="t", annotator=annotator, annotation_id=1
        )

    answers = [given(h, a) for h in ("first", "again", "other") for a in ("ann", "bob")]
    answers.remove(next(a for a in answers if a.submission_id == "first-bob"))
    pairs = planned_repeats(answers, {"again": "first"})
    assert [(a.submission_id, b.submission_id) for a, b in pairs] == [("first-ann", "again-ann")]
