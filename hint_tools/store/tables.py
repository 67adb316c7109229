"""Tables of records: Parquet files with a schema that carries its version.

The schema is derived from the record's own fields, so a record and its table can't drift apart.
Arrays are stored flat; their shape is the record's. Rows are sorted by id, so the same records
give the same bytes whatever order they were found in.
"""

from __future__ import annotations

import hashlib
import itertools
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hint_tools.core import records
from hint_tools.core.errors import DataError
from hint_tools.core.records import Record
from hint_tools.store.atomic import atomic_path

R = TypeVar("R", bound=Record)

_SCALARS: dict[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


_WORDS: dict[pa.DataType, str] = {
    pa.string(): "text", pa.int64(): "whole numbers", pa.int8(): "whole numbers below 128", pa.float64(): "numbers",
    pa.bool_(): "yes or no",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """One kind of table.

    Args:
        name: file name without ending, and the word for it in messages.
        record: what a row is.
        key: the field that is unique and that rows are sorted by.
        version: raised whenever a field changes meaning, appears or disappears.
        made_by: the command that writes it.
    """

    name: str
    record: type[R]
    key: str
    version: int
    made_by: str


FRAMES = Table("frames", records.Frame, "frame_id", 1, "hint sample")
HANDS = Table("hands", records.Hand, "hand_id", 1, "hint sample")
DETECTED_HANDS = Table("detected_hands", records.Hand, "hand_id", 1, "hint prelabel")
PREDICTIONS = Table("predictions", records.Prediction, "prediction_id", 1, "hint prelabel")
LEDGER = Table("ledger", records.LedgerEntry, "task_key", 1, "hint push")
SUBMISSIONS = Table("submissions", records.Submission, "submission_id", 1, "hint pull")
CONSENSUS = Table("consensus", records.Consensus, "hand_id", 1, "hint qc")
QUEUE = Table("queue", records.QueueItem, "hand_id", 2, "hint qc")
FITS = Table("fits", records.Fit, "hand_id", 1, "hint fit")

ALL_TABLES: tuple[Table[Any], ...] = (
    FRAMES, HANDS, DETECTED_HANDS, PREDICTIONS, LEDGER, SUBMISSIONS, CONSENSUS, QUEUE, FITS,
)  # fmt: skip


_COLUMNS: dict[type[Record], tuple[tuple[str, pa.DataType, Any], ...]] = {}


def _columns(record: type[Record]) -> tuple[tuple[str, pa.DataType, Any], ...]:
    """(name, type, array metadata or None) of each field; worked out once a record type."""
    if record not in _COLUMNS:
        hints = typing.get_type_hints(record)
        _COLUMNS[record] = tuple(_column(spec, hints) for spec in fields(record))  # type: ignore[arg-type]
    return _COLUMNS[record]


def _column(spec: Field[Any], hints: dict[str, Any]) -> tuple[str, pa.DataType, Any]:
    if "shape" in spec.metadata:
        size = int(np.prod(spec.metadata["shape"]))
        return spec.name, pa.list_(pa.from_numpy_dtype(spec.metadata["dtype"]), size), spec.metadata
    return spec.name, _SCALARS[_plain(hints[spec.name])], None


def _plain(hint: Any) -> type:
    """`str` of `str | None`."""
    if isinstance(hint, types.UnionType):
        (hint,) = (a for a in typing.get_args(hint) if a is not type(None))
    return typing.cast("type", hint)


def _optional(record: type[Record]) -> frozenset[str]:
    """Fields a row may be without."""
    hints = typing.get_type_hints(record)
    return frozenset(
        spec.name
        for spec in fields(record)  # type: ignore[arg-type]
        if spec.metadata.get("optional") or type(None) in typing.get_args(hints[spec.name])
    )


def schema(table: Table[Any]) -> pa.Schema:
    """The Arrow schema of a table, with name and version in its metadata."""
    described = {b"hint.table": table.name.encode(), b"hint.version": str(table.version).encode()}
    return pa.schema([pa.field(n, t) for n, t, _ in _columns(table.record)], metadata=described)


def to_arrow(table: Table[R], rows: Iterable[R]) -> pa.Table:
    """The rows as an Arrow table, sorted by key.

    Raises:
        DataError: two rows have one key.
    """
    ordered = sorted(rows, key=lambda r: str(getattr(r, table.key)))
    keys = [getattr(r, table.key) for r in ordered]
    if len(set(keys)) != len(keys):
        twice = next(a for a, b in itertools.pairwise(keys) if a == b)
        raise DataError(f"table {table.name}: two rows with {table.key} {twice!r}")
    arrays = []
    for name, kind, metadata in _columns(table.record):
        values = [getattr(r, name) for r in ordered]
        if metadata is not None:
            values = [None if v is None else v.ravel() for v in values]
        else:
            values = [None if v is None else _scalar(v, kind) for v in values]
        arrays.append(pa.array(values, type=kind))
    return pa.Table.from_arrays(arrays, schema=schema(table))


def _scalar(value: Any, kind: pa.DataType) -> Any:
    return str(value) if pa.types.is_string(kind) else value


def from_arrow(table: Table[R], data: pa.Table) -> list[R]:
    """The rows of an Arrow table as records, in its order."""
    columns = {}
    for name, _, metadata in _columns(table.record):
        column = data.column(name)
        columns[name] = column.to_pylist() if metadata is None else _arrays(column, metadata)
    names = list(columns)
    make: Callable[..., R] = table.record
    return [make(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _arrays(column: pa.ChunkedArray, metadata: Any) -> list[Any]:
    shape = metadata["shape"]
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):  # an empty column has no chunk to combine
        combined = pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.array([], type=column.type)
    return [None if v is None else np.asarray(v, metadata["dtype"]).reshape(shape) for v in _rows(combined)]


def _rows(column: pa.FixedSizeListArray) -> Iterable[Any]:
    if column.null_count == 0:
        size = column.type.list_size
        flat = column.flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(column), size)  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def write_table(path: Path, table: Table[R], rows: Iterable[R]) -> None:
    """`path` holds the rows, atomically.

    Raises:
        DataError: two rows have one key.
        EnvironmentFault: it could not be written.
    """
    data = to_arrow(table, rows)
    with atomic_path(path) as temporary:
        pq.write_table(data, temporary, compression="zstd")


def read_table(path: Path, table: Table[R]) -> list[R]:
    """The rows of `path`, sorted by key.

    Raises:
        DataError: missing, damaged, another table, another version of it, or columns of other types.
    """
    return from_arrow(table, read_arrow(path, table))


def read_arrow(path: Path, table: Table[Any]) -> pa.Table:
    """The rows of `path` as an Arrow table, for those who want columns. Raises as `read_table`."""
    if not path.exists():
        raise DataError(f"{path}: no table of {table.name} yet", hint=table.made_by)
    if path.is_dir():
        raise DataError(
            f"{path}: expected a Parquet table of {table.name}, got a folder",
            hint=f"move it away, then run: {table.made_by}",
        )
    try:
        data = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: expected a Parquet table of {table.name}, but it can't be read ({error})",
            hint=_made_again(table),
        ) from error
    described = data.schema.metadata or {}
    name = described.get(b"hint.table", b"?").decode(errors="replace")
    version = described.get(b"hint.version", b"?").decode(errors="replace")
    if name != table.name or version != str(table.version):
        raise DataError(
            f"{path}: expected table {table.name} version {table.version}, got {name} version {version}",
            hint="use the version of hint-tools that wrote it, or make it again: " + table.made_by,
        )
    if data.schema.names != [n for n, _, _ in _columns(table.record)]:
        raise DataError(
            f"{path}: expected columns {[n for n, _, _ in _columns(table.record)]}, got {data.schema.names}",
            hint=_made_again(table),
        )
    _check_columns(path, table, data)
    return data


def _made_again(table: Table[Any]) -> str:
    return f"restore the file from a backup, or delete it and run: {table.made_by}"


def _check_columns(path: Path, table: Table[Any], data: pa.Table) -> None:
    """Names alone say little of a file that something else wrote.

    Raises:
        DataError: a column has values of another type, or none where every row has one.
    """
    optional = _optional(table.record)
    for name, kind, metadata in _columns(table.record):
        column = data.column(name)
        absent = 0 if name in optional else column.null_count
        if column.type != kind:
            got = _in_words(column.type)
        elif absent:
            got = f"nothing in {absent} of {len(column)} rows"
        elif metadata is not None and (holes := pc.list_flatten(column).null_count):
            got = f"{holes} that are missing"
        else:
            continue
        raise DataError(
            f"{path}: table {table.name}, column {name}: expected {_in_words(kind)}, got {got}",
            hint=_made_again(table),
        )


def _in_words(kind: pa.DataType) -> str:
    """What a column holds, as one says it."""
    if pa.types.is_fixed_size_list(kind):
        return f"{kind.list_size} {_in_words(kind.value_type)} a row"
    return _WORDS.get(kind, str(kind))


def table_digest(path: Path) -> str:
    """sha256 of a table's file, first 16 digits; empty when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
