"""`hint qc sigma` with files that are not what they should be: told or counted, never a traceback, nothing lost."""

import json

import numpy as np
import pytest
from test_qc_coco_sigmas import coco, doubles, files, measured
from typer.testing import CliRunner

from hint_tools.cli.app import build_app
from hint_tools.core.errors import DataError, EnvironmentFault, UsageError
from hint_tools.core.printable import LONGEST_NAME
from hint_tools.qc.config import SigmaConfig
from hint_tools.qc.sigma_command import run_sigma

ANSWERS, AREA = doubles(40)


def pair(spoil=None, joints=None):
    """Two annotators' files, both or the first of them spoilt."""
    both = [coco(a, AREA) for a in ANSWERS]
    for one in both:
        if joints:
            one["categories"][0]["keypoints"] = joints
    if spoil:
        spoil(both[0])
    return both


def codes(report):
    return {f.code: f.count for f in report.findings}


def test_no_input_is_overwritten_and_no_folder_written_to(tmp_path):
    paths = files(tmp_path, pair())
    before = paths[0].read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(paths[0])
    for out in (paths[0], link, tmp_path / "." / paths[1].name):
        with pytest.raises(UsageError, match="is one of the files to read"):
            run_sigma(SigmaConfig(files=paths, out=out), None)
    assert paths[0].read_bytes() == before
    with pytest.raises(UsageError, match="expected a file to write to, got a folder") as caught:
        run_sigma(SigmaConfig(files=paths, out=tmp_path), None)
    assert caught.value.hint == f"--out {tmp_path}/coco_sigmas.json"
    for out in ("/proc/none/s.json", str(tmp_path / ("x" * 300))):
        with pytest.raises(EnvironmentFault, match="can't be written"):
            run_sigma(SigmaConfig(files=paths, out=out, bootstrap=50), None)


def test_every_joint_is_printed_whatever_it_is_called(tmp_path):
    plain = measured(tmp_path, *pair())
    counts = {k: v for k, v in plain.counts.items() if not k.startswith("sigma of ")}
    assert [k for k in plain.counts if k not in counts] == [f"sigma of {j}" for j in ("eye", "ear", "shoulder", "hip")]
    for names in (["pairs", "pictures", "copies", "x"], ["a", "a", "b", "a"], ["x" * 9000 + c for c in "abcd"]):
        report = measured(tmp_path, *pair(joints=names))
        assert {k: report.counts[k] for k in counts} == counts
        assert len(report.counts) == len(counts) + 4
        assert max(map(len, report.counts)) < LONGEST_NAME + 30
        assert report.details["joints"] == names


@pytest.mark.parametrize("area", [True, "2500", -3.0, 0, 1e308, 1e-320, 10**400, [1]], ids=repr)
def test_an_area_that_is_none_is_told_and_counts_as_missing(tmp_path, area):
    def spoil(one):
        for row in one["annotations"]:
            row["area"] = area

    report = measured(tmp_path, *pair(spoil))
    assert codes(report) == {"qc.odd-area": 40}
    assert report.details["sigmas"] == pytest.approx(measured(tmp_path, *pair()).details["sigmas"])
    both = pair(spoil)
    spoil(both[1])
    report = measured(tmp_path, *both)
    assert codes(report) == {"qc.odd-area": 80, "qc.no-area": 40}
    assert all(s > 0 for s in report.details["sigmas"])
    assert not codes(measured(tmp_path, *both, scale="joints"))


def test_pictures_of_one_name_are_told(tmp_path):
    def spoil(one):
        for row in one["images"]:
            row["file_name"] = "same.jpg"

    report = measured(tmp_path, *pair(spoil)[:1], coco(ANSWERS[1], AREA) | {"images": pair(spoil)[0]["images"]})
    assert [f.code for f in report.findings] == ["formats.coco-pictures-merged"] * 2
    assert "'same.jpg'" in report.findings[0].message
    one, other = (coco(a, AREA, annotator=n) for a, n in zip(ANSWERS, "ab", strict=True))
    shift = {"images": [{**i, "id": i["id"] + 900} for i in other["images"]]}
    shift["annotations"] = [{**r, "image_id": r["image_id"] + 900} for r in other["annotations"]]
    joined = {**one, **{k: one[k] + shift[k] for k in shift}}  # each annotator's list of the same pictures
    assert not codes(measured(tmp_path, joined))


def test_pictures_without_a_name_or_an_id(tmp_path):
    def spoil(one):
        one["images"] += [{"id": [1], "file_name": "x"}, {"id": None}, {"id": True}, 3, {"id": 0, "file_name": "other"}]
        for row in one["images"][1:5]:
            row["file_name"] = None
        one["annotations"].append({**one["annotations"][0], "image_id": True})

    report = measured(tmp_path, *pair(spoil))
    assert codes(report) == {"formats.coco-pictures-dropped": 5, "formats.coco-keypoints-dropped": 1}
    assert (report.counts["pairs"], report.counts["annotated once"]) == (32, 16)


def test_numbers_too_large_for_one_are_dropped_and_counted(tmp_path):
    def spoil(one):
        one["annotations"][0]["keypoints"][0] = 10**400

    report = measured(tmp_path, *pair(spoil))
    assert codes(report) == {"formats.coco-keypoints-dropped": 1}
    assert report.counts["pairs"] == 39


def test_nesting_without_end_is_no_coco_file(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(DataError, match="nested too deeply"):
        run_sigma(SigmaConfig(files=(path, path)), None)


def test_names_of_any_letters_reach_the_terminal_harmlessly(tmp_path):
    names = ["\x1b[2J", "=cmd()", "a\nb", "\ud800"]
    paths = files(tmp_path, pair(joints=names))
    words = ["qc", "sigma", *map(str, paths), "--bootstrap", "50", "--out", str(tmp_path / "o.json")]
    done = CliRunner().invoke(build_app(["qc"]), words, env={"COLUMNS": "120", "NO_COLOR": "1"})
    assert done.exit_code == 0, done.exception
    assert "\x1b" not in done.output
    assert "sigma of \ufffd[2J" in done.output
    assert json.loads((tmp_path / "o.json").read_text())["joints"] == names
    assert np.isfinite(json.loads((tmp_path / "o.json").read_text())["sigmas"]).all()


def test_exit_codes(tmp_path):
    paths = files(tmp_path, pair())
    for out, code in ((paths[0], 2), (tmp_path, 2), ("/proc/none/s.json", 6)):
        words = ["qc", "sigma", *map(str, paths), "--bootstrap", "50", "--out", str(out)]
        assert CliRunner().invoke(build_app(["qc"]), words).exit_code == code
