"""Hand boxes from COCO files as tools write them, and as they should not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hint_tools.core.errors import DataError
from hint_tools.formats.coco_boxes import parse_coco_boxes


def coco(annotations: list[Any], **more: Any) -> bytes:
    images = [{"id": 1, "file_name": "day/a.jpg"}, {"id": "two", "file_name": ".\\b.png"}]
    return json.dumps({"images": images, "annotations": annotations, **more}).encode()


def test_boxes_move_from_the_corner_to_the_centre_of_the_first_pixel() -> None:
    """A box over the whole of a 640 x 480 picture covers [-0.5, 639.5] x [-0.5, 479.5]."""
    hands, findings = parse_coco_boxes(coco([{"id": 9, "image_id": 1, "bbox": [0, 0, 640, 480]}]), "c.json")
    (hand,) = hands["day/a.jpg"]
    assert hand.box == (-0.5, -0.5, 639.5, 479.5)
    assert (hand.side, hand.annotation_id) == (None, "9")
    assert findings == ()


@pytest.mark.parametrize(
    ("annotation", "side"),
    [
        ({"hand_side": "left"}, "left"),
        ({"hand_side": "Right Hand"}, "right"),
        ({"category_id": 3}, "left"),
        ({"category_id": 4}, "right"),
        ({"category_id": 5}, None),
        ({"category_id": [3]}, None),
        ({"category_id": 3, "hand_side": "right"}, "right"),
        ({"hand_side": 7}, None),
    ],
)
def test_the_side_is_the_annotations_or_its_categorys(annotation: dict[str, Any], side: str | None) -> None:
    categories = [{"id": 3, "name": "left_hand"}, {"id": 4, "name": "right_hand"}, {"id": 5, "name": "hand"}, "odd"]
    data = coco([{"image_id": "two", "bbox": [1, 2, 3, 4], **annotation}], categories=categories)
    hands, _ = parse_coco_boxes(data, "c.json")
    assert hands["b.png"][0].side == side


def test_what_can_t_be_used_is_counted() -> None:
    bad_boxes = [None, [1, 2, 3], [1, 2, 0, 4], [1, 2, 3, "4"], [1, 2, True, 4], [1, 2, float("nan"), 4]]
    annotations = [{"image_id": 1, "bbox": b} for b in bad_boxes]
    annotations += [{"image_id": 77, "bbox": [1, 2, 3, 4]}, {"image_id": [1], "bbox": [1, 2, 3, 4]}, "text"]
    hands, findings = parse_coco_boxes(coco(annotations), "c.json")
    assert hands == {}
    assert sorted(f.count for f in findings) == [3, 6]
    assert sum(f.count for f in findings) == len(annotations)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b'{"images": {}}', b'{"images": [], "annotations": null}'])
def test_other_files_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(DataError, match=r"boxes\.json: expected a COCO file"):
        parse_coco_boxes(data, "boxes.json")
