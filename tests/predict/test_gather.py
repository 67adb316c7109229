from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hint_tools.core.errors import DataError
from hint_tools.core.records import Visibility
from hint_tools.formats.hint_json import HintAnnotation, encode
from hint_tools.media.images import encode_jpeg
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.gather import gather
from hint_tools.predict.run import run


@pytest.fixture
def published(tmp_path) -> Path:
    """The published HInt's layout: a picture and a JSON a hand, the side in the file's name."""
    folder = tmp_path / "HInt" / "TEST_newdays_img"
    folder.mkdir(parents=True)
    for name, x in (("one_l", 40.0), ("two_r", 90.0)):
        annotation = HintAnnotation(
            box=np.array([x, 30, x + 60, 100]), keypoints=np.full((21, 2), 60.0), visibility=np.full(21, 2)
        )
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(np.full((160, 200, 3), 120, np.uint8)))
        (folder / f"{name}.json").write_bytes(encode(annotation))
    assert annotation.visibility[0] == Visibility.VISIBLE
    return tmp_path / "HInt"


def test_a_release_brings_its_hands(published, checkpoint) -> None:
    config = PredictConfig(checkpoint=checkpoint, release=published, threads=1, overlay=False, mesh="glb")
    work = gather(config, Path.cwd())
    told = [(p.label, p.name, [(h.box.tolist(), h.side, h.origin) for h in p.hands]) for p in work.pictures]
    assert told == [
        ("TEST_newdays_img/one_l.jpg", "one_l", [([40, 30, 100, 100], "left", "release")]),
        ("TEST_newdays_img/two_r.jpg", "two_r", [([90, 30, 150, 100], "right", "release")]),
    ]
    assert run(config).counts["hands in the output"] == 2


def test_images_that_are_missing_are_an_error_or_counted(published, checkpoint) -> None:
    (published / "TEST_newdays_img" / "one_l.jpg").unlink()
    config = PredictConfig(checkpoint=checkpoint, release=published, threads=1, overlay=False, mesh="none")
    with pytest.raises(DataError, match="1 of 2 images are missing"):
        run(config)
    report = run(config.model_copy(update={"on_missing": "skip"}))
    assert report.counts["left out, image missing"] == 1
    assert "predict.images-missing" in [f.code for f in report.findings]


def coco(*names: str) -> dict[str, object]:
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    boxes = [{"id": i, "image_id": i, "bbox": [10, 10, 50, 50], "hand_side": "left"} for i in range(len(names))]
    return {"images": images, "annotations": boxes}


def test_boxes_belong_to_paths_before_names(tmp_path, checkpoint) -> None:
    for sub in ("x", "y"):
        (tmp_path / "in" / sub).mkdir(parents=True)
        (tmp_path / "in" / sub / "a.jpg").write_bytes(encode_jpeg(np.zeros((80, 80, 3), np.uint8)))
    (tmp_path / "boxes.json").write_text(json.dumps(coco("x/a.jpg", "elsewhere/b.jpg")))
    config = PredictConfig(checkpoint=checkpoint, images=(tmp_path / "in",), boxes=tmp_path / "boxes.json")
    work = gather(config, tmp_path)
    hands = {p.label: len(p.hands) for p in work.pictures}
    # the one in y has the same name; that the file names a folder must keep it from getting x's hand
    assert hands == {"x/a.jpg": 1, "y/a.jpg": 0}
    assert [(f.code, f.count, f.subjects) for f in work.findings] == [("predict.boxes-unused", 1, ("elsewhere/b.jpg",))]
    assert work.pictures[0].hands[0].box.tolist() == [9.5, 9.5, 59.5, 59.5]


def test_single_files_find_their_boxes_by_name(tmp_path, checkpoint) -> None:
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(np.zeros((80, 80, 3), np.uint8)))
    (tmp_path / "boxes.json").write_text(json.dumps(coco("some/folder/a.jpg")))
    config = PredictConfig(checkpoint=checkpoint, images=(Path("a.jpg"),), boxes=Path("boxes.json"))
    (picture,) = gather(config, tmp_path).pictures
    assert len(picture.hands) == 1


def test_pictures_of_one_name_from_two_places_are_refused(tmp_path, checkpoint) -> None:
    for sub in ("x", "y"):
        (tmp_path / sub).mkdir()
        (tmp_path / sub / "a.jpg").write_bytes(encode_jpeg(np.zeros((80, 80, 3), np.uint8)))
    (tmp_path / "boxes.json").write_text(json.dumps(coco("a.jpg")))
    images = (Path("x/a.jpg"), Path("y/a.jpg"))
    with pytest.raises(DataError, match="have one name"):
        gather(PredictConfig(checkpoint=checkpoint, images=images, boxes=Path("boxes.json")), tmp_path)
