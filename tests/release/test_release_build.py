from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from release_world import EGO_ACTION, EGO_CLIP, make_consensus, make_fit, make_frame, make_hand, make_project

from hint_tools.core.errors import DataError
from hint_tools.core.records import Visibility
from hint_tools.release.build import run_build
from hint_tools.release.config import ReleaseBuildConfig, ReleaseVerifyConfig
from hint_tools.release.verify import run_verify
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES, HANDS


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "round")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def published_reader(folder: Path) -> dict[str, tuple[list[float], list[list[float]], list[int], list[int], str]]:
    """HInt as its users read it: list of one dict, one hand a file, the side in the name's last letter."""
    hands = {}
    for path in folder.glob("*_img/*.json"):
        (hand,) = json.loads(path.read_text())
        assert path.with_suffix(".jpg").exists()
        (box,) = hand["bbox"]
        side = {"l": "left", "r": "right"}[path.stem.split("_")[-1]]
        hands[path.stem] = (box, hand["keypoints"], hand["occlusion"], hand["existence"], side)
    return hands


def test_another_reader_of_hint_finds_every_hand_as_the_consensus_has_it(project: Project) -> None:
    report = run_build(ReleaseBuildConfig(name="r1"), project)
    assert report.counts["hands with a consensus"] == 8
    assert report.counts["released"] == 7
    assert report.counts["left out: rejected"] == 1
    folder = project.root / "releases" / "r1"
    read = published_reader(folder)
    assert len(read) == 7
    rows = {r["hand_id"]: r for r in pq.read_table(folder / "annotations.parquet").to_pylist()}
    consensus = {c.hand_id: c for c in project.read(CONSENSUS)}
    for hand_id, row in rows.items():
        box, keypoints, occlusion, existence, side = read[Path(row["image"]).stem]
        truth = consensus[hand_id]
        np.testing.assert_array_equal(keypoints, truth.keypoints)
        np.testing.assert_array_equal(box, truth.box)
        np.testing.assert_array_equal(np.array(existence) == 0, truth.visibility == Visibility.NOT_ANNOTATABLE)
        np.testing.assert_array_equal(np.array(occlusion) == 1, truth.visibility == Visibility.OCCLUDED)
        assert side == truth.side


def test_file_names_are_hints_own_where_the_source_has_them(project: Project) -> None:
    run_build(ReleaseBuildConfig(name="r1"), project)
    names = set(contents(project.root / "releases" / "r1"))
    assert f"TRAIN_ego4d_img/{EGO_CLIP}_{EGO_ACTION}_120_pre_45_l.jpg" in names
    assert f"TRAIN_ego4d_img/{EGO_CLIP}_{EGO_ACTION}_120_pre_45_r.json" in names
    assert "TRAIN_newdays_img/ND__xGfgKCYT7A_frame005751_l.jpg" in names
    # two right hands in one frame of a source with a space in its name
    two = sorted(n for n in names if n.startswith("TRAIN_my-photos_img/") and n.endswith(".jpg"))
    assert len(two) == 2
    assert all(n.endswith("_r.jpg") for n in two)


def test_a_rebuild_is_the_same_bytes_and_nothing_to_do(project: Project, tmp_path: Path) -> None:
    run_build(ReleaseBuildConfig(name="r1"), project)
    first = contents(project.root / "releases" / "r1")
    again = run_build(ReleaseBuildConfig(name="r1"), project)
    assert again.counts["release"] == "unchanged"
    other = make_project(tmp_path / "elsewhere")
    run_build(ReleaseBuildConfig(name="r1"), other)
    assert contents(other.root / "releases" / "r1") == first


def test_a_release_is_never_changed(project: Project) -> None:
    run_build(ReleaseBuildConfig(name="r1"), project)
    before = contents(project.root / "releases" / "r1")
    changed = [replace(c, keypoints=c.keypoints + 1) for c in project.read(CONSENSUS)]
    project.write(CONSENSUS, changed)
    with pytest.raises(DataError, match="another release has this name"):
        run_build(ReleaseBuildConfig(name="r1"), project)
    assert contents(project.root / "releases" / "r1") == before
    assert [p.name for p in (project.root / "releases").iterdir()] == ["r1"]


