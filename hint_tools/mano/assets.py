"""Hand models read from MANO-format files, or the open hand that comes with the package.

The licensed files are pickles of chumpy objects. Neither chumpy nor any other code of the file is
run: a short list of globals is allowed, and inert stand-ins take the place of foreign classes.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.mano.fileformat import read_arrays
from hint_tools.mano.topology import PARENTS, TIP_VERTICES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MODEL_VARIABLE = "HINT_MANO"
"""Environment variable that names the user's own MANO file, or the folder it is in."""
OPEN_HAND = "open_hand_778"
_PLACES = ("MANO_RIGHT.pkl", "mano/MANO_RIGHT.pkl", "models/MANO_RIGHT.pkl", "MANO_RIGHT.npz")
_CACHED_MODELS = 4


@dataclass(frozen=True, slots=True, eq=False)
class HandModel:
    """A right hand in MANO's terms; every array is read-only, lengths in metres, angles in radians.

    Args:
        v_template: (778, 3) vertices of the mean hand, flat.
        shapedirs: (778, 3, 10) displacement per unit of each shape parameter.
        posedirs: (778, 3, 135) displacement per unit of (R - I) of the 15 finger joints.
        J_regressor: (16, 778) joints from vertices.
        weights: (778, 16) skinning weights.
        faces: (1538, 3) triangles, counter-clockwise from outside.
        parents: (16,) parent joint, -1 for the wrist.
        hands_mean: (45,) mean finger pose.
        hands_components: (45, 45) principal directions of finger poses, rows.
        hands_coeffs: (n, 45) poses in those directions, or None where the file has none.
        tips: (5,) fingertip vertices, thumb to pinky.
        name: of the file, without its ending.
        sha256: of the file.
    """

    v_template: Floats
    shapedirs: Floats
    posedirs: Floats
    J_regressor: Floats
    weights: Floats
    faces: Ints
    parents: Ints
    hands_mean: Floats
    hands_components: Floats
    hands_coeffs: Floats | None
    tips: Ints
    name: str
    sha256: str

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def identity(self) -> str:
        """Name and digest, as fits remember their model."""
        return f"{self.name}:{self.sha256[:16]}"

    @property
    def is_open(self) -> bool:
        """Whether this is the open hand: MANO-format, but not MANO, so its parameters mean other hands."""
        return self.name == OPEN_HAND


def load_hand_model(path: Path | None = None) -> HandModel:
    """The hand model in `path`, else in `$HINT_MANO`, else the open hand.

    Args:
        path: a MANO-format `.pkl` or `.npz`, or a folder with `MANO_RIGHT.pkl` in it or in its `mano/`.

    Raises:
        DataError: no such file, not a MANO-format file (every missing or misshaped part is named), or
            a pickle that asks for more than such a file needs.
    """
    if path is None and os.environ.get(MODEL_VARIABLE):
        path = Path(os.environ[MODEL_VARIABLE])
    if path is None:
        return _open_hand()
    found = _file_of(path.expanduser())
    status = found.stat()
    return _cached(found.resolve(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _open_hand() -> HandModel:
    with as_file(files(__package__) / f"{OPEN_HAND}.npz") as path:
        return _read(path)


@lru_cache(maxsize=_CACHED_MODELS)
def _cached(path: Path, modified_ns: int, size: int) -> HandModel:
    """A model read once; `modified_ns` and `size` make a replaced file another one."""
    return _read(path)


def _file_of(path: Path) -> Path:
    if path.is_dir():
        for place in _PLACES:
            if (path / place).is_file():
                return path / place
        raise DataError(
            f"{path}: no hand model in this folder; expected one of {', '.join(_PLACES)}",
            hint=f"name the file itself, or leave {MODEL_VARIABLE} and the `mano` setting empty for the open hand",
        )
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; expected a MANO-format hand model (.pkl or .npz)",
            hint=f"mend the path, or leave {MODEL_VARIABLE} and the `mano` setting empty for the open hand",
        )
    if "left" in path.stem.lower():
        raise DataError(
            f"{path}: a left hand's model; expected the right one, which left hands use mirrored",
            hint=f"name {path.with_name('MANO_RIGHT' + path.suffix)}",
        )
    return path


def _read(path: Path) -> HandModel:
    arrays = read_arrays(path)
    return HandModel(
        v_template=arrays["v_template"],
        shapedirs=arrays["shapedirs"],
        posedirs=arrays["posedirs"],
        J_regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        faces=arrays["f"].astype(np.int64),
        parents=np.array(PARENTS, dtype=np.int64),
        hands_mean=arrays["hands_mean"],
        hands_components=arrays["hands_components"],
        hands_coeffs=arrays.get("hands_coeffs"),
        tips=np.array(TIP_VERTICES, dtype=np.int64),
        name=path.stem,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
