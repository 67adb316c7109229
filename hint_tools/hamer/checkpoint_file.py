"""Checkpoint files as dicts, numbers and tensors. The only door to `torch.load`.

Nothing in a file is ever run: torch's safe reader admits tensors and plain values, and a short list of
inert stand-ins (`foreign`) covers the settings objects of HaMeR's own training.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.hamer import weights_file
from hint_tools.hamer.foreign import STAND_INS

FORMAT = "hint-tools.hamer"
FORMAT_VERSION = 1
_TOLD = 200
"""Characters of a foreign error message that are passed on."""


def read_document(path: Path) -> dict[str, Any]:
    """The whole file as dicts, lists, numbers and tensors on the CPU.

    Raises:
        DataError: missing, damaged, no checkpoint, or asking to run code.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such checkpoint", hint="hint train")
    if path.suffix == ".safetensors":
        return weights_file.read(path)
    _require_intact(path)
    try:
        with torch.serialization.safe_globals(STAND_INS):
            document = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: it can't be read without running code from it ({_refused(str(error))}); not opened",
            hint="where it was made, keep its weights alone: torch.save({'state_dict': m.state_dict()}, 'w.ckpt')",
        ) from None
    except Exception as error:
        first = str(error).split("\n")[0][:_TOLD]
        raise DataError(
            f"{path}: expected a checkpoint, but it can't be read ({type(error).__name__}: {first})"
        ) from error
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a checkpoint with a state dict, got {type(document).__name__}")
    return document


def layout_of(document: Mapping[str, Any], path: Path) -> str:
    """What kind of file it is: `safetensors`, `hint-tools`, `hamer` (Lightning's layout) or `state_dict`."""
    if path.suffix == ".safetensors":
        return "safetensors"
    if document.get("format") == FORMAT:
        return "hint-tools"
    return "hamer" if "state_dict" in document else "state_dict"


def state_dict_of(document: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The file's arrays by name, in single precision.

    Raises:
        DataError: made by a newer version, or there is no state dict of tensors in it.
    """
    if document.get("format") == FORMAT and document.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{path}: expected checkpoint format {FORMAT_VERSION}, got {document.get('format_version')}",
            hint="upgrade: pip install --upgrade hint-tools",
        )
    state = document.get("state_dict", document)
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f"{path}: expected a state dict of tensors, got keys {', '.join(map(str, list(document)[:5]))}")
    return {str(n): v.float() if v.is_floating_point() else v for n, v in state.items()}


def _require_intact(path: Path) -> None:
    """Check every record's checksum, which torch does not."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: the file is damaged ({error})", hint="copy or download it again") from error
    if broken is not None:
        raise DataError(f"{path}: the file is damaged ({broken} fails its checksum)", hint="copy or download it again")


def _refused(message: str) -> str:
    """What torch's safe reader refused, out of its long message."""
    if asked := re.search(r"GLOBAL (\S+)", message):
        return f"it asks for {asked[1]}"
    reason = re.search(r"WeightsUnpickler error:\s*(.+)", message)
    return (reason[1] if reason else message.split("\n")[0])[:_TOLD]
