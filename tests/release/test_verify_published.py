"""A sound published tree has no finding; each thing that can be wrong with one is named and counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from published_world import EXPECTED, GOLDEN, LIST, make_world

from hint_tools.core.errors import DataError
from hint_tools.core.report import Report
from hint_tools.media.images import encode_jpeg
from hint_tools.release.config import ReleaseVerifyConfig
from hint_tools.release.verify import run_verify
from hint_tools.release.verify_published import verify_published


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Complete: every hand has a picture."""
    made = make_world(tmp_path).tree
    for folder, names in LIST.items():
        for name in names:
            picture(made / folder / name)
    return made


def picture(path: Path, width: int = 192, height: int = 112) -> None:
    path.write_bytes(encode_jpeg(np.full((height, width, 3), 90, np.uint8)))


def codes(report: Report) -> dict[str, int]:
    return {f.code.removeprefix("published."): f.count for f in report.findings}


def test_a_sound_tree_has_no_finding(tree: Path) -> None:
    report = verify_published(tree, expected=EXPECTED)
    assert (report.findings, report.gate_failed) == ((), False)
    assert (report.counts["hands"], report.counts["pictures"]) == (7, 7)


def test_the_tree_as_handed_out_lacks_only_ego4ds_pictures(tmp_path: Path) -> None:
    tree = make_world(tmp_path).tree
    report = verify_published(tree, expected=EXPECTED)
    assert (codes(report), report.gate_failed) == ({"pictures-missing": 6}, False)
    assert "hint release rebuild" in report.findings[0].suggestion
    shutil.copyfile(next(tree.glob("TRAIN_newdays_img/*.jpg")), tree / "TEST_ego4d_img" / LIST["TEST_ego4d_img"][0])
    half_done = verify_published(tree, expected=EXPECTED)
    assert (codes(half_done), half_done.gate_failed) == ({"pictures-missing": 5}, True)


def edited(tree: Path, change: Callable[[dict[str, list[object]]], None]) -> None:
    path = next(tree.glob("TRAIN_newdays_img/*.json"))
    hand = json.loads(path.read_text())
    change(hand[0])
    path.write_text(json.dumps(hand))


def renamed(tree: Path, old: str, new: str) -> None:
    for path in sorted(tree.glob(f"TRAIN_newdays_img/*{old}*")):
        path.rename(path.with_name(path.name.replace(old, new)))


def moved_clip(tree: Path) -> None:
    """A hand of a TEST clip stands in VAL, under another action."""
    (tree / "VAL_ego4d_img").mkdir()
    for suffix in (".jpg", ".json"):
        old = (tree / "TEST_ego4d_img" / LIST["TEST_ego4d_img"][0]).with_suffix(suffix)
        shutil.move(old, tree / "VAL_ego4d_img" / old.name)


def epic(tree: Path) -> None:
    (tree / "VAL_epick_img").mkdir()
    stem = tree / "VAL_epick_img" / "EK_0064_P03_10_frame_0000000249_r"
    shutil.copyfile(next(tree.glob("TRAIN_newdays_img/*.json")), stem.with_suffix(".json"))
    picture(stem.with_suffix(".jpg"))


def far_point(tree: Path) -> None:
    edited(tree, lambda h: h["keypoints"].__setitem__(3, [194, 5]))


def first(tree: Path, folder: str) -> Path:
    return tree / folder / LIST[folder][0]


FAULTS: dict[str, tuple[Callable[[Path], None], dict[str, int]]] = {
    "a key is missing": (lambda t: edited(t, lambda h: h.pop("existence")), {"json-broken": 1}),
    "twenty keypoints": (lambda t: edited(t, lambda h: h["keypoints"].pop()), {"json-broken": 1}),
    "a flag of 2": (lambda t: edited(t, lambda h: h["occlusion"].__setitem__(3, 2)), {"json-broken": 1}),
    "a point outside": (
        lambda t: edited(t, lambda h: h["keypoints"].__setitem__(3, [194, 5])),
        {"keypoint-outside": 1},
    ),
    "a box inside out": (lambda t: edited(t, lambda h: h.update(bbox=[[9, 9, 3, 20]])), {"box-unsound": 1}),
    "no side": (lambda t: renamed(t, "_l.", "."), {"name-unknown": 1}),
    "another side letter": (lambda t: renamed(t, "_l.", "_x."), {"name-unknown": 1}),
    "a stranger": (lambda t: (t / "TEST_ego4d_img" / "Thumbs.db").write_text(""), {"stranger": 1}),
    "another folder": (lambda t: picture_in(t / "pictures"), {"stranger": 1}),
    "a hand taken out": (lambda t: [p.unlink() for p in t.glob("TRAIN_newdays_img/*")], {"counts-differ": 1}),
    "a JSON lost": (lambda t: next(t.glob("TEST_ego4d_img/*.json")).unlink(), {"counts-differ": 1, "json-missing": 1}),
    "another size": (
        lambda t: picture(t / "TRAIN_ego4d_img" / LIST["TRAIN_ego4d_img"][0], 200),
        {"size-unlike-clip": 1},
    ),
    "torn": (lambda t: first(t, "TEST_ego4d_img").write_bytes(b"x"), {"picture-unreadable": 1}),
    "leak": (moved_clip, {"clip-in-two-splits": 1, "counts-differ": 1}),
    "epic": (epic, {"counts-differ": 1, "size-unlike-source": 1}),
}


def picture_in(folder: Path) -> None:
    folder.mkdir()
    picture(folder / "a.jpg")


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_and_counted(tree: Path, name: str) -> None:
    spoil, found = FAULTS[name]
    spoil(tree)
    report = verify_published(tree, expected=EXPECTED)
    counted = codes(report)
    if name == "leak":
        counted["counts-differ"] = 1  # two folders, one finding each
    assert counted == found
    assert report.gate_failed == (name != "a point outside")


def test_a_point_that_does_not_exist_may_lie_anywhere(tree: Path) -> None:
    def change(hand: dict[str, list[object]]) -> None:
        hand["keypoints"][3], hand["existence"][3] = [-900, 9000], 0

    edited(tree, change)
    assert verify_published(tree, expected=EXPECTED).findings == ()


def test_verify_knows_the_published_layout_by_itself(tree: Path) -> None:
    report = run_verify(ReleaseVerifyConfig(directory=tree))
    assert codes(report)["counts-differ"] == 1
    assert report.counts["TRAIN_ego4d_img"] == 3
    with pytest.raises(DataError, match="expected folders of HInt"):
        verify_published(GOLDEN)
