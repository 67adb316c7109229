"""Splits: no video and no person in two of them, whatever was there before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.core.records import Frame, Split
from hint_tools.sample.splits import Origin, assert_no_leak, assign

origins = st.builds(
    Origin, st.sampled_from([f"v{i}" for i in range(12)]), st.sampled_from(["", "p1", "p2", "p3", "p4"])
)
fractions = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


def frame(number: int, origin: Origin, split: str, source: str = "folder") -> Frame:
    return Frame(
        frame_id=f"{number:020d}", source=source, video=origin.video, participant=origin.participant, width_px=1,
        height_px=1, path="", sha256="", pixel_sha256="", origin="", split=split,
    )  # fmt: skip


def split(frames: list[Origin], before: dict[Origin, str] | None = None, **changes: float) -> dict[Origin, Split]:
    settings = {"val_fraction": 0.1, "test_fraction": 0.1, "seed": 0, **changes}
    return assign(frames, before or {}, **settings)


@given(st.lists(origins, min_size=1, max_size=60), fractions, st.integers(0, 9))
def test_nothing_ever_leaks(frames: list[Origin], shares: tuple[float, float], seed: int) -> None:
    splits = assign(frames, {}, val_fraction=shares[0], test_fraction=shares[1], seed=seed)
    assert_no_leak(frame(i, o, splits[o]) for i, o in enumerate(frames))
    for name in ("video", "participant"):
        seen: dict[str, set[str]] = {}
        for origin in frames:
            if getattr(origin, name):
                seen.setdefault(getattr(origin, name), set()).add(splits[origin])
        assert all(len(s) == 1 for s in seen.values())
    if shares == (0, 0):
        assert set(splits.values()) == {Split.TRAIN}


@given(st.lists(origins, min_size=1), st.lists(origins, min_size=1), st.integers(0, 9))
def test_nothing_leaks_when_data_is_added_and_known_groups_stay(
    first: list[Origin], second: list[Origin], seed: int
) -> None:
    before = split(first, seed=seed)
    after = split([*first, *second], dict(before), seed=seed)
    assert_no_leak(frame(i, o, after[o]) for i, o in enumerate([*first, *second]))
    known = {k for o in first for k in o.names()}
    links = any(o not in before and known & set(o.names()) for o in second)
    if not links:
        assert {o: after[o] for o in first} == before


def test_added_videos_move_no_old_one() -> None:
    first = [Origin(f"v{i}") for i in range(30)]
    before = split(first)
    after = split([*first, *(Origin(f"w{i}") for i in range(30))], dict(before))
    assert {o: after[o] for o in first} == before


def test_a_test_group_never_becomes_training_data() -> None:
    """Two people turn out to be one: their videos go where a model can't have trained on them."""
    before = {Origin("a", "p1"): "train", Origin("b", "p2"): "test"}
    frames = [Origin("a", "p1"), Origin("b", "p2"), Origin("a", "p2")]
    assert set(split(frames, dict(before)).values()) == {Split.TEST}


@pytest.mark.parametrize(
    ("n_videos", "filled"), [(1, {"train"}), (2, {"train", "test"}), (3, {"train", "test", "val"})]
)
def test_a_pilots_few_videos_fill_what_they_can(n_videos: int, filled: set[str]) -> None:
    for seed in range(20):
        assert set(split([Origin(f"v{i}") for i in range(n_videos)], seed=seed).values()) == filled


def test_shares_come_close_when_there_are_many_videos() -> None:
    frames = [Origin(f"v{i}") for i in range(300) for _ in range(1 + i % 7)]
    splits = split(frames, val_fraction=0.15, test_fraction=0.25)
    shares = {s: sum(splits[o] == s for o in frames) / len(frames) for s in Split}
    assert shares[Split.VAL] == pytest.approx(0.15, abs=0.01)
    assert shares[Split.TEST] == pytest.approx(0.25, abs=0.01)
    assert splits == split(list(reversed(frames)), val_fraction=0.15, test_fraction=0.25)
    assert splits != split(frames, val_fraction=0.15, test_fraction=0.25, seed=1)


def test_a_leak_is_noticed() -> None:
    leaks = [
        (Origin("v", ""), Origin("v", "")),
        (Origin("v", "p"), Origin("w", "p")),
    ]
    for one, two in leaks:
        rows = [frame(1, one, "train"), frame(2, two, "test")]
        with pytest.raises(DataError, match="is in splits train and test: expected one"):
            assert_no_leak(rows)
    assert_no_leak([frame(1, Origin("v"), "train"), frame(2, Origin("v"), "test", source="ego4d")])
