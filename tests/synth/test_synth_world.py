"""A small world: complete, true, the same twice, and readable by the readers of the real data."""

import hashlib
import json

import av
import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import iou
from hint_tools.core.records import Frame, Hand
from hint_tools.formats.hamer_npz import decode
from hint_tools.media.images import read_image
from hint_tools.sources.ego4d import read_ego4d
from hint_tools.synth.world import WorldPlan, build_world

PLAN = WorldPlan(seed=4, n_images=3, n_clips=2, clip_frames=82, n_videos=1, n_eval=2)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_world(tmp_path_factory.mktemp("world"), PLAN, workers=1)


def digests(root):
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    }


def frame_of(hand):
    return Frame(
        frame_id="f",
        source="s",
        video="v",
        frame_index=hand.frame_index,
        width_px=640,
        height_px=480,
        path="p",
        sha256="",
        pixel_sha256="",
        origin=hand.file,
    )


def box_of(box):
    return Hand(hand_id="h", frame_id="f", box=box)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(world, tmp_path):
    again = build_world(tmp_path / "again", PLAN, workers=2)
    assert digests(again.root) == digests(world.root)


def test_building_again_changes_nothing_and_another_plan_is_refused(world):
    before = {p: p.stat().st_mtime_ns for p in world.root.rglob("*")}
    build_world(world.root, PLAN)
    assert {p: p.stat().st_mtime_ns for p in world.root.rglob("*")} == before
    with pytest.raises(DataError, match="made with"):
        build_world(world.root, WorldPlan(seed=5))


def test_a_killed_build_goes_on(world, tmp_path):
    import shutil

    half = tmp_path / "half"
    shutil.copytree(world.root, half)
    for lost in ("world.json", "truth.parquet", ".parts/still-1.parquet"):
        (half / lost).unlink()
    next(half.glob("footage/*/IMG_0001.jpg")).write_bytes(b"torn")
    build_world(half, PLAN, workers=1)
    assert digests(half) == digests(world.root)


def test_clips_are_h264_with_b_frames_at_30_a_second(world):
    clips = sorted((world.ego4d / "v2" / "clips").glob("*.mp4"))
    assert len(clips) == PLAN.n_clips
    with av.open(str(clips[0])) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 30)
        kinds = [int(f.pict_type) for f in container.decode(video=0)]
    assert len(kinds) == PLAN.clip_frames
    assert {1, 2, 3} <= set(kinds)  # FFmpeg numbers intra, predicted and bidirectional pictures so


def test_ego4ds_reader_takes_every_valid_action_and_counts_the_oddities(world):
    reading = read_ego4d(world.ego4d)
    assert {c.frame_type for c in reading.candidates} >= {"pre_45", "pre_frame", "pnr_frame", "post_frame"}
    said = " ".join(reading.counts)
    for oddity in ("rejected action", "no critical frames", "clip file missing"):
        assert oddity in said
    truth = world.truth()
    for candidate in reading.candidates:
        for hand in candidate.hands:
            frame = Frame(
                frame_id="f",
                source="ego4d",
                video=candidate.video,
                frame_index=candidate.frame_index,
                width_px=640,
                height_px=480,
                path="p",
                sha256="",
                pixel_sha256="",
                origin=candidate.origin,
            )
            true = truth.match_box(frame, np.array(hand.box))
            assert true is not None
            assert true.side == hand.side
            assert float(iou(true.box, np.array(hand.box))) > 0.45


def test_every_frame_has_its_truth_and_it_is_in_the_picture(world):
    truth = world.truth()
    clip = next((world.ego4d / "v2" / "clips").glob("*.mp4"))
    rows = [h for h in truth.hands if h.file.endswith(clip.name)]
    assert {h.frame_index for h in rows} == set(range(PLAN.clip_frames))
    for row in truth.hands:
        assert np.isfinite(row.keypoints).all()
        projected = row.keypoints_3d[:, :2] / row.keypoints_3d[:, 2:] * row.focal_px + row.principal_point
        np.testing.assert_allclose(projected, row.keypoints, atol=1e-9)


def test_parameters_reproduce_the_joints(world):
    from hint_tools.mano.assets import load_hand_model
    from hint_tools.mano.kinematics import pose_hand

    for row in world.truth().hands[::40]:
        posed = pose_hand(load_hand_model(), row.global_orient, row.hand_pose, row.betas, row.transl, row.side)
        np.testing.assert_allclose(posed.joints, row.keypoints_3d, atol=1e-9)


def test_pixels_at_visible_joints_are_not_the_background(world):
    """The picture and its truth belong together: skin moves with the joints from frame to frame."""
    truth = world.truth()
    row = next(h for h in truth.hands if h.file.endswith(".jpg") and (h.visibility == 2).sum() > 10)
    picture = read_image(world.footage / row.file).astype(float)
    at = np.rint(row.keypoints[(row.visibility == 2)]).astype(int)
    at = at[(at[:, 0] < picture.shape[1]) & (at[:, 1] < picture.shape[0]) & (at >= 0).all(axis=1)]
    on_joints = np.median(picture[at[:, 1], at[:, 0]], axis=0)
    edge = np.concatenate([picture[0], picture[:, 0], picture[:, -1]])
    assert np.abs(np.median(edge, axis=0) - on_joints).max() > 8


def test_match_finds_the_hand_by_place_whatever_its_side(world):
    truth = world.truth()
    clip = [h for h in truth.hands if h.file.endswith(".mp4")]
    for row in clip[::50]:
        found = truth.match(frame_of(row), box_of(row.box + 3))
        assert found is not None
        assert found.truth_id == row.truth_id
    assert truth.match(frame_of(clip[0]), box_of([0.0, 0, 2, 2])) is None


def test_the_evaluation_file_is_hamers(world):
    data = decode(world.eval_npz.read_bytes(), "synth")
    assert len(data) == PLAN.n_eval
    assert data.hand_keypoints_3d.shape == (PLAN.n_eval, 21, 4)
    for name in data.imgname:
        assert (world.eval_images / str(name)).is_file()
    assert not any(h.file.startswith("eval_") for h in world.truth().hands)


def test_annotations_use_the_documented_schema(world):
    document = json.loads((world.ego4d / "v2" / "annotations" / "fho_main.json").read_text())
    intervals = [i for v in document["videos"] for i in v["annotated_intervals"]]
    assert any(i["redacted"] and i["clip_uid"] is None for i in intervals)
    actions = [a for i in intervals for a in i["narrated_actions"] if a["critical_frames"]]
    for action in actions:
        assert action["critical_frames"].keys() == action["clip_critical_frames"].keys()
        shift = {action["critical_frames"][k] - action["clip_critical_frames"][k] for k in action["critical_frames"]}
        assert len(shift) == 1
        for frame in action["frames"]:
            assert frame["frame_number"] == action["critical_frames"][frame["frame_type"]]
            for box in frame["boxes"]:
                assert set(box["bbox"]) == {"x", "y", "width", "height"}
