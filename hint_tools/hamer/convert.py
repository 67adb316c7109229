"""What a checkpoint holds, and the same as safetensors without the licensed hand."""

from __future__ import annotations

import shlex
from pathlib import Path

from torch import nn

from hint_tools.core.errors import UsageError
from hint_tools.core.report import Report
from hint_tools.hamer.checkpoint import LoadedCheckpoint, export_safetensors, load_checkpoint
from hint_tools.hamer.hand_check import PREFIX
from hint_tools.store.manifests import file_sha256

STAGE = "hamer"
ENDING = ".safetensors"


def convert(source: Path, target: Path, *, dry_run: bool = False) -> Report:
    """Write a checkpoint as safetensors: weights and configuration, no hand model, nothing that could run.

    Args:
        source: checkpoint of any layout.
        target: `*.safetensors`.
        dry_run: check the checkpoint, write nothing.

    Raises:
        UsageError: the target has another ending.
        DataError: the checkpoint can't be read, or holds no whole network.
        EnvironmentFault: it could not be written; an older file is untouched.
    """
    if target.suffix != ENDING:
        raise UsageError(f"{target}: expected a name that ends in {ENDING}", hint=f"{target.with_suffix(ENDING)}")
    loaded = load_checkpoint(source)
    state = loaded.network.state_dict()
    hand = sorted(n for n in state if n.startswith(PREFIX) and n not in loaded.keys.missing)
    left_out = len(hand) + len(loaded.keys.unexpected)
    if not dry_run:
        export_safetensors(target, loaded)
    counts: dict[str, int | float | str] = {
        "arrays in the checkpoint": len(state) - len(loaded.keys.missing) + len(loaded.keys.unexpected),
        "arrays written": len(state) - len(loaded.keys.missing) - len(hand),
        "left out, hand model": len(hand),
        "left out, no place in the network": left_out - len(hand),
    }
    if not dry_run:
        counts["MB"] = round(target.stat().st_size / 1e6, 1)
    return Report(
        stage=STAGE,
        counts=counts,
        findings=loaded.findings,
        outputs=() if dry_run else (str(target),),
        next_command="" if dry_run else f"hint hamer info {shlex.quote(str(target))}",
    )


def describe(source: Path) -> Report:
    """What a checkpoint holds: layout, sizes, parameters, step, hand model, missing and unexpected arrays.

    Raises:
        DataError: it can't be read, or fits no network.
    """
    loaded = load_checkpoint(source, fresh_head=True)
    network = loaded.network
    parts = {
        "parameters of the backbone": network.backbone,
        "parameters of the head": network.mano_head,
        "parameters of the discriminator": network.discriminator,
    }
    parameters = {name: _parameters(part) for name, part in parts.items()}
    counts: dict[str, int | float | str] = {
        "layout": str(loaded.metadata["layout"]),
        "sha256": file_sha256(source),
        "step": loaded.step,
        "backbone": _backbone(loaded),
        "decoder": _decoder(loaded) if loaded.has_head else "none in the file",
        **parameters,
        "parameters": sum(parameters.values()),
        "hand model": _hand(loaded),
        "arrays missing": len(loaded.keys.missing),
        "arrays unexpected": len(loaded.keys.unexpected),
    }
    details = {"missing": list(loaded.keys.missing), "unexpected": list(loaded.keys.unexpected)}
    return Report(stage=STAGE, counts=counts, findings=loaded.findings, details=details)


def _parameters(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def _backbone(loaded: LoadedCheckpoint) -> str:
    vit = loaded.config.backbone
    size = f"{vit.image_height_px} x {vit.image_width_px} px"
    return f"{vit.dim} wide, {vit.depth} blocks, {vit.heads} heads, patches of {vit.patch_px} px, {size}"


def _decoder(loaded: LoadedCheckpoint) -> str:
    decoder = loaded.config.decoder
    return f"{decoder.dim} wide, {decoder.depth} layers, {decoder.heads} heads of {decoder.dim_head}"


def _hand(loaded: LoadedCheckpoint) -> str:
    name = str(loaded.metadata.get("hand_model", "")) or "not named"
    carried = f"{PREFIX}v_template" not in loaded.keys.missing
    return f"{name}; its arrays are {'in the file' if carried else 'not in the file'}"
