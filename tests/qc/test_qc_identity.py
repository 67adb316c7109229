import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qc_rounds import NAMES, changed, joints_of, kinds, make_round, swapped

from hint_tools.core.skeleton import FINGERS
from hint_tools.qc.accused import find_renamings
from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.identity import pair_gains
from hint_tools.qc.panel import build_pairs

CONFIG = QcConfig(bootstrap=50)


def analysed(made):
    return analyse(made.panel(), made.by_id(), {}, CONFIG)


@pytest.mark.parametrize(("people", "noise", "recall"), [(2, 1, 0.97), (3, 1, 0.97), (3, 2, 0.92)])
def test_planted_swaps_are_found_and_clean_hands_are_left_alone(people, noise, recall):
    """Recall is by hand: with two people a swap may be laid at either door, but never missed."""
    made = make_round(500, people, seed=7, swaps=0.05, slips=0.01, noise=noise)
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    planted = {h for h, _ in made.planted}
    flagged = {m.hand for m in found}
    assert len(planted & flagged) / len(planted) >= recall
    # at most one in a thousand: two among these five hundred would be bad luck of 1 in 11
    assert len(flagged - planted) <= 1


def test_with_three_people_the_right_one_is_named_with_the_right_fingers():
    made = make_round(60, 3, seed=8)
    changed(made, 5, "bo", keypoints=joints_of(made, 5, "bo")[swapped(1, 2)])
    (found,) = [m for m in analysed(made).mistakes if m.gain > 0]
    assert kinds([found], made.panel()) == {("finger-swap", 5, "bo")}
    assert found.message.startswith("bo swapped index and middle")
    assert found.certain
    assert found.joint_order == tuple(swapped(1, 2).tolist())


def test_with_two_people_the_crossed_palm_gives_the_mistake_away():
    made = make_round(60, 2, seed=9)
    changed(made, 3, "bo", keypoints=joints_of(made, 3, "bo")[swapped(0, 4)])
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    assert kinds(found, made.panel()) == {("finger-swap", 3, "bo")}


@settings(max_examples=25, deadline=None)
@given(
    naming=st.permutations(range(5)),
    turned=st.lists(st.booleans(), min_size=5, max_size=5),
    seed=st.integers(0, 1000),
)
def test_any_renaming_is_undone_by_its_proposal(naming, turned, seed):
    """The corrected answer must be the answer before it was spoilt, joint for joint."""
    made = make_round(1, 3, seed=seed)
    good = joints_of(made, 0, "cy")
    order = np.arange(21)
    for g, (f, back) in enumerate(zip(naming, turned, strict=True)):
        own = np.arange(1 + 4 * f, 5 + 4 * f)
        order[1 + 4 * g : 5 + 4 * g] = own[::-1] if back else own
    changed(made, 0, "cy", keypoints=good[order])
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    if (order == np.arange(21)).all():
        assert not found
        return
    assert [m.slots for m in found] == [(2,)]
    mended = good[order][list(found[0].joint_order)]
    # a finger bent to a stump may stay as it is: nobody can tell
    assert np.abs(mended - good).max() < 0.25 * made.scale[0]
    assert (np.abs(mended - good).max(axis=1) == 0).mean() > 0.7


def test_kinds_of_renaming_have_their_names():
    made = make_round(40, 3, seed=11)
    reverse, mirrored = np.arange(21), np.arange(21)
    reverse[5:9] = reverse[5:9][::-1]
    for f in range(5):
        mirrored[1 + 4 * f : 5 + 4 * f] = np.arange(1 + 4 * (4 - f), 5 + 4 * (4 - f))
    three = np.arange(21)
    three[5:17] = np.roll(three[5:17], 4)
    for hand, order in enumerate((reverse, mirrored, three)):
        changed(made, hand, "ana", keypoints=joints_of(made, hand, "ana")[order])
    flipped = joints_of(made, 3, "ana") * [-1, 1] + [2 * joints_of(made, 3, "ana")[:, 0].mean(), 0]
    changed(made, 3, "ana", keypoints=flipped)
    found = kinds([m for m in analysed(made).mistakes if m.gain > 0], made.panel())
    assert found == {
        ("finger-reversed", 0, "ana"),
        ("mirrored-order", 1, "ana"),
        ("fingers-renamed", 2, "ana"),
        ("mirrored-picture", 3, "ana"),
    }


def test_another_hand_of_the_picture_is_not_taken_for_renamed_fingers():
    made = make_round(40, 3, seed=12)
    changed(made, 4, "bo", keypoints=joints_of(made, 4, "bo") + 3 * made.scale[4])
    found = [m for m in analysed(made).mistakes if m.kind != "outside-picture"]
    assert kinds(found, made.panel()) == {("wrong-hand", 4, "bo")}


