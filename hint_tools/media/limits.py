"""How large a picture may be."""

from __future__ import annotations

from typing import Final

MAX_PIXELS: Final = 80_000_000
"""Larger pictures are refused before they are decoded: 240 MB each, and no camera frame comes near."""
