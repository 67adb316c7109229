"""What the rest of a finger says of a joint: a gain where fingers hide as wholes, no loss where they don't."""

import itertools

import numpy as np
import pytest
from qc_rounds import NAMES, answer

from hint_tools.core.records import Hand
from hint_tools.qc.dawid_skene import estimate_visibility
from hint_tools.qc.finger_states import _chances, _independent, along_fingers
from hint_tools.qc.panel import build_panel


def judged(n, skills, *, as_wholes, errors_on_wholes, seed=0):
    """`n` hands; fingers hide as wholes or joint by joint, and so do people err. Answers and the truth."""
    rng = np.random.default_rng(seed)

    def drawn(chance, wholes):
        by_finger = np.repeat(rng.random((n, 5)) < chance, 4, axis=1)
        return np.where(wholes, np.pad(by_finger, ((0, 0), (1, 0))), rng.random((n, 21)) < chance)

    truth = np.where(drawn(0.25, as_wholes), 1, 2)
    hands = [Hand(hand_id=f"h{h:05d}", frame_id=f"f{h:05d}", side="right", box=[0, 0, 9, 9]) for h in range(n)]
    answers = []
    for name, skill in zip(NAMES, skills, strict=False):
        wrong = drawn(1 - skill, errors_on_wholes)
        said = np.where(wrong, 3 - truth, truth)
        answers += [answer(hand.hand_id, name, np.zeros((21, 2)), said[h]) for h, hand in enumerate(hands)]
    return build_panel(answers, hands, []), truth


def right(model, truth):
    return ((model.probability > 0.5) == (truth == 2)).mean()


def test_one_careless_of_three_is_outweighed_by_four_points():
    panel, truth = judged(400, (0.95, 0.9, 0.6), as_wholes=True, errors_on_wholes=False)
    majority = ((panel.visibility == 2).sum(axis=1) >= 2) == (truth == 2)
    assert right(along_fingers(panel, estimate_visibility(panel)), truth) >= majority.mean() + 0.04


@pytest.mark.parametrize("skills", [(0.95, 0.9, 0.6), (0.9, 0.9, 0.9), (0.95, 0.85)])
@pytest.mark.parametrize("as_wholes", [True, False])
@pytest.mark.parametrize("errors_on_wholes", [True, False])
def test_it_is_never_much_worse_than_each_joint_alone(skills, as_wholes, errors_on_wholes):
    panel, truth = judged(400, skills, as_wholes=as_wholes, errors_on_wholes=errors_on_wholes, seed=1)
    alone = estimate_visibility(panel)
    assert right(along_fingers(panel, alone), truth) >= right(alone, truth) - 0.015


def test_chances_are_bayes_theorem_written_out():
    rng = np.random.default_rng(2)
    odds, shares = rng.normal(size=(5, 4)), rng.dirichlet(np.ones(16), size=5)
    found = _chances(np.arange(5), odds, shares)
    for finger in range(5):
        weight = {}
        for states in itertools.product((0, 1), repeat=4):
            index = sum(s << k for k, s in enumerate(states))
            weight[index] = shares[finger, index] * np.prod(
                [np.exp(odds[finger, k]) if s else 1 for k, s in enumerate(states)]
            )
        expected = [weight[k] / sum(weight.values()) for k in range(16)]
        assert found[finger] == pytest.approx(expected, abs=1e-12)
    assert _independent(np.array([0.9, 0.5, 0.2, 1.0])).sum() == pytest.approx(1)


def test_those_of_one_mind_are_not_overruled_and_wrist_and_silence_stay():
    panel, _ = judged(300, (0.8, 0.8, 0.8), as_wholes=True, errors_on_wholes=False, seed=3)
    panel.visibility[5, :, 7] = 0
    alone = estimate_visibility(panel)
    found = along_fingers(panel, alone).probability
    for word, side in ((1, found <= 0.5), (2, found >= 0.5)):
        assert side[(panel.visibility == word).all(axis=1)].all()
    assert np.array_equal(found[:, 0], alone.probability[:, 0])
    assert np.isnan(found[5, 7])
    assert np.isfinite(found).sum() == found.size - 1


def test_too_little_judged_twice_changes_nothing():
    panel, _ = judged(2, (0.9, 0.9), as_wholes=True, errors_on_wholes=False)
    alone = estimate_visibility(panel)
    assert alone.one_coin.all()
    assert along_fingers(panel, alone) is alone


@pytest.mark.parametrize("word", [1, 2])
def test_the_only_word_on_a_joint_is_not_overruled_by_the_rest_of_its_finger(word):
    """Fingers hide as wholes; somebody alone says that one joint of a finger is not like the other three."""
    panel, _ = judged(300, (0.8, 0.8, 0.8), as_wholes=True, errors_on_wholes=False, seed=4)
    panel.visibility[7] = -1
    panel.visibility[7, 0] = 2
    panel.visibility[7, 0, 5:9] = 3 - word, word, 3 - word, 3 - word
    found = along_fingers(panel, estimate_visibility(panel)).probability[7, 5:9]
    assert (found[1] - 0.5) * (1 if word == 2 else -1) >= 0


def test_fingers_judged_once_do_not_tell_how_fingers_hide():
    """Two hundred hands answered by three, where fingers hide as wholes; then as many more by one, by turns."""
    panel, _ = judged(400, (0.85, 0.85, 0.85), as_wholes=True, errors_on_wholes=False, seed=5)
    model = estimate_visibility(panel)
    found = []
    for states in (np.full(21, 2), 1 + np.arange(21) % 2):
        panel.visibility[200:, 1:] = -1
        panel.visibility[200:, 0] = states
        found.append(along_fingers(panel, model).probability[:200])
    assert found[0] == pytest.approx(found[1], abs=0.02)
