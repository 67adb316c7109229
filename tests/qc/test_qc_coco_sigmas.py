import json
import math

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats.coco_keypoints import parse_coco_keypoints
from hint_tools.qc.config import SigmaConfig
from hint_tools.qc.sigma_command import run_sigma

TRUE = np.array([0.025, 0.035, 0.079, 0.107])
"""COCO's own figures of eyes, ears, shoulders and hips."""


def coco(points, area, *, annotator=None, area_known=True):
    rows = [
        {
            "id": i, "image_id": i // 2, "category_id": 1, **({"area": float(area[i])} if area_known else {}),
            "keypoints": np.column_stack([p, np.full(len(p), 2)]).ravel().tolist(),
            **({"annotator": annotator} if annotator else {}),
        }
        for i, p in enumerate(points)
    ]  # fmt: skip
    images = [{"id": k, "file_name": f"{k}.jpg"} for k in range(len(points) // 2 + 1)]
    category = {"id": 1, "name": "person", "keypoints": ["eye", "ear", "shoulder", "hip"]}
    return {"images": images, "annotations": rows, "categories": [category]}


def doubles(n=1500, slips=0.0, seed=0):
    rng = np.random.default_rng(seed)
    area = rng.uniform(2000, 20000, n)
    place = np.stack([np.arange(n) % 2 * 600.0, np.zeros(n)], axis=1)[:, None]
    truth = place + rng.uniform(0, 1, (n, 4, 2)) * 2.5 * np.sqrt(area)[:, None, None]
    # COCO's σ² is the mean squared distance: half of it in each coordinate
    answers = [
        truth + rng.normal(size=truth.shape) * (TRUE / math.sqrt(2) * np.sqrt(area)[:, None])[..., None] for _ in "ab"
    ]
    wild = rng.random((n, 4)) < slips
    answers[0][wild] += 0.8 * np.sqrt(area)[np.nonzero(wild)[0], None]
    return answers, area


def files(folder, contents):
    paths = []
    for k, content in enumerate(contents):
        paths.append(folder / f"{k}.json")
        paths[-1].write_text(json.dumps(content))
    return tuple(paths)


@pytest.mark.parametrize("slips", [0.0, 0.05])
def test_published_figures_come_back_and_slips_do_not_move_them(tmp_path, slips):
    answers, area = doubles(slips=slips)
    paths = files(tmp_path, [coco(a, area) for a in answers])
    report = run_sigma(SigmaConfig(files=paths, out=tmp_path / "s.json"), None)
    cells = [c for c in json.loads((tmp_path / "s.json").read_text())["cells"] if c["state"] == "labelled"]
    assert [c["joint"] for c in cells] == ["eye", "ear", "shoulder", "hip"]
    assert [c["sigma"] for c in cells] == pytest.approx(TRUE, rel=0.10)
    assert report.counts["pairs"] > 1450
    if slips:
        assert cells[0]["rms"] > 3 * TRUE[0]
    else:
        assert [c["rms"] for c in cells] == pytest.approx(TRUE, rel=0.05)
        assert all(c["low"] < t < c["high"] for c, t in zip(cells, TRUE, strict=True))


def test_one_file_with_annotators_gives_the_same_figures_as_two_files(tmp_path):
    answers, area = doubles(60)
    both = [coco(a, area, annotator=n) for a, n in zip(answers, ("x", "y"), strict=True)]
    joined = {**both[0], "annotations": both[0]["annotations"] + both[1]["annotations"]}
    one = run_sigma(SigmaConfig(files=files(tmp_path, [joined]), dry_run=True), None)
    two = run_sigma(SigmaConfig(files=files(tmp_path, both), dry_run=True), None)
    assert one.details == two.details
    assert not (tmp_path / "coco_sigmas.json").exists()


def test_objects_are_matched_by_place_where_ids_differ(tmp_path):
    answers, area = doubles(80)
    other = coco(answers[1], area)
    other["annotations"] = other["annotations"][::-1]
    for k, row in enumerate(other["annotations"]):
        row["id"] = 1000 + k
    other["annotations"].pop()
    report = run_sigma(SigmaConfig(files=files(tmp_path, [coco(answers[0], area), other]), dry_run=True), None)
    assert report.counts["pairs"] == 79
    assert report.counts["annotated once"] == 1
    assert max(s["sigma"] for s in report.details["sigmas"] if s["sigma"] is not None) < 0.15


def test_a_missing_area_is_told_and_bad_input_is_named(tmp_path):
    answers, area = doubles(20)
    paths = files(tmp_path, [coco(a, area, area_known=False) for a in answers])
    report = run_sigma(SigmaConfig(files=paths, dry_run=True), None)
    assert {f.code for f in report.findings} == {"qc.no-area"}
    with pytest.raises(DataError, match="no object was annotated by two"):
        run_sigma(SigmaConfig(files=paths[:1], dry_run=True), None)
    with pytest.raises(DataError, match="can't be read"):
        run_sigma(SigmaConfig(files=(tmp_path / "none.json",)), None)
    with pytest.raises(DataError, match="COCO file in JSON"):
        parse_coco_keypoints(b"nonsense", "f")
    odd = coco(answers[0], area)
    odd["annotations"][0]["keypoints"] = [1, 2, float("nan")] * 4
    odd["annotations"][1]["image_id"] = 999
    odd["annotations"][2]["keypoints"] = [0] * 12
    found = parse_coco_keypoints(json.dumps(odd).encode(), "f")
    assert len(found.poses) == 17
    assert sum(f.count for f in found.findings) == 3
