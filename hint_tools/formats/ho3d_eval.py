"""HO-3D's evaluation layout: the list of images, its meta pickles, its joint order and its camera axes.

Points are in MANO's joint order and OpenGL's camera: x right, y up, z towards the viewer. Ours are x right, y down,
z forward, so y and z change sign at this border and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.skeleton import from_order, to_order
from hint_tools.formats.safe_npz import array_globals
from hint_tools.store.pickles import loads_pickle

Floats = npt.NDArray[np.float64]

_ORDER: Final = "ho3d"
_AXES: Final = np.array([1.0, -1.0, -1.0])
_NAME: Final = re.compile(r"^([A-Za-z0-9]+)/(\d{4,5})$")


@dataclass(frozen=True, slots=True, eq=False)
class Ho3dMeta:
    """What HO-3D tells of an evaluation image.

    Args:
        box: (4,) x0, y0, x1, y1 of the hand, px.
        camera_matrix: (3, 3), px.
    """

    box: Floats
    camera_matrix: Floats


def joints_to_ours(points_m: Floats) -> Floats:
    """Joints (..., 21, 3) of HO-3D in our order and camera."""
    moved: Floats = np.asarray(from_order(points_m * _AXES, _ORDER), dtype=np.float64)
    return moved


def joints_to_ho3d(points_m: Floats) -> Floats:
    """Inverse of `joints_to_ours`."""
    moved: Floats = np.asarray(to_order(points_m * _AXES, _ORDER), dtype=np.float64)
    return moved


def turned(points_m: Floats) -> Floats:
    """Points (..., 3) of HO-3D's camera in ours, and the other way."""
    moved: Floats = points_m * _AXES
    return moved


def decode_list(data: bytes, source: str) -> list[tuple[str, str]]:
    """(sequence, frame) of each line of `evaluation.txt`, in its order, which is the truth's.

    Raises:
        DataError: a line says anything else, or stands there twice.
    """
    lines = data.decode("utf-8", errors="replace").split()
    matches = [_NAME.match(line) for line in lines]
    bad = [line for line, match in zip(lines, matches, strict=True) if match is None]
    if bad or not lines:
        raise DataError(f"{source}: expected lines such as SM1/0042, got {len(bad)} others of {len(lines)}: {bad[:3]}")
    if len(set(lines)) < len(lines):
        raise DataError(f"{source}: {len(lines) - len(set(lines))} of {len(lines)} lines stand there twice")
    return [(m[1], m[2]) for m in matches if m]


def decode_meta(data: bytes, source: str) -> Ho3dMeta:
    """The meta pickle of an evaluation image; read with a list of what arrays need, so it can start nothing.

    Raises:
        DataError: not such a file.
    """
    content = loads_pickle(data, array_globals(), source=source)
    keys = ("handBoundingBox", "camMat")
    if not isinstance(content, dict) or any(k not in content for k in keys):
        raise DataError(f"{source}: expected a dictionary with {' and '.join(keys)}")
    try:
        box = np.asarray(content[keys[0]], dtype=np.float64).reshape(4)
        matrix = np.asarray(content[keys[1]], dtype=np.float64).reshape(3, 3)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source}: expected 4 numbers of a box and a 3 x 3 camera matrix ({error})") from error
    if not (np.isfinite(box).all() and np.isfinite(matrix).all() and (box[2:] > box[:2]).all()):
        raise DataError(f"{source}: expected a box with an extent and a finite camera, got {box.tolist()}")
    return Ho3dMeta(box, matrix)
