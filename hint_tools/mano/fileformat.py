"""MANO-format files: which arrays they hold, and how to read them without running anything of theirs."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.mano.topology import N_BETAS, N_FACES, N_POSE, N_POSE_FEATURES, N_ROTATIONS, N_VERTICES, PARENTS
from hint_tools.store.pickles import load_pickle

MAX_FILE_BYTES: Final = 64 << 20
"""The licensed file has 3.8 MB; nothing of this format needs more."""
_MAX_UNPACKED_BYTES: Final = 256 << 20
_NO_PARENT: Final = np.iinfo(np.uint32).max

REQUIRED: Final[dict[str, tuple[int, ...]]] = {
    "v_template": (N_VERTICES, 3),
    "shapedirs": (N_VERTICES, 3, N_BETAS),
    "posedirs": (N_VERTICES, 3, N_POSE_FEATURES),
    "J_regressor": (N_ROTATIONS, N_VERTICES),
    "weights": (N_VERTICES, N_ROTATIONS),
    "f": (N_FACES, 3),
    "kintree_table": (2, N_ROTATIONS),
    "hands_mean": (N_POSE,),
    "hands_components": (N_POSE, N_POSE),
}
"""The keys of a MANO file that are used, with their shapes."""
_INDICES: Final = frozenset({"f", "kintree_table"})
_LATIN1: Final = frozenset({"latin1", "latin-1"})


class _Inert:
    """Takes the place of a foreign class: keeps the state it is given, does nothing."""

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Ch(_Inert):
    """`chumpy.ch.Ch`: an array under the name `x`."""


class _Select(_Inert):
    """`chumpy.reordering.Select`: elements `idxs` of another chumpy array `a`."""


class _Sparse(_Inert):
    """`scipy.sparse` matrix in compressed columns."""


def _reconstruct(kind: type, *_: object) -> _Inert:
    """Stand-in for `copy_reg._reconstructor`, for the inert classes alone."""
    if not issubclass(kind, _Inert):
        raise DataError(f"the file reconstructs a {kind.__name__}, which such a file never needs")
    return kind()


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes into an old pickle; no other codec is let in."""
    if encoding not in _LATIN1:
        raise DataError(f"the file encodes bytes as {encoding}, which such a file never needs")
    return text.encode("latin1")


