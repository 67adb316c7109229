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
    assert max(s["sigma"] for s in report.details["cells"] if s["sigma"] is not None) < 0.15


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


def measured(folder, *contents, **settings):
    return run_sigma(SigmaConfig(files=files(folder, contents), dry_run=True, **settings), None)


def by_hand(answers, area, joint):
    """COCO's definition, term by term: sigma^2 = E[d^2 / s^2] / 2 of two people; and its median form."""
    terms = [
        ((a[joint][0] - b[joint][0]) ** 2 + (a[joint][1] - b[joint][1]) ** 2) / s
        for a, b, s in zip(*answers, area, strict=True)
    ]
    middle = sorted(terms)[len(terms) // 2] if len(terms) % 2 else sum(sorted(terms)[len(terms) // 2 - 1 :][:2]) / 2
    return math.sqrt(sum(terms) / len(terms) / 2), math.sqrt(middle / (2 * math.log(2)))


def test_the_figures_are_those_of_the_definition_term_by_term(tmp_path):
    answers, area = doubles(101, slips=0.05, seed=5)
    report = measured(tmp_path, *(coco(a, area) for a in answers))
    for joint, cell in enumerate(c for c in report.details["cells"] if c["state"] == "labelled"):
        assert (cell["rms"], cell["sigma"]) == pytest.approx(by_hand(answers, area, joint), rel=1e-9)
    assert report.details["sigmas"] == [c["sigma"] for c in report.details["cells"][:4]]
    assert report.details["joints"] == ["eye", "ear", "shoulder", "hip"]


def test_people_one_behind_the_other_are_told_apart_by_their_joints(tmp_path):
    """Boxes overlap entirely, ids collide: each file numbers its objects in its own order."""
    rng = np.random.default_rng(7)
    area = np.full(200, 9000.0)
    truth = rng.uniform(100, 350, (200, 4, 2))
    answers = [truth + rng.normal(size=truth.shape) * (TRUE * math.sqrt(9000 / 2))[:, None] for _ in "ab"]
    other = coco(answers[1], area)
    for row in other["annotations"]:
        row["id"] ^= 1  # the two of a picture have changed numbers
    report = measured(tmp_path, coco(answers[0], area), other)
    cells = [c for c in report.details["cells"] if c["state"] == "labelled"]
    assert report.counts["pairs"] > 190
    assert [c["rms"] for c in cells] == pytest.approx(TRUE, rel=0.2)


def test_whole_pixels_do_not_make_people_more_or_less_precise(tmp_path):
    rng = np.random.default_rng(8)
    area = np.full(600, 10_000.0)
    truth = np.stack([np.arange(600) % 2 * 600.0, np.zeros(600)], axis=1)[:, None] + rng.uniform(0, 250, (600, 4, 2))
    answers = [np.round(truth + rng.normal(size=truth.shape) * 3.0) for _ in "ab"]  # 1 % of the pairs on one pixel
    report = measured(tmp_path, *(coco(a, area) for a in answers))
    expected = math.sqrt(2 * (3.0**2 + 1 / 12)) / 100  # of a distance, rounding included
    assert report.details["sigmas"] == pytest.approx([expected] * 4, rel=0.12)
    assert all(c["pairs"] == 600 for c in report.details["cells"] if c["state"] == "labelled")


def test_copies_say_nothing_and_are_told(tmp_path):
    answers, area = doubles(40)
    one, other = (coco(a, area) for a in answers)
    for k in range(10):
        other["annotations"][k] = one["annotations"][k]
    report = measured(tmp_path, one, other)
    assert (report.counts["pairs"], report.counts["copies"]) == (30, 10)
    assert {f.code for f in report.findings} == {"qc.copied"}
    with pytest.raises(DataError, match="all 40 objects have every joint at the same place"):
        measured(tmp_path, one, one)


def test_crowds_take_no_part_and_results_without_labels_neither(tmp_path):
    answers, area = doubles(40)
    one, other = (coco(a, area) for a in answers)
    one["annotations"].append({**one["annotations"][0], "id": 900, "iscrowd": 1})
    one["annotations"].append({"id": 901, "image_id": 0, "category_id": 1, "num_keypoints": 0, "keypoints": [0] * 12})
    report = measured(tmp_path, one, other)
    assert report.counts["pairs"] == 40
    assert report.counts["annotated once"] == 0
    assert sorted((f.severity, f.message.partition("used: ")[2]) for f in report.findings) == [
        ("info", "a crowd"), ("info", "no labelled joint"),
    ]  # fmt: skip


def hands_of_people(answers, area):
    made = coco(answers[:, :4], area)
    for row, points in zip(made["annotations"], answers, strict=True):
        del row["keypoints"]
        row["lefthand_kpts"] = np.column_stack([points, np.full(21, 0.9)]).ravel().tolist()
    return made


def test_hands_of_whole_body_files_are_measured_by_their_own_box(tmp_path):
    rng = np.random.default_rng(9)
    truth = np.stack([np.arange(80) % 2 * 600.0, np.zeros(80)], axis=1)[:, None] + rng.uniform(0, 100, (80, 21, 2))
    both = [truth + rng.normal(size=truth.shape) * 2.0 for _ in "ab"]
    contents = [hands_of_people(a, np.full(80, 1e6)) for a in both]
    with pytest.raises(DataError, match="other fields that look like some: lefthand_kpts") as caught:
        measured(tmp_path, *contents)
    assert caught.value.hint == "hint qc sigma --field lefthand_kpts ..."
    of_person = measured(tmp_path, *contents, field="lefthand_kpts")
    of_hand = measured(tmp_path, *contents, field="lefthand_kpts", scale="joints")
    assert of_person.details["joints"][:2] == ["wrist", "thumb_cmc"]
    assert np.mean(of_person.details["sigmas"]) == pytest.approx(2 * math.sqrt(2) / 1000, rel=0.1)
    assert np.mean(of_hand.details["sigmas"]) == pytest.approx(2 * math.sqrt(2) / 97, rel=0.15)
    assert "the box around its joints" in of_hand.details["unit"]


def test_what_does_not_fit_together_is_explained(tmp_path):
    answers, area = doubles(20)
    one, other = (coco(a, area) for a in answers)
    reordered = {**other, "categories": [{"id": 1, "keypoints": ["ear", "eye", "shoulder", "hip"]}]}
    with pytest.raises(DataError, match=r"joint 0 is 'eye' in .* and 'ear' in"):
        measured(tmp_path, one, reordered)
    unnamed = {**other, "categories": [{"id": 1, "name": "person"}]}
    assert measured(tmp_path, unnamed, one).details["joints"][0] == "eye"
    elsewhere = {**other, "images": [{**i, "file_name": f"val/{i['file_name']}"} for i in other["images"]]}
    with pytest.raises(DataError, match=r"no picture in common \(such as 0.jpg, val/0.jpg\)"):
        measured(tmp_path, one, elsewhere)
    with pytest.raises(DataError, match="there is one annotator") as caught:
        measured(tmp_path, {**one, "annotations": one["annotations"] + other["annotations"]})
    assert "write `annotator` in annotations[]" in caught.value.hint
    category = {**other, "annotations": [{**r, "category_id": 2} for r in other["annotations"]]}
    with pytest.raises(DataError, match="no two objects of one category overlap"):
        measured(tmp_path, one, category)
    short = {**other, "annotations": [*other["annotations"][:-1], {**other["annotations"][-1], "keypoints": [1, 2, 2]}]}
    with pytest.raises(DataError, match=r"1 in 1 \(such as annotation 19\), 4 in 19"):
        measured(tmp_path, one, short)
