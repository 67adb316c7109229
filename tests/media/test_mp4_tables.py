"""An MP4's own tables tell the frames that reading every packet tells, or are not believed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coded_video import read_code, remux, write_noise, write_video
from difficult_clips import IRREGULAR, REGULAR

from hint_tools.core.errors import DataError, HintError, RemoteError
from hint_tools.media.mp4_boxes import MAX_MOVIE_BYTES, NotPlainError, movie_box
from hint_tools.media.mp4_samples import samples_of
from hint_tools.media.video import probe, read_frames
from hint_tools.media.video_decode import decoded_frames, open_video
from hint_tools.media.video_file import readable
from hint_tools.media.video_index import FrameIndex, build_index
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.ranges import RangedFile
from hint_tools.store.remote import RemotePath

NOT_PLAIN = {
    "h264-mkv", "mpegts", "interlaced-mpeg2", "uneven-mkv", "no-first-key-mkv", "mkv-sound", "mpeg4", "no-first-key",
    "no-first-key-vp9", "cut-off",
}  # fmt: skip
"""Of the difficult clips, those whose packets have to be read."""


def frames_of(path: Path, numbers: list[int], *, by_tables: bool) -> tuple[FrameIndex, dict[int, bytes], set[int]]:
    """(the index, number -> pixels, numbers that were reported missing)."""
    missing: set[int] = set()
    with open_video(path, by_tables=by_tables) as video:
        wanted = [n for n in numbers if n < len(video.index.pts)]
        got = decoded_frames(video, wanted, lambda number, _why: missing.add(number))
        return video.index, {n: frame.to_ndarray(format="rgb24").tobytes() for n, frame in got}, missing


@pytest.mark.parametrize("name", [*REGULAR, *IRREGULAR])
def test_difficult_clips_are_counted_alike(name: str, tmp_path: Path) -> None:
    path = {**REGULAR, **IRREGULAR}[name](tmp_path)
    tabled, read = build_index(path), build_index(path, by_tables=False)
    assert tabled == read
    assert (tabled.layout is None, bool(tabled.read_whole)) == (name in NOT_PLAIN, name in NOT_PLAIN)
    assert read.layout is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [*REGULAR, *IRREGULAR])
def test_difficult_clips_decode_alike_from_tables_from_packets_and_from_afar(name: str, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = {**REGULAR, **IRREGULAR}[name](tmp_path)
    fsspec.filesystem("memory").pipe_file(f"/clips/{path.name}", path.read_bytes())
    everything = list(range(len(build_index(path).pts)))
    for numbers in (everything, everything[5::17], everything[-1:]):
        _, tabled, lost = frames_of(path, numbers, by_tables=True)
        _, read, also_lost = frames_of(path, numbers, by_tables=False)
        assert (tabled, lost) == (read, also_lost)
        cache = Cache(tmp_path / "cache", 10**9)
        cache.folder.mkdir(exist_ok=True)
        with ranged_file(RemotePath(f"memory://clips/{path.name}"), cache) as far:
            assert isinstance(far, RangedFile)
            with open_video(far) as video:
                found = {
                    n: f.to_ndarray(format="rgb24").tobytes()
                    for n, f in decoded_frames(video, numbers, lambda _n, _w: None)
                }
        assert found == read


@pytest.mark.parametrize("trial", range(12))
def test_encodes_of_all_kinds_are_counted_alike(trial: int, tmp_path: Path) -> None:
    dice = random.Random(trial)
    params = dice.choice(["", "open-gop=1:scenecut=0", "b-pyramid=normal", "weightp=0:ref=5"])
    options = {"bf": str(dice.randrange(5)), "g": str(dice.choice([1, 7, 12, 25, 100]))}
    options |= {"x264-params": params} if params else {}
    steps = dice.choices([1, 1, 1, 2, 6], k=50) if dice.random() < 0.4 else [1] * 50
    path = write_video(
        tmp_path / "a.mp4", 50, options=options, ticks=[int(t) for t in np.cumsum(steps)],
        fast_start=dice.random() < 0.5,
    )  # fmt: skip
    if trial % 3 == 0:
        path = remux(path, tmp_path / "b.mov", movflags="+negative_cts_offsets" + dice.choice(["", "+faststart"]))
    elif dice.random() < 0.6:
        path = remux(path, tmp_path / "b.mp4", shift=dice.choice([-9, -1, 0, 3]), silence_s=dice.choice([0, 1.0, 4.0]))
    numbers = sorted(dice.sample(range(40), 6))
    index, tabled, _ = frames_of(path, numbers, by_tables=True)
    other, read, _ = frames_of(path, numbers, by_tables=False)
    assert index.layout is not None or index.read_whole.startswith("its edit list leaves out")
    assert index == other
    assert tabled == read
    assert sorted(tabled) == numbers


def damaged(data: bytes, dice: random.Random) -> bytes:
    """One of the ways a file can be wrong."""
    copy = bytearray(data)
    movie = copy.index(b"moov") - 4
    size = struct.unpack_from(">I", copy, movie)[0]
    kind = dice.choice(["tables", "tables", "number", "number", "anywhere", "pictures", "cut", "longer"])
    if kind == "tables":
        for _ in range(dice.randint(1, 3)):
            copy[movie + dice.randrange(8, size)] = dice.choice([0, 1, 255, dice.randrange(256)])
    elif kind == "number":
        names = [b"stts", b"ctts", b"stss", b"stsz", b"stsc", b"stco", b"elst", b"mdhd", b"tkhd", b"stsd"]
        name = dice.choice([n for n in names if n in copy])
        value = dice.choice([0, 1, 2, 59, 60, 61, 1000, 2**31 - 1, 2**31, 2**32 - 1, dice.randrange(2**32)])
        struct.pack_into(">I", copy, copy.index(name) + 4 + 4 * dice.randrange(8), value)
    elif kind == "anywhere":
        for _ in range(dice.randint(1, 4)):
            copy[dice.randrange(len(copy))] = dice.randrange(256)
    elif kind == "pictures":
        at = dice.randrange(copy.index(b"mdat") + 4, len(copy) - 40)
        copy[at : at + 40] = dice.randbytes(40)
    elif kind == "cut":
        del copy[dice.randrange(100, len(copy)) :]
    else:
        copy += bytes(dice.randrange(1, 50))
    return bytes(copy)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("whole")
    plain = write_video(folder / "a.mp4", 60, options={"bf": "3", "g": "15"})
    made = [
        plain,
        write_video(folder / "b.mp4", 60, options={"bf": "2", "g": "20"}, fast_start=True),
        remux(plain, folder / "c.mp4", shift=-7, silence_s=2.0),
        REGULAR["vp9"](folder),
        REGULAR["h264-open-groups"](folder),
        remux(plain, folder / "d.mov", movflags="+negative_cts_offsets"),
    ]
    return [path.read_bytes() for path in made]


def told(path: Path, *, by_tables: bool) -> tuple[FrameIndex, dict[int, bytes], set[int]] | str:
    try:
        return frames_of(path, [0, 3, 21, 22, 40, 52], by_tables=by_tables)
    except HintError as error:
        return error.message


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_never_gives_another_frame(seed: int, whole_files: list[bytes], tmp_path: Path) -> None:
    """Key frames apart, which noise hides from one who reads it; of what is lost then, a frame less may be lost."""
    dice = random.Random(seed)
    path, believed = tmp_path / "damaged.mp4", 0
    for _ in range(60):
        path.write_bytes(damaged(dice.choice(whole_files), dice))
        ours, theirs = told(path, by_tables=True), told(path, by_tables=False)
        if isinstance(ours, str) or isinstance(theirs, str):
            assert ours == theirs
            continue
        (index, tabled, lost), (other, read, also_lost) = ours, theirs
        believed += index.layout is not None
        assert replace(index, keys=()) == replace(other, keys=())
        assert lost <= also_lost
        assert {n: tabled[n] for n in read} == read
        assert set(tabled) | lost == set(read) | also_lost
    assert believed > 10


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def table(kind: bytes, *numbers: int, count: int | None = None, columns: int = 1, before: bytes = b"") -> bytes:
    n = len(numbers) // columns if count is None else count
    return box(kind, bytes(4), before, struct.pack(f">{1 + len(numbers)}I", n, *numbers))


def movie(**changed: bytes) -> bytes:
    """Six samples of 10, 20, ... 60 bytes in chunks of 2, 2, 1, 1 at 100, 1000, 200, 5000; shown 0 3 1 2 5 4."""
    tables = {
        "stsd": table(b"stsd", count=1) + b"", "stts": table(b"stts", 4, 10, 2, 20, columns=2),
        "ctts": table(b"ctts", 1, 10, 1, 30, 2, 0, 1, 30, 1, 0, columns=2), "stss": table(b"stss", 1, 5),
        "stsz": table(b"stsz", 10, 20, 30, 40, 50, 60, before=bytes(4)),
        "stsc": table(b"stsc", 1, 2, 1, 3, 1, 1, columns=3), "stco": table(b"stco", 100, 1000, 200, 5000),
    }  # fmt: skip
    tables["stsd"] = box(b"stsd", bytes(4), struct.pack(">I", 1), box(b"avc1", bytes(78)))
    tables |= changed
    header = box(b"tkhd", bytes(12), struct.pack(">I", 7), bytes(64))
    own = box(b"dinf", box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
    media = box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(13)), box(b"minf", own, box(b"stbl", *tables.values())))
    return box(b"mvhd", bytes(100)) + box(b"trak", header, media)


def test_a_table_written_by_hand_is_read_as_it_was_meant() -> None:
    samples = samples_of(movie(), 7, 6000)
    assert samples.places.tolist() == [100, 110, 1000, 1040 - 10, 200, 5000]
    assert samples.sizes.tolist() == [10, 20, 30, 40, 50, 60]
    assert samples.times.tolist() == [0, 10, 20, 30, 40, 60]
    assert (samples.times + samples.offsets).tolist() == [10, 40, 20, 30, 70, 60]
    assert samples.keys.tolist() == [True, False, False, False, True, False]
    signed = movie(ctts=table(b"ctts", 5, 0, 1, 2**32 - 10, columns=2))
    assert samples_of(signed, 7, 6000).offsets.tolist() == [0, 0, 0, 0, 0, -10]
    assert samples_of(movie(stss=b""), 7, 6000).keys.all()
    far = movie(stco=box(b"co64", bytes(4), struct.pack(">I4Q", 4, 100, 1000, 200, 5 << 33)))
    assert samples_of(far, 7, 1 << 40).places[-1] == 5 << 33


HOSTILE: dict[str, dict[str, bytes]] = {
    "more samples than there are bytes": {"stsz": table(b"stsz", 1, 2, count=2**32 - 1, before=bytes(4))},
    "more times": {"stts": table(b"stts", 2**32 - 1, 10, columns=2)},
    "times that add up by overflow": {"stts": table(b"stts", 2**32 - 1, 1, 7, 1, columns=2)},
    "fewer offsets": {"ctts": table(b"ctts", 5, 10, columns=2)},
    "offsets far below zero": {"ctts": table(b"ctts", 6, 2**31, columns=2)},
    "offsets far above": {"ctts": table(b"ctts", 6, 2**30, columns=2)},
    "steps below zero": {"stts": table(b"stts", 6, 2**32 - 10, columns=2)},
    "pictures that last no time": {"stts": table(b"stts", 6, 0, columns=2)},
    "no key frames": {"stss": table(b"stss")},
    "first frame no key": {"stss": table(b"stss", 2, 5)},
    "key frames out of order": {"stss": table(b"stss", 1, 5, 3)},
    "key frames beyond the end": {"stss": table(b"stss", 1, 7)},
    "chunks beyond the end": {"stco": table(b"stco", 100, 1000, 200, 5941)},
    "too few chunks": {"stco": table(b"stco", 100, 1000, 200)},
    "chunks twice": {"stco": table(b"stco", 100, 1000, 200, 5000) * 2},
    "both kinds of chunks": {"more": box(b"co64", bytes(8))},
    "a chunk of everything": {"stsc": table(b"stsc", 1, 2**32 - 1, 1, columns=3)},
    "chunks of another file": {"stsc": table(b"stsc", 1, 2, 2, 3, 1, 1, columns=3)},
    "runs out of order": {"stsc": table(b"stsc", 1, 2, 1, 1, 1, 1, columns=3)},
    "two codings": {"stsd": box(b"stsd", bytes(4), struct.pack(">I", 2), box(b"avc1", bytes(78)) * 2)},
    "encrypted": {"stsd": box(b"stsd", bytes(4), struct.pack(">I", 1), box(b"encv", bytes(78)))},
    "pictures of one size": {"stsz": table(b"stsz", count=6, before=struct.pack(">I", 9))},
    "a box larger than the one around it": {"more": struct.pack(">I4s", 99, b"free")},
    "half a box": {"more": b"\0\0\0"},
    "boxes without end": {"more": box(b"free") * 5000},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_tables_that_make_no_sense_are_not_believed(what: str) -> None:
    with pytest.raises(NotPlainError):
        samples_of(movie(**HOSTILE[what]), 7, 6000)


def test_other_tracks_and_fragments_are_not_believed() -> None:
    with pytest.raises(NotPlainError):
        samples_of(movie(), 8, 6000)
    with pytest.raises(NotPlainError, match="fragments"):
        samples_of(movie() + box(b"mvex"), 7, 6000)


TOP: dict[str, bytes] = {
    "nothing": b"", "no tables": box(b"ftyp", b"isom"), "two": box(b"moov") * 2,
    "fragments": box(b"moov") + box(b"moof"),
    "a size beyond the file": struct.pack(">I4s", 500, b"moov"), "a size of nothing": struct.pack(">I4s", 4, b"moov"),
    "a huge size": struct.pack(">I4sQ", 1, b"mdat", 2**64 - 8) + box(b"moov"), "text": b"plain text, no film",
    "one byte": b"\0", "half a header": box(b"ftyp") + b"\0\0\0\x08mo",
}  # fmt: skip


@pytest.mark.parametrize("what", TOP)
def test_files_without_plain_tables_are_not_believed(what: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(TOP[what])
    with readable(path) as (file, size), pytest.raises(NotPlainError):
        movie_box(file, size)


def test_tables_are_found_behind_any_number_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with path.open("wb") as out:  # 6 GB of nothing, which no disk has to hold
        out.write(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 6 << 30))
        out.seek(12 + (6 << 30))
        out.write(box(b"moov", b"here"))
    with readable(path) as (file, size):
        assert movie_box(file, size) == b"here"
    with path.open("r+b") as out:
        out.seek(12 + (6 << 30))
        out.write(struct.pack(">I", MAX_MOVIE_BYTES + 9))
        out.truncate(12 + (6 << 30) + MAX_MOVIE_BYTES + 9)
    with readable(path) as (file, size), pytest.raises(NotPlainError, match="too large"):
        movie_box(file, size)


@pytest.fixture(scope="module", params=[False, True], ids=["tables-last", "tables-first"])
def long_film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_noise(tmp_path_factory.mktemp("long") / "film.mp4", 160, fast_start=request.param)


@pytest.fixture
def far_film(long_film: Path, tmp_path: Path) -> Callable[[], tuple[RemotePath, Cache]]:
    fsspec = pytest.importorskip("fsspec")
    (tmp_path / "cache").mkdir()

    def put() -> tuple[RemotePath, Cache]:
        fsspec.filesystem("memory").pipe_file("/films/film.mp4", long_film.read_bytes())
        return RemotePath("memory://films/film.mp4"), Cache(tmp_path / "cache", 10**9)

    return put


def test_of_a_remote_film_parts_are_fetched(long_film: Path, far_film: Callable[[], tuple[RemotePath, Cache]]) -> None:
    remote, cache = far_film()
    size = long_film.stat().st_size
    assert size > 4_000_000
    with ranged_file(remote, cache) as far:
        assert isinstance(far, RangedFile)
        assert replace(probe(far), read_whole="") == probe(long_film)
        assert far.fetched_bytes < 400_000
        expected = {n: rgb.tobytes() for n, rgb in read_frames(long_film, [2, 61, 158])}
        assert {n: rgb.tobytes() for n, rgb in read_frames(far, [2, 61, 158])} == expected
        # groups of 20 of 160: the first three pictures, two, and nineteen
        assert far.fetched_bytes < 0.35 * size
    with ranged_file(remote, cache) as far:
        assert build_index(far, by_tables=False) == build_index(long_film)
        assert isinstance(far, RangedFile)
        assert far.fetched_bytes == size, "who reads every packet reads the whole file"


def test_frames_of_a_plain_local_film_are_counted_without_reading_its_packets(
    long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("every packet is read")

    monkeypatch.setattr("hint_tools.media.video_index.read_packets", refuse)
    assert len(build_index(long_film).pts) == 160
    with pytest.raises(AssertionError, match="every packet"):
        build_index(long_film, by_tables=False)


@pytest.mark.parametrize("error", [RemoteError("server gone"), DataError("has changed")])
def test_what_can_not_be_fetched_is_an_error_and_not_damage(
    error: HintError, far_film: Callable[[], tuple[RemotePath, Cache]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg takes a failed read for the end of the file; that must never pass for a film that ends there."""
    remote, cache = far_film()
    original, film = RangedFile._asked, slice(1_500_000, None)

    def failing(self: RangedFile, start: int, end: int) -> bytes:
        if range(start, end)[-1] > film.start and start > 300_000 and end < self.size_bytes - 50_000:
            raise error
        return original(self, start, end)

    monkeypatch.setattr(RangedFile, "_asked", failing)
    missing: list[int] = []
    with ranged_file(remote, cache) as far, pytest.raises(type(error), match=error.message):
        list(read_frames(far, [70, 100], on_missing=lambda number, _why: missing.append(number)))


def test_a_remote_film_shows_the_frames_drawn_into_it(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = write_video(tmp_path / "coded.mp4", 100, options={"bf": "3", "g": "20"})
    fsspec.filesystem("memory").pipe_file("/coded/coded.mp4", path.read_bytes())
    (tmp_path / "cache").mkdir()
    with ranged_file(RemotePath("memory://coded/coded.mp4"), Cache(tmp_path / "cache", 10**9)) as far:
        assert {n: read_code(rgb) for n, rgb in read_frames(far, [0, 19, 20, 57, 99])} == {
            n: n for n in (0, 19, 20, 57, 99)
        }
