"""Annotations as columns: one array a field, so that 40,000 hands open in well under a second.

They come from a release's table, or from the published HInt's folders of JSON files.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hint_tools.core.errors import DataError
from hint_tools.core.ids import content_id
from hint_tools.core.records import Split, Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.data.annotations import ANNOTATIONS, ANNOTATIONS_FILE, RELEASE_FILE, Names, parse_image_folder
from hint_tools.formats import hint_json
from hint_tools.store.tables import read_arrow

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The annotations of n hands; field names and units are `data.annotations.Annotation`'s.

    Args:
        fitted: (n,) bool, an accepted fit exists; without one the arrays of the fit are 0.
    """

    hand_id: Names
    frame_id: Names
    source: Names
    split: Names
    image: Names
    side: Names
    box: Floats
    keypoints: Floats
    visibility: npt.NDArray[np.int8]
    covariance: Floats
    weight: Floats
    fitted: npt.NDArray[np.bool_]
    global_orient: Floats
    hand_pose: Floats
    betas: Floats
    keypoints_fit: Floats
    keypoints_3d: Floats

    def __len__(self) -> int:
        return len(self.hand_id)

    def take(self, chosen: npt.NDArray[Any]) -> Self:
        """The hands that `chosen` (an index or a mask) selects."""
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


_TEXT: Final = ("hand_id", "frame_id", "source", "split", "image", "side")
_ALWAYS: Final[dict[str, tuple[int, ...]]] = {
    "box": (4,),
    "keypoints": (N_JOINTS, 2),
    "visibility": (N_JOINTS,),
    "covariance": (N_JOINTS, 2, 2),
    "weight": (N_JOINTS,),
}
_FITTED: Final[dict[str, tuple[int, ...]]] = {
    "global_orient": (3,),
    "hand_pose": (45,),
    "betas": (10,),
    "keypoints_fit": (N_JOINTS, 2),
    "keypoints_3d": (N_JOINTS, 3),
}


def read_columns(root: Path) -> Columns:
    """The annotations of a release, or of an unpacked published HInt, in the order of their ids.

    Raises:
        DataError: `root` is neither, or something in it is broken.
    """
    if (root / ANNOTATIONS_FILE).exists():
        return _from_table(read_arrow(root / ANNOTATIONS_FILE, ANNOTATIONS))
    if (root / RELEASE_FILE).exists():  # its JSON files alone would pass for a published HInt, without fits
        raise DataError(f"{root}: a release without its table {ANNOTATIONS_FILE}", hint="get the whole folder again")
    if root.is_dir() and any(parse_image_folder(p.name) for p in root.iterdir()):
        return _from_published(root)
    raise DataError(
        f"{root}: neither a release ({ANNOTATIONS_FILE}) nor a published HInt (TEST_newdays_img/ and such)",
        hint="hint release build NAME, or give the folder that holds those",
    )


def _from_table(data: pa.Table) -> Columns:
    columns: dict[str, Any] = {name: _text(data.column(name)) for name in _TEXT}
    columns |= {name: _array(data.column(name), shape) for name, shape in _ALWAYS.items()}
    columns |= {name: _array(data.column(name), shape) for name, shape in _FITTED.items()}
    columns["fitted"] = np.asarray(data.column("global_orient").is_valid())
    return Columns(**columns)


def _text(column: pa.ChunkedArray) -> Names:
    return np.array(column.to_pylist(), dtype=np.str_)


def _array(column: pa.ChunkedArray, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The rows of a column as one array; 0 where a row is null."""
    size = int(np.prod(shape))
    full = np.zeros((len(column), size), dtype=column.type.value_type.to_pandas_dtype())
    start = 0
    for chunk in column.chunks:
        valid = np.asarray(chunk.is_valid())
        # `flatten` leaves null rows out
        full[start : start + len(chunk)][valid] = np.asarray(chunk.flatten()).reshape(-1, size)
        start += len(chunk)
    return full.reshape(len(column), *shape)


def _from_published(root: Path) -> Columns:
    """One JSON file a hand; there is no uncertainty, so every annotated joint weighs 1."""
    rows: list[dict[str, Any]] = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        place = parse_image_folder(folder.name)
        if place is not None:
            rows.extend(_published_hand(path, *place) for path in sorted(folder.glob("*.json")))
    if not rows:
        raise DataError(f"{root}: its HInt folders hold no annotation (*.json)", hint="unpack the archive again")
    count = len(rows)
    columns: dict[str, Any] = {name: np.array([r[name] for r in rows], dtype=np.str_) for name in _TEXT}
    columns |= {name: np.stack([r[name] for r in rows]) for name in ("box", "keypoints", "visibility")}
    columns["covariance"] = np.zeros((count, N_JOINTS, 2, 2))
    columns["weight"] = (columns["visibility"] != Visibility.NOT_ANNOTATABLE).astype(np.float64)
    columns |= {name: np.zeros((count, *shape)) for name, shape in _FITTED.items()}
    columns["fitted"] = np.zeros(count, dtype=bool)
    unsorted = Columns(**columns)
    return unsorted.take(np.argsort(unsorted.hand_id, kind="stable"))


def _published_hand(path: Path, split: Split, source: str) -> dict[str, Any]:
    frame, side = hint_json.side_of_stem(path.stem)
    annotation = hint_json.decode(path.read_bytes(), str(path))
    return {
        "hand_id": content_id("hand", source, path.stem),
        "frame_id": content_id("frame", source, frame),
        "source": source,
        "split": split.value,
        "image": f"{path.parent.name}/{path.stem}.jpg",
        "side": side.value,
        "box": annotation.box,
        "keypoints": annotation.keypoints,
        "visibility": annotation.visibility,
    }
