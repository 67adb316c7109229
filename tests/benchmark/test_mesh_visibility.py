"""What meshes hide and show: against annotated flags on HInt, by vertex on FreiHAND and HO-3D."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.run import run
from hint_tools.benchmark.surface import SurfaceErrors
from hint_tools.benchmark.visibility import UNKNOWN, fits, skin_of, states_of, visibility_score
from hint_tools.core.errors import ConfigError
from hint_tools.core.records import Visibility
from hint_tools.data.evaluation import EvaluationSet, Subset, read_release_sets
from hint_tools.formats.predictions import HandAnswers, encode
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hand
from hint_tools.mano.seen import seen_joints, seen_vertices
from hint_tools.media.images import encode_jpeg
from hint_tools.store.project import Project

MODEL = load_hand_model()
SKIN = skin_of(MODEL)
CAMERA = np.array([[480.0, 0, 111.5], [0, 480, 111.5], [0, 0, 1]])


def posed(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints and meshes of different hands half a metre away."""
    random = np.random.default_rng(2)
    hands = [
        pose_hand(
            MODEL, random.normal(scale=1.5, size=3), random.normal(scale=0.3, size=45), np.zeros(10), [-0.05, 0, 0.55]
        )
        for _ in range(count)
    ]
    return np.stack([h.joints for h in hands]), np.stack([h.vertices for h in hands])


def freihand(root: Path, count: int = 6, *, images: bool = True) -> tuple[np.ndarray, np.ndarray]:
    joints, meshes = posed(count)
    (root / "evaluation" / "rgb").mkdir(parents=True)
    if images:
        grey = np.asarray(cv2.resize(np.full((2, 2, 3), 90, np.uint8), (224, 224)))
        for i in range(count):
            (root / f"evaluation/rgb/{i:08d}.jpg").write_bytes(encode_jpeg(grey))
    (root / "evaluation_K.json").write_text(json.dumps([CAMERA.tolist()] * count))
    (root / "evaluation_xyz.json").write_text(json.dumps(joints.tolist()))
    (root / "evaluation_verts.json").write_text(json.dumps(meshes.tolist()))
    return joints, meshes


def scored(root: Path, joints: np.ndarray, meshes: np.ndarray, out: Path, **more: object) -> dict:
    out.mkdir(parents=True, exist_ok=True)
    (out / "pred.json").write_text(json.dumps([joints.tolist(), meshes.tolist()]))
    values = {"dataset": "freihand", "root": root, "predictions": out / "pred.json", "bootstrap": 20, "examples": 2}
    return run(BenchmarkConfig(**(values | {"out": out} | more))).details


def test_errors_of_what_is_hidden_stand_apart(tmp_path: Path) -> None:
    joints, meshes = freihand(tmp_path / "f")
    exact = scored(tmp_path / "f", joints, meshes, tmp_path / "exact")["sources"][0]["figures"]
    assert exact["pa_mpvpe_visible_mm"]["mean"] < 1e-3
    assert exact["visible_vertices_agree"]["mean"] == 1.0
    random = np.random.default_rng(0)
    wrong = meshes.copy()
    hidden = np.stack([~seen_vertices(mesh, SKIN.faces) for mesh in meshes])
    assert 0.2 < hidden.mean() < 0.7
    wrong[hidden] += random.normal(scale=0.006, size=(int(hidden.sum()), 3))
    figures = scored(tmp_path / "f", joints, wrong, tmp_path / "wrong")["sources"][0]["figures"]
    assert figures["pa_mpvpe_hidden_mm"]["mean"] > 6
    assert figures["pa_mpvpe_visible_mm"]["mean"] < 2
    assert figures["visible_vertices_agree"]["mean"] < 1
    assert figures["pa_mpvpe_hidden_mm"]["low"] <= figures["pa_mpvpe_hidden_mm"]["mean"]
    whole = figures["pa_mpvpe_reflected_mm"]["mean"]
    assert figures["pa_mpvpe_visible_mm"]["mean"] < whole < figures["pa_mpvpe_hidden_mm"]["mean"]


