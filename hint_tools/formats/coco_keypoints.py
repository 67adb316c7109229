"""Keypoints from a COCO file, of any number of joints: people, hands, animals.

COCO writes a joint as x, y, v with v 0 not labelled, 1 labelled but hidden, 2 visible, and the object's area in px².
COCO-WholeBody keeps hands, faces and feet in fields of their own (`lefthand_kpts`), with the area of the whole person.
"""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.skeleton import JOINT_NAMES

Floats = npt.NDArray[np.float64]
_ANNOTATOR_KEYS = ("annotator", "annotator_id")
KEYPOINTS = "keypoints"
"""Field with the joints, unless another is asked for."""
_HAND_FIELDS = ("lefthand_kpts", "righthand_kpts")
"""COCO-WholeBody's, in this project's order of joints."""
_HARMLESS = frozenset({"no labelled joint", "a crowd"})
"""Reasons to leave an annotation out that nobody has to mend."""
_AREAS_PX2 = (1e-12, 1e18)
"""No object is smaller or larger, whatever its unit; figures beyond overflow when they are divided by, or added up."""


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
    """A file's objects.

    Args:
        poses: one an object.
        joints: names, numbers where the file has none.
        findings: what can't be used.
        odd_areas: objects whose area is given, but is no size of anything: it counts as missing.
    """

    poses: tuple[CocoPose, ...]
    joints: tuple[str, ...]
    findings: tuple[Finding, ...]
    odd_areas: int


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
    files, unusable = _file_names(document["images"])
    poses: list[CocoPose] = []
    ids: dict[tuple[str, str], set[Any]] = {}
    odd_areas = 0
    dropped: Counter[str] = Counter()
    for row in document["annotations"]:
        if not isinstance(row, dict) or not _is_id(row.get("image_id")) or row["image_id"] not in files:
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
            pose = _pose(row, files[row["image_id"]], numbers)
            poses.append(pose)
            ids.setdefault((pose.annotator, pose.image), set()).add(row["image_id"])
            odd_areas += row.get("area") is not None and math.isnan(pose.area_px2)
    sizes = Counter(len(p.keypoints) for p in poses)
    if len(sizes) > 1:
        example = {len(p.keypoints): p.annotation_id for p in reversed(poses)}
        told = ", ".join(f"{k} in {n} (such as annotation {shortened(example[k])})" for k, n in sorted(sizes.items()))
        raise DataError(f"{name}: expected one number of joints for all objects, got {told}")
    if not poses:
        _explain_nothing(document, name, field)
    number = next(iter(sizes), 0)
    findings = (*_findings(dropped, name), *_about_pictures(unusable, ids, name))
    return CocoPoses(tuple(poses), _joint_names(document, number, field), findings, odd_areas)


def _file_names(rows: list[Any]) -> tuple[dict[Any, str], int]:
    """File name of every picture by its id, the id where it has none; and how many have no id of their own."""
    files: dict[Any, str] = {}
    unusable = 0
    for row in rows:
        number = row.get("id") if isinstance(row, dict) else None
        if not _is_id(number):
            unusable += 1
            continue
        name = str(number if row.get("file_name") in (None, "") else row["file_name"])
        unusable += files.setdefault(number, name) != name
    return files, unusable


def _is_id(value: Any) -> bool:
    """Whether it can name something; JSON's true would be the number 1."""
    return isinstance(value, int | float | str) and not isinstance(value, bool)


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
            f"{', '.join(map(shortened, others))}",
            hint=f"hint qc sigma --field {shlex.quote(others[0])} ...",
        )


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise DataError(f"{name}: expected a COCO file in JSON, got something else ({error})") from error
    except RecursionError:
        raise DataError(f"{name}: expected a COCO file, got JSON that is nested too deeply to be one") from None
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in ("images", "annotations")):
        raise DataError(f"{name}: expected a COCO file with lists `images` and `annotations`")
    return document


def _numbers(value: Any) -> Floats | None:
    """(K, 3) of a flat list; None where it is not one."""
    if not isinstance(value, list) or not value or len(value) % 3:
        return None
    numbers = np.array([_number(v) for v in value]).reshape(-1, 3)
    return numbers if np.isfinite(numbers).all() else None


def _number(value: Any) -> float:
    """NaN where it is no number, or too large for one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _joints_in(value: Any) -> int:
    numbers = _numbers(value)
    return 0 if numbers is None else len(numbers)


def _pose(row: dict[str, Any], image: str, numbers: Floats) -> CocoPose:
    labelled = numbers[:, 2] > 0
    area = _number(row.get("area"))
    annotator = next((str(row[k]) for k in _ANNOTATOR_KEYS if row.get(k) is not None), "")
    return CocoPose(
        image=image,
        annotation_id=str(row.get("id", "")),
        category=str(row.get("category_id", "")),
        keypoints=np.where(labelled[:, None], numbers[:, :2], np.nan),
        visibility=np.minimum(np.ceil(numbers[:, 2]), 2).astype(np.int64),  # some write a confidence
        area_px2=area if _AREAS_PX2[0] <= area <= _AREAS_PX2[1] else math.nan,
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


def _about_pictures(unusable: int, ids: Mapping[tuple[str, str], set[Any]], name: str) -> list[Finding]:
    """Pictures that can't be told apart.

    Args:
        unusable: pictures without an id of their own.
        ids: (annotator, file name) -> ids of the pictures with objects.
        name: of the file.
    """
    found = []
    if unusable:
        message = f"{name}: {unusable} pictures have no id of their own that is a number or a text: they are left out"
        found.append(_of_pictures("dropped", message, "mend `images[].id`", unusable))
    shared = sorted({image for (_, image), several in ids.items() if len(several) > 1})
    if shared:
        message = (
            f"{name}: {len(shared)} file names stand for several pictures (such as {shortened(shared[0])!r}): their "
            "objects are taken to be in one picture"
        )
        found.append(_of_pictures("merged", message, "give every picture a `file_name` of its own", len(shared)))
    return found


def _of_pictures(what: str, message: str, suggestion: str, count: int) -> Finding:
    return Finding(f"formats.coco-pictures-{what}", Severity.WARNING, message, suggestion, count=count)