def _allowed() -> dict[tuple[str, str], Any]:
    array_maker = np.zeros(0).__reduce__()[0]
    scalar_maker = np.float64(0).__reduce__()[0]
    buffer_maker = np.zeros(1).__reduce_ex__(5)[0]
    allowed: dict[tuple[str, str], Any] = {
        ("chumpy.ch", "Ch"): _Ch,
        ("chumpy.reordering", "Select"): _Select,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1,
    }
    for core in ("numpy.core", "numpy._core"):
        allowed[(f"{core}.multiarray", "_reconstruct")] = array_maker
        allowed[(f"{core}.multiarray", "scalar")] = scalar_maker
        allowed[(f"{core}.numeric", "_frombuffer")] = buffer_maker
    for module in ("scipy.sparse.csc", "scipy.sparse._csc"):
        allowed[(module, "csc_matrix")] = _Sparse
        allowed[(module, "csc_array")] = _Sparse
    for registry, builtin in (("copy_reg", "__builtin__"), ("copyreg", "builtins")):
        allowed[(registry, "_reconstructor")] = _reconstruct
        allowed[(builtin, "object")] = object
    return allowed


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a MANO-format file: `REQUIRED`, and `hands_coeffs` (n, 45) where it has them.

    Numbers are float64, indices int64.

    Raises:
        DataError: not such a file; the message names everything that is missing or misshaped.
    """
    content = _read_npz(path) if path.suffix == ".npz" else _read_pickle(path)
    arrays: dict[str, npt.NDArray[Any]] = {}
    problems: list[str] = []
    for key, shape in REQUIRED.items():
        try:
            arrays[key] = _checked(content, key, shape)
        except DataError as error:
            problems.append(error.message)
    if not problems:
        problems.extend(_meaning_problems(arrays))
    if problems:
        listed = "\n".join(f"  - {p}" for p in problems)
        raise DataError(
            f"{path}: not a MANO-format right hand:\n{listed}",
            hint="use MANO_RIGHT.pkl as its owners ship it, or leave the `mano` setting empty for the open hand",
        )
    if "hands_coeffs" in content:
        arrays["hands_coeffs"] = _coefficients(content["hands_coeffs"], path)
    return arrays


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"{path}: {path.stat().st_size} bytes, expected at most {MAX_FILE_BYTES}")
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > _MAX_UNPACKED_BYTES:
            raise DataError(f"{path}: unpacks to {unpacked} bytes, expected at most {_MAX_UNPACKED_BYTES}")
        with np.load(path, allow_pickle=False) as opened:
            return {key: opened[key] for key in opened.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: expected a MANO-format npz, but it can't be read ({error})") from error


def _read_pickle(path: Path) -> dict[str, Any]:
    content = load_pickle(path, _allowed(), max_bytes=MAX_FILE_BYTES)
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a MANO-format file: expected a dictionary, got {type(content).__name__}")
    return content


def _checked(content: dict[str, Any], key: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if key not in content:
        raise DataError(f"{key}: missing, expected shape {shape}")
    try:
        value = np.asarray(_dense(content[key]))
    except (AttributeError, DataError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(f"{key}: can't be read as an array ({error})") from error
    if value.dtype.kind not in "fiu" or value.shape != shape:
        raise DataError(f"{key}: expected numbers of shape {shape}, got {value.dtype} of shape {value.shape}")
    if key in _INDICES:
        return value.astype(np.int64)
    if not np.isfinite(value).all():
        raise DataError(f"{key}: expected finite numbers, got NaN or infinity")
    return np.array(value, dtype=np.float64)


def _meaning_problems(arrays: dict[str, npt.NDArray[Any]]) -> list[str]:
    problems = []
    faces = arrays["f"]
    if faces.min() < 0 or faces.max() >= N_VERTICES:
        problems.append(f"f: expected vertex ids in 0..{N_VERTICES - 1}, got {faces.min()}..{faces.max()}")
    parents = arrays["kintree_table"][0].copy()
    parents[(parents == _NO_PARENT) | (parents < 0)] = -1
    if tuple(parents.tolist()) != PARENTS:
        problems.append(f"kintree_table: expected parents {PARENTS}, got {tuple(parents.tolist())}")
    return problems


def _coefficients(value: Any, path: Path) -> npt.NDArray[np.float64]:
    coefficients = np.asarray(_dense(value))
    if coefficients.dtype.kind != "f" or coefficients.ndim != 2 or coefficients.shape[1] != N_POSE:
        raise DataError(f"{path}: hands_coeffs: expected shape (n, {N_POSE}), got {coefficients.shape}")
    return np.array(coefficients, dtype=np.float64)


def _dense(value: Any) -> Any:
    """The plain array behind a stand-in."""
    if isinstance(value, _Select):
        source = np.asarray(_dense(value.state["a"])).ravel()
        chosen = source[np.asarray(_dense(value.state["idxs"]), dtype=np.int64).ravel()]
        shape = value.state.get("preferred_shape")
        return chosen if shape is None else chosen.reshape(tuple(int(n) for n in np.asarray(shape).ravel()))
    if isinstance(value, _Ch):
        return _dense(value.state["x"])
    if isinstance(value, _Sparse):
        return _dense_columns(value.state)
    return value


def _dense_columns(state: dict[str, Any]) -> npt.NDArray[np.float64]:
    stored = state["_shape"] if "_shape" in state else state["shape"]
    rows, columns = (int(n) for n in stored)
    if rows * columns > N_ROTATIONS * N_VERTICES:
        raise DataError(f"a sparse matrix of {rows} x {columns}, expected at most {N_ROTATIONS} x {N_VERTICES}")
    dense = np.zeros((rows, columns))
    starts = np.asarray(state["indptr"], dtype=np.int64)
    column_of = np.repeat(np.arange(columns), np.diff(starts))
    np.add.at(dense, (np.asarray(state["indices"], dtype=np.int64), column_of), np.asarray(state["data"], dtype=float))
    return dense
