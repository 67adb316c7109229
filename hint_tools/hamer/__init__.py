"""HaMeR: the network, its losses and its checkpoints. Importing this package does not import torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hint_tools.hamer.loading import load_hamer
    from hint_tools.hamer.parameters import HandParameters, to_left, to_smplx

__all__ = ["HandParameters", "load_hamer", "to_left", "to_smplx"]

_LAZY = {
    "HandParameters": "hint_tools.hamer.parameters",
    "load_hamer": "hint_tools.hamer.loading",
    "to_left": "hint_tools.hamer.parameters",
    "to_smplx": "hint_tools.hamer.parameters",
}
"""Public names, imported when first asked for."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hint_tools.hamer' has no attribute {name!r}")
