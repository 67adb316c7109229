"""The choice: fair among videos, the same for the same seed, and never reshuffled by new data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hint_tools.sample.choose import make_pool, take
from hint_tools.sources.candidates import Candidate, HandBox

HANDS = (HandBox(box=(0, 0, 40, 30), side="left"), HandBox(box=(50, 0, 70, 90), side="right"))


def candidate(video: str, index: int, **changes: object) -> Candidate:
    return replace(Candidate(file=Path("x"), origin=video, unit=video, video=video, frame_index=index), **changes)


def frames(sizes: dict[str, int]) -> list[Candidate]:
    return [candidate(video, index) for video, n in sizes.items() for index in range(n)]


sizes = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 30), min_size=1)


@given(sizes, st.integers(1, 120), st.integers(0, 5))
def test_no_video_takes_more_than_its_share(sizes: dict[str, int], n: int, seed: int) -> None:
    """Max-min fairness: a video gives less than another only because it has no more."""
    taken = Counter(c.video for c in take(frames(sizes), n, seed))
    assert sum(taken.values()) == min(n, sum(sizes.values()))
    most = max(taken.values())
    for video, size in sizes.items():
        assert taken[video] == size or taken[video] >= most - 1


@given(sizes, st.integers(1, 60), st.integers(1, 60))
def test_a_larger_n_only_adds(sizes: dict[str, int], n: int, more: int) -> None:
    pool = frames(sizes)
    assert take(pool, n + more, 3)[:n] == take(pool, n, 3)


@given(st.permutations(range(20)))
def test_the_order_of_the_candidates_does_not_matter(order: list[int]) -> None:
    pool = frames({"a": 9, "b": 11})
    assert take([pool[i] for i in order], 7, 1) == take(pool, 7, 1)


def test_new_videos_take_their_share_and_reshuffle_nothing() -> None:
    old, new = frames({"a": 40, "b": 40}), frames({"c": 40})
    before = [c for c in take(old, 30, 0) if c.video == "a"]
    after = [c for c in take(old + new, 30, 0) if c.video == "a"]
    assert after == before[: len(after)]
    assert len(after) == 10


def test_seeds_differ_and_unusable_frames_are_replaced() -> None:
    pool = frames({"a": 50})
    assert take(pool, 10, 0) != take(pool, 10, 1)
    first = take(pool, 10, 0)
    without = take(pool, 10, 0, {("a", first[4].frame_index)})
    assert without == first[:4] + first[5:] + take(pool, 11, 0)[10:]


def test_one_frame_of_each_action_with_both_hands() -> None:
    kinds = ("pre_45", "pre_frame", "pnr_frame", "post_frame")
    pool = [
        candidate("v", 100 * a + 10 * k, action=f"act{a}", frame_type=kind, hands=HANDS)
        for a in range(200)
        for k, kind in enumerate(kinds)
    ]
    made = make_pool(pool, per_action=1, min_hand_px=0, seed=0)
    assert len({c.action for c in made.candidates}) == len(made.candidates) == 200
    assert made.dropped == {"another frame of the action was taken": 600}
    assert all(c.hands == HANDS for c in made.candidates)
    shares = Counter(c.frame_type for c in made.candidates)
    assert all(30 < shares[kind] < 70 for kind in kinds), shares  # 50 +- 3.3 standard deviations
    assert len(make_pool(pool, per_action=3, min_hand_px=0, seed=0).candidates) == 600


def test_one_frame_under_two_actions_becomes_one_frame() -> None:
    left, right = HANDS
    other_left = replace(left, box=(1, 1, 40, 30))
    pool = [
        candidate("v", 5, action="b", frame_type="pre_15", hands=(other_left, right)),
        candidate("v", 5, action="a", frame_type="pnr_frame", hands=(left,)),
    ]
    made = make_pool(pool, per_action=1, min_hand_px=0, seed=0)
    (merged,) = made.candidates
    assert (merged.action, merged.hands) == ("a", (left, right))
    assert made.dropped == {"same frame under another action": 1}
    assert made.hands_dropped == {"annotated again under another action": 1}


def test_small_hands_go_and_frames_with_them_only_when_none_is_left() -> None:
    left, right = HANDS
    pool = [candidate("v", 0, hands=HANDS), candidate("v", 1, hands=(left,)), candidate("v", 2)]
    made = make_pool(pool, per_action=1, min_hand_px=60, seed=0)
    assert [(c.frame_index, c.hands) for c in made.candidates] == [(0, (right,)), (2, ())]
    assert made.dropped == {"hands too small": 1}
    assert made.hands_dropped == {"too small": 1}
