"""Settings of `hint benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hint_tools.store.config import StageConfig


class BenchmarkConfig(StageConfig):
    """What to score on what."""

    checkpoint: Path | None = Field(
        default=None,
        description="Checkpoint: ours, HaMeR's, a state dict or safetensors.",
        json_schema_extra={"argument": True},
    )
    predictions: Path | None = Field(
        default=None,
        description="Answers of any model instead of a checkpoint: JSON or npz (docs/benchmark.md), or, for FreiHAND "
        "and HO-3D, the pred.json of their servers.",
    )
    dataset: Literal["hint", "freihand", "ho3d-v2", "ho3d-v3"] = Field(
        default="hint", description="hint scores a release or npz files; the others their own evaluation sets."
    )
    root: Path | None = Field(default=None, description="Folder of FreiHAND or HO-3D as its owners ship it.")
    release: Path | None = Field(
        default=None,
        description="Release, or unpacked published HInt, to score on; default: the project's, if it has exactly one.",
    )
    split: Literal["train", "val", "test"] = Field(default="test", description="Split of the release.")
    sources: tuple[str, ...] = Field(default=(), description="Only these sources; default: all.")
    npz: tuple[Path, ...] = Field(
        default=(),
        description="HaMeR evaluation file instead of a release; of X_all.npz, X_vis and X_occ are used too. With "
        "--dataset: the file its boxes come from.",
    )
    images: Path | None = Field(default=None, description="Folder the image names of --npz count from.")
    on_missing: Literal["error", "skip"] = Field(
        default="error", description="What to do about missing images and missing predictions."
    )
    crop: Literal["hint", "padded", "demo"] = Field(
        default="hint",
        description="How HaMeR cuts a box: as its HInt evaluation (twice the longer side), as its FreiHAND and HO-3D "
        "evaluation (grown to 3:4), or as its demo (twice the box, grown to 3:4).",
    )
    as_reference: bool = Field(
        default=False,
        description="Add what HaMeR's own evaluation prints, with its faults: mode_kpl2 with left hands mirrored "
        "twice, averages that are NaN where a joint is never counted.",
    )
    compare: Path | None = Field(
        default=None,
        description="Another model on the same hands: its predictions file, or the metrics.json of its benchmark.",
    )
    shard: str = Field(
        default="",
        description="Answer only part i of n (such as 0/4) and stop; the command without it puts the parts together. "
        "Under torchrun this is done by itself.",
    )
    hand_model: Path | None = Field(
        default=None, description="MANO-format hand model for checkpoints that carry none; default: $HINT_MANO."
    )
    batch_size: int = Field(default=16, ge=1, description="Hands at a time.")
    workers: int = Field(default=0, ge=0, description="Processes that prepare crops; 0: threads.")
    threads: int = Field(default=0, ge=0, description="Threads of the network; 0 leaves it to torch.")
    device: str = Field(default="auto", description="cpu, cuda, cuda:1, mps; auto takes a GPU where there is one.")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32", description="Numbers of the backbone; head and hand model always use 32 bits."
    )
    compile: bool = Field(default=False, description="Compile the backbone first: pays off from some hundred hands.")
    mesh_visibility: bool = Field(
        default=True,
        description="Ask each predicted mesh which joints it hides, where annotators said so: 2 ms a hand.",
    )
    bootstrap: int = Field(default=1000, ge=0, description="Resamplings for the 95% intervals; 0 for none.")
    seed: int = Field(default=0, ge=0, description="Of the resamplings.")
    examples: int = Field(default=8, ge=0, description="Best and worst hands to show in the report.")
    out: Path = Field(
        default=Path("benchmark"),
        description="Folder for metrics.json, metrics.csv, report.html and results.jsonl; default: in the project.",
        json_schema_extra={"output": True},
    )
