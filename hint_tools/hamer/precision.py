"""Half precision for the backbone; head and hand model always stay in single (`Hamer.forward`)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal

import torch
from torch import nn

from hint_tools.core.errors import EnvironmentFault
from hint_tools.hamer.network import Hamer

Precision = Literal["fp32", "bf16", "fp16"]
_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """A context in which the network's backbone computes in `precision`.

    Raises:
        EnvironmentFault: the device can't compute in it.
    """
    if precision == "fp32":
        return nullcontext()
    try:
        return torch.autocast(device_type=device.type, dtype=_TYPES[precision])
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise EnvironmentFault(f"{device} can't compute in {precision} ({reason})", hint="--precision fp32") from error


def keep_in(network: Hamer, precision: Precision) -> None:
    """Keep the backbone's matrices in `precision`, for answering only.

    `autocast` would round them so at every call, which costs a tenth of a single hand's time in ViT-H; the answers
    are the same bits. Norms, places and everything behind the backbone stay in 32 bits.
    """
    if precision == "fp32":
        return
    for part in network.backbone.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.to(_TYPES[precision])
