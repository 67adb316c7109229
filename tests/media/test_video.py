"""Frames of real files, each told by the number drawn into it: the n-th frame, or none."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from coded_video import HEIGHT, WIDTH, coded_frame, has_encoder, read_code, remux, turn, write_video

from hint_tools.core.errors import DataError
from hint_tools.media import video, video_decode

X265 = "log-level=none:pools=none:frame-threads=1"
KINDS = {
    "h264-b.mp4": ("libx264", {"bf": "3", "g": "30"}),
    "h264-open-gop.mp4": ("libx264", {"bf": "3", "g": "25", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}),
    "h264-one-group.mp4": ("libx264", {"bf": "2", "g": "1000"}),
    "h264-intra-refresh.ts": ("libx264", {"bf": "0", "g": "20", "x264-params": "intra-refresh=1"}),
    "h264-b.mkv": ("libx264", {"bf": "3", "g": "30"}),
    "h264-b.ts": ("libx264", {"bf": "3", "g": "30"}),
    "h264-b.avi": ("libx264", {"bf": "3", "g": "30"}),
    "mpeg4-b.mp4": ("mpeg4", {"bf": "2", "g": "24", "qscale": "3"}),
    "mpeg4-b.avi": ("mpeg4", {"bf": "2", "g": "24", "qscale": "3"}),
    "mpeg2-b.ts": ("mpeg2video", {"bf": "2", "g": "15"}),
    "vp9.webm": ("libvpx-vp9", {"g": "32", "deadline": "realtime", "cpu-used": "8"}),
    "vp9-hidden-refs.webm": (
        "libvpx-vp9",
        {"g": "32", "deadline": "good", "cpu-used": "5", "lag-in-frames": "20", "auto-alt-ref": "1"},
    ),
    "hevc-open-gop.mp4": ("libx265", {"g": "30", "x265-params": f"{X265}:open-gop=1:bframes=4"}),
    "hevc.mkv": ("libx265", {"g": "30", "x265-params": f"{X265}:open-gop=0"}),
    "mjpeg.mov": ("mjpeg", {"qscale": "3"}),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {
        name: write_video(folder / name, 100, codec, options=options, fast_start=name.endswith((".mp4", ".mov")))
        for name, (codec, options) in KINDS.items()
        if has_encoder(codec)
    }


def numbers(path: Path, wanted: list[int]) -> dict[int, int]:
    """Frame asked for -> number drawn into what came."""
    return {n: read_code(rgb) for n, rgb in video.read_frames(path, wanted)}


@pytest.mark.parametrize("name", KINDS)
def test_every_subset_of_frames_is_exact(films: dict[str, Path], name: str) -> None:
    if name not in films:
        pytest.skip(f"this build of FFmpeg has no encoder {KINDS[name][0]}")
    path = films[name]
    info = video.probe(path)
    assert (info.n_frames, info.width_px, info.height_px, info.orientation.is_upright) == (100, WIDTH, HEIGHT, True)
    assert info.damage == ""
    assert info.fps == pytest.approx(30, rel=0.01)
    assert info.duration_s == pytest.approx(100 / 30, rel=0.01)
    dice = random.Random(name)
    subsets = [[0], [99], [25], [24, 25, 26], list(range(100))]
    subsets += [sorted(dice.sample(range(100), dice.choice([1, 3, 10]))) for _ in range(12)]
    for subset in subsets:
        assert numbers(path, subset) == {n: n for n in subset}


@pytest.mark.parametrize("name", KINDS)
def test_a_frame_does_not_depend_on_how_it_was_reached(films: dict[str, Path], name: str) -> None:
    """Bit for bit what decoding the whole file gives, by a decoder set up by nobody here."""
    if name not in films:
        pytest.skip(f"this build of FFmpeg has no encoder {KINDS[name][0]}")
    with av.open(str(films[name])) as container:
        whole = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(whole) == 100
    for number in (0, 1, 23, 24, 26, 29, 31, 50, 74, 97, 99):
        ((_, rgb),) = video.read_frames(films[name], [number])
        np.testing.assert_array_equal(rgb, whole[number])
        assert np.abs(rgb.astype(int) - coded_frame(number)).mean() < 25


def test_few_frames_cost_few_groups(films: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame near the end of a file with short groups does not decode the file."""
    fed = []
    original = video_decode._decoded
    monkeypatch.setattr(video_decode, "_decoded", lambda s, p, left: fed.append(p.pts) or original(s, p, left))
    assert numbers(films["h264-b.mp4"], [95]) == {95: 95}
    assert len(fed) < 12


