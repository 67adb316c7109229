"""The one door for pickled bytes: nothing is imported that is not on a list the caller gives."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError

MAX_BYTES = 1 << 30


class _Listed(pickle.Unpickler):
    """An unpickler that knows only the globals it was given."""

    def __init__(self, data: io.BytesIO, allowed: Mapping[tuple[str, str], Any], source: str) -> None:
        super().__init__(data, encoding="latin1")
        self._allowed = allowed
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[(module, name)]
        except KeyError:
            raise DataError(
                f"{self._source}: the file asks for {module}.{name}, which such a file never needs; not opened",
                hint="get the file again from its owners",
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        raise DataError(f"{self._source}: the file holds a persistent id, which such a file never needs; not opened")


def load_pickle(path: Path, allowed: Mapping[tuple[str, str], Any], *, max_bytes: int = MAX_BYTES) -> Any:
    """The object in `path`, built from the `allowed` globals alone.

    Args:
        path: a pickle file.
        allowed: (module, name) -> what stands in for it.
        max_bytes: larger files are refused unread.

    Raises:
        DataError: missing, too large, not a pickle, or asking for anything that is not allowed.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    size = path.stat().st_size
    if size > max_bytes:
        raise DataError(f"{path}: {size} bytes, expected at most {max_bytes}")
    return loads_pickle(path.read_bytes(), allowed, source=str(path))


def loads_pickle(data: bytes, allowed: Mapping[tuple[str, str], Any], *, source: str) -> Any:
    """The object in `data`, built from the `allowed` globals alone; `source` names it in messages.

    Raises:
        DataError: not a pickle, or asking for anything that is not allowed.
    """
    try:
        return _Listed(io.BytesIO(data), allowed, source).load()
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{source}: expected a pickle, but it can't be read ({type(error).__name__}: {error})"
        ) from error
