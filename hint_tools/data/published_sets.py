"""Evaluation sets of the published HInt: its folders of images and JSON files, with no npz file at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import box_center, box_size
from hint_tools.core.records import Side, Split
from hint_tools.data.annotations import counted_joints
from hint_tools.data.evaluation import EvaluationSet, Subset
from hint_tools.formats import hint_json
from hint_tools.formats.hamer_npz import HamerSet

_FOLDER: Final = re.compile(r"^(TRAIN|VAL|TEST)_(.+)_(img|seq)$")
_EXAMPLES: Final = 3


def is_published(root: Path) -> bool:
    """`root` holds folders such as `TEST_newdays_img` with HInt's JSON files."""
    if not root.is_dir():
        return False
    return any(_FOLDER.match(p.name) and next(p.glob("*.json"), None) is not None for p in sorted(root.iterdir()))


def read_published_sets(
    root: Path, *, split: str = "test", on_missing: Literal["error", "skip"] = "error"
) -> list[EvaluationSet]:
    """The sets of a split of an unpacked published HInt, one a folder; `..._seq` folders are named `ego4d_seq`.

    The counted joints are those HaMeR's three npz files count: all that exist, those not occluded, those occluded.

    Raises:
        DataError: nothing of that split is there, files are broken (the first few, and how many), images are missing,
            or images have no annotation.
    """
    found = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        place = _FOLDER.match(folder.name)
        if place is None or Split[place[1]].value != split:
            continue
        name = place[2] if place[3] == "img" else f"{place[2]}_seq"
        files = sorted(folder.glob("*.json"))
        if files:
            found.append(_read_folder(name, folder, files, on_missing))
    if not found:
        raise DataError(
            f"{root}: no folder of split {split!r} with annotations (such as {split.upper()}_newdays_img)",
            hint="name another split, or unpack the archive again",
        )
    return found


def _read_folder(name: str, folder: Path, files: list[Path], on_missing: Literal["error", "skip"]) -> EvaluationSet:
    hands, problems = [], []
    for path in files:
        try:
            hands.append(
                (path.stem, hint_json.side_of_stem(path.stem)[1], hint_json.decode(path.read_bytes(), path.name))
            )
        except DataError as error:
            problems.append(error.message)
    if problems:
        examples = "; ".join(problems[:_EXAMPLES])
        raise DataError(f"{folder}: {len(problems)} of {len(files)} annotations can't be read: {examples}")
    boxes = np.stack([a.box for _, _, a in hands])
    keypoints = np.stack([a.keypoints for _, _, a in hands])
    counted = counted_joints(np.stack([a.visibility for _, _, a in hands]))
    table = HamerSet(
        imgname=np.array([f"{stem}.jpg" for stem, _, _ in hands], dtype=np.str_),
        center=box_center(boxes),
        scale=box_size(boxes),
        right=np.array([side == Side.RIGHT for _, side, _ in hands], dtype=np.float32),
        hand_keypoints_2d=np.concatenate([keypoints, _confidence(counted["all"])], axis=-1),
    )
    subsets = tuple(Subset(k, v) for k, v in counted.items())
    return EvaluationSet(name, table, folder, subsets, on_missing=on_missing)


def _confidence(counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    return counted.astype(np.float64)[..., None]
