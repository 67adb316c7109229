"""npz files from anywhere, and pickles of plain arrays: read without running anything they hold.

Files found elsewhere may hold names as pickled objects: those are read through `store.pickles` with a list of what
such an array needs.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from hint_tools.core.errors import DataError
from hint_tools.store.pickles import loads_pickle

Array = npt.NDArray[Any]

MAX_BYTES: Final = 1 << 30
"""Larger arrays are refused unread; HInt's own files are a few MB together."""
_MODULES: Final = ("numpy.core.multiarray", "numpy._core.multiarray")


def read_arrays(data: bytes, names: Iterable[str], source: str) -> dict[str, Array]:
    """Those arrays called `names` that the npz file `data` has; no other member is looked at.

    Args:
        data: the file's bytes.
        names: of arrays, without `.npy`.
        source: what to call the file in messages.

    Raises:
        DataError: not an npz, its arrays are too large, or one holds objects other than text and numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {m.filename.removesuffix(".npy"): m for m in archive.infolist()}
            chosen = {name: members[name] for name in sorted(set(names) & members.keys())}
            if sum(m.file_size for m in chosen.values()) > MAX_BYTES:
                raise DataError(f"{source}: its arrays are larger than {MAX_BYTES} bytes")
            return {name: _array(archive.read(member), f"{source}: {name}") for name, member in chosen.items()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{source}: expected an npz file, but it can't be read ({error})") from error


_HEADERS: Final[Mapping[tuple[int, int], Callable[[io.BytesIO], tuple[tuple[int, ...], bool, np.dtype[Any]]]]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def _array(data: bytes, source: str) -> Array:
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)  # type: ignore[no-untyped-call]
    if version not in _HEADERS:
        raise DataError(f"{source}: unknown npy version {version}")
    shape, _, dtype = _HEADERS[version](stream)
    if not dtype.hasobject:
        plain: Array = npy.read_array(io.BytesIO(data), allow_pickle=False)  # type: ignore[no-untyped-call]
        return plain
    value = loads_pickle(stream.read(), array_globals(), source=source)
    if not isinstance(value, np.ndarray) or value.shape != shape:
        raise DataError(f"{source}: expected an array of shape {shape}, got {type(value).__name__}")
    return value


def array_globals() -> dict[tuple[str, str], Any]:
    """What the pickle of arrays of names or numbers may ask for; none of it runs anything (`store.pickles`)."""
    allowed: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1,
    }
    for module in _MODULES:
        allowed[(module, "_reconstruct")] = _empty_array
        allowed[(module, "scalar")] = _scalar
    return allowed


def _empty_array(kind: Any, shape: tuple[int, ...], code: Any) -> Array:
    """Stands in for numpy's `_reconstruct`: only ever starts an empty array, which the pickle then fills."""
    if kind is not np.ndarray or tuple(shape) != (0,):
        raise ValueError("not the pickle of an array")
    return np.ndarray((0,), dtype=np.int8)


def _scalar(dtype: np.dtype[Any], data: bytes | str = b"") -> Any:
    """Stands in for numpy's `scalar`, for plain types."""
    if dtype.hasobject:
        raise ValueError("a scalar can't hold an object")
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype=dtype, count=1)[0]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """Stands in for `_codecs.encode`, which older pickles use for bytes."""
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding!r}")
    return text.encode("latin1")
