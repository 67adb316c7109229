"""Ego4D beyond the plain case: version 1's hands, full-scale videos, redacted parts; and the published list's shape."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from hint_tools.sample import filters
from hint_tools.sample.table import Verdicts, table_of
from hint_tools.sources.candidates import Candidate, HandBox
from hint_tools.sources.ego4d import FRAME_TYPES, read_ego4d
from hint_tools.sources.ego4d_v1 import box_order

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "hint_release" / "ego4d_frame_names.json"


def moment(frame: int, left: list[float] | None, right: list[float] | None = None) -> dict[str, Any]:
    boxes = [{side: b} for side, b in (("left_hand", left), ("right_hand", right)) if b is not None]
    return {"frame": frame + 900, "clip_frame": frame, "boxes": boxes}


def version_1(root: Path, *moments: dict[str, Any]) -> Path:
    (root / "v1" / "annotations").mkdir(parents=True)
    (root / "v1" / "clips").mkdir()
    (root / "v1" / "clips" / "clip-1.mp4").write_bytes(b"not looked into here")
    kinds = dict(zip(("pre_45", "pre_frame", "contact_frame"), moments, strict=False))
    frames = [
        {"action_clip_start_frame": 60, **kinds},
        {"action_clip_start_frame": None, "pre_45": moment(9, [1, 2, 3, 4])},
    ]
    clip = {"clip_id": 3, "clip_uid": "clip-1", "video_uid": "video-1", "frames": frames}
    (root / "v1" / "annotations" / "fho_hands_train.json").write_text(json.dumps({"clips": [clip]}))
    return root


def test_version_1_where_only_one_reading_fits(tmp_path: Path) -> None:
    root = version_1(tmp_path, moment(70, [800, 600, 200, 150]), moment(115, [20, 30, 400, 300], [700, 500, 90.5, 80]))
    reading = read_ego4d(root)
    assert [(c.frame_index, c.frame_type, len(c.hands)) for c in reading.candidates] == [
        (70, "pre_45", 1), (115, "pre_frame", 2),
    ]  # fmt: skip
    assert reading.candidates[0].hands[0].box == (799.5, 599.5, 999.5, 749.5)
    assert {c.action for c in reading.candidates} == {"clip-1-60"}
    assert reading.counts["actions: action without an id"] == 1
    (note,) = [f for f in reading.findings if f.code == "ego4d.version-1-boxes"]
    assert "xywh" in note.message


def test_version_1_is_never_guessed(tmp_path: Path) -> None:
    """Numbers that are good boxes either way: the frames stay, for the detector, without boxes."""
    reading = read_ego4d(version_1(tmp_path, moment(70, [100, 100, 300, 300]), moment(115, None, None)))
    assert [(c.frame_index, c.hands) for c in reading.candidates] == [(70, ()), (115, ())]
    (note,) = [f for f in reading.findings if f.code == "ego4d.version-1-boxes"]
    assert "can't be told" in note.message


@pytest.mark.parametrize(
    ("arrays", "order"),
    [
        ([[10, 20, 30, 40], [1900, 1000, 2000, 1080]], "xyxy"), ([[10, 20, 5, 40]], "xywh"), ([[10, 20, 30, 40]], ""),
        ([[10, 20, -5, 40]], ""), ([], ""),
    ],
)  # fmt: skip
def test_box_order(arrays: list[list[float]], order: str) -> None:
    assert box_order(arrays) == order


def test_full_scale_videos_and_redacted_parts(tmp_path: Path) -> None:
    boxes = [{"object_type": "left_hand", "bbox": {"x": 1, "y": 2, "width": 30, "height": 40}}]
    frames = [{"frame_type": k, "frame_number": n, "boxes": boxes} for k, n in (("pre_45", 900), ("pnr_frame", 990))]
    action = {
        "uid": "act", "frames": frames, "critical_frames": {"pre_45": 900, "pnr_frame": 990},
        "clip_critical_frames": {"pre_45": 100, "pnr_frame": 190},
    }  # fmt: skip
    interval = {"clip_uid": None, "narrated_actions": [action]}
    (tmp_path / "annotations").mkdir()
    (tmp_path / "full_scale").mkdir()
    (tmp_path / "full_scale" / "vid.mp4").write_bytes(b"not looked into here")
    document = {"videos": [{"video_uid": "vid", "annotated_intervals": [interval]}]}
    (tmp_path / "annotations" / "fho_main.json").write_text(json.dumps(document))
    reading = read_ego4d(tmp_path)
    assert [(c.unit, c.clip, c.frame_index, c.time_s) for c in reading.candidates] == [
        ("vid", "", 900, 30.0), ("vid", "", 990, 33.0),
    ]  # fmt: skip
    redacted = [{"start_sec": 32.5, "end_sec": 40.0}]
    video = {"video_uid": "vid", "redacted_intervals": redacted, "split_fho": "val"}
    (tmp_path / "ego4d.json").write_text(json.dumps({"videos": [video]}))
    reading = read_ego4d(tmp_path)
    assert [(c.frame_index, c.official_split) for c in reading.candidates] == [(900, "val")]
    assert reading.counts["boxes: in a redacted part of the video"] == 1


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published frame list is not beside the checkout")
@pytest.mark.parametrize("folder", ["TEST_ego4d_seq", "VAL_ego4d_seq"])
def test_runs_of_the_published_list_are_runs_here(folder: str) -> None:
    """Every complete five-frame run of the published list, offered as candidates, is taken as it is."""
    actions: dict[tuple[str, str], set[tuple[int, str, str]]] = defaultdict(set)
    for name in json.loads(PUBLISHED.read_text())[folder]:
        clip, action, number, *kind, side = name.removesuffix(".jpg").split("_")
        actions[clip, action].add((int(number), "_".join(kind), {"l": "left", "r": "right"}[side]))
    assert {k for found in actions.values() for _, k, _ in found} == set(filters.RUN_TYPES)
    assert all(len({side for *_, side in found}) == 1 for found in actions.values())
    complete = {key for key, found in actions.items() if len(found) == 5}
    pool = [
        Candidate(
            file=Path("x"), origin=clip, unit=clip, video=clip, clip=clip, frame_index=number, action=action,
            frame_type=kind, hands=(HandBox(box=(0, 0, 9, 9), side=side),),
        )
        for (clip, action), found in sorted(actions.items())
        for number, kind, side in sorted(found)
    ]  # fmt: skip
    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    filters.keep_runs(table, verdicts, 5, 0)
    kept = {(pool[i].unit, pool[i].action) for i in table.candidate[verdicts.alive].tolist()}
    assert kept == complete
    assert len(complete) == {"TEST_ego4d_seq": 866, "VAL_ego4d_seq": 289}[folder]
    assert int(verdicts.alive.sum()) == 5 * len(complete)


@pytest.mark.shared
@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published frame list is not beside the checkout")
def test_single_frames_of_the_published_list_are_a_choice_this_sampler_makes() -> None:
    """`img` mode, offered all seven moments of each published action: about one each, all moments alike."""
    actions = sorted({tuple(n.split("_")[:2]) for n in json.loads(PUBLISHED.read_text())["TRAIN_ego4d_img"]})
    pool = [
        Candidate(
            file=Path("x"), origin=clip, unit=clip, video=clip, frame_index=100_000 * i + k, action=action,
            frame_type=kind, hands=(HandBox(box=(0, 0, 9, 9), side="left"),),
        )
        for i, (clip, action) in enumerate(actions)
        for k, kind in enumerate(FRAME_TYPES)
    ]  # fmt: skip
    table = table_of(pool, 0)
    verdicts = Verdicts(len(table))
    filters.keep_per_action(table, verdicts, 1, 0)
    kinds = [pool[i].frame_type for i in table.candidate[verdicts.alive].tolist()]
    assert len(kinds) == len(actions) == 9650
    assert all(abs(kinds.count(k) / len(kinds) - 1 / 7) < 0.015 for k in FRAME_TYPES)
