"""What is read of a remote file is what stands there, nothing else is fetched, and a hole is never read as zeros."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import Ranged, Server, served
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError, EnvironmentFault, RemoteError
from hint_tools.store.fetch import Cache, local_file, ranged_file
from hint_tools.store.ranges import LIST, PART, PIECE_BYTES, RangedFile
from hint_tools.store.remote import RemotePath
from hint_tools.store.spans import Spans

pytest.importorskip("aiohttp", reason="fsspec's driver for http needs aiohttp")
fsspec = pytest.importorskip("fsspec")
SIZE = 3_000_000
DATA = bytes(range(1, 251)) * (SIZE // 250)
"""Without a zero: whatever is zero was read from a hole."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "film.mp4").write_bytes(DATA)
    with served(tmp_path / "served") as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    (tmp_path / "cache").mkdir()
    return Cache(tmp_path / "cache", 100 * SIZE)


def film(server: Server) -> RemotePath:
    return RemotePath(f"{server.url}/film.mp4")


def ranged(opened: Path | RangedFile) -> RangedFile:
    assert isinstance(opened, RangedFile)
    return opened


def reads(remote: RemotePath, cache: Cache, *spans: tuple[int, int]) -> None:
    with ranged_file(remote, cache) as opened:
        for one in spans:
            ranged(opened).want([one])


span = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.lists(span, max_size=12), span)
def test_spans_are_sets_of_bytes(added: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    spans, there = Spans(), set[int]()
    for start, end in added:
        spans.add(start, end)
        there |= set(range(start, end))
    missing = [byte for start, end in spans.missing(*asked) for byte in range(start, end)]
    assert missing == sorted(set(range(*asked)) - there)
    assert spans.total() == len(there)
    assert all(a[1] < b[0] for a, b in zip(spans.spans, spans.spans[1:], strict=False))


@given(st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, 200_000)), min_size=1, max_size=6))
def test_what_is_read_is_what_stands_there(tmp_path_factory: pytest.TempPathFactory, reads: list[Any]) -> None:
    system = fsspec.filesystem("memory")
    system.pipe_file("/ranges/film.mp4", DATA)
    folder = tmp_path_factory.mktemp("cache")
    with ranged_file(RemotePath("memory://ranges/film.mp4"), Cache(folder, 100 * SIZE)) as opened:
        reader = ranged(opened).reader()
        for start, n in reads:
            reader.seek(start)
            assert reader.read(n) == DATA[start : start + n]
            assert reader.tell() == min(start + n, max(SIZE, start))
    assert [p.suffix for p in folder.iterdir() if p.suffix != ".lock"] == []


def test_only_what_is_wanted_is_fetched_and_near_parts_at_once(server: Server, cache: Cache) -> None:
    with ranged_file(film(server), cache) as opened:
        file = ranged(opened)
        file.want([(1_000_000, 1_000_100), (1_050_000, 1_050_500), (2_000_000, 2_000_010)])
        assert file.fetched_bytes == Ranged.sent == 50_500 + 10
        asked = Ranged.asked
        file.want([(1_000_050, 1_050_400)])
        assert file.read(2_000_002, 5) == DATA[2_000_002:2_000_007]
        assert Ranged.asked == asked, "what is here is asked for again"
        assert file.read(SIZE - 3, 100) == DATA[-3:]
        assert file.read(SIZE, 100) == b""


def test_an_interrupted_run_is_gone_on_with(server: Server, cache: Cache) -> None:
    Ranged.break_after = 2_000_000
    with pytest.raises(RemoteError, match=r"film\.mp4: can't be reached"):
        reads(film(server), cache, (0, 1_000_000), (2_100_000, 2_200_000))
    assert {p.suffix for p in cache.folder.iterdir()} == {PART, LIST, ".lock"}
    Ranged.break_after, Ranged.sent = None, 0
    with local_file(film(server), cache) as path:
        assert path.read_bytes() == DATA
    assert SIZE - 1_000_000 <= Ranged.sent < SIZE - 990_000  # and the folder's listing


