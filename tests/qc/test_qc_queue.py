"""The queue: who is in it, in which order, and why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qc_rounds import changed, joints_of, make_round, swapped

from hint_tools.core.quoted_names import bare, with_names
from hint_tools.core.records import Frame
from hint_tools.qc.agreement import pair_distances
from hint_tools.qc.analysis import Beside, analyse
from hint_tools.qc.chances import KINDS, Chances, Law
from hint_tools.qc.config import QcConfig
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.panel import build_pairs, build_panel
from hint_tools.qc.queue import build_queue, find_outliers, hand_odds, likely_alike, rank_hands

CONFIG = QcConfig(bootstrap=50)


def queue_of(made, config=CONFIG, *, clips=None):
    """The queue by hand; `clips` names each hand's clip."""
    frames = {}
    if clips is not None:
        made.hands[:] = [replace(h, frame_id=f"f{i}") for i, h in enumerate(made.hands)]
        frames = {f"f{i}": frame(f"f{i}", clip) for i, clip in enumerate(clips)}
    panel = made.panel()
    if clips is not None:
        panel = build_panel(made.submissions, made.hands, list(frames.values()))
    found = analyse(panel, made.by_id(), {}, config, Beside(frames=frames))
    return {q.hand_id: q for q in found.queue}


def unnamed(made):
    """The queue by hand, as if no mistake had been named."""
    panel = made.panel()
    found = analyse(panel, made.by_id(), {}, CONFIG)
    common = found.sigmas.in_px(panel, found.sizes.scale, personal=False)
    outliers = find_outliers(panel, build_pairs(panel), common)
    return {q.hand_id: q for q in build_queue(panel, outliers, (), found.chances, CONFIG)}


def frame(frame_id, clip):
    return Frame(
        frame_id=frame_id, source="folder", video="v", clip=clip, width_px=4000, height_px=4000, path="a.jpg",
        sha256="", pixel_sha256="", origin="",
    )  # fmt: skip


RANKED = st.lists(
    st.tuples(st.one_of(st.just(float("inf")), st.floats(-12, 12)), st.sampled_from([1, 4, 8, 21]), st.integers(0, 3)),
    max_size=60,
)


def ranked(hands):
    odds, joints, clip = (np.array([h[k] for h in hands]) for k in range(3))
    order = rank_hands(odds.astype(float), joints.astype(int), np.zeros(len(hands)), clip.astype(int))
    return odds.astype(float), clip, order.tolist()


@given(RANKED)
@settings(max_examples=200, deadline=None)
def test_every_hand_is_ranked_once_and_never_behind_a_clearly_less_likely_one(hands):
    odds, _, order = ranked(hands)
    assert sorted(order) == list(range(len(hands)))
    for k in range(1, len(order)):
        least = min(odds[h] for h in order[:k])
        assert odds[order[k]] <= least + np.log(10) / 4 + 1e-9 or 1 / (1 + np.exp(-least)) > 0.99


@given(RANKED)
@settings(max_examples=200, deadline=None)
def test_no_clip_fills_the_queue_while_another_has_a_hand_as_likely(hands):
    odds, clip, order = ranked(hands)
    alike = likely_alike(odds)
    for level in set(alike.tolist()):
        clips = [int(clip[h]) for h in order if alike[h] == level]
        for k in range(len(clips)):
            taken, left = clips[: k + 1], set(clips[k + 1 :])
            assert all(taken.count(clips[k]) <= taken.count(other) + 1 for other in left)