def test_pictures_that_may_not_be_passed_on_stay_out(project: Project) -> None:
    report = run_build(ReleaseBuildConfig(name="free", images="redistributable"), project)
    folder = project.root / "releases" / "free"
    assert report.counts["pictures left out"] == 2
    assert not list(folder.glob("TRAIN_ego4d_img/*.jpg"))
    assert len(list(folder.glob("TRAIN_ego4d_img/*.json"))) == 2
    assert run_verify(ReleaseVerifyConfig(directory=folder)).counts["errors"] == 0
    # its owner's user brings the frame: fine, and a wrong one is told
    (picture,) = [project.root / f.path for f in project.read(FRAMES) if f.source == "ego4d"]
    for row in pq.read_table(folder / "annotations.parquet").to_pylist():
        if not row["image_included"]:
            (folder / row["image"]).write_bytes(picture.read_bytes())
            last = folder / row["image"]
    assert run_verify(ReleaseVerifyConfig(directory=folder, pixels=True)).counts["errors"] == 0
    other = next(folder.glob("TRAIN_newdays_img/*.jpg"))
    last.write_bytes(other.read_bytes())
    report = run_verify(ReleaseVerifyConfig(directory=folder, pixels=True))
    assert [f.code for f in report.findings] == ["release.pixels-differ"]


def test_a_video_in_two_splits_is_refused(project: Project) -> None:
    frames = [replace(f, video="one") for f in project.read(FRAMES)]
    project.write(FRAMES, frames)
    with pytest.raises(DataError, match="more than one split"):
        run_build(ReleaseBuildConfig(name="r1"), project)


def test_a_fit_of_the_other_side_is_not_taken(project: Project) -> None:
    fits = project.read(FITS)
    mirrored = replace(fits[0], side="right" if fits[0].side == "left" else "left")
    project.write(FITS, [mirrored, *fits[1:]])
    assert run_build(ReleaseBuildConfig(name="r1"), project).counts["with MANO"] == 1


def test_every_hand_is_accounted_for(project: Project) -> None:
    frame = make_frame(project, 30, "newdays", "train")
    gone = make_frame(project, 31, "newdays", "train")
    (project.root / gone.path).unlink()
    hands = [make_hand(frame, 300), make_hand(gone, 301), make_hand(frame, 302)]
    torn = np.full((21, 2), np.nan)
    rows = [
        make_consensus(hands[0], "left", n_submissions=1),
        make_consensus(hands[1], "left"),
        make_consensus(hands[2], "left", keypoints=torn),
    ]
    project.write(FRAMES, [*project.read(FRAMES), frame, gone])
    project.write(HANDS, [*project.read(HANDS), *hands])
    project.write(CONSENSUS, [*project.read(CONSENSUS), *rows])
    report = run_build(ReleaseBuildConfig(name="r1", min_submissions=2, sources=("newdays", "ego4d")), project)
    dropped = {k.removeprefix("left out: "): v for k, v in report.counts.items() if k.startswith("left out: ")}
    assert dropped == {"no image": 1, "not finite": 1, "other source": 3, "rejected": 1, "too few submissions": 1}
    assert report.counts["hands with a consensus"] == report.counts["released"] + sum(dropped.values())
    assert {f.code for f in report.findings} == {"release.no-image", "release.not-finite"}


def test_dry_run_writes_nothing(project: Project) -> None:
    before = contents(project.root)
    report = run_build(ReleaseBuildConfig(name="r1", dry_run=True), project)
    assert report.counts["released"] == 7
    assert contents(project.root) == before