def test_the_page_shows_where_and_whom(tmp_path: Path) -> None:
    joints, meshes = freihand(tmp_path / "f")
    off = joints.copy()
    off[:, 8] += 0.03  # the tip of the index finger
    off[3] += np.random.default_rng(0).normal(scale=0.02, size=(21, 3))
    scored(tmp_path / "f", off, meshes, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/") == 2 + 2 * 2  # the painted hand from two sides, two hands each way
    assert "Farthest" in page
    assert "00000003.jpg" in page[page.index("Farthest") :]
    errors = SurfaceErrors(SKIN, 2)
    for part in (slice(0, 4), slice(4, 6)):
        errors.add(off[part], joints[part], meshes[part], meshes[part])
    assert int(np.argmax(errors.joint_mm)) == 8
    assert errors.worst()[0].index == 3
    assert len({s.index for s in (*errors.best(), *errors.worst())}) == 4
    assert errors.vertex_mm.max() < 1e-3


def test_without_images_or_faces_the_rest_is_told(tmp_path: Path) -> None:
    joints, meshes = freihand(tmp_path / "f", images=False)
    scored(tmp_path / "f", joints, meshes, tmp_path / "a")
    page = (tmp_path / "a" / "report.html").read_text()
    assert page.count("data:image/") == 2
    shuffled = np.random.default_rng(0).permutation(778)
    assert fits(SKIN, meshes[0])
    assert not fits(SKIN, meshes[0][shuffled])
    (tmp_path / "f" / "evaluation_verts.json").write_text(json.dumps(meshes[:, shuffled].tolist()))
    figures = scored(tmp_path / "f", joints, meshes[:, shuffled], tmp_path / "b")["sources"][0]["figures"]
    assert "pa_mpvpe_visible_mm" not in figures
    assert "other faces" in (tmp_path / "b" / "report.html").read_text()


def flagged(count: int, states: np.ndarray, hands: EvaluationSet) -> EvaluationSet:
    """A set whose annotators said `states`."""
    made = hands.part(np.zeros(len(hands), dtype=bool))
    made.rows = np.zeros(count, dtype=np.int64)
    kinds = {"all": states != UNKNOWN, "vis": states == Visibility.VISIBLE, "occ": states == Visibility.OCCLUDED}
    made.subsets = tuple(Subset(k, v) for k, v in kinds.items())
    return made


def test_flags_are_counted_by_kind(project: Project) -> None:
    hands = read_release_sets(project.root / "releases" / "r1", split="train")[0]
    joints, meshes = posed(5)
    told = states_of(meshes, joints, SKIN)
    for i in range(5):
        np.testing.assert_array_equal(told[i] == Visibility.VISIBLE, seen_joints(meshes[i], joints[i], SKIN))
    same = visibility_score(flagged(5, told, hands), told)
    assert same.shares()["agreement"] == 1.0
    assert (same.visible, same.occluded) == ((told == 2).sum(), (told == 1).sum())
    assert same.occluded > 0
    # people see an object: half of what the mesh shows is hidden, and the mesh can't know
    people = told.copy()
    people[:, ::2] = Visibility.OCCLUDED
    got = visibility_score(flagged(5, people, hands), told).shares()
    assert got["visible_joints_shown"] == 1.0
    assert got["occluded_joints_hidden"] == pytest.approx(((people == 1) & (told == 1)).sum() / (people == 1).sum())
    # joints nobody annotated, and hands behind the camera, take no part
    people[0] = UNKNOWN
    behind = states_of(meshes - [0, 0, 2.0], joints - [0, 0, 2.0], SKIN)
    assert (behind == UNKNOWN).all()
    behind[1:] = told[1:]
    found = visibility_score(flagged(5, people, hands), behind)
    assert (found.hands, found.left_out) == (4, 1)
    assert found.visible + found.occluded == 4 * 21


def test_a_checkpoint_s_meshes_are_asked(project: Project, checkpoint: Path, tmp_path: Path) -> None:
    config = BenchmarkConfig(checkpoint=checkpoint, split="train", bootstrap=0, examples=0, out=tmp_path / "a")
    document = run(config, project).details
    for source in document["sources"]:
        counts = {s["joints"]: s["counted_joints"] for s in source["subsets"]}
        found = source["mesh_visibility"]
        assert (found["visible"], found["occluded"]) == (counts["visible"], counts["occluded"])
        assert (found["hands"], found["left_out"]) == (source["hands"], 0)
    with (tmp_path / "a" / "metrics.csv").open() as opened:
        metrics = {row["metric"] for row in csv.DictReader(opened)}
    assert "mesh visibility: agreement" in metrics
    assert "Visibility by the mesh" in (tmp_path / "a" / "report.html").read_text()
    without = run(config.model_copy(update={"mesh_visibility": False, "out": tmp_path / "b"}), project).details
    assert not any("mesh_visibility" in s for s in without["sources"])
    assert [s["subsets"] for s in without["sources"]] == [s["subsets"] for s in document["sources"]]


def test_a_camera_behind_the_hand_leaves_no_hand_out(project: Project, checkpoint: Path, tmp_path: Path) -> None:
    """Networks in early training answer negative scales; their meshes hide what they hide all the same."""
    document = torch.load(checkpoint, weights_only=True)
    found = []
    for scale in (1.0, -1.0):
        state = document["state_dict"]
        changed = {"mano_head.deccam.weight": torch.zeros_like(state["mano_head.deccam.weight"])}
        changed["mano_head.deccam.bias"] = torch.tensor([scale, 0.0, 0.0]) - state["mano_head.init_cam"][0]
        torch.save(document | {"state_dict": state | changed}, tmp_path / "m.ckpt")
        config = BenchmarkConfig(
            checkpoint=tmp_path / "m.ckpt", split="train", bootstrap=0, examples=0, out=tmp_path / str(scale)
        )
        found.append([s["mesh_visibility"] for s in run(config, project).details["sources"]])
    assert found[0] == found[1]


def test_so_are_the_meshes_of_a_predictions_file(project: Project, tmp_path: Path) -> None:
    release = project.root / "releases" / "r1"
    sets = read_release_sets(release, split="train")
    count = sum(len(s) for s in sets)
    joints, meshes = posed(count)
    points = np.concatenate([s.keypoints_2d for s in sets])
    answers = HandAnswers(
        model="m",
        image=np.concatenate([s.names for s in sets]),
        right=np.concatenate([s.right for s in sets]),
        keypoints=np.where(np.isfinite(points), points, 0),
        keypoints_3d=joints,
        vertices=meshes,
    )
    config = BenchmarkConfig(
        predictions=tmp_path / "a.npz", release=release, split="train", bootstrap=0, examples=0, out=tmp_path
    )
    for given, asked in ((answers, True), (replace(answers, vertices=None), False)):
        (tmp_path / "a.npz").write_bytes(encode(given))
        assert all(("mesh_visibility" in s) == asked for s in run(config).details["sources"])
    with pytest.raises(ConfigError, match="--precision means nothing with a predictions file"):
        run(config.model_copy(update={"precision": "bf16"}))
