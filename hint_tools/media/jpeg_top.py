"""The upper part of a JPEG file as a smaller JPEG file: what lies below is not decoded at all.

Frames are decoded for one hand; what lies below it costs as much as the rest. A baseline JPEG is coded from top to
bottom (ITU-T T.81), so a decoder that is told of a smaller height stops there, and the rows before the last ones are
the same to the bit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
_PREFIX: Final = 0xFF
_BASELINE: Final = frozenset({0xC0, 0xC1})
"""SOF0 and SOF1: one scan holds whole blocks, in order. Progressive files go over the picture many times."""
_OTHER_FRAMES: Final = frozenset(range(0xC2, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH: Final = frozenset({0x00, 0x01, *range(0xD0, 0xDA), 0xFF})
_SCAN: Final = 0xDA
_RESTARTS: Final = 0xDD
_BLOCK_PX: Final = 8


@dataclass(frozen=True, slots=True)
class _Layout:
    """Of a file that can be cut: where its height stands, what it says, rows a row of blocks has."""

    at: int
    height_px: int
    step_px: int


def top_of_jpeg(data: bytes, rows: int) -> bytes | None:
    """A JPEG file of at least the first `rows` rows of the one in `data`.

    The rows asked for are those of the whole picture to the bit; one row of blocks more is kept, since a decoder that
    smooths colours looks one row ahead. None where nothing would be saved, or the file is not of the simple kind:
    one baseline scan of all components without restart markers.

    Args:
        data: a whole file, with its end marker.
        rows: wanted, counted from the top.
    """
    found = _layout(data)
    if found is None or not data.endswith(_END):
        return None
    height = (-(-max(rows, 1) // found.step_px) + 1) * found.step_px
    if height >= found.height_px:
        return None
    # without the end marker a decoder that has its rows finds no marker to complain about
    return data[: found.at] + struct.pack(">H", height) + data[found.at + 2 : -len(_END)]


def _layout(data: bytes) -> _Layout | None:
    if not data.startswith(_START):
        return None
    place, frame, components = len(_START), None, 0
    while place + 4 <= len(data) and data[place] == _PREFIX:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : place + 2 + length]
        if marker in _OTHER_FRAMES | _WITHOUT_LENGTH or (marker == _RESTARTS and any(body)):
            return None
        if marker in _BASELINE:
            if frame is not None or len(body) < 6 or len(body) != 6 + 3 * body[5]:
                return None
            components = body[5]
            tallest = max((part & 15 for part in body[7::3]), default=0)
            frame = _Layout(place + 5, int.from_bytes(body[1:3], "big"), tallest * _BLOCK_PX)
        if marker == _SCAN:
            return frame if frame and frame.step_px and body[:1] == bytes([components]) else None
        place += 2 + length
    return None
