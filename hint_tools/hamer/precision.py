"""Half precision for the backbone; head and hand model always stay in single (`Hamer.forward`)."""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import nn

from hint_tools.core.errors import EnvironmentFault
from hint_tools.hamer.network import Hamer

Precision = Literal["fp32", "bf16", "fp16"]
_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}


def keep_in(network: Hamer, precision: Precision) -> None:
    """The network answers with a backbone that computes in `precision`, whose matrices are kept in it.

    For answering only. `torch.autocast` rounds the same matrices to the same bits, but anew at every call, which costs
    a tenth of a single hand's time in ViT-H. Norms, places and everything behind the backbone stay in 32 bits.

    Args:
        network: on the device where it is to run.
        precision: of the backbone; `fp32` changes nothing.

    Raises:
        EnvironmentFault: the device can't compute in it; the network is unchanged.
    """
    if precision == "fp32":
        return
    kind, device = _TYPES[precision], next(network.parameters()).device
    try:
        with torch.autocast(device_type=device.type, dtype=kind):
            pass
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise EnvironmentFault(f"{device} can't compute in {precision} ({reason})", hint="--precision fp32") from error
    for part in network.backbone.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.to(kind)
    network.backbone_type = kind
