"""Moments as servers write them, on one clock: texts of several time zones don't sort by time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""The moment of a text that tells of none: before every other, so that it never counts as the later one."""


def moment(text: str) -> datetime:
    """The moment `text` tells of, in UTC; `NEVER` where it tells of none.

    Args:
        text: ISO 8601; without a time zone it is UTC, without a time midnight.
    """
    try:
        told = datetime.fromisoformat(text)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return NEVER


def day(text: str) -> str:
    """The day of that moment in UTC, as `2026-01-31`; empty where `text` tells of none."""
    told = moment(text)
    return "" if told == NEVER else told.date().isoformat()
