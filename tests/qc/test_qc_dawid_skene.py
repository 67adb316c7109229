import numpy as np
import pytest
from qc_rounds import NAMES, answer

from hint_tools.core.records import Hand
from hint_tools.qc.dawid_skene import PRIOR_ACCURACY, PRIOR_JOINTS, estimate_visibility
from hint_tools.qc.panel import build_panel
from hint_tools.qc.votes import vote_visibility


def judged(n, accuracies, *, occluded=0.35, seed=0):
    """`n` hands judged by people with (sensitivity, specificity), and the truth."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random((n, 21)) < occluded, 1, 2)
    hands, answers = [], []
    for h in range(n):
        hands.append(Hand(hand_id=f"h{h:05d}", frame_id=f"f{h:05d}", side="right", box=[0, 0, 9, 9]))
        for name, (sensitivity, specificity) in zip(NAMES, accuracies, strict=False):
            right = rng.random(21) < np.where(truth[h] == 1, sensitivity, specificity)
            said = np.where(right, truth[h], 3 - truth[h])
            answers.append(answer(hands[-1].hand_id, name, np.zeros((21, 2)), said))
    return build_panel(answers, hands, []), truth


def majority(panel):
    visible, occluded = ((panel.visibility == v).sum(axis=1) for v in (2, 1))
    return np.where(visible > occluded, 2, 1)


@pytest.mark.parametrize(
    "people", [[(0.97, 0.97), (0.75, 0.75), (0.7, 0.7)], [(0.95, 0.95)] * 2 + [(0.6, 0.6)] * 3], ids=["three", "five"]
)
def test_it_beats_the_majority_by_four_points_where_people_differ_in_skill(people):
    panel, truth = judged(400, people)
    right = (vote_visibility(panel).state == truth).mean()
    assert right >= (majority(panel) == truth).mean() + 0.04


def test_sensitivity_and_specificity_are_recovered():
    people = [(0.95, 0.9), (0.7, 0.97), (0.85, 0.8)]
    found = estimate_visibility(judged(800, people)[0])
    assert found.sensitivity == pytest.approx([s for s, _ in people], abs=0.03)
    assert found.specificity == pytest.approx([s for _, s in people], abs=0.03)
    assert found.prevalence == pytest.approx(0.65, abs=0.08)
    assert not found.one_coin.any()


def test_probabilities_are_calibrated():
    panel, truth = judged(1500, [(0.9, 0.9), (0.75, 0.85), (0.7, 0.8)])
    probability = estimate_visibility(panel).probability
    for low in np.arange(0, 1, 0.2):
        chosen = (probability >= low) & (probability < low + 0.2)
        assert truth[chosen].mean() - 1 == pytest.approx(probability[chosen].mean(), abs=0.05)


def plain_em(words, steps=500):
    """The textbook's estimation for one annotator a column, words 0 occluded or 1 visible, with the same prior."""
    accuracy = PRIOR_ACCURACY
    z = 1 / (1 + (accuracy / (1 - accuracy)) ** -(2.0 * words - 1).sum(axis=1))
    for _ in range(steps):
        share = np.clip((z.sum() + 20 * z.mean()) / (len(z) + 20), 1e-9, 1 - 1e-9)
        log_visible, log_occluded = np.log(share), np.log(1 - share)
        up, down = np.full(len(words), log_visible), np.full(len(words), log_occluded)
        for k in range(words.shape[1]):
            both = ((z * words[:, k]).sum() + ((1 - z) * (1 - words[:, k])).sum() + PRIOR_JOINTS * accuracy) / (
                len(z) + PRIOR_JOINTS
            )
            spec = ((z * words[:, k]).sum() + PRIOR_JOINTS * both) / (z.sum() + PRIOR_JOINTS)
            sens = (((1 - z) * (1 - words[:, k])).sum() + PRIOR_JOINTS * both) / ((1 - z).sum() + PRIOR_JOINTS)
            up = up + np.log(np.where(words[:, k] == 1, spec, 1 - spec))
            down = down + np.log(np.where(words[:, k] == 1, 1 - sens, sens))
        z = np.exp(up) / (np.exp(up) + np.exp(down))
    return z


def test_it_equals_the_textbook_written_out():
    panel, _ = judged(60, [(0.9, 0.92), (0.8, 0.85), (0.7, 0.9)], seed=3)
    one_joint = np.full_like(panel.visibility, 0)
    one_joint[:, :, 0] = panel.visibility[:, :, 0]
    object.__setattr__(panel, "visibility", one_joint)
    words = (one_joint[:, :, 0] == 2).astype(float)
    differ = words.min(axis=1) != words.max(axis=1)
    assert estimate_visibility(panel).probability[differ, 0] == pytest.approx(plain_em(words)[differ], abs=1e-5)


