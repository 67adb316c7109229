"""`hint prelabel` on a project: nothing lost, nothing done twice, nothing of others touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.geometry import box_of_points, iou
from hint_tools.core.records import Frame, Hand, LedgerEntry
from hint_tools.media.images import encode_png, pixel_sha256
from hint_tools.prelabel.config import PrelabelConfig
from hint_tools.prelabel.run import run
from hint_tools.store.project import Project, create_project, open_project
from hint_tools.store.tables import DETECTED_HANDS, FRAMES, HANDS, LEDGER, PREDICTIONS

from .drawn_hand import scene

QUICK = PrelabelConfig(threads=1)
LEFT, RIGHT = (20, 120, 0.4, False), (210, 120, 0.4, True)


def add_frame(project: Project, name: str, *places) -> tuple[Frame, list]:
    image, joints = scene(400, 300, *places)
    data = encode_png(image)
    path = project.root / "frames" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    frame = Frame(
        frame_id=name,
        source="drawn",
        video=name,
        width_px=400,
        height_px=300,
        path=f"frames/{name}.png",
        sha256="0",
        pixel_sha256=pixel_sha256(image),
        origin=name,
        split="val",
    )
    return frame, joints


def hand_of(frame: Frame, joints, name: str, side: str | None = None) -> Hand:
    return Hand(hand_id=name, frame_id=frame.frame_id, box=box_of_points(joints), side=side)


@pytest.fixture
def project(tmp_path: Path, weights) -> Project:
    """Three frames: two sampled hands, one hand nobody sampled, no hand at all."""
    project = create_project(tmp_path / "round", "round")
    given, given_joints = add_frame(project, "given", LEFT, RIGHT)
    bare, _ = add_frame(project, "bare", LEFT)
    empty, _ = add_frame(project, "empty")
    project.write(FRAMES, [given, bare, empty])
    project.write(
        HANDS,
        [
            hand_of(given, j, f"hand{i}", s)
            for i, (j, s) in enumerate(zip(given_joints, ("left", "right"), strict=True))
        ],
    )
    return project


def tables(project: Project) -> dict[str, bytes]:
    return {t.name: project.table_path(t).read_bytes() for t in (DETECTED_HANDS, PREDICTIONS)}


def test_every_hand_is_answered_and_bare_frames_are_searched(project: Project) -> None:
    report = run(QUICK, project)
    assert report.counts["hands given"] == 2
    assert report.counts["hands found"] == 1
    assert report.counts["hands answered"] == 3
    assert report.counts["frames without a hand"] == 1
    assert report.findings == ()
    (found,) = project.read(DETECTED_HANDS)
    assert (found.frame_id, found.box_origin, found.split, found.side) == ("bare", "detector", "val", "left")
    _, (joints,) = scene(400, 300, LEFT)
    assert iou(found.box, box_of_points(joints)) > 0.6
    predictions = {p.hand_id: p for p in project.read(PREDICTIONS)}
    assert predictions.keys() == {"hand0", "hand1", found.hand_id}
    assert {p.model for p in predictions.values()} == {report.details["model"]}
    _, (left, right) = scene(400, 300, LEFT, RIGHT)
    for name, truth, side in (("hand0", left, "left"), ("hand1", right, "right")):
        assert np.linalg.norm(predictions[name].keypoints - truth, axis=1).mean() < 8
        assert predictions[name].side == side
    assert json.loads((project.root / "prelabel" / "model.json").read_text())["model"] == report.details["model"]


def test_running_twice_changes_nothing_and_works_out_nothing(project: Project) -> None:
    run(QUICK, project)
    before = tables(project)
    report = run(QUICK, project)
    assert tables(project) == before
    assert report.counts["of them now"] == 0
    assert report.counts["hands answered"] == 3
    assert report.counts["hands found before"] == 1


def test_two_projects_with_the_same_frames_get_the_same_bytes(project: Project, tmp_path: Path) -> None:
    other = create_project(tmp_path / "other", "other")
    for name in ("given", "bare", "empty"):
        places = {"given": (LEFT, RIGHT), "bare": (LEFT,), "empty": ()}[name]
        add_frame(other, name, *places)
    other.write(HANDS, reversed(project.read(HANDS)))
    other.write(FRAMES, reversed(project.read(FRAMES)))
    run(QUICK, project)
    run(QUICK, other)
    assert tables(project) == tables(other)


def test_a_broken_picture_is_reported_and_the_rest_goes_on(project: Project) -> None:
    (project.root / "frames" / "given.png").write_bytes(b"\x89PNG broken")
    report = run(QUICK, project)
    (finding,) = report.findings
    assert (finding.code, finding.subjects) == ("prelabel.image-unusable", ("given",))
    assert report.counts["unanswered, picture unreadable"] == 2
    assert report.counts["hands answered"] == 1


def test_a_picture_of_another_size_is_not_trusted(project: Project) -> None:
    image, _ = scene(401, 300, LEFT, RIGHT)
    (project.root / "frames" / "given.png").write_bytes(encode_png(image))
    report = run(QUICK, project)
    assert report.counts["unanswered, picture unreadable"] == 2
    assert "401" in report.findings[0].message


def test_hands_without_a_usable_box_or_frame_are_counted(project: Project) -> None:
    hands = project.read(HANDS)
    broken = Hand(hand_id="nan", frame_id="given", box=np.array([0, 0, np.nan, 4]))
    orphan = Hand(hand_id="orphan", frame_id="nowhere", box=np.array([0.0, 0, 4, 4]))
    project.write(HANDS, [*hands, broken, orphan])
    report = run(QUICK, project)
    assert report.counts["unanswered, box not finite"] == 1
    assert report.counts["unanswered, no such frame"] == 1
    assert {f.code: f.subjects for f in report.findings} == {
        "prelabel.box-not-finite": ("nan",),
        "prelabel.frame-missing": ("orphan",),
    }


def test_a_side_the_network_doubts_is_reported_not_overruled(project: Project) -> None:
    first, second = project.read(HANDS)
    wrong = Hand(hand_id=first.hand_id, frame_id=first.frame_id, box=first.box, side="right")
    project.write(HANDS, [wrong, second])
    report = run(QUICK, project)
    assert [(f.code, f.subjects) for f in report.findings] == [("prelabel.side-disagrees", ("hand0",))]
    assert {h.hand_id: h.side for h in project.read(HANDS)} == {"hand0": "right", "hand1": "right"}


def test_a_moved_box_is_answered_again(project: Project) -> None:
    run(QUICK, project)
    first, second = project.read(HANDS)
    moved = Hand(hand_id=first.hand_id, frame_id=first.frame_id, box=first.box + 3, side=first.side)
    project.write(HANDS, [moved, second])
    assert run(QUICK, project).counts["of them now"] == 1


def test_found_hands_stay_when_the_settings_change(project: Project) -> None:
    run(QUICK, project)
    before = [h.hand_id for h in project.read(DETECTED_HANDS)]
    run(PrelabelConfig(threads=1, detection_threshold=0.999), project)
    assert [h.hand_id for h in project.read(DETECTED_HANDS)] == before


@pytest.mark.parametrize("sent", [False, True])
def test_redetecting_keeps_only_what_was_sent(project: Project, sent: bool) -> None:
    run(QUICK, project)
    (found,) = project.read(DETECTED_HANDS)
    if sent:
        entry = LedgerEntry(
            task_key="k", hand_id=found.hand_id, server_project=1, task_id=1, crop=np.ones(3),
            crop_width_px=1, crop_height_px=1, image_sha256="", pushed_at="",
        )  # fmt: skip
        project.write(LEDGER, [entry])
    run(PrelabelConfig(threads=1, detection_threshold=1.0, redetect=True), project)
    assert [h.hand_id for h in project.read(DETECTED_HANDS)] == ([found.hand_id] if sent else [])


def test_redetecting_finds_no_hand_a_second_time(project: Project) -> None:
    run(QUICK, project)
    before = tables(project)
    run(PrelabelConfig(threads=1, redetect=True), project)
    assert tables(project) == before


def test_a_frame_that_gets_sampled_hands_loses_its_found_ones(project: Project) -> None:
    run(QUICK, project)
    bare = next(f for f in project.read(FRAMES) if f.frame_id == "bare")
    _, (joints,) = scene(400, 300, LEFT)
    project.write(HANDS, [*project.read(HANDS), hand_of(bare, joints, "sampled")])
    report = run(QUICK, project)
    assert report.counts["found hands superseded"] == 1
    assert project.read(DETECTED_HANDS) == []
    assert {p.hand_id for p in project.read(PREDICTIONS)} == {"hand0", "hand1", "sampled"}


def test_without_a_detector_bare_frames_are_left_alone(project: Project) -> None:
    report = run(PrelabelConfig(threads=1, detector="none"), project)
    assert report.counts["hands found"] == 0
    assert report.counts["frames without a hand"] == 2


def test_dry_run_writes_nothing(project: Project) -> None:
    before = sorted(project.root.rglob("*"))
    report = run(PrelabelConfig(dry_run=True), project)
    assert report.counts == {"frames": 3, "hands given": 2, "frames to search": 2}
    assert sorted(project.root.rglob("*")) == before


def test_download_only_needs_no_frames(tmp_path: Path, weights) -> None:
    empty = create_project(tmp_path / "empty", "empty")
    assert run(PrelabelConfig(download_only=True), empty).counts["weights"] == weights.digest
    with pytest.raises(DataError) as caught:
        run(QUICK, empty)
    assert caught.value.hint == "hint sample"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"backend": "onnx"}, "weights"),
        ({"backend": "mmpose", "config": "c.py"}, "checkpoint"),
        ({"detector_config": "d.py"}, "detector_checkpoint"),
    ],
)
def test_settings_that_miss_a_file_are_refused(values: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        PrelabelConfig.layered(("command line", values))


def test_the_settings_are_light_to_import() -> None:
    code = (
        "import sys, hint_tools.prelabel.config; "
        "print([m for m in ('torch', 'onnxruntime', 'onnx', 'cv2', 'mmpose') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_is_taken_up_where_it_stopped(tmp_path: Path, weights, how: signal.Signals) -> None:
    projects = [create_project(tmp_path / name, name) for name in ("killed", "whole")]
    for project in projects:
        frames = [add_frame(project, f"frame{k:02}", LEFT, RIGHT) for k in range(12)]
        project.write(FRAMES, [frame for frame, _ in frames])
        project.write(HANDS, [hand_of(f, j, f"{f.frame_id}-{i}") for f, js in frames for i, j in enumerate(js)])
    code = (
        "from pathlib import Path; from hint_tools.prelabel.run import run; "
        "from hint_tools.prelabel.config import PrelabelConfig; from hint_tools.store.project import open_project; "
        f"run(PrelabelConfig(threads=1), open_project(Path({str(projects[0].root)!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    journal = projects[0].root / ".hint" / "journal" / "prelabel.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, how)
    process.wait()
    done = journal.read_bytes().count(b"\n")
    assert 2 <= done < 12
    assert not projects[0].table_path(PREDICTIONS).exists()
    report = run(QUICK, open_project(projects[0].root))
    assert report.counts["of them now"] == 2 * (12 - done)
    run(QUICK, projects[1])
    assert tables(projects[0]) == tables(projects[1])