def test_assignment_is_the_optimum_of_all_namings():
    """Against scipy's Hungarian method on the same cost."""
    from scipy.optimize import linear_sum_assignment

    from hint_tools.qc.identity import finger_costs

    made = make_round(60, 2, seed=13, swaps=0.5, noise=2)
    panel = made.panel()
    pairs = build_pairs(panel)
    sigma = np.full(panel.visibility.shape, 0.02) * made.scale[:, None, None]
    gains = pair_gains(panel, pairs, sigma, 25.0)
    assert len(gains.pair) > 20
    for k, pair in enumerate(gains.pair):
        a, b = panel.keypoints[pairs.hand[pair], 0], panel.keypoints[pairs.hand[pair], 1]
        variance = sigma[pairs.hand[pair]] ** 2
        cost, _, _ = finger_costs(a[None], b[None], variance[:1], variance[1:])
        rows, columns = linear_sum_assignment(cost[0])
        naming = {int(c): int(r) for r, c in zip(rows, columns, strict=True)}
        found = {g: int(gains.order[k][4 * g + 1] - 1) // 4 for g in range(len(FINGERS))}
        assert gains.mirrored[k] or cost[0][list(found.values()), list(found)].sum() == pytest.approx(
            cost[0][list(naming.values()), list(naming)].sum()
        )


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(9)), names=st.permutations(NAMES[:3]))
def test_order_and_names_of_annotators_do_not_matter(order, names):
    made = make_round(3, 3, seed=14, slips=0.1)
    changed(made, 1, "bo", keypoints=joints_of(made, 1, "bo")[swapped(2, 3)])
    before = analysed(made)
    rename = dict(zip(NAMES[:3], names, strict=True))
    for s in made.submissions:
        object.__setattr__(s, "annotator", rename[s.annotator])
    made.submissions[:] = [made.submissions[i] for i in order]
    after = analysed(made)
    for one, other in zip(before.consensus, after.consensus, strict=True):
        assert np.allclose(one.keypoints, other.keypoints, atol=1e-6)
        assert np.allclose(one.covariance, other.covariance, rtol=1e-6)
        assert np.array_equal(one.visibility, other.visibility)
    assert [(q.hand_id, round(q.score, 6)) for q in before.queue] == [
        (q.hand_id, round(q.score, 6)) for q in after.queue
    ]
    assert {(k, h, rename[a]) for k, h, a in kinds(before.mistakes, before.panel)} == kinds(after.mistakes, after.panel)


def test_two_who_err_differently_do_not_make_the_third_one_guilty():
    """All three contradict each other; only the third one's names leave one mistake to each of the others."""
    made = make_round(60, 3, seed=14)
    changed(made, 4, "ana", keypoints=joints_of(made, 4, "ana")[swapped(0, 2)])
    changed(made, 4, "cy", keypoints=joints_of(made, 4, "cy")[swapped(3, 4)])
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    assert kinds(found, made.panel()) == {("finger-swap", 4, "ana"), ("finger-swap", 4, "cy")}
    assert all(m.certain for m in found)


def test_of_four_who_are_two_against_two_nobody_is_certainly_wrong_by_number():
    """Index and middle lie side by side in the line of bases, too: swapped in two of four answers, all are named."""
    made = make_round(60, 4, seed=15)
    for name in ("bo", "di"):
        turned = joints_of(made, 4, name)[swapped(1, 2)]
        changed(made, 4, name, keypoints=turned)
    # bases alike in all answers: what is left to tell them apart is nothing
    for name in ("ana", "bo", "cy", "di"):
        joints = joints_of(made, 4, name).copy()
        joints[[1, 5, 9, 13, 17]] = np.nan
        changed(made, 4, name, keypoints=joints, visibility=np.where(np.isnan(joints[:, 0]), 0, 2))
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    assert {h for _, h, _ in kinds(found, made.panel())} == {4}
    assert {who for _, _, who in kinds(found, made.panel())} == {"ana", "bo", "cy", "di"}
    assert not any(m.certain for m in found)


def test_of_five_one_who_could_not_tell_does_not_acquit():
    """Three of four others contradict; the fourth has not enough joints of these fingers to say anything."""
    made = make_round(60, 5, seed=16)
    changed(made, 4, "bo", keypoints=joints_of(made, 4, "bo")[swapped(1, 2)])
    vague = joints_of(made, 4, "ed").copy()
    vague[5:13] = np.nan
    changed(made, 4, "ed", keypoints=vague, visibility=np.where(np.isnan(vague[:, 0]), 0, 2))
    found = [m for m in analysed(made).mistakes if m.gain > 0]
    assert kinds(found, made.panel()) == {("finger-swap", 4, "bo")}
    assert all(m.certain for m in found)


def test_of_two_who_say_so_the_one_whose_naming_mends_more_is_heard():
    made = make_round(60, 3, seed=17)
    changed(made, 4, "bo", keypoints=joints_of(made, 4, "bo")[swapped(1, 2)])
    panel = made.panel()
    pairs = build_pairs(panel)
    gains = pair_gains(panel, pairs, np.full(panel.visibility.shape, 0.02) * made.scale[:, None, None], 25.0)
    assert pairs.hand[gains.pair].tolist() == [4, 4]
    (found,) = find_renamings(panel, pairs, gains)
    assert panel.annotators[panel.annotator[4, found.slot]] == "bo"
    assert found.gain == gains.gain.max() > gains.gain.min() + 1
