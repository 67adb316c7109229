"""FreiHAND's and HO-3D's own scores, against what their scripts printed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.fscore import f_scores
from hint_tools.benchmark.motion import acceleration_error_mm
from hint_tools.benchmark.official import OfficialScores, align_officially
from hint_tools.benchmark.run import run
from hint_tools.core.errors import ConfigError, DataError, ExitCode

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "official_eval").is_dir(), reason="the official scores are not here")


@pytest.mark.shared
@golden
@pytest.mark.parametrize("answers", ["res", "res_mirror"])
@pytest.mark.parametrize(("dataset", "prefix"), [("freihand", "freihand"), ("ho3d-v2", "ho3d"), ("ho3d-v3", "ho3d")])
def test_scores_equal_the_official_scripts_to_six_decimals(
    dataset: str, prefix: str, answers: str, tmp_path: Path
) -> None:
    expected = json.loads((GOLDEN / "official_eval_scores.json").read_text())[f"{prefix}_{answers}"]
    seconds = expected.pop("seconds")
    began = time.perf_counter()
    report = run(
        BenchmarkConfig(
            dataset=dataset,
            root=GOLDEN / "official_eval" / "ref",
            predictions=GOLDEN / "official_eval" / answers / "pred.json",
            bootstrap=0,
            out=tmp_path,
        )
    )
    took = time.perf_counter() - began
    got = report.details["sources"][0]["official"]
    assert {k: f"{v:.6f}" for k, v in got.items()} == {k: f"{v:.6f}" for k, v in expected.items()}
    # reading, scoring and writing the report, on whatever machine this is; the scripts score alone
    assert took < seconds / 3
    codes = [f.code for f in report.findings]
    assert codes == ["benchmark.part-of-the-set", "benchmark.faces-unknown"]
    assert "Official scores" in (tmp_path / "report.html").read_text()


@pytest.mark.shared
@golden
def test_scores_do_not_depend_on_the_pieces() -> None:
    joints = np.array(json.loads((GOLDEN / "official_eval/ref/evaluation_xyz.json").read_text()))
    predicted = np.array(json.loads((GOLDEN / "official_eval/res/pred.json").read_text())[0])
    scores = []
    for size in (1, 7, 40):
        gathered = OfficialScores(scale_and_wrist=True)
        for start in range(0, 40, size):
            gathered.add(predicted[start : start + size], joints[start : start + size])
        scores.append(gathered.scores())
    for other in scores[1:]:
        assert other == pytest.approx(scores[0], abs=1e-13)


def test_alignment_is_scipys_orthogonal_procrustes_with_scale() -> None:
    random = np.random.default_rng(3)
    points, target = random.normal(size=(20, 21, 3)), random.normal(size=(20, 21, 3))
    for one, wanted, got in zip(points, target, align_officially(points, target), strict=True):
        a, b = wanted - wanted.mean(0), one - one.mean(0)
        rotation, trace = orthogonal_procrustes(b, a)
        np.testing.assert_allclose(got, b @ rotation * trace / (b**2).sum() + wanted.mean(0), atol=1e-7)


def test_f_scores_equal_all_pairs() -> None:
    random = np.random.default_rng(4)
    truth, mesh = random.normal(scale=0.03, size=(2, 90, 3)), random.normal(scale=0.03, size=(2, 90, 3))
    plain, aligned = f_scores(mesh, truth.copy(), truth)
    for k in range(2):
        pairs = np.linalg.norm(mesh[k][:, None] - truth[k][None], axis=-1)
        for column, reach in enumerate((0.005, 0.015)):
            p, r = (pairs.min(1) < reach).mean(), (pairs.min(0) < reach).mean()
            assert plain[k, column] == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)
    np.testing.assert_array_equal(aligned, 1.0)
    far, _ = f_scores(mesh + 10, mesh, truth)
    np.testing.assert_array_equal(far, 0.0)


def test_acceleration_errors_are_of_three_frames_that_follow() -> None:
    time_s = np.arange(6.0)
    path = np.zeros((6, 21, 3))
    path[:, 1:, 0] = 0.5 * 0.002 * time_s[:, None] ** 2  # 2 mm per frame² against a resting wrist
    frames = np.arange(6)
    one = np.array(["a"] * 6)
    error = acceleration_error_mm(path, np.zeros_like(path), one, frames)
    np.testing.assert_allclose(error, np.full(4, 2.0 * 20 / 21))
    order = np.random.default_rng(0).permutation(6)
    np.testing.assert_allclose(acceleration_error_mm(path[order], np.zeros_like(path), one, frames[order]), error)
    # a gap and another sequence interrupt
    assert len(acceleration_error_mm(path, path, one, np.array([0, 1, 2, 10, 11, 12]))) == 2
    assert len(acceleration_error_mm(path, path, np.array(["a", "a", "b", "b", "b", "c"]), frames)) == 1
    # the hand as a whole may move as it likes
    np.testing.assert_allclose(
        acceleration_error_mm(path + time_s[:, None, None] ** 3, path, one, frames), 0, atol=1e-9
    )


@pytest.fixture
def freihand(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    root = tmp_path / "freihand"
    root.mkdir()
    joints = random.normal(scale=0.04, size=(5, 21, 3)) + np.array([0, 0, 0.6])
    meshes = random.normal(scale=0.04, size=(5, 778, 3)) + np.array([0, 0, 0.6])
    (root / "evaluation_xyz.json").write_text(json.dumps(joints.tolist()))
    (root / "evaluation_verts.json").write_text(json.dumps(meshes.tolist()))
    (root / "pred.json").write_text(json.dumps([joints.tolist(), meshes.tolist()]))
    return root


def test_answers_that_are_too_few_broken_or_not_there_are_exit_4(freihand: Path, tmp_path: Path) -> None:
    joints, meshes = json.loads((freihand / "pred.json").read_text())
    path = tmp_path / "pred.json"

    def refused(content: list, words: str) -> None:
        path.write_text(json.dumps(content))
        config = BenchmarkConfig(dataset="freihand", root=freihand, predictions=path, out=tmp_path / "out")
        with pytest.raises(DataError, match=words) as caught:
            run(config)
        assert caught.value.exit_code == ExitCode.DATA
        assert not (tmp_path / "out" / "metrics.json").exists()

    refused([joints[:3], meshes[:3]], "joints of 3 and vertices of 3 hands for the 5 of freihand")
    refused([joints, meshes[:4]], "vertices of 4")
    refused([[*joints[:4], [[float("nan")] * 3] * 21], meshes], "joints of hand 4: 63 of its numbers are not finite")
    with pytest.raises(DataError, match="neither evaluation_xyz"):
        run(BenchmarkConfig(dataset="freihand", root=tmp_path, predictions=path, out=tmp_path / "out"))
    with pytest.raises(ConfigError, match="needs its folder"):
        run(BenchmarkConfig(dataset="freihand", predictions=path, out=tmp_path / "out"))


def test_joints_alone_are_scored_without_mesh_figures(freihand: Path, tmp_path: Path) -> None:
    joints, _ = json.loads((freihand / "pred.json").read_text())
    (tmp_path / "pred.json").write_text(json.dumps([joints, []]))
    report = run(
        BenchmarkConfig(dataset="freihand", root=freihand, predictions=tmp_path / "pred.json", out=tmp_path / "o")
    )
    source = report.details["sources"][0]
    assert "mesh_mean3d" not in source["official"]
    assert source["official"]["xyz_mean3d"] == 0
    assert "pa_mpvpe_mm" not in source["figures"]


def test_two_models_are_compared_on_the_same_hands(freihand: Path, tmp_path: Path) -> None:
    joints, meshes = (np.array(part) for part in json.loads((freihand / "pred.json").read_text()))
    noise = np.random.default_rng(1)
    worse = [(joints + noise.normal(scale=0.01, size=joints.shape)).tolist(), meshes.tolist()]
    (tmp_path / "worse.json").write_text(json.dumps(worse))
    report = run(
        BenchmarkConfig(
            dataset="freihand",
            root=freihand,
            predictions=freihand / "pred.json",
            compare=tmp_path / "worse.json",
            out=tmp_path / "o",
        )
    )
    rows = {row["metric"]: row for row in report.details["comparison"]["differences"]}
    assert rows["pa_mpjpe_mm"]["high"] < 0
    assert rows["pa_mpvpe_mm"]["difference"] == pytest.approx(0, abs=1e-12)
    lines = (tmp_path / "o" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["dataset"] for line in lines] == ["freihand"]