@given(RANKED, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_hands_does_not_matter(hands, random):
    # no two alike: of equals the first comes first
    hands = [(round(o, 3) + i * 1e-5, j, c) for i, (o, j, c) in enumerate(hands) if np.isfinite(o)]
    shuffled = list(hands)
    random.shuffle(shuffled)
    assert [hands[i] for i in ranked(hands)[2]] == [shuffled[i] for i in ranked(shuffled)[2]]


def test_one_bad_clip_does_not_hide_the_others():
    """One clip with 30 swapped hands, 5 clips with one each: those five are among the first ten."""
    made = make_round(200, 3, seed=401)
    bad = [*range(30), 40, 80, 120, 160, 199]
    for h in bad:
        changed(made, h, "bo", keypoints=joints_of(made, h, "bo")[swapped(1, 4)])
    clips = ["a" if h < 30 else f"b{h // 10}" for h in range(200)]
    found = queue_of(made, clips=clips)
    assert {made.hands[h].hand_id for h in bad} <= set(found)
    assert all(found[made.hands[h].hand_id].rank <= 10 for h in bad[30:])


def test_the_score_is_a_chance_and_every_hand_has_its_reason():
    made = make_round(300, 2, seed=402, swaps=0.03, slips=0.002)
    changed(made, 4, "ana", side="left")
    changed(made, 5, "bo", keypoints=None, visibility=None, side=None, rejected=True, reject_reason="glove")
    found = queue_of(made)
    assert len(found) > 12
    assert all(0 <= q.score <= 1 and q.reason for q in found.values())
    assert sorted(q.rank for q in found.values()) == list(range(1, len(found) + 1))
    assert found["h00004"].score == found["h00005"].score == 1.0


def test_the_reason_names_the_likeliest_mistake_where_nothing_was_named():
    """Index and middle of a pointing hand, swapped where they are near: too little to name it, enough to look again."""
    made = make_round(400, 3, seed=403)
    for h, part in ((7, 0.2), (8, 0.2)):
        truth = made.truth[h].copy()
        apart = truth[5:9] - truth[9:13]
        truth[5:9] -= apart * (1 - part)
        for name in ("ana", "bo", "cy"):
            moved = joints_of(made, h, name) - made.truth[h] + truth
            changed(made, h, name, keypoints=moved[swapped(1, 2)] if name == "cy" else moved)
    found = unnamed(made)
    assert "“cy” probably swapped index and middle" in found["h00007"].reason
    assert "“cy” probably swapped index and middle" in found["h00008"].reason


def test_with_two_people_the_reason_accuses_nobody():
    made = make_round(400, 2, seed=404)
    changed(made, 9, "bo", keypoints=joints_of(made, 9, "bo")[swapped(2, 3)])
    found = unnamed(made)
    assert "“ana” or “bo” probably swapped middle and ring" in found["h00009"].reason


def test_options_decide_who_is_in():
    made = make_round(600, 2, seed=405, slips=0.0005, noise=2.0)
    usual, wide = queue_of(made), queue_of(made, QcConfig(bootstrap=50, queue_chance=0.02))
    narrow = queue_of(made, QcConfig(bootstrap=50, queue_chance=1.0, queue_z=1e6))
    assert set(narrow) < set(usual) < set(wide)
    named = ("standard deviations", "bone", "outside the box")
    assert all(q.score >= 0.02 or any(words in q.reason for words in named) for q in wide.values())
    far = queue_of(made, QcConfig(bootstrap=50, queue_chance=1.0, queue_z=3.5))
    assert set(far) > set(narrow)
    assert all("standard deviations apart" in far[h].reason for h in set(far) - set(narrow))


@pytest.mark.parametrize(("people", "noise"), [(2, 1.0), (2, 2.0), (3, 2.0)])
def test_it_finds_more_than_an_oks_ranking(people, noise):
    """Swaps of any two fingers and slips, in hands of which some are harder than others."""
    made = make_round(1200, people, seed=406, swaps=0.015, noise=noise)
    factor = np.random.default_rng(1).lognormal(0, 0.5, 1200)
    for i, s in enumerate(made.submissions):
        h = int(s.hand_id[1:])
        if (h, s.annotator) not in made.planted:
            moved = made.truth[h] + factor[h] * (s.keypoints - made.truth[h])
            made.submissions[i] = replace(s, keypoints=moved)
    bad = {made.hands[h].hand_id for h, _ in made.planted}
    found = queue_of(made, QcConfig(bootstrap=50, queue_chance=1e-9))
    ours = {q.hand_id for q in found.values() if q.rank <= 2 * len(bad)}
    panel = made.panel()
    pairs = build_pairs(panel)
    flat = np.broadcast_to(0.09 / np.sqrt(2) * made.scale[:, None, None], panel.visibility.shape)
    oks = pair_distances(panel, pairs, flat).oks.mean(axis=1)
    least = np.full(1200, np.inf)
    np.minimum.at(least, pairs.hand, oks)
    theirs = {panel.hand_ids[h] for h in least.argsort()[: 2 * len(bad)]}
    assert len(ours & bad) >= 0.95 * len(bad)
    assert len(ours & bad) > len(theirs & bad)


def test_what_palm_and_pre_label_say_of_a_shifted_finger_counts():
    """The gain of such a finding is twice the log of a likelihood ratio: Bayes' theorem by hand."""
    rates = np.full(len(KINDS), 0.001)
    nothing = np.zeros(3, dtype=int)
    before = Chances(np.full(3, -6.0), nothing, nothing, np.zeros(3), Law(rates, 12.0, 1.0))
    said = [Mistake("shifted-chain", 1, (0,), "shifted", gain=30.0), Mistake("rubber-stamp", 2, (0,), "stamped")]
    odds = hand_odds(make_round(3, 2, seed=0).panel(), before, said)
    assert odds[[0, 2]].tolist() == [-6.0, -6.0]
    assert np.exp(odds[1]) == pytest.approx(np.exp(15.0) * 0.001 / 10 / (1 - rates.sum()))


def test_a_joint_that_looks_wrong_alone_counts_where_no_answer_has_it_elsewhere():
    nothing = np.zeros(3, dtype=int)
    before = Chances(np.full(3, -6.0), nothing, nothing, np.zeros(3), Law(np.full(len(KINDS), 0.001), 12.0, 1.0))
    said = [Mistake("long-bone", 0, (0,), ""), *(Mistake("long-bone", 1, (k,), "") for k in (0, 1))]
    odds = hand_odds(make_round(3, 2, seed=0).panel(), before, said)
    assert odds.tolist() == [-6.0, 0.0, -6.0]


def test_a_single_answer_is_in_only_with_a_mistake_of_its_own():
    made = make_round(120, 2, seed=407)
    made.submissions[:] = [s for s in made.submissions if s.annotator == "ana"]
    changed(made, 3, "ana", keypoints=joints_of(made, 3, "ana") + 5 * made.scale[3])
    found = queue_of(made)
    assert set(found) == {"h00003"}
    assert found["h00003"].score == pytest.approx(0.99)
    assert "outside this hand's box" in found["h00003"].reason


def test_the_same_answers_give_the_same_queue_in_whatever_order_they_come():
    made, shuffled = (make_round(150, 3, seed=408, swaps=0.05, slips=0.002) for _ in range(2))
    rng = np.random.default_rng(0)
    for rows in (shuffled.hands, shuffled.submissions):
        rows[:] = [rows[i] for i in rng.permutation(len(rows))]
    first, second = queue_of(made), queue_of(shuffled)
    assert len(first) > 15
    assert [(q.hand_id, q.rank, q.score, q.reason) for q in first.values()] == [
        (q.hand_id, q.rank, q.score, q.reason) for q in second.values()
    ]


def test_whoever_has_an_odd_name_is_told_and_can_be_left_out():
    """Names that are words of the message, none at all, and one without end."""
    for name, shown in (("index", "index"), ("", "(no name)"), ("x" * 20_000, "x" * 59 + "…"), ("“q”", '"q"')):
        made = make_round(12, 3, seed=63)
        changed(made, 1, "bo", keypoints=joints_of(made, 1, "bo")[swapped(1, 2)])
        for s in made.submissions:
            if s.annotator == "bo":
                object.__setattr__(s, "annotator", name)
        found = analyse(made.panel(), made.by_id(), {}, CONFIG)
        (mistake,) = [m for m in found.mistakes if m.kind == "finger-swap"]
        assert mistake.message == f"{shown} swapped index and middle"
        (queued,) = [q.reason for q in found.quoted_queue if q.hand_id == "h00001"]
        blind = with_names(queued, {bare(name): "ME", "ana": "?", "cy": "?"}.__getitem__)
        assert blind.startswith("ME swapped index and middle")
        (told,) = [q.reason for q in found.queue if q.hand_id == "h00001"]
        assert told.startswith(f"{shown} swapped index and middle")
        assert len(told) < 400
