"""HaMeR's evaluation files: one npz a split and joint selection, bytes <-> `HamerSet`.

`scale` is the box's width and height in px; HaMeR's loader divides it by 200 and multiplies it back. The confidence
column of `hand_keypoints_2d` selects the joints that count: HInt's `all`, `vis` and `occ` files hold the same hands
and differ in nothing else.

We write plain arrays alone. Files found elsewhere may hold names as pickled objects: those are read through
`store.pickles` with a list of what such an array needs, so that no file can start anything.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from hint_tools.core.errors import DataError
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.formats.safe_npz import read_arrays

Array = npt.NDArray[Any]

SUBSETS: Final = ("all", "vis", "occ")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HamerSet:
    """One evaluation file: n hands.

    Args:
        imgname: (n,) str, path of each image below the split's folder.
        center: (n, 2) float64, px of the frame.
        scale: (n, 2) float64, width and height of the box, px.
        right: (n,) float32, 1 for a right hand, 0 for a left one.
        hand_keypoints_2d: (n, 21, 3) float64: x, y px of the frame, confidence.
        hand_keypoints_3d: (n, 21, 4) float32: m, confidence; or None.
        hand_pose: (n, 48) float32: root and 15 joints, axis-angle, rad; or None.
        has_hand_pose: (n,) float32; or None.
        betas: (n, 10) float32; or None.
        has_betas: (n,) float32; or None.
        personid: (n,) int64; or None.
        sides_stated: the file says which hands are right ones; not an array of it.
    """

    imgname: npt.NDArray[np.str_]
    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    right: npt.NDArray[np.float32]
    hand_keypoints_2d: npt.NDArray[np.float64]
    hand_keypoints_3d: npt.NDArray[np.float32] | None = None
    hand_pose: npt.NDArray[np.float32] | None = None
    has_hand_pose: npt.NDArray[np.float32] | None = None
    betas: npt.NDArray[np.float32] | None = None
    has_betas: npt.NDArray[np.float32] | None = None
    personid: npt.NDArray[np.int64] | None = None
    sides_stated: bool = True

    def __len__(self) -> int:
        return len(self.imgname)


_SHAPES: Final[dict[str, tuple[tuple[int, ...], str]]] = {
    "center": ((2,), "float64"),
    "scale": ((2,), "float64"),
    "right": ((), "float32"),
    "hand_keypoints_2d": ((N_JOINTS, 3), "float64"),
    "hand_keypoints_3d": ((N_JOINTS, 4), "float32"),
    "hand_pose": ((48,), "float32"),
    "has_hand_pose": ((), "float32"),
    "betas": ((10,), "float32"),
    "has_betas": ((), "float32"),
    "personid": ((), "int64"),
}
_REQUIRED: Final = ("imgname", "center", "scale", "hand_keypoints_2d")


def encode(hands: HamerSet) -> bytes:
    """The npz file: plain arrays, fixed times, so the same hands give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for spec in fields(hands):
            value = getattr(hands, spec.name)
            if not isinstance(value, np.ndarray):
                continue
            data = io.BytesIO()
            npy.write_array(data, np.ascontiguousarray(value), allow_pickle=False)  # type: ignore[no-untyped-call]
            member = zipfile.ZipInfo(f"{spec.name}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data.getvalue())
    return packed.getvalue()


def decode(data: bytes, source: str) -> HamerSet:
    """The hands of an npz file; a missing `right` means that all are right hands, as in HaMeR.

    Args:
        data: the file's bytes.
        source: what to call it in messages.

    Raises:
        DataError: not an npz, an array is missing or has another shape, or it holds pickled objects that a list
            of names does not need.
    """
    arrays = read_arrays(data, ("imgname", *_SHAPES), source)
    missing = [k for k in _REQUIRED if k not in arrays]
    if missing:
        raise DataError(f"{source}: expected arrays {', '.join(_REQUIRED)}; missing {', '.join(missing)}")
    names = _names(arrays.pop("imgname"), source)
    sides_stated = "right" in arrays
    if not sides_stated:
        arrays["right"] = np.ones(len(names), dtype=np.float32)
    scale = np.asarray(arrays["scale"])
    if scale.ndim == 1 or scale.shape[1:] == (1,):
        arrays["scale"] = np.repeat(scale.reshape(-1, 1), 2, axis=1)
    shaped = {k: _shaped(v, k, len(names), source) for k, v in arrays.items()}
    return HamerSet(imgname=names, sides_stated=sides_stated, **shaped)


def _shaped(value: Array, name: str, count: int, source: str) -> Array:
    shape, dtype = _SHAPES[name]
    value = value.reshape(count) if shape == () and value.shape == (count, 1) else value
    if value.shape != (count, *shape) or value.dtype.kind not in "fiub":
        raise DataError(
            f"{source}: {name}: expected numbers of shape {(count, *shape)}, got {value.dtype} {value.shape}"
        )
    return value.astype(dtype)


def _names(value: Array, source: str) -> npt.NDArray[np.str_]:
    if value.ndim != 1:
        raise DataError(f"{source}: imgname: expected a list of names, got shape {value.shape}")
    names = []
    for item in value.tolist():
        if isinstance(item, bytes):
            item = item.decode("utf-8", errors="strict") if _is_utf8(item) else item.decode("latin1")
        if not isinstance(item, str) or "\0" in item:
            raise DataError(f"{source}: imgname: expected names, got {str(item)[:60]!r}")
        names.append(item)
    return np.array(names, dtype=np.str_)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
