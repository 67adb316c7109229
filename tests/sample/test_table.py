"""The table's filters and draws against definitions in plain words, one row at a time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hint_tools.sample import duplicates, filters
from hint_tools.sample.draw import draw_order, lots_of, take
from hint_tools.sample.duplicates import difference_hash, leaders
from hint_tools.sample.table import HandTable, Verdicts, table_of
from hint_tools.sources.candidates import Candidate, HandBox

LEFT, RIGHT = HandBox(box=(0, 0, 40, 30), side="left"), HandBox(box=(50, 0, 70, 90), side="right")
HANDS = (LEFT, RIGHT)
KINDS = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame", "pnr_frame", "post_frame")


def candidate(video: str, index: int, **changes: object) -> Candidate:
    return replace(Candidate(file=Path("x"), origin=video, unit=video, video=video, frame_index=index), **changes)


def frames(sizes: dict[str, int]) -> list[Candidate]:
    return [candidate(video, index) for video, n in sizes.items() for index in range(n)]


def drawn(pool: list[Candidate], n: int | None, seed: int, **more: object) -> list[Candidate]:
    """The candidates drawn, in order."""
    table = table_of(pool, seed)
    rules = {"balance": ("video",), "quotas": (), **more}
    first = {int(f): int(c) for f, c in zip(table.frame[::-1], table.candidate[::-1], strict=True)}
    return [pool[first[int(f)]] for f in take(table, Verdicts(len(table)), n=n, seed=seed, **rules)]


def alive(table: HandTable, verdicts: Verdicts, pool: list[Candidate]) -> list[tuple[int, str, str, str | None]]:
    """(frame, action, type, side) of every row left."""
    rows = np.flatnonzero(verdicts.alive)
    found = []
    for row in rows:
        c = pool[table.candidate[row]]
        side = c.hands[table.place[row]].side if table.place[row] >= 0 else None
        found.append((c.frame_index, c.action, c.frame_type, side))
    return sorted(found, key=str)


sizes = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 30), min_size=1)


@settings(deadline=None)
@given(sizes, st.integers(1, 120), st.integers(0, 5))
def test_no_video_takes_more_than_its_share(sizes: dict[str, int], n: int, seed: int) -> None:
    """Max-min fairness: a video gives less than another only because it has no more."""
    taken = Counter(c.video for c in drawn(frames(sizes), n, seed))
    assert sum(taken.values()) == min(n, sum(sizes.values()))
    most = max(taken.values())
    for video, size in sizes.items():
        assert taken[video] == size or taken[video] >= most - 1


@settings(deadline=None)
@given(sizes, st.integers(1, 60), st.integers(1, 60))
def test_a_larger_n_only_adds(sizes: dict[str, int], n: int, more: int) -> None:
    pool = frames(sizes)
    assert drawn(pool, n + more, 3)[:n] == drawn(pool, n, 3)


@settings(deadline=None)
@given(st.permutations(range(20)))
def test_the_order_of_the_candidates_does_not_matter(order: list[int]) -> None:
    pool = frames({"a": 9, "b": 11})
    assert drawn([pool[i] for i in order], 7, 1) == drawn(pool, 7, 1)


def test_new_videos_take_their_share_and_reshuffle_nothing() -> None:
    old, new = frames({"a": 40, "b": 40}), frames({"c": 40})
    before = [c for c in drawn(old, 30, 0) if c.video == "a"]
    after = [c for c in drawn(old + new, 30, 0) if c.video == "a"]
    assert after == before[: len(after)]
    assert len(after) == 10
    assert {c.frame_index for c in before} != {c.frame_index for c in drawn(old, 30, 1) if c.video == "a"}


rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["left", "right"]), st.sampled_from(KINDS[:3])), max_size=60
)


@settings(deadline=None)
@given(rows, st.integers(0, 3))
def test_nested_rounds_are_fair_at_every_level(rows: list[tuple[str, str, str]], seed: int) -> None:
    """Of each prefix of the draw: sides are even as long as both last, and within a side so are its videos."""
    pool = [
        candidate(v, i, hands=(HandBox(box=(0, 0, 9, 9), side=s),), frame_type=t) for i, (v, s, t) in enumerate(rows)
    ]
    table = table_of(pool, seed)
    lots = lots_of(table, np.ones(len(table), bool), table.frame)
    order = draw_order(lots, ("side", "video"), seed)
    assert sorted(order.tolist()) == list(range(len(pool)))
    frame_of = {int(f): rows[int(c)] for f, c in zip(table.frame, table.candidate, strict=True)}
    sequence = [frame_of[int(lots.number[i])] for i in order]
    for end in range(len(sequence) + 1):
        for level, within in ((1, None), (0, "left"), (0, "right")):
            mine = [r for r in sequence if within is None or r[1] == within]
            taken = Counter(r[level] for r in sequence[:end] if within is None or r[1] == within)
            most = max(taken.values(), default=0)
            for word, total in Counter(r[level] for r in mine).items():
                assert taken[word] == total or taken[word] >= most - 1


@settings(deadline=None)
@given(sizes, st.integers(1, 40), st.integers(1, 6), st.integers(0, 3))
def test_quotas_are_kept_and_used_up(sizes: dict[str, int], n: int, most: int, seed: int) -> None:
    taken = Counter(c.video for c in drawn(frames(sizes), n, seed, quotas=(f"video={most}", "video:a=2")))
    limit = {v: min(size, most, 2 if v == "a" else most) for v, size in sizes.items()}
    assert all(taken[v] <= limit[v] for v in sizes)
    assert sum(taken.values()) == min(n, sum(limit.values()))


def test_one_frame_of_each_action_and_every_type_alike() -> None:
    pool = [
        candidate("v", 100 * a + 10 * k, action=f"act{a}", frame_type=kind, hands=HANDS)
        for a in range(200)
        for k, kind in enumerate(KINDS[:4])
    ]
    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    filters.keep_per_action(table, verdicts, 1, 0)
    left = alive(table, verdicts, pool)
    assert len({a for _, a, _, _ in left}) == len(left) / 2 == 200
    assert verdicts.counts() == {filters.OTHER_OF_ACTION: 1200}
    shares = Counter(kind for _, _, kind, side in left if side == "left")
    assert all(30 < shares[kind] < 70 for kind in KINDS[:4]), shares  # 50 +- 3.3 standard deviations
    verdicts = Verdicts(len(table))
    filters.keep_per_action(table, verdicts, 3, 0)
    assert len(alive(table, verdicts, pool)) == 1200


def test_one_frame_under_two_actions_becomes_one_frame() -> None:
    other_left = replace(LEFT, box=(1, 1, 40, 30))
    pool = [
        candidate("v", 5, action="b", frame_type="pre_15", hands=(other_left, RIGHT)),
        candidate("v", 5, action="a", frame_type="pnr_frame", hands=(LEFT,)),
    ]
    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    filters.drop_repeated(table, verdicts)
    assert alive(table, verdicts, pool) == [(5, "a", "pnr_frame", "left"), (5, "b", "pre_15", "right")]
    assert verdicts.counts() == {filters.AGAIN: 1}
    assert len(take(table, verdicts, n=None, balance=("video",), quotas=(), seed=0)) == 1


actions = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(KINDS), st.sampled_from(["left", "right", "both"])), max_size=30
)


@settings(deadline=None)
@given(actions, st.integers(2, 5), st.integers(0, 3))
def test_runs_are_of_one_hand_long_enough_and_the_longest(
    listed: list[tuple[int, str, str]], min_run: int, seed: int
) -> None:
    unique = sorted({(a, k): s for a, k, s in listed}.items())
    boxes = {"left": (LEFT,), "right": (RIGHT,), "both": HANDS}
    pool = [
        candidate("v", 1000 * a + KINDS.index(k), action=f"a{a}", frame_type=k, hands=boxes[s]) for (a, k), s in unique
    ]
    table = table_of(pool, seed)
    verdicts = Verdicts(len(table))
    filters.keep_runs(table, verdicts, min_run, seed)
    left = alive(table, verdicts, pool)
    for a in range(5):
        counts = {
            side: sum(b == a and k in filters.RUN_TYPES and s in (side, "both") for (b, k), s in unique)
            for side in ("left", "right")
        }
        got = Counter(side for _, action, _, side in left if action == f"a{a}")
        longest = max(counts.values())
        if longest < min_run:
            assert not got
        else:
            ((side, length),) = got.items()
            assert length == longest == counts[side]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), unique=True), st.floats(0.5, 20))
def test_frames_kept_apart_are_apart_and_none_is_dropped_without_need(
    listed: list[tuple[str, int]], gap: float
) -> None:
    pool = [candidate(v, i, time_s=i / 2) for v, i in listed] + [candidate("c", i) for i in range(3)]
    table = table_of(pool, 1)
    verdicts = Verdicts(len(table))
    filters.keep_apart(table, verdicts, gap)
    order = sorted(range(len(pool)), key=lambda i: int(table.key[i]))
    kept: list[Candidate] = []
    for i in order:
        near = (k for k in kept if k.video == pool[i].video and abs(k.time_s - pool[i].time_s) < gap)
        if math.isnan(pool[i].time_s) or next(near, None) is None:
            kept.append(pool[i])
    assert {(c.video, c.frame_index) for c in kept} == {
        (pool[i].video, pool[i].frame_index) for i in np.flatnonzero(verdicts.alive)
    }


def test_small_hands_go_and_one_hand_a_frame() -> None:
    pool = [candidate("v", 0, hands=HANDS), candidate("v", 1, hands=(LEFT,)), candidate("v", 2)]
    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    filters.drop_unwanted(table, verdicts, min_hand_px=60, contact=(), frame_types=())
    assert alive(table, verdicts, pool) == [(0, "", "", "right"), (2, "", "", None)]
    pool = [candidate("v", i, hands=HANDS) for i in range(300)]
    table, verdicts = table_of(pool, 0), Verdicts(600)
    filters.keep_one_hand(table, verdicts, 0)
    sides = Counter(side for *_, side in alive(table, verdicts, pool))
    assert sum(sides.values()) == 300
    assert 100 < sides["left"] < 200


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=12), st.integers(0, 8), st.integers(0, 2**32), st.integers(1, 3))
def test_near_hashes_against_all_pairs(seeds: list[int], bits: int, seed: int, agreeing: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = [
        h ^ sum(1 << int(b) for b in rng.choice(64, int(rng.integers(0, 12)), replace=False))
        for h in seeds
        for _ in range(6)
    ]
    rng.shuffle(hashes)
    with mock.patch.object(duplicates, "_agreeing", return_value=agreeing):  # few hashes would choose one
        found = leaders(np.array(hashes, np.uint64), bits)
    kept: list[int] = []
    for i, h in enumerate(hashes):
        near = [k for k in kept if (hashes[k] ^ h).bit_count() <= bits]
        assert (found[i] >= 0) == bool(near)
        assert found[i] in near or not near
        if not near:
            kept.append(i)


def test_hashes_of_one_crop_again_and_of_another() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:128, 0:128]
    one = (128 + 60 * np.sin(x / 17 + y / 31) + 40 * np.cos(y / 13)).astype(np.uint8)
    noisy = np.clip(one + rng.normal(0, 3, one.shape), 0, 255).astype(np.uint8)
    brighter = np.clip(one * 1.1, 0, 255).astype(np.uint8)
    first = difference_hash(one)
    assert (first ^ difference_hash(noisy)).bit_count() <= 4
    assert (first ^ difference_hash(brighter)).bit_count() <= 4
    assert (first ^ difference_hash(one[::-1].copy())).bit_count() > 16


def test_every_row_has_one_verdict() -> None:
    verdicts = Verdicts(4)
    verdicts.drop(np.array([True, True, False, False]), "first")
    verdicts.drop(np.array([False, True, True, False]), "second")
    verdicts.drop_at([2, 3], "third")
    assert [verdicts.reason(i) for i in range(4)] == ["first", "first", "second", "third"]
    assert sum(verdicts.counts().values()) == 4


@pytest.mark.parametrize("n", [0, 1])
def test_no_candidates_and_one(n: int) -> None:
    pool = frames({"a": 1})[:n]
    assert len(drawn(pool, None, 0, quotas=("video=3",))) == n
