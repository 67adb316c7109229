"""FreiHAND's evaluation files, which HO-3D shares: JSON lists of points, read and written one hand at a time.

::

    evaluation_xyz.json    [hand, ...]                 hand = [[x, y, z] * 21], m
    evaluation_verts.json  [hand, ...]                 hand = [[x, y, z] * 778], m
    pred.json              [[hand, ...], [hand, ...]]  joints, then vertices, in the order of the images

HO-3D v3's truth is a gigabyte of text: no more than one hand of it is ever held.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError

Floats = npt.NDArray[np.float64]

TRUTH_DEPTH: Final = 2
"""Brackets around the points of a hand in a truth file, its own included."""
ANSWER_DEPTH: Final = 3
"""The same in `pred.json`."""
SUBMISSION_MEMBER: Final = "pred.json"
_CHUNK: Final = 1 << 20
_MAX_HAND_BYTES: Final = 1 << 22
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def read_truth(path: Path, points: int) -> Iterator[Floats]:
    """The hands (points, 3) of a truth file, m, in its order.

    Raises:
        DataError: while reading: not such a file, or a hand of another shape or not finite; says which.
    """
    for i, (_, hand) in enumerate(_hands(path, TRUTH_DEPTH)):
        yield _points(hand, points, f"{path}: hand {i}")


def read_answers(path: Path, part: int, points: int) -> Iterator[Floats]:
    """The hands (points, 3) of one part of a `pred.json`, m, in its order.

    Args:
        path: `pred.json`, or a zip that holds one.
        part: 0 for joints, 1 for vertices.
        points: how many points a hand has.

    Raises:
        DataError: as `read_truth`.
    """
    count = 0
    for where, hand in _hands(path, ANSWER_DEPTH):
        if where == part:
            yield _points(hand, points, f"{path}: {('joints', 'vertices')[part]} of hand {count}")
            count += 1


def count_hands(path: Path, depth: int, part: int = 0) -> int:
    """How many hands a file (or a part of a `pred.json`) has, without reading their numbers.

    Raises:
        DataError: it can't be read, or is not such a file.
    """
    return sum(where == part for where, _ in _hands(path, depth))


def write_submission(path: Path, joints: Iterable[Floats], vertices: Iterable[Floats]) -> None:
    """`path` is the zip that the evaluation servers take; written hand by hand, the same hands give the same bytes.

    Args:
        path: a temporary file (`store.atomic.atomic_path`).
        joints: (21, 3) m each, in the order of the images.
        vertices: (778, 3) m each.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(SUBMISSION_MEMBER, _EPOCH)
        member.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(member, "w", force_zip64=True) as out:
            out.write(b"[[")
            for part, hands in enumerate((joints, vertices)):
                out.write(b"], [" if part else b"")
                for i, hand in enumerate(hands):
                    text = json.dumps(np.round(hand, 7).tolist(), allow_nan=False)
                    out.write((b", " if i else b"") + text.encode())
            out.write(b"]]")


def _points(text: bytes, points: int, where: str) -> Floats:
    try:
        value = np.array(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: expected {points} x 3 numbers ({error})") from error
    if value.shape != (points, 3):
        raise DataError(f"{where}: expected {points} x 3 numbers, got shape {value.shape}")
    if not np.isfinite(value).all():
        raise DataError(f"{where}: {int((~np.isfinite(value)).sum())} of its numbers are not finite")
    return value


def _hands(path: Path, depth: int) -> Iterator[tuple[int, bytes]]:
    """(part, text) of every bracket that opens at `depth`; the part counts the brackets that closed one above."""
    held, level, part, started = b"", 0, 0, -1
    with _opened(path) as stream:
        for chunk in iter(lambda: _read(stream, path), b""):
            base = len(held)
            held += chunk
            if base == 0 and level == 0 and part == 0 and not held.lstrip().startswith(b"["):
                raise DataError(f"{path}: expected JSON lists of points, got {held[:40]!r}")
            events, level = _brackets(chunk, level, depth)
            for place, opens, reached in events:
                if opens:
                    started = base + place
                elif reached == depth - 1 and started >= 0:
                    yield part, held[started : base + place + 1]
                    started = -1
                elif reached == depth - 2:
                    part += 1
            held = held[started:] if started >= 0 else b" "
            started = 0 if started >= 0 else -1
            if len(held) > _MAX_HAND_BYTES:
                raise DataError(f"{path}: one hand takes more than {_MAX_HAND_BYTES} bytes: not a file of hands")
    if level or not part:
        raise DataError(f"{path}: it ends before its last bracket", hint="get the file again")


def _brackets(chunk: bytes, level: int, depth: int) -> tuple[list[tuple[int, bool, int]], int]:
    """(place, opens, level reached) of the brackets that begin or end a hand or a part, and the level at the end."""
    codes = np.frombuffer(chunk, dtype=np.uint8)
    places = np.flatnonzero((codes == ord("[")) | (codes == ord("]")))
    opens = codes[places] == ord("[")
    levels = level + np.cumsum(np.where(opens, 1, -1))
    telling = np.where(opens, levels == depth, levels < depth)
    chosen = zip(places[telling].tolist(), opens[telling].tolist(), levels[telling].tolist(), strict=True)
    return list(chosen), int(levels[-1]) if len(levels) else level


def _read(stream: IO[bytes], path: Path) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error})") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with contextlib.ExitStack() as stack:
            if path.suffix.lower() == ".zip":
                stream = stack.enter_context(stack.enter_context(zipfile.ZipFile(path)).open(SUBMISSION_MEMBER))
            else:
                stream = stack.enter_context(path.open("rb"))
            yield stream
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError) as error:
        raise DataError(f"{path}: expected {SUBMISSION_MEMBER} or a zip of it ({error})") from error
