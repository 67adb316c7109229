"""A network on FreiHAND and HO-3D as their owners ship them: boxes, cameras, orders, axes, submissions."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.evaluate import answer_batches
from hint_tools.benchmark.run import run
from hint_tools.core.errors import DataError
from hint_tools.data.mesh_sets import open_views, read_mesh_set
from hint_tools.formats import hamer_npz
from hint_tools.formats.freihand_eval import read_answers
from hint_tools.formats.ho3d_eval import joints_to_ours
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.media.images import encode_jpeg

CAMERA = np.array([[480.0, 0, 90], [0, 480, 130], [0, 0, 1]])
FRAMES = [("SM1", "0000"), ("SM1", "0001"), ("SM1", "0002"), ("MPM10", "0007")]


def picture(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (14, 14, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (224, 224), interpolation=cv2.INTER_LINEAR))


def truth(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    joints = random.normal(scale=0.03, size=(count, 21, 3)) + np.array([0.01, -0.01, 0.6])
    return joints, random.normal(scale=0.03, size=(count, 778, 3)) + np.array([0.01, -0.01, 0.6])


@pytest.fixture
def freihand(tmp_path: Path) -> Path:
    root = tmp_path / "freihand"
    (root / "evaluation" / "rgb").mkdir(parents=True)
    joints, meshes = truth(4)
    for i in range(4):
        (root / f"evaluation/rgb/{i:08d}.jpg").write_bytes(encode_jpeg(picture(i)))
    (root / "evaluation_K.json").write_text(json.dumps([CAMERA.tolist()] * 4))
    (root / "evaluation_xyz.json").write_text(json.dumps(joints.tolist()))
    (root / "evaluation_verts.json").write_text(json.dumps(meshes.tolist()))
    return root


@pytest.fixture
def ho3d(tmp_path: Path) -> Path:
    root = tmp_path / "ho3d"
    for i, (sequence, frame) in enumerate(FRAMES):
        folder = root / "evaluation" / sequence
        for name in ("rgb", "meta"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "rgb" / f"{frame}.jpg").write_bytes(encode_jpeg(picture(i)))
        meta = {"handBoundingBox": [40 + i, 50, 160, 170 + i], "camMat": CAMERA, "handJoints3D": np.zeros(3)}
        (folder / "meta" / f"{frame}.pkl").write_bytes(pickle.dumps(meta, protocol=2))
    (root / "evaluation.txt").write_text("".join(f"{s}/{f}\n" for s, f in FRAMES))
    return root


def test_hands_stand_where_the_calibrated_camera_sees_them(freihand: Path, checkpoint: Path) -> None:
    hands = read_mesh_set("freihand", freihand)
    views = open_views(hands, None)
    network = load_checkpoint(checkpoint).network
    cameras: list[torch.Tensor] = []
    network.register_forward_hook(lambda _m, _i, out: cameras.append(out["pred_cam"]))
    cpu = torch.device("cpu")
    ((_, answer),) = answer_batches(network, views.crops, [0], 4, cpu, cameras=views.cameras)
    scale, x, y = cameras[0].numpy().astype(float).T
    side = views.crops.crop_sides_px
    # the crop's camera looks along its middle: a hand's origin is s t / 2 crop widths from it
    expected = views.crops.centers_px + side[:, None] * scale[:, None] * np.stack([x, y], axis=1) / 2
    seen = answer["translation"] @ CAMERA.T
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], expected, atol=1e-2)
    np.testing.assert_allclose(answer["translation"][:, 2], 2 * 480 / (side * scale), rtol=1e-4)
    # boxes hold the projected joints
    pixels = hands.joints @ CAMERA.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    np.testing.assert_allclose(views.crops.centers_px, (pixels.min(axis=1) + pixels.max(axis=1)) / 2)


def test_a_network_is_scored_and_batches_don_t_matter(freihand: Path, checkpoint: Path, tmp_path: Path) -> None:
    documents = []
    for size in (1, 3):
        config = BenchmarkConfig(
            checkpoint=checkpoint, dataset="freihand", root=freihand, out=tmp_path / str(size), batch_size=size
        )
        documents.append(run(config).details)
    one, other = (d["sources"][0]["official"] for d in documents)
    assert one == pytest.approx(other, abs=1e-5)
    assert {"xyz_mean3d", "mesh_al_mean3d", "f_al_score_15"} <= one.keys()
    assert documents[0]["boxes"].startswith("boxes around the true joints")


def test_boxes_of_hamers_file_are_found_in_any_order(freihand: Path, checkpoint: Path, tmp_path: Path) -> None:
    order = np.array([2, 0, 3, 1])
    boxes = hamer_npz.HamerSet(
        imgname=np.array([f"rgb/{i:08d}.jpg" for i in order]),
        center=np.stack([order * 10.0, order * 10.0 + 1], axis=1),
        scale=np.full((4, 2), 90.0),
        right=np.ones(4, dtype=np.float32),
        hand_keypoints_2d=np.zeros((4, 21, 3)),
    )
    npz = tmp_path / "freihand_eval.npz"
    npz.write_bytes(hamer_npz.encode(boxes))
    views = open_views(read_mesh_set("freihand", freihand), npz)
    np.testing.assert_array_equal(views.crops.centers_px[:, 0], [0, 10, 20, 30])
    np.testing.assert_allclose(views.crops.crop_sides_px, 90 * 256 / 192)
    few = hamer_npz.HamerSet(**{f: getattr(boxes, f)[:2] for f in ("imgname", "center", "scale", "right")},
                             hand_keypoints_2d=boxes.hand_keypoints_2d[:2])  # fmt: skip
    npz.write_bytes(hamer_npz.encode(few))
    with pytest.raises(DataError, match="no box for 2 of 4 images"):
        open_views(read_mesh_set("freihand", freihand), npz)


def test_without_truth_a_submission_is_written_in_ho3ds_order_and_axes(
    ho3d: Path, checkpoint: Path, tmp_path: Path
) -> None:
    config = BenchmarkConfig(checkpoint=checkpoint, dataset="ho3d-v3", root=ho3d, out=tmp_path / "out", batch_size=2)
    report = run(config)
    (submission,) = (Path(o) for o in report.outputs)
    with zipfile.ZipFile(submission) as archive:
        assert archive.namelist() == ["pred.json"]
    joints = np.array(list(read_answers(submission, 0, 21)))
    meshes = np.array(list(read_answers(submission, 1, 778)))
    assert len(joints) == len(meshes) == 4
    # in OpenGL's camera hands stand at negative z, in ours before the camera
    assert (joints[..., 2] < 0).all()
    assert (joints_to_ours(joints)[..., 2] > 0).all()
    # what was submitted, taken for the truth: the same network is then perfect, sequence and all
    (ho3d / "evaluation_xyz.json").write_text(json.dumps(joints.tolist()))
    (ho3d / "evaluation_verts.json").write_text(json.dumps(meshes.tolist()))
    scored = run(config).details["sources"][0]
    assert scored["official"]["xyz_mean3d"] < 1e-4
    assert scored["official"]["mesh_mean3d"] < 1e-4
    assert scored["acceleration_triples"] == 1
    assert scored["acceleration_mm_per_frame2"] < 1e-3
    same = run(config.model_copy(update={"checkpoint": None, "predictions": submission, "out": tmp_path / "b"}))
    assert same.details["sources"][0]["official"]["f_score_5"] == 1.0


def test_a_set_with_pieces_missing_is_one_message(ho3d: Path, freihand: Path) -> None:
    (ho3d / "evaluation" / "SM1" / "meta" / "0001.pkl").unlink()
    with pytest.raises(DataError, match=r"0001\.pkl"):
        open_views(read_mesh_set("ho3d-v3", ho3d), None)
    (freihand / "evaluation" / "rgb" / "00000002.jpg").unlink()
    with pytest.raises(DataError, match="1 of 4 images are missing"):
        open_views(read_mesh_set("freihand", freihand), None)
    (freihand / "evaluation_xyz.json").unlink()
    with pytest.raises(DataError, match="nothing says where the hands are"):
        open_views(read_mesh_set("freihand", freihand), None)
