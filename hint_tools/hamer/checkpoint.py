"""Checkpoints: ours, HaMeR's released ones, plain state dicts, backbones alone and safetensors."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.hamer import weights_file
from hint_tools.hamer.checkpoint_file import FORMAT, FORMAT_VERSION, layout_of, read_document, state_dict_of
from hint_tools.hamer.config import HamerConfig, config_from_dict, config_to_dict
from hint_tools.hamer.discriminator import Discriminator
from hint_tools.hamer.foreign import plain
from hint_tools.hamer.hand_check import PREFIX, fingerprint, hand_findings
from hint_tools.hamer.head import ManoHead
from hint_tools.hamer.infer import config_of_shapes
from hint_tools.hamer.key_report import KeyReport, compare
from hint_tools.hamer.layouts import HEAD, named_as_hamer
from hint_tools.hamer.mean_parameters import mean_of_hand
from hint_tools.hamer.model_config import config_from_fields, read_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.mano.layer import ManoLayer
from hint_tools.store.atomic import atomic_path

MODEL_CONFIG = "model_config.yaml"
_FRESH_SEED = 0
"""Of what a file leaves out and a network needs: the same file always makes the same network."""


@dataclass(frozen=True, slots=True)
class LoadedCheckpoint:
    """A network with its weights, on the CPU, in training mode.

    Args:
        network: with the hand model of the checkpoint, where it carries one.
        config: of the network.
        step: training steps behind it; 0 where the file does not say.
        metadata: what the file says of itself: `layout`, `hand_model`, and whatever was saved with it.
        findings: what was guessed, filled in, ignored, or differs.
        training: optimiser and generator states for resuming; empty in files that are not ours.
        keys: which arrays the file lacks and which it has too many.
        has_head: False where the file held a backbone alone: the head is fresh, its answers mean nothing yet.
    """

    network: Hamer
    config: HamerConfig
    step: int
    metadata: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    keys: KeyReport = field(default_factory=KeyReport)
    has_head: bool = True


def save_checkpoint(
    path: Path,
    network: Hamer,
    *,
    step: int,
    hand_model: HandModel,
    training: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint, whole or not at all; equal values give equal bytes.

    It holds the hand model's arrays, as HaMeR's own do: a checkpoint trained with the licensed hand
    carries that licence.

    Args:
        path: `*.ckpt`.
        network: whose weights are kept.
        step: training steps behind it.
        hand_model: it was trained with.
        training: states to resume from: tensors and plain values.
        metadata: plain values to keep with it.

    Raises:
        EnvironmentFault: it could not be written; an older file is untouched.
    """
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "state_dict": network.state_dict(),
        "config": config_to_dict(network.config),
        "hand_model": hand_model.identity,
        "step": step,
        "metadata": dict(metadata or {}),
        "training": dict(training or {}),
    }
    # through an opened file: given a path, torch writes its (random) name into the file
    with atomic_path(path) as temporary, temporary.open("wb") as opened:
        torch.save(_anew(document), opened)


def _anew(value: Any) -> Any:
    """`value` with fresh containers and one object for each text.

    A pickle says which objects are one and the same, and states that were loaded share other ones than states that
    grew in memory: without this a resumed training would write other bytes for the same numbers.
    """
    if isinstance(value, Mapping):
        return {_anew(k): _anew(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_anew(v) for v in value])
    return sys.intern(value) if type(value) is str else value


