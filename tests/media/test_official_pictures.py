"""Pictures equal to the official command's: byte for byte with FFmpeg 5.1, pixel for pixel without."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from coded_video import read_code, remux, write_video
from difficult_clips import IRREGULAR, REGULAR, UNEVEN

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.media.cfr import official_frames
from hint_tools.media.ffmpeg51 import ENCODER, PROGRAM_VARIABLE, find_ffmpeg51, jpeg_comment, split_jpegs
from hint_tools.media.images import decode_image, encode_jpeg, pixel_sha256
from hint_tools.media.official import OfficialPicture, Way, irregularity, official_pictures
from hint_tools.media.official_jpeg import full_range_tables
from hint_tools.media.video import read_frames
from hint_tools.media.video_index import build_index
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.remote import RemotePath

FFMPEG = find_ffmpeg51()
needs_ffmpeg51 = pytest.mark.skipif(FFMPEG is None, reason="FFmpeg 5.1 is not installed")
GOLDEN = Path(__file__).parent / "golden"


def official(path: Path, folder: Path) -> list[bytes]:
    """What the official command writes, file by file."""
    folder.mkdir()
    command = ["ffmpeg", "-loglevel", "error", "-i", path, "-qscale:v", "1", folder / "%10d.jpg"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return [f.read_bytes() for f in sorted(folder.iterdir())]


def pictures(path: Path, numbers: list[int], *, with_ffmpeg: bool) -> tuple[dict[int, OfficialPicture], dict[int, str]]:
    missing: dict[int, str] = {}
    ffmpeg = FFMPEG if with_ffmpeg else None
    made = list(official_pictures(path, numbers, ffmpeg=ffmpeg, on_missing=missing.__setitem__))
    assert len({p.number for p in made}) == len(made)
    return {p.number: p for p in made}, missing


@needs_ffmpeg51
@pytest.mark.slow
@pytest.mark.parametrize("name", [*REGULAR, *IRREGULAR])
def test_every_picture_has_the_official_bytes(name: str, tmp_path: Path) -> None:
    path = {**REGULAR, **IRREGULAR}[name](tmp_path)
    expected = official(path, tmp_path / "official")
    some = [0, 5, len(expected) // 2, len(expected) - 1]
    for numbers in (list(range(len(expected))), some, some[2:3]):
        made, missing = pictures(path, [*numbers, len(expected)], with_ffmpeg=True)
        assert {n: hashlib.sha256(p.data).hexdigest() for n, p in made.items()} == {
            n: hashlib.sha256(expected[n]).hexdigest() for n in numbers
        }
        assert list(missing) == [len(expected)]
        assert name in IRREGULAR or {p.way for p in made.values()} == {Way.GROUPS}
        assert name in REGULAR or Way.GROUPS not in {p.way for p in made.values()}


@needs_ffmpeg51
@pytest.mark.slow
@pytest.mark.parametrize("name", ["h264-sound", "edit-list", "vp9", "h264-mkv", "uneven-mp4", "10-bit", "cut-off"])
def test_a_remote_clip_gives_the_official_bytes(name: str, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    path = {**REGULAR, **IRREGULAR}[name](tmp_path)
    expected = official(path, tmp_path / "official")
    fsspec.filesystem("memory").pipe_file(f"/official/{path.name}", path.read_bytes())
    (tmp_path / "cache").mkdir()
    with ranged_file(RemotePath(f"memory://official/{path.name}"), Cache(tmp_path / "cache", 10**9)) as far:
        made = list(official_pictures(far, range(len(expected)), ffmpeg=FFMPEG, on_missing=lambda _n, _w: None))
    assert {p.number: p.data for p in made} == dict(enumerate(expected))


@needs_ffmpeg51
@pytest.mark.slow
@pytest.mark.parametrize("name", [*REGULAR, *UNEVEN])
def test_without_ffmpeg_every_picture_has_the_official_pixels(name: str, tmp_path: Path) -> None:
    path = {**REGULAR, **IRREGULAR}[name](tmp_path)
    expected = official(path, tmp_path / "official")
    some = list(range(len(expected))) if name in UNEVEN else [0, 5, len(expected) // 2, len(expected) - 1]
    made, missing = pictures(path, some, with_ffmpeg=False)
    assert not missing
    for number in some:
        ours, theirs = made[number].data, expected[number]
        assert pixel_sha256(decode_image(ours, "ours")) == pixel_sha256(decode_image(theirs, "theirs"))
        assert (jpeg_comment(theirs), made[number].way) == (ENCODER, Way.PIXELS)


def test_the_golden_clip_gives_the_official_pixels_on_every_machine() -> None:
    expected = json.loads((GOLDEN / "official.json").read_text())
    made, missing = pictures(GOLDEN / "clip.mp4", [int(n) for n in expected], with_ffmpeg=False)
    assert not missing
    for number, told in expected.items():
        rgb = decode_image(made[int(number)].data, "ours")
        assert read_code(rgb) == int(number)
        assert pixel_sha256(rgb) == told["pixel_sha256"]


@needs_ffmpeg51
def test_the_golden_clip_gives_the_official_bytes() -> None:
    expected = json.loads((GOLDEN / "official.json").read_text())
    made, _ = pictures(GOLDEN / "clip.mp4", [int(n) for n in expected], with_ffmpeg=True)
    assert {n: hashlib.sha256(p.data).hexdigest() for n, p in made.items()} == {
        int(n): told["sha256"] for n, told in expected.items()
    }


@pytest.mark.parametrize("name", ["10-bit", "4:4:4", "odd-size", "cut-off", "no-first-key", "mkv-sound"])
def test_without_ffmpeg_an_irregular_clip_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    made, missing = pictures(IRREGULAR[name](tmp_path), [0, 9], with_ffmpeg=False)
    assert not made
    assert list(missing) == [0, 9]
    assert all("only FFmpeg 5.1 can make picture" in why for why in missing.values())


def test_without_ffmpeg_uneven_stamps_give_the_frame_of_that_time(tmp_path: Path) -> None:
    """One clip at a constant rate but for a pause of five frames: the frame before it is shown throughout."""
    ticks = [*range(10), *range(15, 25)]
    path = write_video(tmp_path / "pause.mkv", 20, ticks=ticks)
    made, missing = pictures(path, list(range(25)), with_ffmpeg=False)
    assert not missing
    shown = [read_code(decode_image(made[n].data, "ours")) for n in range(25)]
    assert shown[:10] == list(range(10))
    assert shown[15:] == list(range(10, 20))
    assert set(shown[10:15]) <= {9, 10}


@pytest.mark.parametrize("name", ["h264", "vp9", "h264-sound", "edit-list", "late"])
def test_a_regular_clip_is_known_as_one_without_ffmpeg(name: str, tmp_path: Path) -> None:
    path = REGULAR[name](tmp_path)
    index = build_index(path)
    assert irregularity(index) == ""
    made, missing = pictures(path, [3, len(index.pts)], with_ffmpeg=False)
    assert list(missing) == [len(index.pts)]
    shown = dict(read_frames(path, [3]))
    assert read_code(decode_image(made[3].data, "ours")) == read_code(shown[3])


@needs_ffmpeg51
@pytest.mark.slow
def test_the_constant_rate_is_worked_out_as_ffmpeg_does_it(tmp_path: Path) -> None:
    """Random gaps and late starts, with and without reordering: which frame is in which file."""
    for trial in range(8):
        dice = np.random.default_rng(trial)
        choices = ([1, 1, 1, 2], [1, 1, 2, 5, 9], [2, 3], [1, 40])[trial % 4]
        ticks = [int(t) for t in np.cumsum(dice.choice(choices, 40)) + dice.choice([0, 3, 40])]
        path = write_video(
            tmp_path / f"{trial}.{('mp4', 'mkv')[trial % 3 == 0]}", 40, ticks=ticks,
            options={"bf": str(dice.choice([0, 2])), "g": "12"},
        )  # fmt: skip
        real = [read_code(decode_image(d, "")) for d in official(path, tmp_path / f"official{trial}")]
        assert list(official_frames(build_index(path))) == real


def test_a_constant_rate_is_one_to_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "plain.mp4", 30)
    assert official_frames(build_index(path)) == tuple(range(30))


def test_a_late_first_frame_is_repeated_only_beside_sound(tmp_path: Path) -> None:
    plain = write_video(tmp_path / "plain.mp4", 30)
    silent, sounding = tmp_path / "silent.mp4", tmp_path / "sounding.mp4"
    remux(plain, silent, shift=4)
    remux(plain, sounding, shift=4, silence_s=1.5)
    assert official_frames(build_index(silent)) == tuple(range(30))
    # 4 frames late: frame 0 is written for files 1 to 5
    assert official_frames(build_index(sounding))[:7] == (0, 0, 0, 0, 0, 1, 2)


def test_range_tables_stretch_limited_range_to_full() -> None:
    luma, chroma = full_range_tables()
    steps = np.arange(256)
    inside = slice(16, 236)
    exact = (steps - 16) * 255 / 219
    np.testing.assert_allclose(luma[inside], exact[inside], atol=1.0)
    assert (luma[16], luma[235], luma[0]) == (0, 255, 0)
    inside = slice(16, 241)
    exact = 128 + (steps - 128) * 255 / 224
    np.testing.assert_allclose(chroma[inside], np.clip(exact[inside], 0, 255), atol=1.0)
    assert chroma[128] == 128
    assert (np.diff(luma.astype(int)) >= 0).all()
    assert (np.diff(chroma.astype(int)) >= 0).all()


def test_a_pipe_of_jpegs_is_split_where_they_end() -> None:
    dice = np.random.default_rng(0)
    files = [encode_jpeg(dice.integers(0, 255, (n, 30, 3), dtype=np.uint8)) for n in (8, 40, 200)]
    assert list(split_jpegs(io.BytesIO(b"".join(files)))) == files
    assert list(split_jpegs(io.BytesIO(b"".join(files)[:-1]))) == files[:2]
    assert list(split_jpegs(io.BytesIO(b""))) == []
    with pytest.raises(DataError, match="something else than JPEGs"):
        list(split_jpegs(io.BytesIO(b"RIFF....")))


def test_another_program_is_not_taken_for_ffmpeg_5_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho 'ffmpeg version 6.1 Copyright'\necho 'libavcodec     60. 31.102 / 60. 31.102'\n")
    other.chmod(0o755)
    find_ffmpeg51.cache_clear()
    monkeypatch.delenv(PROGRAM_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg51() is None
    with pytest.raises(EnvironmentFault, match=r"expected FFmpeg 5\.1"):
        find_ffmpeg51(str(other))
    find_ffmpeg51.cache_clear()
