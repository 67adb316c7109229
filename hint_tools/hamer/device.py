"""Where a network runs."""

from __future__ import annotations

import torch

from hint_tools.core.errors import EnvironmentFault


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Raises:
        EnvironmentFault: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EnvironmentFault(f"device {name!r} can't be used ({reason})", hint="--device cpu") from error
    return device
