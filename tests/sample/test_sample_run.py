"""The whole stage on really encoded files: right frames, right provenance, every candidate accounted for."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from coded_video import HEIGHT, WIDTH, read_code, write_video
from PIL import Image

from hint_tools.core.errors import ConfigError, DataError, ExitCode
from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame
from hint_tools.core.report import Report
from hint_tools.media.images import encode_jpeg, image_size, pixel_sha256, read_image
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.run import run
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import FRAMES, HANDS


def settings(source: str, root: Path, **more: object) -> SampleConfig:
    return SampleConfig.layered(("test", {"source": source, "root": root, **more}))


def accounted(report: Report) -> None:
    dropped = sum(n for name, n in report.counts.items() if name.startswith("dropped: "))
    assert report.counts["taken"] + dropped == report.counts["candidates"]
    in_splits = sum(n for name, n in report.counts.items() if name.startswith("frames in "))
    assert in_splits == report.counts["taken"]


def check_stored(project: Project, frame: Frame) -> np.ndarray:
    data = project.path(frame.path).read_bytes()
    picture = read_image(project.path(frame.path))
    assert frame.path == f"frames/{frame.source}/{frame.frame_id}.jpg"
    assert frame.sha256 == hashlib.sha256(data).hexdigest()
    assert frame.pixel_sha256 == pixel_sha256(picture)
    assert picture.shape == (frame.height_px, frame.width_px, 3)
    return picture


def test_a_folder_of_anything(project: Project, footage: Path) -> None:
    report = run(settings("folder", footage, every_s=0.5), project)
    accounted(report)
    assert report.counts["pictures"] == 5
    assert report.counts["videos"] == 3
    assert report.counts["other files"] == 1
    assert report.counts["dropped: unreadable picture"] == 1
    assert report.next_command == "hint prelabel"
    told = {f.code: f for f in report.findings}
    assert "corrupt.jpg" in told["sample.unreadable-picture"].message
    assert "cut.mp4" in told["sources.video-cut-off"].message
    frames = {f.origin + f" {f.frame_index}": f for f in project.read(FRAMES)}
    assert len(frames) == report.counts["taken"]
    for frame in frames.values():
        picture = check_stored(project, frame)
        assert (frame.licence, frame.redistributable) == ("unknown", False)
        if frame.frame_index >= 0:
            assert read_code(picture) == frame.frame_index
            assert frame.video == frame.origin
            assert frame.time_s == pytest.approx(frame.frame_index / 30, abs=1e-3)
            assert "libavcodec" in frame.decoder
            assert frame.frame_id == content_id("frame", "folder", frame.origin, frame.frame_index)
    assert {f.origin for f in frames.values() if f.frame_index >= 0} == {
        "films/one.mp4", "films/two.mkv", "films/cut.mp4",
    }  # fmt: skip
    assert project.read(HANDS) == []


def test_plain_jpegs_are_copied_and_the_rest_encoded_upright(project: Project, footage: Path) -> None:
    run(settings("folder", footage / "a"), project)
    run(settings("folder", footage / "b", name="b"), project)
    frames = {(f.source, f.origin): f for f in project.read(FRAMES)}
    plain = frames["folder", "1.jpg"]
    assert project.path(plain.path).read_bytes() == (footage / "a" / "1.jpg").read_bytes()
    assert plain.decoder == "copied byte for byte"
    png = check_stored(project, frames["folder", "2.png"])
    assert np.abs(png.astype(int) - read_image(footage / "a" / "2.png")).mean() < 2
    turned = frames["b", "turned.jpg"]
    assert (turned.width_px, turned.height_px) == (60, 80) == image_size(footage / "b" / "turned.jpg")
    assert np.abs(check_stored(project, turned).astype(int) - read_image(footage / "b" / "turned.jpg")).mean() < 2


def test_where_a_photograph_was_taken_stays_with_its_owner(project: Project, tmp_path: Path) -> None:
    told = Image.Exif()
    told.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    y, x = np.mgrid[0:60, 0:80]
    picture = np.stack([x * 3, y * 4, x + y], axis=2).astype(np.uint8)
    root = tmp_path / "photographs"
    root.mkdir()
    Image.fromarray(picture).save(root / "home.jpg", exif=told)
    (root / "plain.jpg").write_bytes(encode_jpeg(picture))
    report = run(settings("folder", root), project)
    (finding,) = (f for f in report.findings if f.code == "sample.metadata-left-out")
    assert finding.count == 1
    home, plain = sorted(project.read(FRAMES), key=lambda f: f.origin)
    assert b"Exif" not in project.path(home.path).read_bytes()
    assert project.path(plain.path).read_bytes() == (root / "plain.jpg").read_bytes()
    np.testing.assert_array_equal(check_stored(project, home), read_image(root / "home.jpg"))
    assert (home.decoder, plain.decoder) == ("copied without its metadata", "copied byte for byte")
    run(settings("folder", root, metadata=True), project)  # asked for, it is taken anew
    assert project.path(home.path).read_bytes() == (root / "home.jpg").read_bytes()
    again = run(settings("folder", root), project)
    assert [f.code for f in again.findings if "metadata" in f.code]
    assert b"Exif" not in project.path(home.path).read_bytes()
    with pytest.raises(ConfigError, match="metadata: only for source folder"):
        settings("epic", root, metadata=True)


def test_ego4d_critical_frames_with_both_hands(project: Project, ego4d: Path) -> None:
    report = run(settings("ego4d", ego4d, n=24, seed=3), project)
    accounted(report)
    assert report.counts["actions"] == 40
    assert report.counts["candidates"] == 240
    assert report.counts["taken"] == 24
    assert report.counts["hands"] == 48
    frames, hands = project.read(FRAMES), project.read(HANDS)
    assert Counter(f.video for f in frames) == dict.fromkeys([f"video-{v}" for v in "abcd"], 6)
    by_frame = {f.frame_id: f for f in frames}
    people = {"video-a": "1", "video-b": "1", "video-c": "2", "video-d": ""}
    for frame in frames:
        assert read_code(check_stored(project, frame)) == frame.frame_index
        assert frame.origin == f"v2/clips/{frame.clip}.mp4"
        assert frame.participant == people[frame.video]
        assert (frame.licence, frame.redistributable) == ("Ego4D licence", False)
        assert frame.time_s == pytest.approx(frame.frame_index / 30)
        assert frame.frame_id == content_id("frame", "ego4d", frame.clip, frame.frame_index)
    for hand in hands:
        number = int(hand.action[-1])
        left = (10.0 if hand.side == "left" else 100.0) + number - 0.5
        np.testing.assert_allclose(hand.box, [left, 39.5, left + 50.5, 83.5])
        assert hand.action.startswith(by_frame[hand.frame_id].clip)
        assert hand.reason == f"critical frame {hand.frame_type}"
        assert hand.split == by_frame[hand.frame_id].split
        assert hand.hand_id == content_id("hand", hand.frame_id, hand.side, *map(float, hand.box))
        assert hand.box_origin == "source"
    assert {h.side for h in hands} == {"left", "right"}
    assert len({h.action for h in hands}) == 24


def test_twice_changes_nothing_and_more_only_adds(project: Project, ego4d: Path) -> None:
    run(settings("ego4d", ego4d, n=8), project)
    tables = [project.table_path(t) for t in (FRAMES, HANDS)]
    first = [t.read_bytes() for t in tables]
    few = {f.frame_id: f for f in project.read(FRAMES)}
    pictures = {p: p.stat().st_mtime_ns for p in project.path("frames/ego4d").iterdir()}
    run(settings("ego4d", ego4d, n=8), project)
    assert [t.read_bytes() for t in tables] == first
    assert {p: p.stat().st_mtime_ns for p in project.path("frames/ego4d").iterdir()} == pictures
    run(settings("ego4d", ego4d, n=20), project)
    more = {f.frame_id: f for f in project.read(FRAMES)}
    assert more.keys() > few.keys()
    assert {k: more[k].split for k in few} == {k: f.split for k, f in few.items()}
    fresh = create_project(project.root.parent / "fresh", "round1")
    run(settings("ego4d", ego4d, n=20), fresh)
    assert {f.frame_id for f in fresh.read(FRAMES)} == more.keys()


def test_a_second_source_leaves_the_first_alone(project: Project, ego4d: Path, footage: Path) -> None:
    run(settings("ego4d", ego4d, n=8), project)
    ours = {h.hand_id for h in project.read(HANDS)}
    run(settings("folder", footage / "a"), project)
    assert Counter(f.source for f in project.read(FRAMES)) == {"ego4d": 8, "folder": 2}
    assert {h.hand_id for h in project.read(HANDS)} == ours
    report = run(settings("folder", footage / "b"), project)
    assert Counter(f.source for f in project.read(FRAMES)) == {"ego4d": 8, "folder": 2}
    replaced = next(f for f in report.findings if f.code == "sample.frames-replaced")
    assert replaced.count == 2
    assert "--name" in replaced.suggestion


def test_missing_clips_short_clips_and_wild_boxes(project: Project, ego4d: Path, tmp_path: Path) -> None:
    root = tmp_path / "partial"
    shutil.copytree(ego4d, root)
    (root / "v2" / "clips" / "clip-a1.mp4").unlink()
    (root / "v2" / "clips" / "clip-b1.mp4").write_bytes(b"torn")
    write_video(root / "v2" / "clips" / "clip-c1.mp4", 40)
    annotations = root / "v2" / "annotations" / "fho_main.json"
    document = json.loads(annotations.read_text())
    wild = document["videos"][3]["annotated_intervals"][0]["narrated_actions"]
    for frame in wild[0]["frames"]:
        frame["boxes"][0]["bbox"]["x"] = -20
        frame["boxes"][1]["bbox"] |= {"x": WIDTH + 5}
    for frame in wild[1]["frames"]:
        frame["boxes"][0]["bbox"]["y"] = frame["boxes"][1]["bbox"]["y"] = -500
    for frame in wild[2]["frames"]:
        frame["width"], frame["height"] = 2 * WIDTH, 2 * HEIGHT
    for frame in wild[3]["frames"]:
        frame["width"], frame["height"] = WIDTH, WIDTH
    annotations.write_text(json.dumps(document))
    report = run(settings("ego4d", root), project)
    accounted(report)
    assert report.counts["actions: clip file missing"] == 5
    told = {f.code: f for f in report.findings}
    assert "clip-b1.mp4" in told["sample.unreadable-video-frame"].message
    frames, hands = project.read(FRAMES), project.read(HANDS)
    short = [f for f in frames if f.clip == "clip-c1"]
    assert all(f.frame_index < 40 for f in short)
    unreadable = report.counts["dropped: unreadable video frame"]
    assert unreadable == told["sample.unreadable-video-frame"].count == 5 + (5 - len(short))
    assert report.counts["dropped: no hand inside the picture"] == 2
    by_action = {(h.action, h.side): h for h in hands}
    np.testing.assert_allclose(by_action["clip-d1-act0", "left"].box, [-0.5, 39.5, 30, 83.5])
    assert ("clip-d1-act0", "right") not in by_action
    np.testing.assert_allclose(by_action["clip-d1-act2", "left"].box, [5.5, 19.5, 30.75, 41.5])
    assert not {h.action for h in hands} & {"clip-d1-act1", "clip-d1-act3"}
    assert told["sample.hands-scaled-to-the-pictures-size"].count == 2


def test_what_can_t_be_read_is_replaced_up_to_n(tmp_path: Path, footage: Path) -> None:
    """Of five pictures one is corrupt; five frames are wanted, five come, whatever the seed draws first."""
    corrupt_drawn = 0
    for seed in range(6):
        project = create_project(tmp_path / str(seed), "round1")
        report = run(settings("folder", footage, n=5, seed=seed, every_s=100.0), project)
        accounted(report)
        assert report.counts["taken"] == 5
        corrupt_drawn += report.counts.get("dropped: unreadable picture", 0)
    assert 0 < corrupt_drawn <= 6


def test_boxes_of_the_user(project: Project, footage: Path, tmp_path: Path) -> None:
    coco = {
        "images": [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "b/c/3.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 1, "bbox": [10, 20, 30, 25], "hand_side": "right"},
            {"id": 2, "image_id": 1, "bbox": [10, 20, 30, 25], "hand_side": "right"},
            {"id": 3, "image_id": 2, "bbox": [70, 50, 40, 40], "category_id": 1},
            {"id": 4, "image_id": 2, "bbox": [1, 2]},
        ],
        "categories": [{"id": 1, "name": "left_hand"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    report = run(settings("folder", footage, boxes=tmp_path / "boxes.json"), project)
    origin = {f.frame_id: f.origin for f in project.read(FRAMES)}
    got = {(origin[h.frame_id], h.side, h.box_origin): h.box.tolist() for h in project.read(HANDS)}
    assert got == {
        ("a/1.jpg", "right", "user"): [9.5, 19.5, 39.5, 44.5],
        ("b/c/3.jpg", "left", "user"): [69.5, 49.5, 79.5, 59.5],
    }
    codes = {f.code: f.count for f in report.findings}
    assert codes["formats.coco-box-dropped"] == 1
    assert codes["sample.hands-listed-twice"] == 1
    assert codes["sample.hands-cut-at-the-pictures-border"] == 1


def test_dry_run_writes_nothing(project: Project, ego4d: Path) -> None:
    before = sorted(project.root.rglob("*"))
    report = run(settings("ego4d", ego4d, n=10, dry_run=True), project)
    assert report.counts["taken"] == 10
    assert sorted(project.root.rglob("*")) == before


def test_nothing_to_take_is_one_clear_error(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jpg").write_bytes(encode_jpeg(np.zeros((9, 9, 3), np.uint8))[:300])
    for root, message in [
        (tmp_path / "absent", "expected a folder of pictures and videos"),
        (tmp_path / "bad", r"not one frame can be taken of 1 candidates .*x\.jpg"),
    ]:
        with pytest.raises(DataError, match=message) as caught:
            run(settings("folder", root), project)
        assert caught.value.exit_code == ExitCode.DATA
        assert caught.value.hint
    with pytest.raises(DataError, match="the box file can't be read"):
        run(settings("folder", tmp_path / "bad", boxes=tmp_path / "absent.json"), project)


def test_settings_that_make_no_sense_together(tmp_path: Path) -> None:
    for more, message in [
        ({"source": "ego4d", "boxes": tmp_path}, "only for source folder"),
        ({"source": "folder", "per_action": 2}, "only for source ego4d"),
        ({"source": "folder", "val_fraction": 0.5, "test_fraction": 0.5}, "leave something to train on"),
        ({"source": "folder", "name": "../x"}, "name"),
        ({"source": "kinect"}, "source"),
        ({"source": "hands23", "per_action": 2}, "only for source ego4d"),
        ({"source": "epic", "quota": ["hat=3"]}, "expected LEVEL=N"),
        ({"source": "folder", "diversity": 3}, "needs n"),
        ({"source": "folder", "n": 0}, "n:"),
    ]:
        with pytest.raises(ConfigError, match=message):
            SampleConfig.layered(("test", {"root": tmp_path, **more}))
