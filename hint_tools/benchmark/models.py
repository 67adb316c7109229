"""The network that is scored, and its answers: kept batch by batch until the report is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hint_tools import __version__
from hint_tools.benchmark.batches import Batches, Shard, parse_shard, shard_of_environment
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.evaluate import batch_count, evaluate_into
from hint_tools.benchmark.inputs import set_digest
from hint_tools.core.findings import Finding
from hint_tools.core.progress import note
from hint_tools.core.report import Report
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.hamer.device import choose_device
from hint_tools.hamer.precision import keep_in
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.seen import Skin
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import file_sha256

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointModel:
    """A network read from a file.

    Args:
        name: the file's.
        network: takes HaMeR's batch.
        device: where it runs.
        about: for the report.
        findings: of reading it.
        digest: of everything its answers depend on.
        skin: of its meshes.
    """

    name: str
    network: torch.nn.Module
    device: torch.device
    about: dict[str, Any]
    findings: tuple[Finding, ...]
    digest: str
    skin: Skin


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What became of asking the model.

    Args:
        batches: of each set, in its order.
        complete: every batch of every set is there, and this process is to write the report.
        shard: the part of this process.
        done: batches it answered now.
        by_hand: the part was asked for with --shard.
    """

    batches: list[Batches]
    complete: bool
    shard: Shard
    done: int
    by_hand: bool


def open_checkpoint(config: BenchmarkConfig, path: Path) -> CheckpointModel:
    """The network in `path`.

    Raises:
        DataError: it is no checkpoint, or does not fit.
        EnvironmentFault: the device can't be used.
    """
    hand_file = resolve_path(config.hand_model, Path.cwd()) if config.hand_model else None
    hand_model = load_hand_model(hand_file) if hand_file else None
    loaded = load_checkpoint(path, hand_model=hand_model)
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    keep_in(loaded.network.to(device), config.precision)
    if config.compile:
        loaded.network.backbone.compile()
    sha256 = file_sha256(path)
    about = {
        "file": path.name,
        "sha256": sha256,
        "step": loaded.step,
        "layout": loaded.metadata.get("layout", ""),
        "precision": config.precision,
    }
    hand_words = hand_model.identity if hand_model else ""
    hand = loaded.network.mano
    return CheckpointModel(
        name=path.name,
        network=loaded.network,
        device=device,
        about=about,
        findings=loaded.findings,
        digest=f"{sha256} {hand_words} {device.type} {__version__}",
        skin=Skin.of(*(v.cpu().numpy() for v in (hand.faces_tensor, hand.lbs_weights, hand.v_template))),
    )


def ask(
    config: BenchmarkConfig,
    model: CheckpointModel,
    sets: Sequence[EvaluationSet],
    out: Path,
    cameras: Floats | None = None,
) -> Answered:
    """The network's answers for the sets, as far as they are this process's; those of a killed run are not asked again.

    Args:
        config: batch size, processes, shard.
        model: the network.
        sets: what to answer.
        out: the report's folder, where answers are kept meanwhile.
        cameras: (n, 3, 3) px of the only set's images: keep vertices too.

    Raises:
        ConfigError: the shard is none.
        DataError: an image can't be read, or an answer is not finite.
        EnvironmentFault: answers can't be kept, or other processes stopped.
    """
    torchrun = None if config.shard else shard_of_environment()
    shard = torchrun or parse_shard(config.shard)
    kept, done = [], 0
    for hands in sets:
        parts = {
            "model": model.digest,
            "set": set_digest(hands),
            "batch_size": config.batch_size,
            "vertices": cameras is not None,
            "mesh_visibility": config.mesh_visibility,
            "precision": config.precision,
            "compile": config.compile,
        }
        batches = Batches(out, parts, batch_count(hands, config.batch_size))
        before = batches.count - len(batches.missing())
        if before:
            note(f"{hands.name}: {before} of {batches.count} batches were answered before")
        done += evaluate_into(
            batches,
            model.network,
            hands,
            shard,
            batch_size=config.batch_size,
            device=model.device,
            workers=config.workers,
            cameras=cameras,
            skin=model.skin if cameras is None and config.mesh_visibility else None,
        )
        kept.append(batches)
    if torchrun is not None and torchrun.index == 0:
        for batches in kept:
            batches.wait()
    last = torchrun is None or torchrun.index == 0
    complete = not config.shard and last and not any(b.missing() for b in kept)
    return Answered(kept, complete, shard, done, bool(config.shard))


def partial_report(answered: Answered) -> Report:
    """What a process says that answered its part and leaves the report to another one, or to later."""
    total = sum(b.count for b in answered.batches)
    left = sum(len(b.missing()) for b in answered.batches)
    return Report(
        stage="benchmark",
        counts={
            "part": f"{answered.shard.index} of {answered.shard.count}",
            "batches answered now": answered.done,
            "batches still missing": left,
            "batches": total,
        },
        next_command="the same command without --shard puts the parts together" if answered.by_hand else "",
    )
