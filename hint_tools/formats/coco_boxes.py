"""Hand boxes from a COCO detection or keypoints file.

COCO measures boxes as x, y, width, height from the outer corner of the top-left pixel; ours are corner to corner with
the centre of that pixel at (0, 0), half a pixel less.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity

_SIDES = {
    "left": "left", "right": "right", "left_hand": "left", "right_hand": "right", "lefthand": "left",
    "righthand": "right", "l": "left", "r": "right",
}  # fmt: skip
_SIDE_KEYS = ("hand_side", "side")
_HALF_PIXEL = 0.5


@dataclass(frozen=True, slots=True)
class CocoHand:
    """One annotated hand.

    Args:
        box: x0, y0, x1, y1 in px; the centre of the top-left pixel is (0, 0).
        side: `left`, `right`, or None where neither the annotation nor its category says.
        annotation_id: as in the file.
    """

    box: tuple[float, float, float, float]
    side: str | None
    annotation_id: str


def parse_coco_boxes(data: bytes, name: str) -> tuple[dict[str, tuple[CocoHand, ...]], tuple[Finding, ...]]:
    """The hands of each picture by its file name, and a finding for each kind of annotation that can't be used.

    Args:
        data: the file: `images[].{id, file_name}`, `annotations[].{image_id, bbox}`, and the side as
            `annotations[].hand_side` or as a category named like `left_hand`.
        name: what to call the file in messages.

    Raises:
        DataError: it is not such a file.
    """
    document = _document(data, name)
    files = {row["id"]: _normal(row["file_name"]) for row in document["images"] if _has_id(row, "id", "file_name")}
    categories = document.get("categories")
    rows = categories if isinstance(categories, list) else []
    category_sides = {row["id"]: _side(row["name"]) for row in rows if _has_id(row, "id", "name")}
    hands: dict[str, list[CocoHand]] = {}
    dropped: Counter[str] = Counter()
    for row in document["annotations"]:
        if not _has_id(row, "image_id") or row["image_id"] not in files:
            dropped["annotation of an unknown picture"] += 1
            continue
        box = _box(row.get("bbox"))
        if box is None:
            dropped["no box of four finite numbers with a positive size"] += 1
            continue
        by_category = category_sides.get(row["category_id"]) if _has_id(row, "category_id") else None
        side = next((s for key in _SIDE_KEYS if (s := _side(row.get(key)))), None) or by_category
        hands.setdefault(files[row["image_id"]], []).append(CocoHand(box, side, str(row.get("id", ""))))
    return {k: tuple(hands[k]) for k in sorted(hands)}, _findings(dropped, name)


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise DataError(f"{name}: expected a COCO file in JSON, got something else ({error})") from error
    lists = ("images", "annotations")
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in lists):
        raise DataError(f"{name}: expected a COCO file with lists `images` and `annotations`")
    return document


def _has_id(row: Any, key: str, text_key: str = "") -> bool:
    """Whether `row` is an object with a number or text at `key`, and a text at `text_key` if one is given."""
    if not isinstance(row, dict) or not isinstance(row.get(key), int | str):
        return False
    return not text_key or isinstance(row.get(text_key), str)


def _normal(file_name: str) -> str:
    return str(PurePosixPath(file_name.replace("\\", "/")))


def _side(word: Any) -> str | None:
    return _SIDES.get(word.strip().lower().replace(" ", "_")) if isinstance(word, str) else None


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value):
        return None
    x, y, width, height = map(float, value)
    if width <= 0 or height <= 0:
        return None
    return (x - _HALF_PIXEL, y - _HALF_PIXEL, x + width - _HALF_PIXEL, y + height - _HALF_PIXEL)


def _findings(dropped: Counter[str], name: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code="formats.coco-box-dropped",
            severity=Severity.WARNING,
            message=f"{name}: {count} annotations can't be used: {reason}",
            suggestion="mend them in the file and run the command again",
            count=count,
        )
        for reason, count in sorted(dropped.items())
    )