def test_variable_rate_and_late_start(tmp_path: Path) -> None:
    dice = random.Random(3)
    ticks = list(np.cumsum([dice.choice([1, 1, 2, 5, 9]) for _ in range(60)]) + 40)
    for name in ("vfr.mp4", "vfr.mkv", "vfr.ts"):
        path = write_video(tmp_path / name, 60, ticks=[int(t) for t in ticks], options={"bf": "3", "g": "20"})
        info = video.probe(path)
        assert info.n_frames == 60
        np.testing.assert_allclose(info.times_s, (np.array(ticks) - ticks[0]) / 30, atol=0.002)
        for _ in range(8):
            subset = sorted(dice.sample(range(60), 4))
            assert numbers(path, subset) == {n: n for n in subset}


@pytest.mark.parametrize(("codec", "options"), [("libx264", {"bf": "3", "g": "30"}), ("mpeg4", {"bf": "2", "g": "12"})])
def test_what_an_edit_list_hides_is_not_counted(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    whole = write_video(tmp_path / "whole.mp4", 60, codec, options=options)
    cut = remux(whole, tmp_path / "cut.mp4", shift=-7)
    assert video.probe(cut).n_frames == 53
    for subset in ([0], [52], [22, 23, 24], [1, 30, 51]):
        assert numbers(cut, subset) == {n: n + 7 for n in subset}


def test_late_pictures_beside_longer_sound(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", 60, options={"bf": "3", "g": "30"})
    late = remux(whole, tmp_path / "late.mp4", shift=11, silence_s=5.0)
    info = video.probe(late)
    assert (info.n_frames, info.times_s[0], info.damage) == (60, 0.0, "")
    assert numbers(late, [0, 1, 31, 59]) == {0: 0, 1: 1, 31: 31, 59: 59}


@pytest.mark.parametrize(
    ("matrix", "quarter_turns"), [((0, 1, -1, 0), -1), ((0, -1, 1, 0), 1), ((-1, 0, 0, -1), 2), ((1, 0, 0, 1), 0)]
)
def test_a_turned_phone_gives_upright_frames(tmp_path: Path, matrix: tuple[int, ...], quarter_turns: int) -> None:
    """x' = a x + c y, y' = b x + d y (ISO 14496-12): a=0 b=1 c=-1 d=0 takes the right edge to the bottom: clockwise."""
    path = turn(write_video(tmp_path / "phone.mp4", 12), matrix)
    info = video.probe(path)
    assert (info.width_px, info.height_px) == ((HEIGHT, WIDTH) if quarter_turns % 2 else (WIDTH, HEIGHT))
    for number, rgb in video.read_frames(path, [5, 11]):
        assert rgb.shape == (info.height_px, info.width_px, 3)
        assert read_code(np.rot90(rgb, -quarter_turns)) == number


@pytest.mark.parametrize(
    ("matrix", "told", "undo"),
    [
        ((-1, 0, 0, 1), "turned by 0 degrees and mirrored", lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), "turned by 180 degrees and mirrored", lambda p: p[::-1]),
        ((0, 1, 1, 0), "turned by 270 degrees and mirrored", lambda p: p.swapaxes(0, 1)),
        ((0, -1, -1, 0), "turned by 90 degrees and mirrored", lambda p: p.swapaxes(0, 1)[::-1, ::-1]),
    ],
)
def test_a_mirrored_recording_is_mirrored_back(
    tmp_path: Path, matrix: tuple[int, ...], told: str, undo: Callable[[np.ndarray], np.ndarray]
) -> None:
    """A left hand must not come out as a right one: x' = a x + c y, y' = b x + d y, `undo` is its inverse."""
    path = turn(write_video(tmp_path / "selfie.mp4", 12), matrix)
    assert str(video.probe(path).orientation) == told
    for number, rgb in video.read_frames(path, [5, 11]):
        assert read_code(np.ascontiguousarray(undo(rgb))) == number


def test_a_display_matrix_by_another_angle_is_refused(tmp_path: Path) -> None:
    path = turn(write_video(tmp_path / "slanted.mp4", 12), (1, 1, -1, 1))
    with pytest.raises(DataError, match="turned by a multiple of 90 degrees, got another display matrix"):
        video.probe(path)


@pytest.mark.parametrize(
    "name", ["h264-b.mp4", "h264-b.mkv", "h264-b.ts", "mpeg4-b.mp4", "mpeg4-b.avi", "vp9.webm", "hevc-open-gop.mp4"]
)
def test_a_cut_off_video_gives_exact_frames_and_reports_the_rest(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    """Cut in decoding order: later pictures may be there without their neighbours, and must not take their number."""
    data = films[name].read_bytes()
    dice = random.Random(name)
    for trial in range(25):
        path = tmp_path / f"cut{trial}-{name}"
        path.write_bytes(data[: int(len(data) * dice.uniform(0.6, 0.99))])
        missing: dict[int, str] = {}
        got = {n: read_code(rgb) for n, rgb in video.read_frames(path, range(100), on_missing=missing.__setitem__)}
        assert all(n == number for n, number in got.items())
        assert sorted([*got, *missing]) == list(range(100))
        assert len(got) > 5
        assert all(str(path) in message for message in missing.values())
        assert video.probe(path).n_frames >= len(got)


@pytest.mark.parametrize(
    "name",
    ["h264-b.mp4", "h264-open-gop.mp4", "h264-b.mkv", "h264-b.ts", "h264-b.avi", "mpeg4-b.mp4", "mpeg4-b.avi"],
)
def test_damaged_pictures_are_reported_never_painted_over(films: dict[str, Path], name: str, tmp_path: Path) -> None:
    """What comes out of a file with an overwritten packet is bit for bit what the good file gives.

    Pictures that are built on the damaged one are shown before it too (B-frames), and come out first.
    """
    good = dict(video.read_frames(films[name], range(100)))
    with av.open(str(films[name])) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size > 250]
    dice = random.Random(name)
    for trial, (position, size) in enumerate(packets * 3):
        data = bytearray(films[name].read_bytes())
        data[position + size // 2 : position + size] = dice.randbytes(size - size // 2)
        path = tmp_path / f"{trial}-{name}"
        path.write_bytes(bytes(data))
        missing: dict[int, str] = {}
        got = dict(video.read_frames(path, range(100), on_missing=missing.__setitem__))
        assert sorted([*got, *missing]) == list(range(100))
        assert missing
        few = video.read_frames(path, [min(missing), max(missing)], on_missing=missing.__setitem__)
        for number, rgb in [*got.items(), *few]:  # fewer wanted, less decoded: one of the missing may come then
            np.testing.assert_array_equal(rgb, good[number])


@pytest.mark.parametrize("name", KINDS)
def test_flipped_bits_anywhere_never_escape_as_anything_but_a_data_error(
    films: dict[str, Path], name: str, tmp_path: Path
) -> None:
    """12 mutants of each kind, headers hit more often: every wanted frame comes, or is told to be missing."""
    if name not in films:
        pytest.skip(f"this build of FFmpeg has no encoder {KINDS[name][0]}")
    dice = random.Random(name)
    source, wanted = films[name].read_bytes(), [0, 7, 31, 99]
    for trial in range(12):
        data = bytearray(source)
        for _ in range(dice.choice([1, 3, 20, 200])):
            data[dice.randrange(dice.choice([len(data), min(2000, len(data))]))] ^= 1 << dice.randrange(8)
        path = tmp_path / f"{trial}-{name}"
        path.write_bytes(bytes(data))
        missing: dict[int, str] = {}
        with contextlib.suppress(DataError):
            got = [n for n, _ in video.read_frames(path, wanted, on_missing=missing.__setitem__)]
            assert sorted([*got, *missing]) == wanted


def test_missing_frames_raise_when_nobody_asks_for_them(films: dict[str, Path]) -> None:
    path = films["h264-b.mp4"]
    frames = video.read_frames(path, [3, 100, 4000])
    assert read_code(next(frames)[1]) == 3
    with pytest.raises(
        DataError, match=r"frame 100 does not exist, expected less than 100 \(1 more frames are missing\)"
    ):
        next(frames)
    with pytest.raises(ValueError, match="numbered from 0"):
        list(video.read_frames(path, [-1]))
    assert list(video.read_frames(path, [])) == []


def test_files_that_are_no_videos(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n")
    (tmp_path / "concat.mp4").write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(DataError, match=rf"{path.name}: expected a video, but it can't be opened"):
            video.probe(path)
    with pytest.raises(DataError, match="no such video"):
        video.probe(tmp_path / "absent.mp4")
    with pytest.raises(DataError, match="no such video"):
        video.probe(tmp_path)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts = 16000, 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(DataError, match="no picture stream that can be decoded"):
        video.probe(path)


def test_the_decoder_is_named() -> None:
    assert "libavcodec 6" in video.decoder_version()
