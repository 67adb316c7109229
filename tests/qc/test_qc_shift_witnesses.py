"""Shifted fingers: what is proposed instead, what a pre-label adds, and how rarely a clean hand is accused."""

import numpy as np
import pytest
from qc_rounds import SIGMA, changed, joints_of, make_round
from test_qc_shifted import CONFIG, shift, shifts_in

from hint_tools.core.records import Prediction
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, JOINT_NAMES
from hint_tools.qc.analysis import analyse
from hint_tools.qc.label_error import KINDS, measure_labels, slide
from hint_tools.qc.results import qc_json
from hint_tools.qc.shift_alarms import alarm_threshold
from hint_tools.qc.shift_evidence import gains_over, label_cases, rest_of
from hint_tools.qc.shifted import gather_fingers


def begun_from(made, labels):
    """Let every answer say that it began from a pre-label (n, 21, 2)."""
    for hand in range(len(labels)):
        for name in {s.annotator for s in made.submissions if s.hand_id == f"h{hand:05d}"}:
            changed(made, hand, name, prediction_id=f"p{hand:05d}")
    return {
        f"p{hand:05d}": Prediction(
            prediction_id=f"p{hand:05d}", hand_id=f"h{hand:05d}", model="m", keypoints=points,
            confidence=np.ones(21), hand_confidence=1.0,
        )
        for hand, points in enumerate(labels)
    }  # fmt: skip


def prelabels(made, sigma, seed=5):
    rng = np.random.default_rng(seed)
    return made.truth + rng.normal(size=made.truth.shape) * sigma * made.scale[:, None, None]


def analysed(made, predictions=None):
    return analyse(made.panel(), made.by_id(), predictions or {}, CONFIG)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("outward", [True, False])
