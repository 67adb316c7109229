"""What any model says of the hands of an evaluation set: one file, JSON or npz, bytes <-> `HandAnswers`.

JSON::

    {"format": "hint-tools.predictions", "version": 1, "model": "name, for tables",
     "hands": [{"image": "a.jpg", "side": "left", "keypoints": [[x, y] * 21]}, ...]}

npz: arrays `imgname` (n,), `right` (n,) 1 or 0, `keypoints` (n, 21, 2), and `model`, a text.

Keypoints are px of the whole image, in the order wrist, thumb 1-4, index 1-4, middle 1-4, ring 1-4, pinky 1-4; the
centre of the top-left pixel is (0, 0). Optional, for every hand or for none: `keypoints_3d` (21, 3) and `vertices`
(v, 3), m, camera, of the hand's own side; `center` (2,) px, the middle of the box that was annotated, which tells two
hands of one side in one image apart. Hands may stand in any order.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.records import Side
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.formats.safe_npz import read_arrays

Floats = npt.NDArray[np.float64]

FORMAT: Final = "hint-tools.predictions"
VERSION: Final = 1
_EXAMPLES: Final = 3
_OPTIONAL: Final[dict[str, tuple[int | None, int]]] = {
    "keypoints_3d": (N_JOINTS, 3),
    "vertices": (None, 3),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandAnswers:
    """The answers of one model for n hands.

    Args:
        model: its name.
        image: (n,) str, as the evaluation set names it.
        right: (n,) bool.
        keypoints: (n, 21, 2) px of the image.
        keypoints_3d: (n, 21, 3) m, of the hand's own side; or None.
        vertices: (n, v, 3) m; or None.
        center: (n, 2) px; or None.
    """

    model: str
    image: npt.NDArray[np.str_]
    right: npt.NDArray[np.bool_]
    keypoints: Floats
    keypoints_3d: Floats | None = None
    vertices: Floats | None = None
    center: Floats | None = None

    def __len__(self) -> int:
        return len(self.image)


def encode(answers: HandAnswers) -> bytes:
    """The npz file."""
    arrays: dict[str, Any] = {"imgname": answers.image, "right": answers.right.astype(np.uint8)}
    arrays |= {"keypoints": answers.keypoints, "model": np.array(answers.model)}
    for name in (*_OPTIONAL, "center"):
        if getattr(answers, name) is not None:
            arrays[name] = getattr(answers, name)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def decode(data: bytes, source: str) -> HandAnswers:
    """The answers in a file, JSON or npz.

    Args:
        data: the file's bytes.
        source: what to call it in messages.

    Raises:
        DataError: not such a file; a hand stands there twice or a number is not finite: the first few, and how many.
    """
    answers = _from_npz(data, source) if data[:2] == b"PK" else _from_json(data, source)
    if not len(answers):
        raise DataError(f"{source}: it holds no hand at all")
    _require_finite(answers, source)
    _require_single(answers, source)
    return answers


def _from_npz(data: bytes, source: str) -> HandAnswers:
    names = ("imgname", "right", "keypoints", "model", *_OPTIONAL, "center")
    arrays = read_arrays(data, names, source)
    missing = [k for k in ("imgname", "right", "keypoints") if k not in arrays]
    if missing:
        raise DataError(f"{source}: expected arrays imgname, right and keypoints; missing {', '.join(missing)}")
    image = np.array([_text(v) for v in arrays["imgname"].ravel().tolist()], dtype=np.str_)
    return HandAnswers(
        model=_text(arrays["model"].item()) if "model" in arrays and arrays["model"].size == 1 else "",
        image=image,
        right=_shaped(arrays["right"].reshape(-1), (len(image),), f"{source}: right") > 0.5,
        keypoints=_shaped(arrays["keypoints"], (len(image), N_JOINTS, 2), f"{source}: keypoints"),
        **_optional(arrays, len(image), source),
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _from_json(data: bytes, source: str) -> HandAnswers:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: expected a predictions file, JSON or npz ({error})") from error
    header = (document.get("format"), document.get("version")) if isinstance(document, dict) else None
    if header != (FORMAT, VERSION) or not isinstance(document.get("hands"), list):
        raise DataError(f"{source}: expected {FORMAT} version {VERSION} with a list of hands, got {header}")
    hands = document["hands"]
    if not hands:
        raise DataError(f"{source}: it holds no hand at all")
    bad = [i for i, h in enumerate(hands) if not _is_hand(h)]
    if bad:
        raise DataError(
            f"{source}: {len(bad)} of {len(hands)} hands lack an image, a side (left or right) or keypoints: "
            f"{_list(bad)}"
        )
    columns = {k: [h.get(k) for h in hands] for k in (*_OPTIONAL, "center")}
    uneven = [k for k, values in columns.items() if 0 < sum(v is None for v in values) < len(hands)]
    if uneven:
        raise DataError(f"{source}: {', '.join(uneven)}: expected for every hand or for none")
    arrays = {k: _numbers(v, f"{source}: {k}") for k, v in columns.items() if v and v[0] is not None}
    keypoints = _numbers([h["keypoints"] for h in hands], f"{source}: keypoints")
    return HandAnswers(
        model=str(document.get("model", "")),
        image=np.array([h["image"] for h in hands], dtype=np.str_),
        right=np.array([h["side"] == Side.RIGHT for h in hands], dtype=bool),
        keypoints=_shaped(keypoints, (len(hands), N_JOINTS, 2), f"{source}: keypoints"),
        **_optional(arrays, len(hands), source),
    )


def _is_hand(value: Any) -> bool:
    sides = tuple(s.value for s in Side)
    return isinstance(value, dict) and isinstance(value.get("image"), str) and value.get("side") in sides and (
        isinstance(value.get("keypoints"), list)
    )  # fmt: skip


def _numbers(values: list[Any], where: str) -> npt.NDArray[Any]:
    try:
        return np.array(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: expected the same number of numbers for every hand ({error})") from error


def _optional(arrays: dict[str, npt.NDArray[Any]], count: int, source: str) -> dict[str, Floats | None]:
    found: dict[str, Floats | None] = {}
    for name, (points, axes) in _OPTIONAL.items():
        if name in arrays:
            middle = points if points is not None or arrays[name].ndim != 3 else arrays[name].shape[1]
            found[name] = _shaped(arrays[name], (count, middle or 0, axes), f"{source}: {name}")
    if "center" in arrays:
        found["center"] = _shaped(arrays["center"], (count, 2), f"{source}: center")
    return found


def _shaped(value: npt.NDArray[Any], shape: tuple[int, ...], where: str) -> Floats:
    if value.shape != shape or value.dtype.kind not in "fiub":
        raise DataError(f"{where}: expected numbers of shape {shape}, got {value.dtype} {value.shape}")
    return value.astype(np.float64)


def _require_finite(answers: HandAnswers, source: str) -> None:
    broken = np.zeros(len(answers), dtype=bool)
    for values in (answers.keypoints, answers.keypoints_3d, answers.vertices, answers.center):
        if values is not None:
            broken |= ~np.isfinite(values.reshape(len(answers), -1)).all(axis=1)
    if broken.any():
        raise DataError(
            f"{source}: {int(broken.sum())} of {len(answers)} hands have numbers that are not finite: "
            f"{_list(_names(answers, np.flatnonzero(broken)))}",
            hint="a model that fails must be counted as failing: leave no NaN, or leave those hands out and say so",
        )


def _require_single(answers: HandAnswers, source: str) -> None:
    keys = list(zip(answers.image.tolist(), answers.right.tolist(), strict=True))
    if answers.center is not None:
        keys = [(*k, *c) for k, c in zip(keys, answers.center.round(3).tolist(), strict=True)]
    twice = [k for k, n in Counter(keys).items() if n > 1]
    if twice:
        words = [f"{k[0]} {'right' if k[1] else 'left'}" for k in twice]
        raise DataError(
            f"{source}: {len(twice)} hands stand there more than once: {_list(words)}",
            hint="keep one answer a hand; where an image has two hands of one side, give each its center",
        )


def _names(answers: HandAnswers, rows: npt.NDArray[np.int64]) -> list[str]:
    return [f"{answers.image[r]} {'right' if answers.right[r] else 'left'}" for r in rows]


def _list(items: list[Any]) -> str:
    shown = ", ".join(str(i) for i in items[:_EXAMPLES])
    return shown + (", ..." if len(items) > _EXAMPLES else "")
