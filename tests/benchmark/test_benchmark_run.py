from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.evaluate import Answers, evaluate
from hint_tools.benchmark.export import as_csv
from hint_tools.benchmark.human import expected_pck, read_sigmas
from hint_tools.benchmark.results import score
from hint_tools.benchmark.run import run
from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault, ExitCode
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.data.evaluation import read_npz_set, read_release_sets
from hint_tools.formats import hamer_npz
from hint_tools.store.project import Project

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "crop_inputs").is_dir(), reason="the reference photographs are not here")


@pytest.mark.shared
@golden
def test_the_whole_way_equals_the_references_evaluation_loop(tmp_path: Path) -> None:
    """Checkpoint, crops, network, left hands, PCK: the reference's `run_eval` on the same 13 photographs."""
    report = run(
        BenchmarkConfig(
            checkpoint=GOLDEN / "hamer_tiny.ckpt",
            npz=(GOLDEN / "crops_dataset.npz",),
            images=GOLDEN / "crop_inputs" / "images",
            hand_model=GOLDEN / "mano_random",
            out=tmp_path,
            batch_size=4,
            as_reference=True,
        )
    )
    expected = dict(json.loads((GOLDEN / "run_eval_tiny_hint.json").read_text()))
    (source,) = json.loads((tmp_path / "metrics.json").read_text())["sources"]
    for threshold, got in source["subsets"][0]["pck"].items():
        assert got["mean"] == pytest.approx(expected[f"kpAvg_pck_{threshold}"], abs=1e-12)
        for j, name in enumerate(JOINT_NAMES):
            assert got["per_joint"][name] == pytest.approx(expected[f"kp{j}_pck_{threshold}"], abs=1e-12)
    assert report.details["sources"][0]["pose"]["hands"] == 13
    printed = source["reference"]
    assert printed["mode_kpl2"] == pytest.approx(expected["mode_kpl2"], rel=1e-6)
    assert printed["mode_kpl2_without_the_fault"] != pytest.approx(expected["mode_kpl2"], rel=1e-3)
    for name in ("kpAvg_pck_0.05", "kpAvg_pck_0.1", "kpAvg_pck_0.15"):
        assert printed[name] == pytest.approx(expected[name], abs=1e-12)
    page = (tmp_path / "report.html").read_text()
    assert "PCK@0.05" in page
    assert "PA-MPJPE" in page
    assert page.count("data:image/") == 13