@pytest.mark.parametrize("left", ["not json", "[[0, 99999999]]", "[[5, 3]]", '{"a": 1}', "[[-4, 2]]", "[[0]]"])
def test_a_list_that_does_not_fit_is_not_believed(left: str, server: Server, cache: Cache) -> None:
    Ranged.break_after = 2_000_000
    with pytest.raises(RemoteError):
        reads(film(server), cache, (0, 100), (2_100_000, 2_100_100))
    Ranged.break_after = None
    (part,) = cache.folder.glob(f"*{PART}")
    part.write_bytes(bytes(1000))
    part.with_name(part.name.removesuffix(PART) + LIST).write_text(left)
    with ranged_file(film(server), cache) as opened:
        assert ranged(opened).read(0, 100) == DATA[:100]


@pytest.mark.parametrize("now", [DATA[::-1], DATA[: SIZE // 2], DATA + b"more"], ids=["other", "shorter", "longer"])
def test_a_file_that_changes_meanwhile_is_refused(now: bytes, server: Server, cache: Cache, tmp_path: Path) -> None:
    there = tmp_path / "served" / "film.mp4"
    with ranged_file(film(server), cache) as opened:
        reader = ranged(opened).reader()
        assert reader.read(10) == DATA[:10]
        there.write_bytes(now)
        os.utime(there, (1, 1))
        for place in (SIZE - 100, 0):  # who swallowed the first error meets it again, whatever is asked for
            reader.seek(place)
            with pytest.raises(DataError, match=r"film\.mp4: has changed while it was read"):
                reader.read(10)
        assert reader.failure is not None
    assert not [p for p in cache.folder.iterdir() if p.suffix != ".lock"], "parts of two files were kept as one"


def test_a_server_that_gives_no_parts_gives_the_whole(server: Server, cache: Cache) -> None:
    Ranged.deaf = True
    with ranged_file(film(server), cache) as opened:
        file = ranged(opened)
        assert file.read(2_000_000, 10) == DATA[2_000_000:2_000_010]
        assert file.fetched_bytes == SIZE
        assert file.whole().read_bytes() == DATA


def test_a_file_beyond_one_piece_is_on_record_piece_by_piece(server: Server, cache: Cache, tmp_path: Path) -> None:
    data = DATA * 7
    (tmp_path / "served" / "long.mp4").write_bytes(data)
    Ranged.break_after = 2 * PIECE_BYTES
    with pytest.raises(RemoteError), local_file(RemotePath(f"{server.url}/long.mp4"), cache):
        pass
    (listed,) = cache.folder.glob(f"*{LIST}")
    assert json.loads(listed.read_text()) == [[0, 2 * PIECE_BYTES]]


def test_parts_stay_within_the_cache(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    small = Cache(tmp_path / "cache", 500_000, keep=True)
    with ranged_file(film(server), small) as opened:  # six times as large as the cache
        assert ranged(opened).read(1_000_000, 300_000) == DATA[1_000_000:1_300_000]
    (part,) = small.folder.glob(f"*{PART}")
    Ranged.sent = 0
    with ranged_file(film(server), small) as opened:
        assert ranged(opened).read(1_100_000, 1000) == DATA[1_100_000:1_101_000]
    assert Ranged.sent == 0, "what was kept is fetched again"
    (tmp_path / "served" / "other.mp4").write_bytes(DATA)
    with ranged_file(RemotePath(f"{server.url}/other.mp4"), small) as opened:
        ranged(opened).read(0, 300_000)
    assert not part.exists(), "two files of 300 kB stand in 500 kB"
    with pytest.raises(DataError, match="more than the cache may hold"), ranged_file(film(server), small) as opened:
        ranged(opened).whole()


def test_a_small_file_costs_one_question(server: Server, cache: Cache) -> None:
    remote = film(server)
    assert remote.is_file()
    remote.size_bytes()
    asked = Ranged.asked
    with local_file(remote, cache) as path:
        assert path.read_bytes() == DATA
    # a plain web server's listing tells no sizes: two questions for size and date, one for the file
    assert Ranged.asked - asked <= 3


def test_a_copy_that_somebody_removes_is_an_error(server: Server, cache: Cache) -> None:
    with ranged_file(film(server), cache) as opened:
        reader = ranged(opened).reader()
        assert reader.read(10) == DATA[:10]
        for part in cache.folder.glob(f"*{PART}"):
            part.unlink()
        for _ in range(2):
            with pytest.raises(EnvironmentFault, match="local copy can't be read"):
                reader.read(10)
