"""Settings of `hint train`."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from hint_tools.store.config import StageConfig

DEFAULT_PRESET: Final = "small"
LEARNING_RATES: Final = {
    **dict.fromkeys(("vit_h", "vit_l", "vit_b", "vit_s"), 1e-5),
    "small": 5e-4,
    "tiny": 1e-3,
}
"""The paper's for its network and ViTPose's other sizes; for the small ones what an overfitted batch asked for."""
PAPER_LEARNING_RATE: Final = 1e-5


class TrainConfig(StageConfig):
    """What is trained, on what, for how long."""

    release: Path = Field(description="Release folder to train on (or an unpacked published HInt).")
    name: str = Field(
        default="first", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Of the run: its folder is runs/NAME."
    )
    preset: Literal["vit_h", "vit_l", "vit_b", "vit_s", "small", "tiny"] | None = Field(
        default=None, description=f"Size of the network; {DEFAULT_PRESET} unless --init or --model-config-file says it."
    )
    model_config_file: Path | None = Field(
        default=None, description="A model_config.yaml (HaMeR's fields) for a network of any size."
    )
    init: Path | None = Field(
        default=None,
        description="Checkpoint to start from: ours, HaMeR's, or a ViTPose or WiLoR backbone; brings its sizes.",
    )
    mano: Path | None = Field(
        default=None, description="Hand model: a MANO file or its folder; default $HINT_MANO, else the open hand."
    )
    split: Literal["train", "val", "test"] = Field(default="train", description="Split of the release to train on.")
    sources: tuple[str, ...] = Field(default=(), description="Only these sources of the release.")
    target: Literal["consensus", "fit"] = Field(
        default="consensus", description="Keypoints to learn: what people annotated, or the fitted hands' joints."
    )
    on_missing: Literal["error", "skip"] = Field(
        default="error", description="What to do about hands whose images are not there."
    )
    augment: bool = Field(default=True, description="Change crops at random, as HaMeR does.")
    steps: int = Field(default=200, ge=1, description="Optimiser steps in all, resumed ones included.")
    batch_size: int = Field(
        default=16,
        ge=1,
        description="Hands a step, on each device; losses are sums, so the learning rate belongs to it.",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="Of AdamW; default: 1e-5 (the paper's), more for the small presets."
    )
    weight_decay: float = Field(default=1e-4, ge=0, description="Of AdamW.")
    adversarial: Literal["off", "anatomy", "fits"] = Field(
        default="anatomy",
        description="Real hands the discriminator sees: drawn from anatomy, or the release's accepted fits; off: none.",
    )
    freeze_backbone: bool = Field(default=False, description="Train the head alone.")
    seed: int = Field(default=0, ge=0, description="Of initial weights, order of hands, augmentation and drawn poses.")
    workers: int = Field(default=0, ge=0, description="Processes that load images.")
    threads: int = Field(
        default=0, ge=0, description="Processor threads; 0 leaves it to torch, 1 is fastest for small networks."
    )
    accelerator: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where to train.")
    devices: int = Field(default=1, ge=1, description="How many of them on this machine.")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="Numbers of the backbone; head and hand model always use 32 bits."
    )
    log_every: int = Field(default=10, ge=1, description="Steps between lines of the log.")
    save_every: int = Field(default=1000, ge=1, description="Steps between checkpoints; the last step always has one.")
    keep: int = Field(
        default=2, ge=1, description="Newest checkpoints that are kept; an interrupt's goes when the next is there."
    )
    resume: bool = Field(default=True, description="Continue a run of this name from its last checkpoint; else refuse.")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        named = [n for n in ("preset", "model_config_file", "init") if getattr(self, n) is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} each say the size of the network: give one")
        return self

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.init is not None or self.model_config_file is not None:
            return PAPER_LEARNING_RATE
        return LEARNING_RATES[self.preset or DEFAULT_PRESET]

    def recipe(self) -> dict[str, str | int | float | bool | list[str]]:
        """The settings that a resumed run must share with its beginning, as plain values."""
        return {
            "release": self.release.name,
            "preset": self.preset or ("" if self.init or self.model_config_file else DEFAULT_PRESET),
            "init": _short(self.init),
            "model_config_file": _short(self.model_config_file),
            "split": self.split,
            "sources": list(self.sources),
            "target": self.target,
            "augment": self.augment,
            "batch_size": self.batch_size,
            "devices": self.devices,
            "learning_rate": self.rate,
            "weight_decay": self.weight_decay,
            "adversarial": self.adversarial,
            "freeze_backbone": self.freeze_backbone,
            "seed": self.seed,
            "precision": self.precision,
        }


def _short(path: Path | None) -> str:
    """Folder and name of a file: what stays when a project is moved."""
    return "" if path is None else "/".join(path.parts[-2:])