def test_a_release_is_scored_for_all_visible_and_occluded_joints(
    project: Project, checkpoint: Path, tmp_path: Path
) -> None:
    config = BenchmarkConfig(checkpoint=checkpoint, out=tmp_path / "a", bootstrap=50, examples=2)
    report = run(config, project)
    document = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert document["checkpoint"]["step"] == 7
    assert document["data"]["release"] == "r1"
    assert [s["source"] for s in document["sources"]] == ["epick", "newdays"]
    for source in document["sources"]:
        counts = {s["joints"]: s["counted_joints"] for s in source["subsets"]}
        assert counts["all"] == counts["visible"] + counts["occluded"]
    # 3D truth exists for the fitted hand of newdays alone
    assert [("pose" in s) for s in document["sources"]] == [False, True]
    assert {f.code for f in report.findings} == {"benchmark.joints-not-covered"}
    # the same again, with workers: the same bytes
    again = config.model_copy(update={"out": tmp_path / "b", "workers": 2, "batch_size": 1})
    run(again, project)
    for name in ("metrics.csv", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_perfect_network_scores_one_on_left_and_right_hands(project: Project) -> None:
    """One that answers with the truth, in the mirrored crop as networks do."""

    class Oracle(torch.nn.Module):
        def __init__(self, items: list[dict]) -> None:
            super().__init__()
            self.answers = {i["img"].numpy().tobytes(): i for i in items}

        def forward(self, batch: dict) -> dict:
            items = [self.answers[img.numpy().tobytes()] for img in batch["img"]]
            return {
                "pred_keypoints_2d": torch.stack([i["keypoints_2d"][:, :2] for i in items]),
                "pred_keypoints_3d": torch.stack([i["keypoints_3d"][:, :3] for i in items]),
            }

    for hands in read_release_sets(project.root / "releases" / "r1"):
        answers = evaluate(Oracle(list(hands)), hands, batch_size=2, device=torch.device("cpu"))
        got = score(hands, answers, resamplings=0, seed=0)
        for subset in got.subsets:
            assert [p.mean for p in subset.pck] == [1.0, 1.0, 1.0]
        np.testing.assert_allclose(answers.keypoints_2d, hands.keypoints_2d, atol=1e-3)
        if got.pose:
            assert got.pose.mpjpe_mm < 1e-3


def test_a_checkpoint_that_does_not_fit_is_one_message_and_exit_4(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    torch.save({"state_dict": {"conv.weight": torch.zeros(3, 3)}}, path)
    with pytest.raises(DataError) as caught:
        run(BenchmarkConfig(checkpoint=path, out=tmp_path), project)
    assert caught.value.exit_code == ExitCode.DATA == 4
    assert "other.ckpt" in caught.value.message
    path.write_bytes(b"no checkpoint at all")
    with pytest.raises(DataError, match=r"other\.ckpt"):
        run(BenchmarkConfig(checkpoint=path, out=tmp_path), project)
    assert not (tmp_path / "metrics.json").exists()


def test_wrong_requests_are_told_before_anything_runs(project: Project, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is no project"):
        run(BenchmarkConfig(checkpoint=checkpoint))
    with pytest.raises(ConfigError, match="folder of their images"):
        run(BenchmarkConfig(checkpoint=checkpoint, npz=(tmp_path / "x.npz",)))
    with pytest.raises(ConfigError, match="got both"):
        run(BenchmarkConfig(checkpoint=checkpoint, npz=(tmp_path / "x.npz",), release=tmp_path))
    with pytest.raises(DataError, match="no source hands23"):
        run(BenchmarkConfig(checkpoint=checkpoint, sources=("hands23",)), project)
    with pytest.raises(DataError, match="no evaluation file of split 'val'"):
        run(BenchmarkConfig(checkpoint=checkpoint, split="val"), project)
    with pytest.raises(EnvironmentFault, match="device"):
        run(BenchmarkConfig(checkpoint=checkpoint, device="nonsense", out=tmp_path), project)
    run(BenchmarkConfig(checkpoint=checkpoint, dry_run=True, out=tmp_path / "dry"), project)
    assert not (tmp_path / "dry").exists()


def test_the_csv_starts_no_formula(project: Project) -> None:
    (hands, _) = read_release_sets(project.root / "releases" / "r1")
    hands.name = '=HYPERLINK("x")'
    got = score(hands, Answers(hands.keypoints_2d, np.zeros((len(hands), 21, 3))), resamplings=0, seed=0)
    lines = list(csv.reader(as_csv([got]).splitlines()))
    assert lines[1][0] == '\'=HYPERLINK("x")'
    assert lines[1][5:7] == ["PCK@0.05", "1.000000"]


def test_the_vis_and_occ_files_may_hold_fewer_hands_in_another_order(project: Project, tmp_path: Path) -> None:
    folder = project.root / "releases" / "r1"
    sets = {s.name: s for s in read_release_sets(folder, split="train")}
    ours = sets["my-photos"]
    name = "TRAIN_my-photos_img"
    (tmp_path / f"{name}_all.npz").write_bytes((folder / "eval" / f"{name}_all.npz").read_bytes())
    occ = np.load(folder / "eval" / f"{name}_occ.npz")
    np.savez(tmp_path / f"{name}_occ.npz", **{k: occ[k][::-1] for k in occ.files})
    theirs = read_npz_set(tmp_path / f"{name}_all.npz", folder / name)
    counted = {s.name: s.counted for s in theirs.subsets}
    assert set(counted) == {"all", "occ"}
    np.testing.assert_array_equal(counted["occ"], {s.name: s.counted for s in ours.subsets}["occ"])
    np.savez(tmp_path / f"{name}_occ.npz", **{k: occ[k] for k in occ.files if k != "center"}, center=occ["center"] + 1)
    with pytest.raises(DataError, match="not in the file for all joints"):
        read_npz_set(tmp_path / f"{name}_all.npz", folder / name)


def test_what_people_reach_agrees_with_simulated_annotators(project: Project, tmp_path: Path) -> None:
    cells = [
        {"joint": name, "state": state, "sigma": sigma, "level": "joint"}
        for name in JOINT_NAMES
        for state, sigma in (("visible", 0.03), ("occluded", 0.06))
    ]
    (tmp_path / "sigmas.json").write_text(json.dumps({"format": "hint-sigmas", "version": 1, "cells": cells}))
    sigmas = read_sigmas(tmp_path)
    assert sigmas is not None
    hands = read_release_sets(project.root / "releases" / "r1", split="train")[1]
    expected = expected_pck(hands, sigmas)
    counted = {s.name: s.counted for s in hands.subsets}
    random = np.random.default_rng(0)
    hits = {name: np.zeros((2, 21)) for name in counted}
    points = np.where(counted["all"][..., None], hands.keypoints_2d, np.nan)
    scale = np.sqrt(np.nanmax(points, axis=1) - np.nanmin(points, axis=1)).prod(axis=1)
    sd = np.where(counted["occ"], 0.06, 0.03) * scale[:, None]
    for _ in range(4000):
        one, other = (random.normal(size=(len(hands), 21, 2)) * sd[..., None] for _ in range(2))
        hit = np.linalg.norm(one - other, axis=-1) <= 0.1 * hands.sizes_px[:, None]
        for name, chosen in counted.items():
            hits[name] += [(hit & chosen).sum(axis=0), chosen.sum(axis=0)]
    for name, (good, total) in hits.items():
        joints = total > 0
        assert expected[name][0.1] == pytest.approx((good[joints] / total[joints]).mean(), abs=0.01)
    broken = {"format": "hint-sigmas", "version": 99}
    (tmp_path / "sigmas.json").write_text(json.dumps(broken))
    with pytest.raises(DataError, match="version 1"):
        read_sigmas(tmp_path)


def test_hostile_names_do_not_leave_the_folder(project: Project, tmp_path: Path) -> None:
    folder = project.root / "releases" / "r1" / "eval"
    hands = hamer_npz.decode((folder / "TEST_epick_img_all.npz").read_bytes(), "x")
    evil = replace(hands, imgname=np.array(["../../hint.toml"]))
    (tmp_path / "evil.npz").write_bytes(hamer_npz.encode(evil))
    with pytest.raises(DataError, match="leads out of"):
        read_npz_set(tmp_path / "evil.npz", folder)
