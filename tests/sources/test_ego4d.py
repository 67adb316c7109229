"""Ego4D's own files, written here as its documentation describes them, with every oddity it admits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hint_tools.core.errors import DataError, ExitCode
from hint_tools.sources.ego4d import FRAME_TYPES, find_layout, read_ego4d

CLIP, OTHER_CLIP = "11111111-aaaa-4000-8000-000000000001", "22222222-bbbb-4000-8000-000000000002"
VIDEO = "99999999-cccc-4000-8000-000000000003"


def box(kind: str, x: float, y: float, width: float, height: float, **extra: Any) -> dict[str, Any]:
    bbox = {"x": x, "y": y, "width": width, "height": height}
    return {"object_type": kind, "structured_noun": None, "instance_number": 1, "bbox": bbox, **extra}


def action(uid: str, start: int = 100, **changes: Any) -> dict[str, Any]:
    """One narrated action with boxes in pre_45, pnr_frame and post_frame; no contact frame."""
    in_clip = {"pre_45": start, "pre_30": start + 15, "pre_15": start + 30, "pre_frame": start + 45}
    in_clip |= {"pnr_frame": start + 60, "post_frame": start + 80}
    in_video = {k: v + 9000 for k, v in in_clip.items()}
    frames = [
        {
            "frame_number": in_video[kind],
            "frame_type": kind,
            "width": 1440,
            "height": 1080,
            "boxes": [
                box("right_hand", 700.5, 400, 200, 180),
                box("object_of_change", 600, 300, 90, 90, structured_noun="cup"),
                box("left_hand", 300, 420, 150.25, 160),
            ],
        }
        for kind in ("pre_45", "pnr_frame", "post_frame")
    ]
    return {
        "uid": uid,
        "narration_text": "#C C picks a cup",
        "is_valid_action": True,
        "is_rejected": False,
        "is_invalid_annotation": False,
        "critical_frames": in_video,
        "clip_critical_frames": in_clip,
        "frames": frames,
    } | changes


def fho(*intervals: dict[str, Any], **video: Any) -> dict[str, Any]:
    metadata = {"fps": 30.0, "num_frames": 54000, "width": 1440, "height": 1080, "rotation": None}
    return {
        "version": "2.0",
        "videos": [{"video_uid": VIDEO, "video_metadata": metadata, "annotated_intervals": list(intervals), **video}],
    }


def interval(*actions: dict[str, Any], clip: str | None = CLIP, redacted: bool = False) -> dict[str, Any]:
    return {"clip_id": 7, "clip_uid": clip, "redacted": redacted, "narrated_actions": list(actions)}


def write(base: Path, document: Any, clips: tuple[str, ...] = (CLIP,)) -> Path:
    (base / "annotations").mkdir(parents=True, exist_ok=True)
    (base / "annotations" / "fho_main.json").write_text(json.dumps(document))
    (base / "clips").mkdir(exist_ok=True)
    for clip in clips:
        (base / "clips" / f"{clip}.mp4").write_bytes(b"not looked into here")
    return base


def test_every_boxed_critical_frame_with_both_hands(tmp_path: Path) -> None:
    write(tmp_path / "v2", fho(interval(action("act-1"))))
    people = {"videos": [{"video_uid": VIDEO, "fb_participant_id": 42, "is_stereo": False}], "clips": []}
    (tmp_path / "ego4d.json").write_text(json.dumps(people))
    reading = read_ego4d(tmp_path)
    assert [(c.frame_index, c.frame_type) for c in reading.candidates] == [
        (100, "pre_45"), (160, "pnr_frame"), (180, "post_frame"),
    ]  # fmt: skip
    first = reading.candidates[0]
    assert [(h.side, h.box) for h in first.hands] == [
        ("left", (299.5, 419.5, 449.75, 579.5)), ("right", (700.0, 399.5, 900.0, 579.5)),
    ]  # fmt: skip
    assert (first.unit, first.clip, first.video, first.participant) == (CLIP, CLIP, VIDEO, "42")
    assert (first.origin, first.action, first.box_size_px) == (f"v2/clips/{CLIP}.mp4", "act-1", (1440, 1080))
    assert first.time_s == pytest.approx(100 / 30)
    assert (first.licence, first.redistributable) == ("Ego4D licence", False)
    assert reading.counts == {"actions": 1, "actions with candidates": 1}
    assert reading.findings == ()


def test_whatever_can_t_be_used_is_counted_under_its_reason(tmp_path: Path) -> None:
    hands_elsewhere = action("no-hands")
    for frame in hands_elsewhere["frames"]:
        frame["boxes"] = [box("object_of_change", 1, 1, 5, 5)]
    document = fho(
        interval(
            action("good"),
            action("rejected", is_rejected=True),
            action("invalid", is_invalid_annotation=True),
            action("not-valid", is_valid_action=False),
            action("no-critical", clip_critical_frames=None, critical_frames=None),
            action("no-frames", frames=None),
            action("", 500),
            hands_elsewhere,
        ),
        interval(action("a"), action("b"), clip=None),
        interval(action("c"), redacted=True),
        interval(action("d"), clip=OTHER_CLIP),
        interval(action("e"), clip="../../etc/passwd"),
        {"clip_uid": CLIP, "narrated_actions": None},
    )
    reading = read_ego4d(write(tmp_path, document))
    assert reading.counts == {
        "actions": 13,
        "actions with candidates": 1,
        "actions: action without an id": 1,
        "actions: clip file missing": 1,
        "actions: interval without a clip": 3,
        "actions: invalid annotation": 1,
        "actions: no boxes annotated": 1,
        "actions: no critical frames": 1,
        "actions: no hand box in any critical frame": 1,
        "actions: not a valid action": 1,
        "actions: redacted interval": 1,
        "actions: rejected action": 1,
    }
    assert sum(n for reason, n in reading.counts.items() if reason != "actions") == reading.counts["actions"]
    assert {c.action for c in reading.candidates} == {"good"}
    missing = next(f for f in reading.findings if f.code == "ego4d.clip-file-missing")
    assert missing.subjects == (f"{VIDEO}/d",)


def test_stereo_videos_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, fho(interval(action("a"))))
    (tmp_path / "ego4d.json").write_text(json.dumps({"videos": [{"video_uid": VIDEO, "is_stereo": True}]}))
    reading = read_ego4d(tmp_path)
    assert reading.candidates == ()
    assert reading.counts["actions: stereo video"] == 1


def test_doubtful_boxes_and_numbers_are_never_guessed(tmp_path: Path) -> None:
    odd = action("odd")
    odd["frames"][0]["boxes"] = [
        box("left_hand", 1, 2, 0, 5),
        box("right_hand", 10, 20, 30, 40),
        box("right_hand", 11, 21, 31, 41),
        {"object_type": "left_hand", "bbox": None},
    ]
    odd["frames"][1]["frame_number"] += 1
    odd["clip_critical_frames"]["post_frame"] = None
    odd["frames"].append(odd["frames"][0] | {"frame_type": "mystery_frame"})
    reading = read_ego4d(write(tmp_path, fho(interval(odd))))
    (candidate,) = reading.candidates
    assert candidate.frame_type == "pre_45"
    assert [(h.side, h.box) for h in candidate.hands] == [("right", (9.5, 19.5, 39.5, 59.5))]
    assert reading.counts["boxes: box without four finite numbers and a size"] == 4  # twice in each of two frames
    assert reading.counts["boxes: second box for one side"] == 2
    assert reading.counts["boxes: frame number disagrees with critical_frames"] == 2
    assert reading.counts["boxes: no frame number in the clip"] == 2
    assert reading.counts["boxes: unknown frame type"] == 1


def test_short_names_of_frame_types(tmp_path: Path) -> None:
    short = action("short")
    for frame in short["frames"]:
        frame["frame_type"] = frame["frame_type"].removesuffix("_frame")
    reading = read_ego4d(write(tmp_path, fho(interval(short))))
    assert [c.frame_type for c in reading.candidates] == ["pre_45", "pnr_frame", "post_frame"]
    assert set(FRAME_TYPES) > {c.frame_type for c in reading.candidates}


@pytest.mark.parametrize("below", ["v2", "v1", "."])
def test_each_layout_is_understood(tmp_path: Path, below: str) -> None:
    write(tmp_path / "data" / below, fho(interval(action("a"))))
    (tmp_path / "data" / "ego4d.json").write_text(
        json.dumps({"videos": [{"video_uid": VIDEO, "fb_participant_id": 5}]})
    )
    roots = {tmp_path / "data", tmp_path / "data" / below}
    readings = [read_ego4d(root) for root in sorted(roots)]
    for reading in readings:
        assert len(reading.candidates) == 3
        assert reading.candidates[0].participant == "5"
        assert reading.candidates[0].file.is_file()
    assert len({tuple((c.unit, c.frame_index) for c in r.candidates) for r in readings}) == 1


def test_annotations_of_one_version_with_clips_of_the_other(tmp_path: Path) -> None:
    write(tmp_path / "v2", fho(interval(action("a"))), clips=())
    (tmp_path / "v1" / "clips").mkdir(parents=True)
    (tmp_path / "v1" / "clips" / f"{CLIP}.mp4").write_bytes(b"x")
    assert read_ego4d(tmp_path).candidates[0].origin == f"v1/clips/{CLIP}.mp4"


def test_no_download_no_annotations_no_clips(tmp_path: Path) -> None:
    for make, message in [
        (lambda: None, "expected a folder with an Ego4D download"),
        ((tmp_path / "d").mkdir, r"expected annotations/fho_main\.json"),
        (lambda: write(tmp_path / "d", fho(interval(action("a"))), clips=()), "none of the clips"),
        ((tmp_path / "d" / "clips").rmdir, "expected a folder clips/"),
    ]:
        make()
        with pytest.raises(DataError, match=message) as caught:
            read_ego4d(tmp_path / "d")
        assert caught.value.exit_code == ExitCode.DATA
        assert "ego4d --output_directory" in caught.value.hint
    write(tmp_path / "e", ["not", "it"])
    with pytest.raises(DataError, match="expected an object with a list `videos`"):
        read_ego4d(tmp_path / "e")
    assert find_layout(tmp_path / "e").metadata is None
