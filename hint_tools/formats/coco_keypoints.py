"""Keypoints from a COCO file, of any number of joints: people, hands, animals.

COCO writes a joint as x, y, v with v 0 not labelled, 1 labelled but hidden, 2 visible, and the object's area in px².
COCO-WholeBody keeps hands, faces and feet in fields of their own (`lefthand_kpts`), with the area of the whole person.
"""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.skeleton import JOINT_NAMES

Floats = npt.NDArray[np.float64]
_ANNOTATOR_KEYS = ("annotator", "annotator_id")
KEYPOINTS = "keypoints"
"""Field with the joints, unless another is asked for."""
_HAND_FIELDS = ("lefthand_kpts", "righthand_kpts")
"""COCO-WholeBody's, in this project's order of joints."""
_HARMLESS = frozenset({"no labelled joint", "a crowd"})
"""Reasons to leave an annotation out that nobody has to mend."""


@dataclass(frozen=True, slots=True, eq=False)
class CocoPose:
    """One annotated object.

    Args:
        image: file name of its picture.
        annotation_id: as in the file.
        category: its id as text; empty without one.
        keypoints: (K, 2) px, as in the file; NaN where not labelled.
        visibility: (K,) COCO's v.
        area_px2: of the object; NaN where the file has none.
        annotator: of `annotations[].annotator`; empty without one.
    """

    image: str
    annotation_id: str
    category: str
    keypoints: Floats
    visibility: npt.NDArray[np.int64]
    area_px2: float
    annotator: str


@dataclass(frozen=True, slots=True)
class CocoPoses:
    """A file's objects, the names of its joints (by number where it has none), and what can't be used."""

    poses: tuple[CocoPose, ...]
    joints: tuple[str, ...]
    findings: tuple[Finding, ...]


def parse_coco_keypoints(data: bytes, name: str, field: str = KEYPOINTS) -> CocoPoses:
    """The objects of a COCO keypoints file that have at least one labelled joint, in its order.

    Args:
        data: the file: `images[].{id, file_name}`, `annotations[].{id, image_id, keypoints, area}`.
        name: what to call the file in messages.
        field: of the annotations that holds the joints.

    Raises:
        DataError: it is not such a file, or its objects have different numbers of joints.
    """
    document = _document(data, name)
    files = {r["id"]: str(r.get("file_name", r["id"])) for r in document["images"] if isinstance(r, dict) and "id" in r}
    poses: list[CocoPose] = []
    dropped: Counter[str] = Counter()
    for row in document["annotations"]:
        if not isinstance(row, dict) or not isinstance(row.get("image_id"), int | str) or row["image_id"] not in files:
            dropped["annotation of an unknown picture"] += 1
            continue
        numbers = _numbers(row.get(field))
        if row.get("iscrowd") == 1:
            dropped["a crowd"] += 1
        elif numbers is None:
            dropped["no keypoints of three finite numbers each"] += 1
        elif not (numbers[:, 2] > 0).any():
            dropped["no labelled joint"] += 1
        else:
            poses.append(_pose(row, files[row["image_id"]], numbers))
    sizes = Counter(len(p.keypoints) for p in poses)
    if len(sizes) > 1:
        example = {len(p.keypoints): p.annotation_id for p in reversed(poses)}
        told = ", ".join(f"{k} in {n} (such as annotation {example[k]})" for k, n in sorted(sizes.items()))
        raise DataError(f"{name}: expected one number of joints for all objects, got {told}")
    if not poses:
        _explain_nothing(document, name, field)
    number = next(iter(sizes), 0)
    return CocoPoses(tuple(poses), _joint_names(document, number, field), _findings(dropped, name))


def _explain_nothing(document: dict[str, Any], name: str, field: str) -> None:
    """Say which field may have been meant, where no annotation has a joint in `field`.

    Raises:
        DataError: the annotations have other fields that look like keypoints.
    """
    rows = [r for r in document["annotations"] if isinstance(r, dict)]
    others = sorted({k for r in rows for k, v in r.items() if k != field and _joints_in(v) >= 2})
    if others:
        raise DataError(
            f"{name}: no annotation has labelled joints in `{field}`; other fields that look like some: "
            f"{', '.join(others)}",
            hint=f"hint qc sigma --field {shlex.quote(others[0])} ...",
        )


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise DataError(f"{name}: expected a COCO file in JSON, got something else ({error})") from error
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in ("images", "annotations")):
        raise DataError(f"{name}: expected a COCO file with lists `images` and `annotations`")
    return document


def _numbers(value: Any) -> Floats | None:
    """(K, 3) of a flat list; None where it is not one."""
    if not isinstance(value, list) or not value or len(value) % 3:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value):
        return None
    return np.array(value, dtype=np.float64).reshape(-1, 3)


def _joints_in(value: Any) -> int:
    numbers = _numbers(value)
    return 0 if numbers is None else len(numbers)


def _pose(row: dict[str, Any], image: str, numbers: Floats) -> CocoPose:
    labelled = numbers[:, 2] > 0
    area = row.get("area")
    usable = isinstance(area, int | float) and math.isfinite(area) and area > 0
    annotator = next((str(row[k]) for k in _ANNOTATOR_KEYS if row.get(k) is not None), "")
    return CocoPose(
        image=image,
        annotation_id=str(row.get("id", "")),
        category=str(row.get("category_id", "")),
        keypoints=np.where(labelled[:, None], numbers[:, :2], np.nan),
        visibility=np.minimum(np.ceil(numbers[:, 2]), 2).astype(np.int64),  # some write a confidence
        area_px2=float(area) if usable and area is not None else math.nan,
        annotator=annotator,
    )


def _joint_names(document: dict[str, Any], number: int, field: str) -> tuple[str, ...]:
    if field != KEYPOINTS:
        return JOINT_NAMES if field in _HAND_FIELDS and number == len(JOINT_NAMES) else _numbered(number)
    categories = document.get("categories")
    for row in categories if isinstance(categories, list) else []:
        names = row.get("keypoints") if isinstance(row, dict) else None
        if isinstance(names, list) and len(names) == number:
            return tuple(map(str, names))
    return _numbered(number)


def _numbered(number: int) -> tuple[str, ...]:
    """Names for joints that have none."""
    return tuple(str(k) for k in range(number))


def _findings(dropped: Counter[str], name: str) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code="formats.coco-keypoints-dropped",
            severity=Severity.INFO if reason in _HARMLESS else Severity.WARNING,
            message=f"{name}: {count} annotations can't be used: {reason}",
            suggestion="" if reason in _HARMLESS else "mend them in the file and run the command again",
            count=count,
        )
        for reason, count in sorted(dropped.items())
    )
