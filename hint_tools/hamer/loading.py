"""`load_hamer`: the one call for people who want the network and nothing else."""

from __future__ import annotations

from pathlib import Path

import torch

from hint_tools.core.errors import EnvironmentFault
from hint_tools.hamer.checkpoint import LoadedCheckpoint, load_checkpoint
from hint_tools.hamer.config import HamerConfig
from hint_tools.hamer.model_config import read_model_config
from hint_tools.hamer.precision import Precision, keep_in
from hint_tools.mano.assets import HandModel, load_hand_model


def load_hamer(
    checkpoint: str | Path,
    *,
    config: HamerConfig | str | Path | None = None,
    hand_model: HandModel | str | Path | None = None,
    device: str | torch.device = "cpu",
    precision: Precision = "fp32",
) -> LoadedCheckpoint:
    """The network in a checkpoint, ready to answer: `.network`, `.config`, `.keys`, `.findings`, `.has_head`.

    ::

        hamer = load_hamer("hamer_ckpts/checkpoints/hamer.ckpt", hand_model="MANO_RIGHT.pkl")
        output = hamer.network({"img": crops})

    Args:
        checkpoint: HaMeR's `hamer.ckpt`, ours, a state dict, safetensors; or a backbone alone (ViTPose's, WiLoR's),
            which gets a fresh head and a finding that says so. Nothing in the file is ever run.
        config: of the network, or a `model_config.yaml`; found beside the checkpoint, in it or off its shapes when
            absent.
        hand_model: the right hand, or its MANO-format file, for checkpoints that carry none; `$HINT_MANO` or the
            open hand when absent.
        device: where to put it.
        precision: of the backbone, for answering: `bf16` takes half the time on most processors and less on GPUs.
            `fp32` leaves the choice to your own `torch.autocast`, and is what training needs.

    Raises:
        DataError: the file is missing, damaged, no checkpoint, wants to run code, or does not fit the network.
        ConfigError: a wrong `model_config.yaml`.
        EnvironmentFault: there is no such device here, or it can't compute in that precision.
    """
    sizes = config if config is None or isinstance(config, HamerConfig) else read_model_config(Path(config))
    hand = hand_model if hand_model is None or isinstance(hand_model, HandModel) else load_hand_model(Path(hand_model))
    loaded = load_checkpoint(Path(checkpoint).expanduser(), config=sizes, hand_model=hand, fresh_head=True)
    try:
        loaded.network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise EnvironmentFault(
            f"device {str(device)!r} can't be used ({str(error).splitlines()[0]})", hint="choose another: cpu"
        ) from error
    loaded.network.train(False)
    keep_in(loaded.network, precision)
    return loaded
