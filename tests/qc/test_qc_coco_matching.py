"""Which annotations `hint qc sigma` takes for those of one object, and what area their distances are held against."""

import math

import numpy as np
import pytest
from test_qc_coco_sigmas import TRUE, coco, measured

from hint_tools.core.errors import DataError

AREA = 10_000.0
SQUARE = np.array([[0.0, 0], [100, 0], [0, 100], [100, 100]])


def alone_in_pictures(points, first_id, area=AREA):
    """Objects (n, 4, 2), one a picture."""
    content = coco(points, np.full(len(points), area))
    for k, row in enumerate(content["annotations"]):
        row |= {"id": first_id + k, "image_id": k}
    content["images"] = [{"id": k, "file_name": f"{k}.jpg"} for k in range(len(points))]
    return content


def aside(points, px):
    return points + np.array([px, 0.0])


def test_the_only_two_of_a_picture_are_one_object_where_they_overlap_at_all(tmp_path):
    points = np.tile(SQUARE, (20, 1, 1))
    for apart in (40.0, 95.0):
        report = measured(tmp_path, alone_in_pictures(points, 0), alone_in_pictures(aside(points, apart), 1000))
        assert report.counts["pairs"] == 20
    with pytest.raises(DataError):
        measured(tmp_path, alone_in_pictures(points, 0), alone_in_pictures(aside(points, 101.0), 1000))


def test_of_objects_one_behind_the_other_the_nearest_are_paired_in_whatever_order_they_come(tmp_path):
    rng = np.random.default_rng(11)
    sigma = TRUE * math.sqrt(AREA / 2)
    truth = np.tile(SQUARE, (200, 1, 1)) * 3 + np.where(np.arange(200) % 2, 40.0, 0.0)[:, None, None]
    answers = [truth + rng.normal(size=truth.shape) * sigma[:, None] for _ in "ab"]
    one, other = (coco(a, np.full(200, AREA)) for a in answers)
    for k, row in enumerate(other["annotations"]):
        row["id"] = 1000 + k
    other["annotations"].reverse()
    report = measured(tmp_path, one, other)
    assert report.counts["pairs"] == 200
    assert report.details["sigmas"] == pytest.approx(TRUE, rel=0.2)


def test_boxes_say_more_than_ids_that_happen_to_be_the_same(tmp_path):
    """Somebody's second object has the number of another one's first, and two joints a little nearer to it."""
    corner = np.array([[0.0, 0], [100, 0], [0, 100], [30, 30]])
    points = np.tile(corner, (40, 1, 1))
    one, other = alone_in_pictures(points, 0), alone_in_pictures(aside(points, 8.0), 1000)
    two_joints = np.column_stack([corner + np.array([0.0, 7.0]), [2, 0, 0, 2]]).ravel().tolist()
    other["annotations"] += [{**row, "keypoints": two_joints} for row in one["annotations"]]
    report = measured(tmp_path, one, other)
    assert (report.counts["pairs"], report.counts["annotated once"]) == (40, 40)
    assert report.details["sigmas"] == pytest.approx([0.08 / math.sqrt(2 * math.log(2))] * 4)


def test_of_two_areas_their_mean_counts(tmp_path):
    points = np.tile(SQUARE, (20, 1, 1))
    files = alone_in_pictures(points, 0, 5_000.0), alone_in_pictures(aside(points, 8.0), 0, 15_000.0)
    for contents in (files, files[::-1]):
        cells = measured(tmp_path, *contents).details["cells"]
        assert cells[0]["rms"] == pytest.approx(8 / 100 / math.sqrt(2))


def test_two_objects_of_a_picture_that_err_alike_tell_no_more_than_one(tmp_path):
    away = np.random.default_rng(12).normal(size=(200, 1, 2)) * 4
    points = np.tile(SQUARE, (200, 1, 1))
    once = alone_in_pictures(points, 0), alone_in_pictures(points + away, 0)
    both = np.repeat(points, 2, axis=0) + np.arange(400)[:, None, None] % 2 * 1000.0
    twice = (coco(p, np.full(400, AREA)) for p in (both, both + np.repeat(away, 2, axis=0)))
    few, many = (measured(tmp_path, *contents).details["cells"][0] for contents in (once, twice))
    assert many["pairs"] == 2 * few["pairs"] == 400
    assert math.log(many["high"] / many["low"]) == pytest.approx(math.log(few["high"] / few["low"]), rel=0.1)