def load_checkpoint(
    path: Path, *, config: HamerConfig | None = None, hand_model: HandModel | None = None, fresh_head: bool = False
) -> LoadedCheckpoint:
    """The network in a checkpoint of any layout and size.

    Args:
        path: our `.ckpt`, HaMeR's `hamer.ckpt` (its `model_config.yaml` beside it or one folder up is
            used), a plain state dict, or `.safetensors`.
        config: of the network; read from the file, or off the shapes, when absent.
        hand_model: fills in where the checkpoint carries no hand; the default one when absent.
        fresh_head: take files that hold a backbone alone (ViTPose's, WiLoR's), and give it an untrained head.

    Raises:
        DataError: missing, damaged, not a checkpoint, asking to run code, not fitting the network, or a
            backbone alone without `fresh_head`.
    """
    document = read_document(path)
    named = named_as_hamer(state_dict_of(document, path))
    if not (named.has_head or fresh_head):
        raise DataError(
            f"{path}: expected a whole network, but it holds a backbone alone, which predicts no hand",
            hint=f"train a head on it: hint train --release DIR --init {shlex.quote(str(path))}",
        )
    state, findings = named.arrays, _headless(path) if not named.has_head else ()
    if config is None:
        config, guessed = _config(document, state, path)
        findings += guessed
    hand = hand_model or load_hand_model()
    with torch.device("meta"):
        network = Hamer(config, hand)
    keys = compare(network.state_dict(), state)
    keys.require_fit(str(path), backbone_alone=not named.has_head)
    hand_state = {PREFIX + n: v for n, v in ManoLayer(hand).state_dict().items()}
    spare = _spare(config, hand, head=not named.has_head) | hand_state
    whole = {name: state.get(name, spare.get(name)) for name in network.state_dict()}
    network.load_state_dict(whole, assign=True)
    findings += keys.findings(str(path), backbone_alone=not named.has_head)
    findings += hand_findings(state, hand_state, hand, document, path, chosen=hand_model is not None)
    step = document.get("step", document.get("global_step", 0))
    stored_hand = str(document.get("hand_model", ""))
    return LoadedCheckpoint(
        network=network,
        config=config,
        step=step if isinstance(step, int) else 0,
        metadata={**_metadata(document), "layout": layout_of(document, path), "hand_model": stored_hand},
        findings=findings,
        training=_training(document),
        keys=keys,
        has_head=named.has_head,
    )


def export_safetensors(path: Path, checkpoint: LoadedCheckpoint) -> None:
    """Write weights and configuration as `.safetensors`, which `load_checkpoint` reads.

    No training states, no arrays of the hand model (they may be licensed; sums of them stay, to notice another
    hand), and nothing that was filled in when the checkpoint was loaded.

    Raises:
        EnvironmentFault: it could not be written; an older file is untouched.
    """
    state = checkpoint.network.state_dict()
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "config": config_to_dict(checkpoint.config),
        "hand_model": checkpoint.metadata.get("hand_model", ""),
        "hand_fingerprint": fingerprint(state),
        "step": checkpoint.step,
    }
    kept = {n: v for n, v in state.items() if not n.startswith(PREFIX) and n not in checkpoint.keys.missing}
    weights_file.write(path, kept, header)


def _headless(path: Path) -> tuple[Finding, ...]:
    return (
        Finding(
            code="hamer.head-untrained",
            severity=Severity.WARNING,
            message=f"{path}: it holds a backbone alone; the head is fresh and its answers mean nothing until trained",
            suggestion=f"hint train --release DIR --init {shlex.quote(str(path))}",
            subjects=(str(path),),
        ),
    )


def _spare(config: HamerConfig, hand: HandModel, *, head: bool) -> dict[str, Tensor]:
    """Values for what a file may leave out, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_FRESH_SEED)
        parts: dict[str, torch.nn.Module] = {"discriminator.": Discriminator()}
        if head:
            parts[HEAD] = ManoHead(config.decoder, mean_of_hand(hand.hands_mean))
    spare = {prefix + n: v for prefix, part in parts.items() for n, v in part.state_dict().items()}
    return spare | {"initialized": torch.tensor(False)}


def _metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = document.get("metadata", {}) if document.get("format") == FORMAT else {}
    return dict(kept) if isinstance(kept, dict) else {}


def _training(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = document.get("training", {}) if document.get("format") == FORMAT else {}
    return kept if isinstance(kept, dict) else {}


def _config(
    document: Mapping[str, Any], state: Mapping[str, Tensor], path: Path
) -> tuple[HamerConfig, tuple[Finding, ...]]:
    if document.get("format") == FORMAT:
        try:
            return config_from_dict(document["config"]), ()
        except (ConfigError, KeyError, AttributeError) as error:
            raise DataError(f"{path}: its configuration can't be read ({error})") from error
    for folder in (path.parent.parent, path.parent):
        if (folder / MODEL_CONFIG).is_file():
            return config_of_shapes(state, source=str(path), stated=read_model_config(folder / MODEL_CONFIG))
    settings = plain(document.get("hyper_parameters"))
    fields = settings.get("cfg") if isinstance(settings, dict) else None
    try:
        stated = config_from_fields(fields, source=f"{path} (its settings)") if isinstance(fields, dict) else None
    except ConfigError as error:
        raise DataError(str(error), hint=f"put the right {MODEL_CONFIG} beside the checkpoint") from error
    return config_of_shapes(state, source=str(path), stated=stated)
