"""Quotas as they are typed."""

from __future__ import annotations

LEVELS = ("source", "participant", "video", "action", "frame_type", "side", "contact", "size")
"""What frames can be balanced and limited by."""


def parse_quota(text: str) -> tuple[str, str, int]:
    """(level, word, number) of `video=20` (at most 20 of each video) or `side:left=500` (at most 500 left ones).

    Raises:
        ValueError: it is neither.
    """
    name, _, number = text.rpartition("=")
    level, _, word = name.partition(":")
    if level not in LEVELS or not number.isdigit() or not int(number):
        raise ValueError(f"expected LEVEL=N or LEVEL:WORD=N with LEVEL one of {', '.join(LEVELS)}, got {text!r}")
    return level, word, int(number)
