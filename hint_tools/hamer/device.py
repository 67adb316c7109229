"""Where a network runs."""

from __future__ import annotations

import os

import torch

from hint_tools.core.errors import EnvironmentFault


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Of several processes on one machine (torchrun's `LOCAL_RANK`) each takes a GPU of its own for `auto` and `cuda`.

    Raises:
        EnvironmentFault: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        alone = name != "cuda" or not torch.cuda.is_available()
        device = torch.device(name if alone else f"cuda:{_own_rank() % torch.cuda.device_count()}")
        torch.empty(1, device=device)
        if device.type == "cuda":
            torch.cuda.set_device(device)  # pinned memory belongs to the current one
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EnvironmentFault(f"device {name!r} can't be used ({reason})", hint="--device cpu") from error
    return device


def _own_rank() -> int:
    rank = os.environ.get("LOCAL_RANK", "")
    return int(rank) if rank.isdecimal() else 0