def test_few_joints_give_one_figure_near_the_prior():
    panel, _ = judged(2, [(1, 1), (1, 1), (1, 1)])
    found = estimate_visibility(panel)
    assert found.one_coin.all()
    assert np.array_equal(found.sensitivity, found.specificity)
    assert (found.sensitivity < 0.98).all()


def test_people_of_one_mind_are_not_overruled_by_what_is_usual():
    panel, _ = judged(400, [(0.7, 0.8), (0.7, 0.8), (0.7, 0.8)], occluded=0.02, seed=5)
    voted = vote_visibility(panel)
    for word in (1, 2):
        agreed = (panel.visibility == word).all(axis=1)
        assert agreed.any()
        assert (voted.state[agreed] == word).all()


def test_two_people_get_one_figure_and_lose_nothing_by_it():
    """Any split of their differences fits two people as well: what says nothing must not decide."""
    panel, truth = judged(600, [(0.92, 0.93), (0.92, 0.93)], seed=5)
    found = estimate_visibility(panel)
    assert len({*found.sensitivity.tolist(), *found.specificity.tolist()}) == 1
    assert found.sensitivity[0] == pytest.approx(0.925, abs=0.02)
    differ = (panel.visibility[:, 0] != panel.visibility[:, 1]) & (found.probability > 0)
    state = np.where(found.probability > 0.5, 2, 1)
    # 65 of 100 joints are visible: that is all that is left to go by
    assert (state == truth)[differ].mean() == pytest.approx(0.65, abs=0.04)


@pytest.mark.parametrize("people", [33, 60])
def test_one_hand_that_a_whole_lab_answered(people):
    """Sixty words on a joint are 3^60 patterns, more than any number holds."""
    rng = np.random.default_rng(0)
    truth = np.where(rng.random((30, 21)) < 0.3, 1, 2)
    hands = [Hand(hand_id=f"h{h:05d}", frame_id=f"f{h:05d}", side="right", box=[0, 0, 9, 9]) for h in range(30)]
    answers = []
    for h in range(30):
        for k in range(people if h < 10 else 3):
            said = np.where(rng.random(21) < 0.9, truth[h], 3 - truth[h])
            answers.append(answer(hands[h].hand_id, f"p{(h + k) % people:02d}", np.zeros((21, 2)), said, number=k))
    found = estimate_visibility(build_panel(answers, hands, []))
    right = np.where(found.probability > 0.5, 2, 1) == truth
    assert right[:10].all()
    assert right.mean() > 0.97
    assert np.median(found.specificity) == pytest.approx(0.9, abs=0.04)


def in_words(rows):
    """A panel of (annotator, 21 states) for each hand."""
    hands = [Hand(hand_id=f"h{h:05d}", frame_id=f"f{h:05d}", side="right", box=[0, 0, 9, 9]) for h in range(len(rows))]
    answers = [
        answer(hand.hand_id, name, np.zeros((21, 2)), np.asarray(said))
        for hand, row in zip(hands, rows, strict=True)
        for name, said in row
    ]
    return build_panel(answers, hands, [])


def test_hands_answered_alone_teach_nothing_about_people():
    rng = np.random.default_rng(6)
    both = []
    for _ in range(60):
        truth = np.where(rng.random(21) < 0.35, 1, 2)
        both.append([(n, np.where(rng.random(21) < skill, truth, 3 - truth)) for n, skill in
                     (("ana", 0.95), ("bo", 0.8), ("cy", 0.7))])  # fmt: skip
    alone = [[("bo", np.full(21, word))] for word in (1, 2) for _ in range(40)]
    few, many = (estimate_visibility(in_words(rows)) for rows in (both, both + alone))
    assert many.sensitivity == pytest.approx(few.sensitivity)
    assert many.specificity == pytest.approx(few.specificity)
    assert many.prevalence == pytest.approx(few.prevalence)


@pytest.mark.parametrize(("usual", "word"), [(2, 1), (1, 2)])
def test_the_only_word_on_a_joint_stands_against_all_that_is_usual(usual, word):
    """Forty people with two hands each, too few for anybody to be known by; one hand has one answer."""
    rows = [[(f"p{(h + k) % 40:02d}", np.full(21, usual)) for k in (0, 7)] for h in range(40)]
    said = np.where(np.arange(21) == 8, word, usual)
    panel = in_words([*rows, [("q", said)]])
    model = estimate_visibility(panel)
    assert model.one_coin.all()
    assert (model.probability[40, 8] - 0.5) * (1 if word == 2 else -1) >= 0
    assert vote_visibility(panel).state[40].tolist() == said.tolist()
