"""The annotation file of the published HInt: one hand a file, bytes <-> `HintAnnotation`.

::

    [{"bbox": [[x1, y1, x2, y2]], "keypoints": [[x, y] * 21], "occlusion": [0|1 * 21], "existence": [0|1 * 21]}]

Px of the full frame. `occlusion` 1 is occluded, `existence` 0 is outside the image. Which hand it is stands in the
file's name alone, as its last letter: `<stem>_l.json` or `<stem>_r.json`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.records import Record, Side, Visibility, array
from hint_tools.core.skeleton import N_JOINTS

Floats = npt.NDArray[np.float64]

_KEYS: Final = ("bbox", "keypoints", "occlusion", "existence")
_SIDE_OF_LETTER: Final = {"l": Side.LEFT, "r": Side.RIGHT}
_STEM: Final = re.compile(r"^(.+)_([lr])$")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HintAnnotation(Record):
    """What one file of HInt says of one hand."""

    box: Floats = array(4)
    """x0, y0, x1, y1 in px of the frame."""
    keypoints: Floats = array(N_JOINTS, 2)
    visibility: npt.NDArray[np.int8] = array(N_JOINTS, dtype="int8")


def encode(annotation: HintAnnotation) -> bytes:
    """The file's bytes; the same annotation always gives the same ones.

    Raises:
        ValueError: a box or an annotated joint is not finite.
    """
    exists = annotation.visibility != Visibility.NOT_ANNOTATABLE
    # where a joint could not be annotated its position means nothing, and JSON has no NaN
    meaningless = ~exists[:, None] & ~np.isfinite(annotation.keypoints)
    hand = {
        "bbox": [annotation.box.tolist()],
        "keypoints": np.where(meaningless, 0.0, annotation.keypoints).tolist(),
        "occlusion": (annotation.visibility == Visibility.OCCLUDED).astype(int).tolist(),
        "existence": exists.astype(int).tolist(),
    }
    return json.dumps([hand], separators=(", ", ": "), allow_nan=False).encode()


def decode(data: bytes, source: str) -> HintAnnotation:
    """What the file says.

    Args:
        data: the file's bytes.
        source: what to call it in messages.

    Raises:
        DataError: not such a file; all that is wrong with it is named.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: expected JSON, got something else ({error})") from error
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)):
        raise DataError(f"{source}: expected a list with one hand, got {_short(value)}")
    hand = value[0]
    missing = [k for k in _KEYS if k not in hand]
    if missing:
        raise DataError(f"{source}: expected the keys {', '.join(_KEYS)}, missing {', '.join(missing)}")
    box = _numbers(hand["bbox"], (1, 4), f"{source}: bbox")[0]
    keypoints = _numbers(hand["keypoints"], (N_JOINTS, 2), f"{source}: keypoints")
    occluded = _flags(hand["occlusion"], f"{source}: occlusion")
    exists = _flags(hand["existence"], f"{source}: existence")
    state = np.where(occluded, int(Visibility.OCCLUDED), int(Visibility.VISIBLE))
    state = np.where(exists, state, int(Visibility.NOT_ANNOTATABLE))
    return HintAnnotation(box=box, keypoints=keypoints, visibility=state)


def _numbers(value: Any, shape: tuple[int, int], where: str) -> Floats:
    rows = value if isinstance(value, list) else []
    fits = len(rows) == shape[0] and all(isinstance(r, list) and len(r) == shape[1] for r in rows)
    if not fits or not all(_is_number(x) for row in rows for x in row):
        raise DataError(f"{where}: expected {shape[0]} x {shape[1]} finite numbers, got {_short(value)}")
    return np.array(rows, dtype=np.float64)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _flags(value: Any, where: str) -> npt.NDArray[np.bool_]:
    if not (isinstance(value, list) and len(value) == N_JOINTS and all(_is_number(x) and x in (0, 1) for x in value)):
        raise DataError(f"{where}: expected {N_JOINTS} times 0 or 1, got {_short(value)}")
    return np.array(value, dtype=bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def stem_with_side(name: str, side: str) -> str:
    """`name` with the ending that says which hand: `_l` or `_r`."""
    return f"{name}_{Side(side).value[0]}"


def side_of_stem(stem: str) -> tuple[str, Side]:
    """The name without its ending, and the hand the ending says.

    Raises:
        DataError: the stem does not end in `_l` or `_r`.
    """
    match = _STEM.match(stem)
    if match is None:
        raise DataError(f"{stem}: expected a file name that ends in _l or _r, which says the hand's side")
    return match[1], _SIDE_OF_LETTER[match[2]]
