"""JPEG files without what cameras and phones write beside the picture: place, time, serial numbers, previews, clips.

The coded picture is not touched: every segment a decoder needs is passed on byte for byte, so the pixels are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

_START, _END = 0xD8, 0xD9
_SCAN = 0xDA
_RESTARTS = range(0xD0, 0xD8)
_STUFFED = 0x00
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_KEPT = {0xE0: (b"JFIF\0",), 0xE2: (b"ICC_PROFILE\0",), 0xEE: (b"Adobe",)}
"""Application segments that say how pixels are to be read, by their marker and their first bytes."""
_WITHOUT_THUMBNAIL = 16
"""A JFIF segment up to and with the size of its thumbnail."""


def without_metadata(data: bytes) -> bytes:
    """`data` without EXIF, XMP, IPTC, maker notes, comments, thumbnails, and whatever follows the picture.

    Phones put second pictures and short films with places of their own behind the end of the first.

    Args:
        data: a whole JPEG file; its orientation, if it has one, goes with the rest.

    Raises:
        ValueError: it is not laid out as a JPEG file.
    """
    kept = [data[:2]]
    for marker, segment in _segments(data):
        if marker in _APPLICATION:
            if segment[4:].startswith(_KEPT.get(marker, ())):
                kept.append(_without_thumbnail(segment) if marker == _APPLICATION[0] else segment)
        elif marker != _COMMENT:
            kept.append(segment)
    return b"".join(kept)


def _without_thumbnail(segment: bytes) -> bytes:
    """A JFIF segment with an empty thumbnail (ITU-T T.871, 10.1)."""
    if len(segment) <= _WITHOUT_THUMBNAIL + 2:
        return segment
    return segment[:2] + _WITHOUT_THUMBNAIL.to_bytes(2, "big") + segment[4:_WITHOUT_THUMBNAIL] + b"\0\0"


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, bytes) of each segment after the start up to the end marker; a scan's segment has its coded data."""
    if data[:2] != bytes((0xFF, _START)):
        raise ValueError("no start of a JPEG")
    at = 2
    while True:
        begin, at = at, _after_fill(data, at)
        marker = data[at - 1]
        if marker == _END:
            yield marker, data[at - 2 : at]
            return
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end < at + 2 or end > len(data) or marker in (_START, _STUFFED):
            raise ValueError(f"no whole segment at byte {begin}")
        end = _end_of_scan(data, end) if marker == _SCAN else end
        yield marker, data[at - 2 : end]
        at = end


def _after_fill(data: bytes, at: int) -> int:
    """The place behind the marker at `at`, before which any number of fill bytes may stand (ITU-T T.81, B.1.1.2)."""
    if data[at : at + 1] != b"\xff":
        raise ValueError(f"no marker at byte {at}")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise ValueError("no end of the picture")
    return at + 1


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the coded data that begin at `at` end: at the first marker that is neither stuffing nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ValueError("no end of the picture")
        if data[at + 1] not in (_STUFFED, 0xFF) and data[at + 1] not in _RESTARTS:
            return at
        at += 1 if data[at + 1] == 0xFF else 2
