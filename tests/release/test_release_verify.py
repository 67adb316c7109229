from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from release_world import make_project

from hint_tools.core.errors import DataError
from hint_tools.data.annotations import ANNOTATIONS
from hint_tools.release.build import run_build
from hint_tools.release.config import ReleaseBuildConfig, ReleaseVerifyConfig
from hint_tools.release.verify import run_verify
from hint_tools.store.manifests import write_checksums
from hint_tools.store.tables import read_table, write_table


@pytest.fixture
def release(tmp_path: Path) -> Path:
    run_build(ReleaseBuildConfig(name="r1"), make_project(tmp_path / "round"))
    return tmp_path / "round" / "releases" / "r1"


def codes(folder: Path) -> set[str]:
    report = run_verify(ReleaseVerifyConfig(directory=folder))
    assert report.gate_failed == bool(report.findings)
    return {f.code for f in report.findings}


def test_a_sound_release_has_no_finding(release: Path) -> None:
    assert codes(release) == set()


def test_missing_changed_and_added_files_are_named(release: Path) -> None:
    pictures = sorted(release.glob("*_img/*.jpg"))
    pictures[0].unlink()
    pictures[1].write_bytes(pictures[1].read_bytes() + b"x")
    (release / "note.txt").write_text("mine")
    report = run_verify(ReleaseVerifyConfig(directory=release))
    found = {(f.code, f.subjects[0]) for f in report.findings}
    relative = [p.relative_to(release).as_posix() for p in pictures]
    assert ("release.file-missing", relative[0]) in found
    assert ("release.file-differs", relative[1]) in found
    assert ("release.file-unlisted", "note.txt") in found


def test_a_swapped_finger_in_one_json_is_found_even_with_new_checksums(release: Path) -> None:
    path = next(release.glob("*_img/*.json"))
    hand = json.loads(path.read_text())
    points = hand[0]["keypoints"]
    points[5:9], points[9:13] = points[9:13], points[5:9]
    path.write_text(json.dumps(hand))
    write_checksums(release)
    assert codes(release) == {"release.json-differs"}


def test_a_file_renamed_to_the_other_side_is_found(release: Path) -> None:
    path = next(release.glob("TEST_newdays_img/*_r.json"))
    path.rename(path.with_name(path.name.replace("_r.json", "_l.json")))
    write_checksums(release)
    assert codes(release) == {"release.json-differs", "release.json-not-in-table"}


def test_a_table_that_says_otherwise_is_found(release: Path) -> None:
    rows = read_table(release / "annotations.parquet", ANNOTATIONS)
    rows[0] = replace(rows[0], side="right" if rows[0].side == "left" else "left", width_px=7)
    rows[1] = replace(rows[1], split="val")
    write_table(release / "annotations.parquet", ANNOTATIONS, rows)
    write_checksums(release)
    found = codes(release)
    assert {"release.side-not-in-name", "release.size-differs", "release.wrong-folder"} <= found
    assert {"release.counts-differ", "release.video-in-two-splits", "release.eval-unreadable"} <= found


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        run_verify(ReleaseVerifyConfig(directory=tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"release\.json"):
        run_verify(ReleaseVerifyConfig(directory=tmp_path))
