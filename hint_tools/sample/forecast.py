"""What an extraction will take, before it is begun: videos, key-frame groups, bytes, CPU time.

A few of the videos are looked at for how they are coded, the others are taken to be like them. The rates are measured
(`benchmarks/sampling.py`, docs/sampling.md) and rough: content and machine change them by half or more.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import median

from hint_tools.core.errors import HintError
from hint_tools.core.ids import order_key
from hint_tools.media.video_file import OPENING_BYTES
from hint_tools.media.video_index import FrameIndex, build_index
from hint_tools.sources.candidates import Candidate
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.remote import SourcePath, file_size

_LOOKED_AT = 3
_DECODE_S = {"h264": 0.0017, "vp9": 0.0036}
"""CPU seconds to decode a megapixel of video."""
_DECODE_OTHER_S = 0.0036
_STORE_S = 0.03
"""CPU seconds to convert, encode, check and hash a megapixel."""
_OPEN_S, _DEMUX_S = 0.05, 0.16e-9
"""CPU seconds to open a video, and to step over one of its bytes."""
_BITS = 0.26
"""Bytes of a stored frame for each pixel: JPEG of quality 95."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the videos of a source are coded, as far as it is known.

    Args:
        megapixels: of a frame.
        key_every: frames from one key frame to the next.
        decode_s: CPU seconds to decode a megapixel.
        opening_bytes: read of each video in any case.
        frame_bytes: of a frame in the file; infinite where all of a file is read to count its frames.
    """

    megapixels: float = 1920 * 1080 / 1e6
    key_every: float = 128.0
    decode_s: float = _DECODE_OTHER_S
    opening_bytes: float = 0.0
    frame_bytes: float = math.inf

    def bytes_read(self, size_bytes: int, n_decoded: int) -> float:
        """What is read of a video of which some frames are decoded."""
        return min(self.opening_bytes + n_decoded * self.frame_bytes, float(size_bytes))


def forecast(drawn: Sequence[Candidate], seed: int, cache: Cache) -> dict[str, int | float | str]:
    """Counts for a report of what extracting `drawn` takes, each frame once.

    Args:
        drawn: what is to be extracted.
        seed: of which videos are looked at.
        cache: for remote ones.
    """
    of_file: dict[SourcePath, set[int]] = {}
    n_stills, still_bytes = 0, 0
    for candidate in {(c.unit, c.frame_index): c for c in drawn}.values():
        if candidate.frame_index >= 0:
            of_file.setdefault(candidate.file, set()).add(candidate.frame_index)
        else:
            n_stills += 1
            still_bytes += 0 if candidate.member else _size(candidate.file)
    coding = look(sorted(of_file, key=lambda f: order_key(seed, "forecast", str(f))), cache)
    read = sum(coding.bytes_read(_size(f), work([n], coding.key_every)[1]) for f, n in of_file.items())
    groups, decoded = work(of_file.values(), coding.key_every)
    n_frames = sum(len(numbers) for numbers in of_file.values())
    stored = (n_frames + n_stills) * coding.megapixels * _STORE_S
    cpu = stored + decoded * coding.megapixels * coding.decode_s + len(of_file) * _OPEN_S + read * _DEMUX_S
    written = n_frames * coding.megapixels * 1e6 * _BITS + still_bytes
    told: dict[str, int | float | str] = {"to extract: frames of videos": n_frames, "to extract: pictures": n_stills}
    if of_file:
        told |= {
            "to extract: videos": len(of_file),
            "to extract: key-frame groups, about": groups,
            "to extract: frames to decode, about": decoded,
        }
    return told | {
        "to extract: GB to read, about": round((read + still_bytes) / 1e9, 2),
        "to extract: GB to write, about": round(written / 1e9, 2),
        "to extract: CPU hours, about": round(cpu / 3600, 3),
    }


def work(wanted: Iterable[Iterable[int]], key_every: float) -> tuple[int, int]:
    """(key-frame groups to enter, frames to decode in them up to the last wanted one of each).

    Args:
        wanted: frame numbers of each video.
        key_every: frames from one key frame to the next.
    """
    groups = decoded = 0
    for numbers in wanted:
        last: dict[int, int] = {}
        for number in sorted(numbers):
            group = int(number // key_every)
            last[group] = int(number - group * key_every) + 1
        groups += len(last)
        decoded += sum(last.values())
    return groups, decoded


def look(files: Sequence[SourcePath], cache: Cache) -> Coding:
    """How the first few readable videos are coded, in the median.

    Args:
        files: the videos.
        cache: for remote ones.
    """
    seen: list[Coding] = []
    for file in files:
        if len(seen) == _LOOKED_AT:
            break
        with contextlib.suppress(HintError), ranged_file(file, cache) as video:
            seen.append(_coding(build_index(video), _size(file)))
    if not seen:
        return Coding()
    return Coding(*(median(getattr(c, field.name) for c in seen) for field in fields(Coding)))


def _coding(index: FrameIndex, size_bytes: int) -> Coding:
    pixels = index.width_px * index.height_px / 1e6
    every = max(len(index.pts) / max(len(index.keys), 1), 1.0)
    decode_s = _DECODE_S.get(index.codec, _DECODE_OTHER_S)
    if index.layout is None:
        return Coding(pixels, every, decode_s)
    pictures = int(index.layout.samples.sizes.sum())
    return Coding(
        pixels, every, decode_s,
        opening_bytes=OPENING_BYTES + max(0.0, size_bytes - pictures), frame_bytes=pictures / len(index.layout.samples),
    )  # fmt: skip


def _size(file: SourcePath) -> int:
    try:
        return file_size(file)
    except (OSError, HintError):
        return 0
