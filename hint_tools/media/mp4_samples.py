"""The samples of one track of an MP4 file, from its tables alone (ISO/IEC 14496-12, 8.6 and 8.7).

Sample n, in decoding order, is decoded at the sum of the durations before it (`stts`) and shown its composition offset
(`ctts`) later; `stss` lists those decoding can begin at; `stsz`, `stsc` and `stco` or `co64` say where
each one's bytes are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.media.mp4_boxes import NotPlainError, boxes, only, optional

Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_SAMPLES = 2_000_000
"""Of a track: nine hours at 60 frames a second."""
_LARGEST_STEP = (1 << 31) - 1
_LARGEST_OFFSET = (1 << 28) - 1
"""Beyond these, readers of such files take a number for a mistake and disagree what to make of it."""
_BROKEN = "its tables are broken"
_CODINGS = frozenset({b"avc1", b"avc3", b"hvc1", b"hev1", b"vp09"})
"""Sample entries whose packets leave FFmpeg's demuxer as they lie in the file."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The samples of a track, in decoding order.

    Args:
        places: first byte in the file of each (n,), int64.
        sizes: bytes of each (n,), int64.
        times: when each is decoded (n,), int64, ticks from the first.
        steps: how long each lasts (n,), int64, ticks.
        offsets: from a sample's decoding to its being shown (n,), int64, ticks.
        keys: whether decoding can begin at it (n,).
    """

    places: Longs
    sizes: Longs
    times: Longs
    steps: Longs
    offsets: Longs
    keys: Bools

    def __len__(self) -> int:
        return len(self.sizes)

    def part(self, first: int, n: int) -> Samples:
        """`n` of the samples, from `first` on; times go on counting from the first of all."""
        chosen = slice(first, first + n)
        return Samples(
            self.places[chosen], self.sizes[chosen], self.times[chosen], self.steps[chosen], self.offsets[chosen],
            self.keys[chosen],
        )  # fmt: skip


def samples_of(movie: bytes, track_id: int, size_bytes: int) -> Samples:
    """The samples of a track.

    Args:
        movie: content of the `moov` box.
        track_id: of the track, as its header says.
        size_bytes: of the file.

    Raises:
        NotPlainError: fragments, other than one kind of coding, tables that disagree or point beyond the file, or a
            broken list of key frames.
    """
    whole = memoryview(movie)
    if any(kind in (b"mvex", b"cmov") for kind, _ in boxes(whole)):
        raise NotPlainError("it has fragments or unknown boxes")
    media = only(_track(whole, track_id), b"mdia")
    for other in (content for kind, content in boxes(whole) if kind == b"trak"):
        _expect_within(only(other, b"mdia", b"minf", b"stbl"), size_bytes)
    if bytes(only(media, b"hdlr")[8:12]) != b"vide":
        raise NotPlainError("its pictures are no video track")
    information = only(media, b"minf")
    _expect_own_data(only(information, b"dinf", b"dref"))
    tables = only(information, b"stbl")
    if any(kind in (b"stps", b"senc", b"saio", b"saiz") for kind, _ in boxes(tables)):
        raise NotPlainError("it is encrypted or has partial key frames")
    _expect_one_coding(only(tables, b"stsd"))
    sizes = _sizes(tables)
    steps = _spread(only(tables, b"stts"), len(sizes), _LARGEST_STEP)
    if (steps == 0).any():
        raise NotPlainError("pictures last no time")
    return Samples(
        places=_places(tables, sizes, size_bytes),
        sizes=sizes,
        times=np.cumsum(steps) - steps,
        steps=steps,
        offsets=_offsets(tables, len(sizes)),
        keys=_keys(tables, len(sizes)),
    )


def _track(movie: memoryview, track_id: int) -> memoryview:
    found = []
    for kind, content in boxes(movie):
        if kind == b"trak":
            header = only(content, b"tkhd")
            version = _number(header, 0) >> 24
            if _number(header, 20 if version == 1 else 12) == track_id:
                found.append(content)
    if len(found) != 1:
        raise NotPlainError("a table is missing or double")
    return found[0]


def _number(data: memoryview, at: int) -> int:
    if len(data) < at + 4:
        raise NotPlainError(_BROKEN)
    return int(struct.unpack_from(">I", data, at)[0])


def _expect_own_data(references: memoryview) -> None:
    """One reference, to the file itself (8.7.2: flag 1)."""
    if _number(references, 4) != 1:
        raise NotPlainError("its pictures lie in other files")
    ((_, entry),) = _exactly_one(references[8:])
    if not _number(entry, 0) & 1:
        raise NotPlainError("its pictures lie in other files")


def _exactly_one(data: memoryview) -> list[tuple[bytes, memoryview]]:
    found = list(boxes(data))
    if len(found) != 1:
        raise NotPlainError(_BROKEN)
    return found


def _expect_one_coding(descriptions: memoryview) -> None:
    if _number(descriptions, 4) != 1:
        raise NotPlainError("its pictures are coded in several ways")
    ((kind, _),) = _exactly_one(descriptions[8:])
    if kind not in _CODINGS:
        raise NotPlainError("its coding is none of H.264, HEVC and VP9")


def _rows(table: memoryview, columns: int, kind: str = ">u4", header: int = 4) -> Longs:
    """The numbers of a table (n, columns) behind version, flags and count; `header` is where the count stands."""
    count, start = _number(table, header), header + 4
    width = np.dtype(kind).itemsize * columns
    if count > MAX_SAMPLES or start + count * width > len(table):
        raise NotPlainError(_BROKEN)
    flat = np.frombuffer(table, kind, count * columns, start)
    if kind == ">u8" and (flat >> 62).any():
        raise NotPlainError(_BROKEN)
    return flat.astype(np.int64).reshape(count, columns)


def _sizes(tables: memoryview) -> Longs:
    sizes = _stated_sizes(tables)
    if isinstance(sizes, int):
        raise NotPlainError("all its pictures have one size")
    if not len(sizes) or (sizes == 0).any():
        raise NotPlainError("pictures without data")
    return sizes


def _stated_sizes(tables: memoryview) -> Longs | int:
    """Bytes of each sample; one number where it is the same for all."""
    table = only(tables, b"stsz")
    return _number(table, 4) or _rows(table, 1, header=8)[:, 0]


def _spread(table: memoryview, n: int, largest: int) -> Longs:
    """One value a sample, of a table of (how many samples, value)."""
    rows = _rows(table, 2)
    counts, values = rows[:, 0], rows[:, 1]
    if (counts > n).any() or int(counts.sum()) != n or (values > largest).any():
        raise NotPlainError("its tables disagree")
    return np.repeat(values, counts)


def _offsets(tables: memoryview, n: int) -> Longs:
    """Numbers below zero occur in either version of the table (8.6.1.3)."""
    table = optional(tables, b"ctts")
    if table is None:
        return np.zeros(n, np.int64)
    offsets = _spread(table, n, (1 << 32) - 1)
    offsets[offsets >= 1 << 31] -= 1 << 32
    if (np.abs(offsets) > _LARGEST_OFFSET).any():
        raise NotPlainError("its tables disagree")
    return offsets


def _keys(tables: memoryview, n: int) -> Bools:
    table = optional(tables, b"stss")
    if table is None:  # 8.6.2: then every one is
        return np.ones(n, np.bool_)
    numbers = _rows(table, 1)[:, 0]
    if not len(numbers) or numbers[0] != 1 or numbers[-1] > n or (np.diff(numbers) <= 0).any():
        raise NotPlainError("its list of key frames is broken or begins late")
    keys = np.zeros(n, np.bool_)
    keys[numbers - 1] = True
    return keys


def _places(tables: memoryview, sizes: Longs, size_bytes: int) -> Longs:
    """Chunk by chunk, sample after sample (8.7.4, 8.7.5)."""
    chunks, counts = _chunks(tables)
    if (counts > len(sizes)).any() or int(counts.sum()) != len(sizes):
        raise NotPlainError("its tables disagree")
    begins = np.cumsum(sizes) - sizes  # bytes of all samples before each
    used = counts > 0
    first = (np.cumsum(counts) - counts)[used]
    within = begins - np.repeat(begins[first], counts[used])
    places = np.repeat(chunks[used], counts[used]) + within
    if (places + sizes > size_bytes).any():
        raise NotPlainError("its end is missing")
    return np.asarray(places, np.int64)


def _chunks(tables: memoryview) -> tuple[Longs, Longs]:
    """(first byte, number of samples) of each chunk."""
    near, far = optional(tables, b"stco"), optional(tables, b"co64")
    table, kind = (near, ">u4") if far is None else (far, ">u8")
    if table is None or (near is not None and far is not None):
        raise NotPlainError("a table is missing or double")
    chunks, runs = _rows(table, 1, kind)[:, 0], _rows(only(tables, b"stsc"), 3)
    if not len(chunks):
        return chunks, chunks
    firsts = runs[:, 0]
    if not len(runs) or firsts[0] != 1 or (np.diff(firsts) <= 0).any() or firsts[-1] > len(chunks):
        raise NotPlainError("its tables disagree")
    if (runs[:, 2] != 1).any():
        raise NotPlainError("its pictures are coded in several ways")
    return chunks, np.repeat(runs[:, 1], np.diff(np.append(firsts, len(chunks) + 1)))


def _expect_within(tables: memoryview, size_bytes: int) -> None:
    """All of a track lies in the file: who reads packets of one track meets those of others, and stops at bad ones."""
    (chunks, counts), sizes = _chunks(tables), _stated_sizes(tables)
    if (counts > MAX_SAMPLES).any():
        raise NotPlainError("its tables disagree")
    n = int(counts.sum())
    if isinstance(sizes, int):
        ends = chunks + counts * sizes
    elif n == len(sizes) and len(chunks):
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        after = np.cumsum(counts)
        ends = chunks + sums[after] - sums[after - counts]
    elif n == len(sizes):
        return
    else:
        raise NotPlainError("its tables disagree")
    if (ends > size_bytes).any():
        raise NotPlainError("its end is missing")
