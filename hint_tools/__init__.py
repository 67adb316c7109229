"""hint-tools: make, check and use HInt-style hand data."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hint_tools.data.hint import HInt

__all__ = ["HInt", "__version__"]

_LAZY = {"HInt": "hint_tools.data.hint"}
"""Public names that need torch: imported when first asked for, so that the rest works without it."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hint_tools' has no attribute {name!r}")
