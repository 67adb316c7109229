"""Rebuilding the published tree: official pictures in the right files, resumed, compared, complete."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from published_world import ACTION, EXPECTED, LIST, OFFICIAL, UIDS, World, frame_of, make_world

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.core.report import Report
from hint_tools.media.ffmpeg51 import PROGRAM_VARIABLE, find_ffmpeg51
from hint_tools.media.images import encode_jpeg, pixel_sha256, read_image
from hint_tools.parallel.engine import Engine
from hint_tools.release import rebuild, verify_published
from hint_tools.release.config import ReleaseRebuildConfig
from hint_tools.release.published import FOLDERS, parse_name
from hint_tools.release.published_zip import write_published_zip
from hint_tools.release.rebuild import run_rebuild
from hint_tools.release.rebuild_plan import decode_work, make_plan, read_plan, unlike_published

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "hint_release" / "ego4d_frame_names.json"
HAS_FFMPEG51 = find_ffmpeg51() is not None
needs_ffmpeg51 = pytest.mark.skipif(not HAS_FFMPEG51, reason="FFmpeg 5.1 is not installed")
N = sum(len(names) for names in LIST.values())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = make_world(tmp_path)
    monkeypatch.setattr(rebuild, "verify_published", lambda t: verify_published.verify_published(t, expected=EXPECTED))
    return made


@pytest.fixture
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    find_ffmpeg51.cache_clear()
    monkeypatch.delenv(PROGRAM_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    yield
    find_ffmpeg51.cache_clear()


def go(world: World, **more: object) -> Report:
    settings = {"partial": world.tree, "frames": world.frames, "clips": world.clips, "workers": 1}
    return run_rebuild(ReleaseRebuildConfig.model_validate(settings | more))


def codes(report: Report) -> set[str]:
    return {f.code for f in report.findings}


def made_files(world: World) -> dict[str, Path]:
    return {f"{folder}/{name}": world.tree / folder / name for folder, names in LIST.items() for name in names}


def assert_official_pixels(world: World) -> None:
    for name, path in made_files(world).items():
        expected = OFFICIAL[frame_of(name.partition("/")[2])]["pixel_sha256"]
        assert pixel_sha256(read_image(path)) == expected, name


def test_without_clips_it_is_planned_and_the_tree_is_left_alone(world: World) -> None:
    before = sorted(world.tree.rglob("*"))
    report = go(world, clips=None)
    assert (world.work / "clip_uids.txt").read_text().split() == sorted(UIDS)
    assert (report.counts["pictures"], report.counts["different frames"], report.counts["clips needed"]) == (N, 5, 3)
    assert "--video_uid_file" in report.next_command
    assert sorted(world.tree.rglob("*")) == before


def test_a_dry_run_writes_nothing(world: World) -> None:
    go(world, dry_run=True)
    assert not world.work.exists()


@needs_ffmpeg51
def test_every_file_has_the_official_bytes_and_the_tree_is_complete(world: World) -> None:
    report = go(world)
    for name, path in made_files(world).items():
        expected = OFFICIAL[frame_of(name.partition("/")[2])]["sha256"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == expected, name
    assert report.counts["in the tree now"] == report.counts["written by this run"] == N
    assert not report.gate_failed
    assert codes(report) == {"rebuild.list-differs"}  # the little list is not the published one
    listed = subprocess.run(
        ["sha256sum", "--quiet", "-c", world.work / "checksums.sha256"],
        cwd=world.tree,
        check=False,
        capture_output=True,
    )
    assert (listed.returncode, len((world.work / "checksums.sha256").read_text().splitlines())) == (0, N)


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_every_file_has_the_official_pixels_and_that_is_said(world: World) -> None:
    report = go(world)
    assert_official_pixels(world)
    assert "rebuild.pixels-only" in codes(report)
    assert not report.gate_failed
    told = json.loads((world.work / "pictures.json").read_text())["pictures"]
    for name, row in told.items():
        path = world.tree / name
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert row["pixel_sha256"] == OFFICIAL[row["frame"]]["pixel_sha256"]
        assert row["size_bytes"] == path.stat().st_size


@pytest.mark.usefixtures("no_ffmpeg")
def test_the_same_command_again_decodes_nothing_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = go(world)
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in world.tree.rglob("*") if p.is_file()}
    told = (world.work / "pictures.json").read_bytes()
    asked: list[int] = []
    original = rebuild.run_tasks
    monkeypatch.setattr(rebuild, "run_tasks", lambda tasks, engine: asked.append(len(tasks)) or original(tasks, engine))
    again = go(world)
    assert asked == [0]
    assert again.counts == first.counts | {"written by this run": 0}
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in world.tree.rglob("*") if p.is_file()} == before
    assert (world.work / "pictures.json").read_bytes() == told


@pytest.mark.usefixtures("no_ffmpeg")
def test_an_interrupted_rebuild_continues_with_the_clips_that_are_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(tasks: list[rebuild.ClipTask], engine: Engine) -> Iterator[object]:
        yield next(iter(original(tasks, engine)))
        raise KeyboardInterrupt

    original = rebuild.run_tasks
    monkeypatch.setattr(rebuild, "run_tasks", torn)
    with pytest.raises(KeyboardInterrupt):
        go(world)
    asked: list[int] = []
    monkeypatch.setattr(rebuild, "run_tasks", lambda tasks, engine: asked.append(len(tasks)) or original(tasks, engine))
    report = go(world)
    assert asked == [2]
    assert report.counts["in the tree now"] == N
    assert_official_pixels(world)


@pytest.mark.usefixtures("no_ffmpeg")
def test_a_file_that_was_changed_or_lost_since_is_made_again(world: World) -> None:
    go(world)
    lost, *_ = made_files(world).values()
    lost.unlink()
    report = go(world)
    assert report.counts["written by this run"] == 1
    assert_official_pixels(world)


@pytest.mark.usefixtures("no_ffmpeg")
def test_a_standing_file_that_differs_is_kept_and_told_why_until_replaced(world: World) -> None:
    one, other, *_ = made_files(world).values()
    go(world)
    right = read_image(one)
    for made in made_files(world).values():
        made.unlink()
    (world.work / "journal.jsonl").unlink()
    one.write_bytes(encode_jpeg(255 - right))
    other.write_bytes(b"no picture")
    report = go(world)
    differs = {f.subjects[0]: f.message for f in report.findings if f.code == "rebuild.file-differs"}
    assert report.gate_failed
    assert "other pixels: written by an unnamed encoder" in differs[f"TRAIN_ego4d_img/{one.name}"]
    assert "damaged or no picture" in differs[f"TRAIN_ego4d_img/{other.name}"]
    assert report.counts["not made: another file stood there"] == 2
    assert report.counts["in the tree now"] == N - 2
    assert other.read_bytes() == b"no picture"
    go(world, replace=True)
    assert_official_pixels(world)


@pytest.mark.usefixtures("no_ffmpeg")
def test_a_missing_a_short_and_a_broken_clip_each_lose_only_their_own(world: World) -> None:
    (world.clips / f"{UIDS[0]}.mp4").unlink()
    (world.clips / f"{UIDS[1]}.mp4").write_bytes(b"not a video")
    listed = LIST | {"TEST_ego4d_img": [*LIST["TEST_ego4d_img"], f"{UIDS[2]}_{ACTION}_60_post_frame_l.jpg"]}
    world.frames.write_text(json.dumps(listed))
    report = go(world)
    by_code = {f.code: f for f in report.findings}
    assert by_code["rebuild.clip-missing"].subjects == (UIDS[0],)
    assert by_code["rebuild.picture-missing"].count == 2
    assert (report.counts["not made: clip not here"], report.counts["not made: not in its clip, or unreadable"]) == (
        2,
        2,
    )
    assert report.counts["in the tree now"] == 3
    missing = [e for e in journal(world) if e["missing"]]
    reasons = " ".join(why for e in missing for why in e["missing"].values())
    assert "expected a video" in reasons
    assert "picture 60 does not exist, expected less than 60" in reasons


def journal(world: World) -> list[dict[str, dict[str, str]]]:
    return [json.loads(line[9:]) for line in (world.work / "journal.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("no_ffmpeg")
def test_another_rebuild_is_compared_file_by_file_with_the_reason(world: World, tmp_path: Path) -> None:
    go(world)
    told = json.loads((world.work / "pictures.json").read_text())
    assert "rebuild.unlike-expected" not in codes(go(world, expect=world.work / "pictures.json"))
    names = sorted(told["pictures"])
    told["pictures"][names[0]]["sha256"] = "0" * 64
    told["pictures"][names[1]] |= {"sha256": "0" * 64, "pixel_sha256": "1" * 64, "width_px": 7}
    told["pictures"][names[2]] |= {"sha256": "0" * 64, "pixel_sha256": "1" * 64, "frame": 999}
    told["pictures"][names[3]] |= {"sha256": "0" * 64, "pixel_sha256": "1" * 64}
    del told["pictures"][names[4]]
    told["pictures"]["TEST_ego4d_img/other.jpg"] = told["pictures"][names[5]]
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(told))
    found = {f.subjects[0]: f.message for f in go(world, expect=theirs).findings if f.code == "rebuild.unlike-expected"}
    expected = ("same pixels, other bytes", "another size", "another frame", "another version", "does not have it")
    assert all(why in found[name] for name, why in zip(names, expected, strict=False))
    assert "was not made here" in found["TEST_ego4d_img/other.jpg"]
    theirs.write_text("{}")
    with pytest.raises(DataError, match=r"expected the pictures\.json"):
        go(world, expect=theirs)


@needs_ffmpeg51
def test_pictures_made_without_ffmpeg_become_official_once_it_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as hidden:
        find_ffmpeg51.cache_clear()
        hidden.setenv("PATH", str(tmp_path))
        go(world)
    find_ffmpeg51.cache_clear()
    report = go(world)
    assert report.counts["written by this run"] == N
    assert not report.gate_failed
    for name, path in made_files(world).items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == OFFICIAL[frame_of(name.partition("/")[2])]["sha256"]


@pytest.mark.slow
@pytest.mark.usefixtures("no_ffmpeg")
def test_several_clips_at_a_time_give_the_same_tree(world: World, tmp_path: Path) -> None:
    go(world, workers=2)
    assert_official_pixels(world)
    other = make_world(tmp_path / "other")
    go(other, workers=1)
    for folder in (world, other):
        assert len(list(folder.tree.rglob("*.jpg"))) == N + 1
    one, two = ((w.work / "pictures.json").read_bytes() for w in (world, other))
    assert one == two


def test_the_archive_is_the_one_its_authors_make(world: World, tmp_path: Path) -> None:
    """Against Python's own archiver, fed files that carry the authors' time and mode."""
    digest = write_published_zip(world.tree, tmp_path / "ours.zip")
    moment = time.mktime((2024, 4, 24, 10, 10, 10, 0, 0, -1))
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for root, _, files in sorted(os.walk(world.tree)):
            for file in sorted(files):
                path = Path(root) / file
                path.chmod(0o644)
                os.utime(path, (moment, moment))
                archive.write(path, Path("HInt_annotation") / path.relative_to(world.tree))
    assert (tmp_path / "ours.zip").read_bytes() == (tmp_path / "theirs.zip").read_bytes()
    assert digest == hashlib.md5((tmp_path / "theirs.zip").read_bytes(), usedforsecurity=False).hexdigest()


@pytest.mark.usefixtures("no_ffmpeg")
def test_only_a_complete_tree_is_archived(world: World) -> None:
    (world.clips / f"{UIDS[0]}.mp4").unlink()
    assert "rebuild.zip-left-out" in codes(go(world, zip=True))
    assert not (world.work / "HInt_annotation.zip").exists()
    (world.clips / f"{UIDS[0]}.mp4").write_bytes((world.clips / f"{UIDS[1]}.mp4").read_bytes())
    report = go(world, zip=True)
    assert "rebuild.zip-differs" in codes(report)  # it is a little world, not HInt
    assert len(str(report.counts["archive's MD5"])) == 32


def test_names_that_are_not_hints_are_counted_and_left_out() -> None:
    listed = LIST | {
        "TRAIN_newdays_img": ["ND__xGfgKCYT7A_frame005751_l.jpg"],
        "VAL_ego4d_img": ["../x.jpg", "a_b.jpg"],
    }
    listed["TEST_ego4d_seq"] = [*LIST["TEST_ego4d_seq"], LIST["TEST_ego4d_seq"][0]]
    plan = make_plan(listed)
    assert plan.n_pictures == N
    assert plan.dropped == {"listed twice": 1, "not a name of HInt": 2, "not in a folder of Ego4D": 1}
    assert plan.listed == N + 4


def test_what_can_not_be_rebuilt_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        go(world, partial=tmp_path / "nothing")
    with pytest.raises(DataError, match="found not one of the 3 that are needed"):
        go(world, clips=tmp_path)
    with pytest.raises(DataError, match="must not be inside the tree"):
        go(world, work=world.tree / "work")
    with pytest.raises(EnvironmentFault, match=r"expected FFmpeg 5\.1"):
        go(world, ffmpeg=Path("/bin/true"))
    world.frames.write_text('["a"]')
    with pytest.raises(DataError, match="expected folders with lists of file names"):
        go(world)


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published lists are not here")
def test_the_published_list_is_planned_in_seconds() -> None:
    start = time.perf_counter()
    plan = read_plan(PUBLISHED)
    work = decode_work(plan, 128)
    assert time.perf_counter() - start < 5
    assert (plan.n_pictures, plan.n_frames, len(plan.clips), plan.dropped) == (23_153, 23_027, 850, {})
    assert work == (11_796, 879_382)
    assert unlike_published(plan) == []
    assert plan.per_folder == {f: n for f, n in FOLDERS.items() if "_ego4d_" in f}


def test_published_names_are_read_from_the_right() -> None:
    said = parse_name("newdays", "ND__xGfgKCYT7A_frame005751_l")
    assert (said.video, said.frame, said.side) == ("_xGfgKCYT7A", 5751, "left")
    assert parse_name("epick", "EK_0064_P03_10_frame_0000000249_r").video == "P03_10"
    assert parse_name("epick", "EK_frame_0000000249_r").video == ""
    with pytest.raises(DataError, match="not the name of a picture"):
        parse_name("ego4d", "ND__xGfgKCYT7A_frame005751_l")
