"""A folder of anything: every picture and video below it, in a fixed order, and nothing passed over in silence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from coded_video import write_video

from hint_tools.core.errors import DataError, ExitCode
from hint_tools.media.images import encode_jpeg, encode_png
from hint_tools.parallel.engine import Engine
from hint_tools.sources import folder
from hint_tools.sources.candidates import HandBox, SourceReading
from hint_tools.store.fetch import Cache
from hint_tools.store.project import create_project


def read_folder(root: Path, **more: Any) -> SourceReading:
    with Engine(workers=1) as engine:
        return folder.read_folder(root, engine=engine, cache=Cache(root / "unused", 0), **more)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    picture = np.full((20, 30, 3), 90, np.uint8)
    for place in ("b.jpg", "day 1/kitchen/ä.PNG", "day 1/a.jpeg", ".thumbs/x.jpg", "notes.txt", "day 1/.hidden.jpg"):
        path = tmp_path / "root" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(picture) if path.suffix == ".PNG" else encode_jpeg(picture))
    write_video(tmp_path / "root" / "day 1" / "film.mp4", 75)
    return tmp_path / "root"


def test_every_depth_in_a_fixed_order(root: Path) -> None:
    reading = read_folder(root, every_s=1.0)
    stills = [c for c in reading.candidates if c.frame_index < 0]
    assert [c.origin for c in stills] == ["b.jpg", "day 1/a.jpeg", "day 1/kitchen/ä.PNG"]
    assert [c.video for c in stills] == [".", "day 1", "day 1/kitchen"]
    assert all(c.file.is_file() for c in reading.candidates)
    assert reading.counts == {"pictures": 3, "videos": 1, "other files": 1}
    assert reading.findings == ()


def test_one_frame_for_each_stretch_of_video(root: Path) -> None:
    film = [c for c in read_folder(root, every_s=0.5).candidates if c.frame_index >= 0]
    assert [c.frame_index // 15 for c in film] == [0, 1, 2, 3, 4]
    assert all(c.time_s == pytest.approx(c.frame_index / 30, abs=1e-3) for c in film)
    again = [c for c in read_folder(root, every_s=0.5).candidates if c.frame_index >= 0]
    assert film == again
    other = [c for c in read_folder(root, seed=1, every_s=0.5).candidates if c.frame_index >= 0]
    assert [c.frame_index for c in other] != [c.frame_index for c in film]


def test_linked_folders_are_entered_once(root: Path) -> None:
    (root / "day 1" / "loop").symlink_to(root)
    (root / "zz link").symlink_to(root / "day 1")
    reading = read_folder(root)
    assert reading.counts == {"pictures": 3, "videos": 1, "other files": 1}


def test_boxes_find_their_picture_and_strays_are_told(root: Path) -> None:
    hand = HandBox(box=(1.0, 2.0, 9.0, 8.0), side="left", origin="user")
    reading = read_folder(root, boxes={"day 1/a.jpeg": (hand,), "day 2/a.jpeg": (hand,)})
    assert {c.origin: c.hands for c in reading.candidates if c.hands} == {"day 1/a.jpeg": (hand,)}
    (finding,) = reading.findings
    assert (finding.code, finding.subjects) == ("sources.boxes-without-a-picture", ("day 2/a.jpeg",))


def test_missing_and_empty_roots_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder of pictures and videos, found none") as caught:
        read_folder(tmp_path / "absent")
    assert caught.value.exit_code == ExitCode.DATA
    assert caught.value.hint
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "empty" / "deeper" / "notes.txt").write_text("no picture")
    with pytest.raises(DataError, match=r"found 1 files of other kinds"):
        read_folder(tmp_path / "empty")


def test_broken_videos_are_told_and_the_rest_goes_on(root: Path) -> None:
    (root / "bad.mp4").write_bytes(b"nothing like a film")
    whole = write_video(root / "cut.mp4", 90, options={"bf": "3", "g": "10"}, fast_start=True)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    reading = read_folder(root, every_s=0.5)
    assert reading.counts["skipped: unreadable video"] == 1
    codes = {f.code: f for f in reading.findings}
    assert "bad.mp4" in codes["sources.unreadable-video"].message
    assert "cut.mp4" in codes["sources.video-cut-off"].message
    assert {c.origin for c in reading.candidates if c.frame_index >= 0} == {"cut.mp4", "day 1/film.mp4"}


def test_a_project_among_the_footage_is_not_sampled_again(root: Path) -> None:
    before = read_folder(root)
    project = create_project(root / "day 1" / "round1", "round1")
    frame = project.root / "frames" / "x.jpg"
    frame.parent.mkdir()
    frame.write_bytes(encode_jpeg(np.zeros((20, 30, 3), np.uint8)))
    reading = read_folder(root)
    assert [c.origin for c in reading.candidates] == [c.origin for c in before.candidates]
    assert reading.counts["skipped: hint project"] == 1
    with pytest.raises(DataError, match="is a hint project, not footage"):
        read_folder(project.root)
