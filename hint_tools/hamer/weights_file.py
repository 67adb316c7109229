"""Weights as safetensors: no pickle, nothing that could run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.store.atomic import atomic_path

_HEADER = "hint"


def write(path: Path, state: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able header, whole or not at all.

    Raises:
        EnvironmentFault: it could not be written; an older file is untouched.
    """
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={_HEADER: json.dumps(dict(header), sort_keys=True)})


def read(path: Path) -> dict[str, Any]:
    """The header with the tensors as `state_dict`; tensors alone when the file has no header of ours.

    Raises:
        DataError: not a safetensors file, or a damaged one.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            header = json.loads((opened.metadata() or {}).get(_HEADER, "{}"))
            # copied into aligned memory: elsewhere the same weights answer differently in the last digit
            state = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path}: expected safetensors, but it can't be read ({error})") from error
    if not isinstance(header, dict):
        raise DataError(f"{path}: expected a header of settings, got {type(header).__name__}")
    return {**header, "state_dict": state}
