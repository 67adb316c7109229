"""Settings of `hint benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hint_tools.store.config import StageConfig


class BenchmarkConfig(StageConfig):
    """What to score on what."""

    checkpoint: Path = Field(
        description="Checkpoint: ours, HaMeR's, a state dict or safetensors.", json_schema_extra={"argument": True}
    )
    release: Path | None = Field(
        default=None, description="Release to score on; default: the project's, if it has exactly one."
    )
    split: Literal["train", "val", "test"] = Field(default="test", description="Split of the release.")
    sources: tuple[str, ...] = Field(default=(), description="Only these sources; default: all.")
    npz: tuple[Path, ...] = Field(
        default=(),
        description="HaMeR evaluation file instead of a release; of X_all.npz, X_vis and X_occ are used too.",
    )
    images: Path | None = Field(default=None, description="Folder the image names of --npz count from.")
    on_missing: Literal["error", "skip"] = Field(default="error", description="What to do about missing images.")
    hand_model: Path | None = Field(
        default=None, description="MANO-format hand model for checkpoints that carry none; default: $HINT_MANO."
    )
    batch_size: int = Field(default=16, ge=1, description="Hands at a time.")
    workers: int = Field(default=0, ge=0, description="Processes that prepare crops.")
    threads: int = Field(default=0, ge=0, description="Threads of the network; 0 leaves it to torch.")
    device: str = Field(default="auto", description="cpu, cuda, cuda:1, mps; auto takes a GPU where there is one.")
    bootstrap: int = Field(default=1000, ge=0, description="Resamplings for the 95% intervals; 0 for none.")
    seed: int = Field(default=0, ge=0, description="Of the resamplings.")
    examples: int = Field(default=8, ge=0, description="Best and worst hands to show in the report.")
    out: Path = Field(
        default=Path("benchmark"),
        description="Folder for metrics.json, metrics.csv and report.html; default: in the project.",
        json_schema_extra={"output": True},
    )