@pytest.mark.parametrize("people", [2, 3])
def test_the_mended_answer_is_complete_and_where_the_hand_is(people, outward, left):
    made = make_round(90, people, seed=31)
    if left:
        for s in made.submissions:
            object.__setattr__(s, "keypoints", s.keypoints * [-1, 1] + [1500, 0])
            object.__setattr__(s, "side", "left")
        made.truth[:] = made.truth * [-1, 1] + [1500, 0]
        for k, hand in enumerate(made.hands):
            box = np.concatenate([made.truth[k].min(axis=0), made.truth[k].max(axis=0)])
            object.__setattr__(hand, "box", box)
            object.__setattr__(hand, "side", "left")
    for hand in range(0, 90, 6):
        shift(made, hand, "bo", FINGERS[hand // 6 % 5], outward=outward)
    told = [m for m in qc_json(analysed(made), {})["mistakes"] if m["code"] == "qc.shifted-chain"]
    mended = {m["hand"]: m["proposal"] for m in told if m["annotators"] == ["bo"]}
    assert len(mended) >= 12
    away = []
    for name, proposal in mended.items():
        hand = int(name[1:])
        finger = FINGERS[hand // 6 % 5]
        points = np.array(proposal["keypoints"], dtype=float)
        sigma = np.where(made.visibility[hand] == 1, SIGMA[1], SIGMA[2]) * made.scale[hand]
        way_back = proposal["joint_order"][FINGER_JOINTS[finger][0]] == -1
        assert way_back is outward
        assert proposal["placed_anew"] == [JOINT_NAMES[FINGER_JOINTS[finger][0 if outward else 3]]]
        assert set(proposal["visibility"]) <= {1, 2}
        away.append(np.linalg.norm(points - made.truth[hand], axis=1) / sigma)
    assert np.max(away) < 5
    # distances of one person from the truth, in σ: χ with two degrees of freedom
    assert np.mean(np.square(away)) == pytest.approx(2, abs=0.35)


def test_a_good_prelabel_tells_of_more_fingers_who_of_two_is_wrong():
    sure = {}
    for known in (False, True):
        made = make_round(480, 2, seed=41, noise=1.5)
        for hand in range(0, 480, 6):
            shift(made, hand, "bo" if hand % 4 else "ana", FINGERS[hand // 6 % 5])
        predictions = begun_from(made, prelabels(made, 0.02)) if known else {}
        found = {at: m for at, m in shifts_in(analysed(made, predictions)).items() if m.certain}
        wrong = [(hand, who) for hand, who in found if who != ("bo" if hand % 4 else "ana")]
        assert len(wrong) <= 0.05 * len(found)
        sure[known] = len(found)
    assert sure[True] >= 1.3 * sure[False]


def test_prelabels_that_are_nowhere_near_cost_nothing():
    found = {}
    for labelled in (False, True):
        made = make_round(240, 3, seed=42, noise=2)
        for hand in range(0, 240, 6):
            shift(made, hand, "cy", FINGERS[hand // 6 % 5])
        rng = np.random.default_rng(1)
        nonsense = made.truth[rng.permutation(240)] - made.truth.mean(axis=1, keepdims=True) + 700
        found[labelled] = set(shifts_in(analysed(made, begun_from(made, nonsense) if labelled else {})))
    assert len(found[False]) >= 20
    assert len(found[False] ^ found[True]) <= 1


def test_who_mends_a_shifted_prelabel_is_not_accused_by_it():
    """An untouched joint repeats the pre-label: it is no witness against the one who moved it."""
    made = make_round(120, 2, seed=43)
    labels = prelabels(made, 0.02)
    for hand in range(0, 120, 6):
        joints = list(FINGER_JOINTS[FINGERS[hand // 6 % 5]])
        labels[hand, joints] = slide(1.0) @ labels[hand, joints]
        points = joints_of(made, hand, "ana").copy()
        points[joints] = labels[hand, joints]
        changed(made, hand, "ana", keypoints=points)
    found = shifts_in(analysed(made, begun_from(made, labels)))
    assert len({h for h, _ in found}) >= 18
    assert not [at for at, m in found.items() if m.certain and at[1] == "bo"]


def test_the_error_of_prelabels_is_measured_beside_that_of_people():
    made = make_round(600, 2, seed=44)
    rng = np.random.default_rng(3)
    labels = prelabels(made, 0.05)
    labels[:, 1:] += np.repeat(rng.normal(size=(600, 5, 2)) * 0.05, 4, axis=1) * made.scale[:, None, None]
    panel = made.panel()
    predictions = begun_from(made, labels)
    sigma = np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    nobody = np.zeros(panel.visibility.shape, dtype=bool)
    found = measure_labels(made.panel(), predictions, sigma, nobody, made.scale, 0.05)
    relative = np.sqrt(found.variance / made.scale[:, None] ** 2)
    assert np.median(relative[:, 1:]) == pytest.approx(0.05 * np.sqrt(2), rel=0.1)
    assert np.median(relative[:, 0]) == pytest.approx(0.05, rel=0.15)
    assert found.alike == pytest.approx(0.5, abs=0.1)
    assert measure_labels(panel, {}, sigma, nobody, made.scale, 0.05) is None


def test_fingers_of_prelabels_that_are_slid_along_or_gone_are_counted():
    made = make_round(600, 2, seed=47)
    labels = prelabels(made, 0.02)
    for hand in range(0, 600, 10):
        labels[hand, 5:9] = slide(1.0) @ labels[hand, 5:9]
        labels[hand + 1, 9:13] = labels[hand + 1, 13:17]
    panel = made.panel()
    sigma = np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    nobody = np.zeros(panel.visibility.shape, dtype=bool)
    predictions = begun_from(made, labels)
    found = measure_labels(made.panel(), predictions, sigma, nobody, made.scale, 0.05)
    assert found.shares[KINDS.index((1.0, 1.0))] == pytest.approx(0.02, abs=0.007)
    assert found.shares[[k for k, (factor, _) in enumerate(KINDS) if factor >= 4]].sum() == pytest.approx(
        0.02, abs=0.007
    )
    assert found.shares[KINDS.index((1.0, 0.0))] > 0.85


def test_joints_left_as_they_were_do_not_make_prelabels_look_worse():
    """Who leaves what is near enough leaves the near ones: the rest alone would look far off."""
    made = make_round(600, 2, seed=45)
    labels = prelabels(made, 0.04)
    for s in made.submissions:
        label = labels[int(s.hand_id[1:])]
        near = np.linalg.norm(s.keypoints - label, axis=1) < 0.03 * made.scale[int(s.hand_id[1:])]
        object.__setattr__(s, "keypoints", np.where(near[:, None], label, s.keypoints))
    predictions = begun_from(made, labels)
    panel = made.panel()
    sigma = np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    found = measure_labels(panel, predictions, sigma, np.zeros(panel.visibility.shape, bool), made.scale, 0.05)
    assert np.median(np.sqrt(found.variance) / made.scale[:, None]) == pytest.approx(0.04, rel=0.2)
    assert np.isnan(found.points[found.untouched.any(axis=1)]).all()


def test_the_threshold_is_what_clean_answers_exceed_at_that_rate():
    """Against plain drawing of clean answers, at a rate that plain drawing can tell."""
    made = make_round(250, 3, seed=46, noise=3)
    panel = made.panel()
    sigma = 3 * np.where(panel.visibility == 1, SIGMA[1], SIGMA[2]) * made.scale[:, None, None]
    nobody = np.zeros(panel.visibility.shape, dtype=bool)
    fingers = gather_fingers(panel, made.scale, sigma, np.ones(3), nobody, None, np.ones((250, 5)))
    threshold = alarm_threshold(fingers, 250, np.ones((1250, 3), dtype=bool), 0.02, 0)
    rng = np.random.default_rng(9)
    exceeded = 0
    for slot in range(3):
        rest, agreed = rest_of(fingers, slot)
        cases = label_cases(fingers, rest)
        root = np.linalg.cholesky(rest.covariance + fingers.variance[:, slot, :, None] * np.eye(4))
        for _ in range(8):
            drawn = rest.mean + root @ rng.normal(size=rest.mean.shape)
            exceeded += (gains_over(fingers, slot, cases, agreed, drawn) > threshold).sum()
    assert exceeded / 8 / 250 == pytest.approx(0.02, rel=0.35)
