"""Files at URLs read like files; what a driver says means something; copies are whole, bounded and gone after use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_server import Ranged, Server, served

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault, RemoteError
from hint_tools.store import remote
from hint_tools.store.fetch import Cache, clear_cache, local_file, open_cache
from hint_tools.store.ranges import PIECE_BYTES
from hint_tools.store.remote import RemotePath, below, file_state, in_this_process_only, source_path

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_a_path_is_a_path_and_a_url_is_not(tmp_path: Path) -> None:
    assert source_path("films", tmp_path) == tmp_path / "films"
    assert source_path(tmp_path, Path("/elsewhere")) == tmp_path
    assert source_path(f"file://{tmp_path}/a", Path("/elsewhere")) == tmp_path / "a"
    there = source_path("memory://bucket/films/", tmp_path)
    assert there == RemotePath("memory://bucket/films")
    assert in_this_process_only(there)
    assert not in_this_process_only(tmp_path)


def test_it_reads_as_a_folder_on_disk_does(memory: Any, tmp_path: Path) -> None:
    for base in (tmp_path, None):
        for name in ("a/1.json", "a/2.json", "a/b/3.txt", "a/b/c/4.txt", "top.txt"):
            if base:
                (base / name).parent.mkdir(parents=True, exist_ok=True)
                (base / name).write_text(f"in {name}\nü")
            else:
                memory.pipe_file(f"/root/{name}", f"in {name}\nü".encode())
    here, there = source_path(tmp_path, tmp_path), source_path("memory://root", tmp_path)
    for root in (here, there):
        folder = root / "a"
        assert (folder.is_dir(), folder.is_file(), (folder / "1.json").is_file()) == (True, False, True)
        assert (folder / "no").is_file() is (folder / "no").is_dir() is False
        assert sorted(p.name for p in folder.glob("*.json")) == ["1.json", "2.json"]
        assert sorted(p.name for p in folder.iterdir()) == ["1.json", "2.json", "b"]
        assert (folder / "1.json").read_text("utf-8") == "in a/1.json\nü"
        assert ((folder / "1.json").stem, folder.parent) == ("1", root)
        with (folder / "b" / "3.txt").open("rb") as opened:
            opened.seek(3)
            assert opened.read(3) == b"a/b"
        with (folder / "b" / "3.txt").open(encoding="utf-8") as opened:
            assert opened.readlines() == ["in a/b/3.txt\n", "ü"]
        assert below(folder / "b" / "3.txt", root) == "a/b/3.txt"
        assert below(root, folder) is None
    assert below(there / "a", here) is None
    assert [(below(p, there) or ".", d, f) for p, d, f in there.walk()] == [
        (".", ["a"], ["top.txt"]), ("a", ["b"], ["1.json", "2.json"]), ("a/b", ["c"], ["3.txt"]),
        ("a/b/c", [], ["4.txt"]),
    ]  # fmt: skip


def test_a_file_that_changes_is_another_one(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/root/a.txt", b"first")
    first = file_state(source_path("memory://root", tmp_path) / "a.txt")
    assert first == file_state(source_path("memory://root", tmp_path) / "a.txt") != ""
    memory.pipe_file("/root/a.txt", b"other")
    assert file_state(source_path("memory://root", tmp_path) / "a.txt") != first
    assert file_state(RemotePath("memory://root/none")) == ""
    with pytest.raises(DataError, match="no such file"):
        RemotePath("memory://root/none").read_bytes()


def test_what_is_not_there_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="carrierpigeon"):
        source_path("carrierpigeon://x", tmp_path)

    def no_driver(url: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(remote, "_system", no_driver)
    with pytest.raises(EnvironmentFault, match="Install s3fs") as told:
        source_path("s3://bucket/films", tmp_path)
    assert told.value.hint == 'pip install "hint-tools[s3]"'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as running:
        yield running


def test_a_file_is_fetched_once_in_pieces_gone_on_with_and_removed(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec's driver for http needs aiohttp")
    data = bytes(range(256)) * (PIECE_BYTES // 128)
    (tmp_path / "served" / "film.mp4").write_bytes(data)
    file = source_path(server.url, tmp_path) / "film.mp4"
    assert isinstance(file, RemotePath)
    cache = Cache(tmp_path / "cache", 10 * len(data))
    open_cache(cache, file)
    Ranged.break_after = PIECE_BYTES
    with pytest.raises(RemoteError), local_file(file, cache):
        pass
    (part,) = cache.folder.glob("*.part")
    assert part.stat().st_size == PIECE_BYTES
    Ranged.break_after = None
    Ranged.sent = 0
    with local_file(file, cache) as path:
        assert path.suffix == ".mp4"
        assert path.read_bytes() == data
    assert len(data) - PIECE_BYTES <= Ranged.sent < len(data)
    assert not [p for p in cache.folder.iterdir() if p.suffix != ".lock"]
    with pytest.raises(DataError, match=r"film\.mp4: is broken$"), local_file(file, cache) as path:
        raise DataError(f"{path}: is broken")
    clear_cache(cache)
    assert not cache.folder.exists()


def test_a_kept_cache_serves_again_and_stays_within_its_bound(memory: Any, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 250, keep=True)
    memory.pipe({f"/root/{n}.bin": bytes([n]) * 100 for n in range(4)} | {"/root/large.bin": bytes(300)})
    root = source_path("memory://root", tmp_path)
    open_cache(cache, root)
    for n in range(4):
        with local_file(root / f"{n}.bin", cache) as path:
            assert path.read_bytes() == bytes([n]) * 100
    kept = sorted(p.read_bytes()[0] for p in cache.folder.iterdir() if p.suffix == ".bin")
    assert kept == [2, 3]
    with local_file(root / "2.bin", cache) as in_use, local_file(root / "0.bin", cache):
        assert in_use.exists(), "a file somebody reads was removed to make room"
    with pytest.raises(DataError, match="more than the cache may hold"), local_file(root / "large.bin", cache):
        pass
    local = tmp_path / "film.mp4"
    local.write_bytes(b"x")
    with local_file(local, cache) as path:
        assert path == local
    assert local.exists()
