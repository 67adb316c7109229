"""The whole stage on a project of rendered hands."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import make_project, make_truth, procrustes_error_mm

from hint_tools.core.errors import ConfigError, DataError, ExitCode
from hint_tools.fit.config import FitConfig
from hint_tools.fit.overlay import fit_overlay, fitted_mesh
from hint_tools.fit.page import chosen_for_pictures
from hint_tools.fit.run import run
from hint_tools.mano.assets import MODEL_VARIABLE, load_hand_model
from hint_tools.media.images import read_image
from hint_tools.store.project import create_project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES


@pytest.fixture(autouse=True)
def open_hand(monkeypatch):
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture
def truths(model):
    return [make_truth(model, seed, side="left" if seed % 2 else "right", noise_px=1.5) for seed in (1, 2, 4, 5, 7, 8)]


def changed(record, **values):
    return type(record)(**{n: values.get(n, getattr(record, n)) for n in record.__dataclass_fields__})


def accounted(counts) -> int:
    return sum(v for k, v in counts.items() if k not in ("hands", "accepted", "not accepted", "hand model"))


def test_every_hand_is_fitted_and_right(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    report = run(FitConfig(report_hands=4), project)
    assert report.counts["hands"] == report.counts["fitted"] == 6
    fits = {f.hand_id: f for f in project.read(FITS)}
    errors = [procrustes_error_mm(fits[t.consensus.hand_id].keypoints_3d, t.joints) for t in truths]
    assert np.median(errors) < 4
    assert {fits[t.consensus.hand_id].side for t in truths} == {"left", "right"}
    assert all(f.hand_model == model.identity for f in fits.values())
    assert "fit.open-hand" in {f.code for f in report.findings}
    page = (project.root / "fit/report.html").read_text()
    assert page.count("data:image/") == 4
    assert "not MANO" in page


def test_twice_the_same_bytes(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    digests = []
    for _ in range(2):
        run(FitConfig(report_hands=2), project)
        files = [project.table_path(FITS), project.root / "fit/report.html"]
        digests.append([hashlib.sha256(f.read_bytes()).hexdigest() for f in files])
    assert digests[0] == digests[1]
    assert project.read_stamp("fit")["writes"]["fits"]


def test_bad_hands_become_findings_and_the_rest_goes_on(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    rows = [t.consensus for t in truths]
    rows[0] = changed(rows[0], rejected=True, reject_reason="blurred")
    rows[1] = changed(rows[1], keypoints=np.full((21, 2), np.nan))
    rows[2] = changed(rows[2], visibility=np.array([2] * 5 + [0] * 16))
    rows[3] = changed(rows[3], side="unknown")
    rows[4] = changed(rows[4], scale_px=float("nan"))
    lost = changed(rows[5], hand_id="0" * 20)
    project.write(CONSENSUS, [*rows, lost])
    report = run(FitConfig(), project)
    assert report.counts["hands"] == 7
    assert accounted(report.counts) == 7
    assert report.counts["fitted"] == 1
    codes = {f.code: f.count for f in report.findings}
    assert codes["fit.too-few-joints"] == 2
    for code in ("fit.rejected", "fit.no-side", "fit.bad-scale", "fit.no-frame"):
        assert codes[code] == 1
    assert [f.hand_id for f in project.read(FITS)] == [rows[5].hand_id]


def test_hands_of_no_camera_are_still_told_apart_from_crashes(tmp_path, model, truths):
    """Keypoints all in one point, and keypoints a million px away: odd, but never an exception."""
    project = make_project(tmp_path / "p", model, truths)
    rows = [t.consensus for t in truths]
    rows[0] = changed(rows[0], keypoints=np.full((21, 2), 100.0))
    rows[1] = changed(rows[1], keypoints=rows[1].keypoints * 1e6)
    project.write(CONSENSUS, rows)
    report = run(FitConfig(report_hands=0), project)
    assert accounted(report.counts) == 6
    fits = {f.hand_id: f for f in project.read(FITS)}
    for row in rows[:2]:
        assert row.hand_id not in fits or not fits[row.hand_id].accepted


def test_missing_picture_is_a_finding_not_a_crash(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    (frame, *_) = project.read(FRAMES)
    (project.root / frame.path).unlink()
    report = run(FitConfig(report_hands=6), project)
    assert report.counts["fitted"] == 6
    (finding,) = [f for f in report.findings if f.code == "fit.picture-unreadable"]
    assert finding.count == 1


def test_dry_run_writes_nothing(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    before = sorted(p for p in project.root.rglob("*"))
    report = run(FitConfig(dry_run=True), project)
    assert report.counts["to fit"] == 6
    assert sorted(p for p in project.root.rglob("*")) == before


def test_no_consensus_yet_names_the_command(tmp_path):
    with pytest.raises(DataError) as caught:
        run(FitConfig(), create_project(tmp_path / "p", "empty"))
    assert caught.value.hint == "hint qc"


def test_a_mano_file_that_is_not_one_is_exit_code_4(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    (project.root / "MANO_RIGHT.pkl").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"MANO_RIGHT\.pkl") as caught:
        run(FitConfig(mano=Path("MANO_RIGHT.pkl")), project)
    assert caught.value.exit_code == ExitCode.DATA
    assert not project.table_path(FITS).exists()


def test_all_rejected_is_an_empty_table_and_a_page(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    project.write(CONSENSUS, [changed(t.consensus, rejected=True) for t in truths])
    report = run(FitConfig(), project)
    assert project.read(FITS) == []
    assert report.counts["rejected"] == 6


def test_focal_length_is_taken_as_set(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    run(FitConfig(focal_px=1234.0, keep_covariance=False, report_hands=0), project)
    for fit in project.read(FITS):
        assert fit.focal_px == 1234.0
        assert fit.covariance is None
        np.testing.assert_array_equal(fit.principal_point, [319.5, 239.5])


def test_overlay_shows_the_mesh_where_the_hand_is(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    run(FitConfig(report_hands=0), project)
    frames = {f.path.split("/")[-1].removesuffix(".jpg"): f for f in project.read(FRAMES)}
    consensus = {c.hand_id: c for c in project.read(CONSENSUS)}
    for fit in project.read(FITS)[:3]:
        picture = fit_overlay(read_image(project.path(frames[fit.hand_id].path)), fit, consensus[fit.hand_id], model)
        marked, covered = picture[:, :224].astype(int), picture[:, 228:452].astype(int)
        skin = marked[..., 0] - marked[..., 2] > 8  # the rendered hand is reddish, the mesh bluish
        mesh = covered[..., 2] - covered[..., 0] > 8
        overlap = (skin & mesh).sum() / max(skin.sum(), 1)
        assert overlap > 0.75
        vertices, faces = fitted_mesh(fit, model)
        assert vertices.shape == (778, 3)
        corners = (vertices - vertices.mean(axis=0))[faces]
        assert np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


def test_pictures_show_refused_and_accepted_hands(tmp_path, model, truths):
    project = make_project(tmp_path / "p", model, truths)
    run(FitConfig(report_hands=0), project)
    fits = project.read(FITS)
    mixed = [changed(f, accepted=i % 3 == 0) for i, f in enumerate(fits)]
    shown = chosen_for_pictures(mixed, 4)
    assert len(shown) == 4
    assert sum(f.accepted for f in shown) == 2
    assert shown == chosen_for_pictures(mixed[::-1], 4)


def test_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match="no such setting"):
        FitConfig.layered(("hint.toml [fit]", {"colour": 1}))


def test_settings_are_light_to_import():
    code = "import sys, hint_tools.fit.config; assert not {'torch', 'numba', 'cv2', 'pyarrow'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