def test_evaluation_files_read_as_hamer_reads_them(project: Project) -> None:
    run_build(ReleaseBuildConfig(name="r1"), project)
    folder = project.root / "releases" / "r1"
    consensus = {c.hand_id: c for c in project.read(CONSENSUS)}
    rows = {Path(r["image"]).name: r for r in pq.read_table(folder / "annotations.parquet").to_pylist()}
    wanted = {"all": (1, 2), "vis": (2,), "occ": (1,)}
    for subset, states in wanted.items():
        data = np.load(folder / "eval" / f"TEST_newdays_img_{subset}.npz")
        truth = consensus[rows[str(data["imgname"][0])]["hand_id"]]
        np.testing.assert_array_equal(data["hand_keypoints_2d"][0, :, :2], truth.keypoints)
        np.testing.assert_array_equal(data["hand_keypoints_2d"][0, :, 2] > 0.5, np.isin(truth.visibility, states))
        np.testing.assert_allclose(data["center"][0] - data["scale"][0] / 2, truth.box[:2])
        np.testing.assert_allclose(data["center"][0] + data["scale"][0] / 2, truth.box[2:])
        fit = make_fit(truth)
        np.testing.assert_allclose(data["hand_pose"][0], [*fit.global_orient, *fit.hand_pose], rtol=1e-6)
        assert data["right"].tolist() == [1.0]
    assert np.load(folder / "eval" / "TEST_epick_img_all.npz")["right"].tolist() == [0.0]


def test_the_card_escapes_what_others_wrote(project: Project) -> None:
    frames = [replace(f, licence="evil | cell\n# heading") for f in project.read(FRAMES)]
    project.write(FRAMES, frames)
    run_build(ReleaseBuildConfig(name="r1", notes="first try"), project)
    card = (project.root / "releases" / "r1" / "card.md").read_text()
    assert "first try" in card
    assert "\n# heading" not in card
    assert "evil \\| cell # heading" in card
    assert "2 annotators gave 14 answers" in card


def test_what_a_killed_build_left_is_swept_away(project: Project) -> None:
    torn = project.root / "releases" / ".hint-tmp-0123456789ab-r1"
    (torn / "TRAIN_newdays_img").mkdir(parents=True)
    run_build(ReleaseBuildConfig(name="r1"), project)
    assert [p.name for p in (project.root / "releases").iterdir()] == ["r1"]


def test_a_changed_picture_is_not_released(project: Project) -> None:
    frames = project.read(FRAMES)
    path = project.root / frames[0].path
    path.write_bytes((project.root / frames[1].path).read_bytes())
    with pytest.raises(DataError, match="it was changed since it was sampled"):
        run_build(ReleaseBuildConfig(name="r1"), project)
    assert not list((project.root / "releases").iterdir())


def test_hands_without_agreement_stay_out_and_are_counted(project: Project) -> None:
    rows = project.read(CONSENSUS)
    project.write(CONSENSUS, [replace(rows[0], status="disagreed"), *rows[1:]])
    report = run_build(ReleaseBuildConfig(name="r1", dry_run=True), project)
    finding = next(f for f in report.findings if f.code == "release.disagreed")
    assert finding.subjects == (rows[0].hand_id,)


def test_a_hand_annotated_twice_on_purpose_is_released_once(project: Project) -> None:
    hands = project.read(HANDS)
    first = hands[0]
    again = replace(
        first, hand_id=f"{0xABC:020x}", attributes=json.dumps({"repeat_of": first.hand_id}), reason="repeat"
    )
    rows = project.read(CONSENSUS)
    twin = next(c for c in rows if c.hand_id == first.hand_id)
    before = run_build(ReleaseBuildConfig(name="before"), project).counts["released"]
    project.write(HANDS, [*hands, again])
    project.write(CONSENSUS, [*rows, replace(twin, hand_id=again.hand_id)])
    report = run_build(ReleaseBuildConfig(name="after"), project)
    assert report.counts["released"] == before
    assert report.counts["left out: repeat"] == 1


def test_a_hand_without_a_single_joint_stays_out(project: Project) -> None:
    rows = project.read(CONSENSUS)
    nowhere = np.full(21, Visibility.NOT_ANNOTATABLE)
    project.write(CONSENSUS, [replace(rows[0], visibility=nowhere, keypoints=np.full((21, 2), np.nan)), *rows[1:]])
    report = run_build(ReleaseBuildConfig(name="r1", dry_run=True), project)
    finding = next(f for f in report.findings if f.code == "release.not-finite")
    assert finding.subjects == (rows[0].hand_id,)
    assert "no joint is placed" in finding.message
