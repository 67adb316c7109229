"""Makes `golden/settings_*.ckpt`: Lightning's layout, with settings in yacs' and OmegaConf's own objects.

Neither package is needed to read them, and neither is installed for the tests:

    pip install --target /tmp/foreign omegaconf==2.3.0 yacs==0.1.8
    PYTHONPATH=/tmp/foreign python tests/hamer/make_foreign_checkpoints.py
"""

from __future__ import annotations

from pathlib import Path

import torch

from hint_tools.hamer.config import BackboneConfig, DecoderConfig, HamerConfig
from hint_tools.hamer.model_config import config_to_fields
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model

CONFIG = HamerConfig(
    backbone=BackboneConfig(dim=8, depth=1, heads=2),
    decoder=DecoderConfig(dim=8, depth=1, heads=2, dim_head=4, mlp_dim=8, context_dim=8),
    focal_px=4321.0,
)
"""Heads of 4: neither shapes nor custom tell that, so the settings must have been read."""
GOLDEN = Path(__file__).parent / "golden"


def fields() -> dict:
    """What HaMeR's training keeps: the network's settings among many others."""
    others = {
        "task_name": "train",
        "tags": ["dev"],
        "seed": None,
        "trainer": {"devices": 8, "limit_val_batches": 0.5, "deterministic": False},
        "paths": {"output_dir": "/logs/run"},
    }
    return config_to_fields(CONFIG) | others


def document(cfg: object) -> dict:
    """A checkpoint in Lightning's layout, without what is large: hand model, discriminator, optimiser."""
    torch.manual_seed(0)
    state = Hamer(CONFIG, load_hand_model()).state_dict()
    kept = {n: v.half() for n, v in state.items() if n.startswith(("backbone.", "mano_head."))}
    return {
        "epoch": 3,
        "global_step": 1234,
        "pytorch-lightning_version": "2.0.9",
        "state_dict": kept,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(1.5), "dirpath": "/logs"}},
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"cfg": cfg, "init_renderer": True},
    }


def main() -> None:
    from omegaconf import OmegaConf
    from yacs.config import CfgNode

    node = CfgNode(fields(), new_allowed=True)
    node.freeze()
    tree = OmegaConf.create(fields() | {"copy_of": "${MODEL.IMAGE_SIZE}", "where": "${hydra:runtime.cwd}"})
    OmegaConf.set_struct(tree, True)
    for name, cfg in (("yacs", node), ("omegaconf", tree)):
        with (GOLDEN / f"settings_{name}.ckpt").open("wb") as opened:
            torch.save(document(cfg), opened)


if __name__ == "__main__":
    main()
