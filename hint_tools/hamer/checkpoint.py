"""Checkpoints: ours, HaMeR's released ones, plain state dicts and safetensors. The only door to `torch.load`.

Nothing in a file is ever run: torch's safe reader admits tensors and plain values, and a short list of
inert stand-ins (`foreign`) covers the settings objects of HaMeR's own training.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.hamer import weights_file
from hint_tools.hamer.config import HamerConfig, config_from_dict, config_to_dict
from hint_tools.hamer.discriminator import Discriminator
from hint_tools.hamer.foreign import STAND_INS, plain
from hint_tools.hamer.infer import config_of_shapes
from hint_tools.hamer.key_report import compare
from hint_tools.hamer.model_config import config_from_fields, read_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.mano.layer import ManoLayer
from hint_tools.store.atomic import atomic_path

FORMAT = "hint-tools.hamer"
FORMAT_VERSION = 1
MODEL_CONFIG = "model_config.yaml"
_SAME_HAND_M = 1e-6
_TOLD = 200
"""Characters of a foreign error message that are passed on."""


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
    """

    network: Hamer
    config: HamerConfig
    step: int
    metadata: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    network: Hamer,
    *,
    step: int,
    hand_model: HandModel,
    training: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint, whole or not at all.

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
    with atomic_path(path) as temporary:
        torch.save(document, temporary)


def load_checkpoint(
    path: Path, *, config: HamerConfig | None = None, hand_model: HandModel | None = None
) -> LoadedCheckpoint:
    """The network in a checkpoint of any layout and size.

    Args:
        path: our `.ckpt`, HaMeR's `hamer.ckpt` (its `model_config.yaml` beside it or one folder up is
            used), a plain state dict, or `.safetensors`.
        config: of the network; read from the file, or off the shapes, when absent.
        hand_model: fills in where the checkpoint carries no hand; the default one when absent.

    Raises:
        DataError: missing, damaged, not a checkpoint, asking to run code, or not fitting the network.
    """
    document = _read(path)
    state = _state_dict(document, path)
    findings: tuple[Finding, ...] = ()
    if config is None:
        config, findings = _config(document, state, path)
    hand = hand_model or load_hand_model()
    with torch.device("meta"):
        network = Hamer(config, hand)
    report = compare(network.state_dict(), state)
    report.require_fit(str(path))
    hand_state = {f"mano.{n}": v for n, v in ManoLayer(hand).state_dict().items()}
    spare = {f"discriminator.{n}": v for n, v in Discriminator().state_dict().items()} | hand_state
    spare["initialized"] = torch.tensor(False)
    whole = {name: state.get(name, spare.get(name)) for name in network.state_dict()}
    network.load_state_dict(whole, assign=True)
    stored_hand = str(document.get("hand_model", ""))
    findings += report.findings(str(path))
    findings += _hand_findings(state, hand_state, hand, stored_hand, path, chosen=hand_model is not None)
    step = document.get("step", document.get("global_step", 0))
    return LoadedCheckpoint(
        network=network,
        config=config,
        step=step if isinstance(step, int) else 0,
        metadata={**document.get("metadata", {}), "layout": _layout(document, path), "hand_model": stored_hand},
        findings=findings,
        training=document.get("training", {}),
    )


def export_safetensors(path: Path, checkpoint: LoadedCheckpoint) -> None:
    """Write weights and configuration as `.safetensors`, which `load_checkpoint` reads; no training states.

    Raises:
        EnvironmentFault: it could not be written; an older file is untouched.
    """
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "config": config_to_dict(checkpoint.config),
        "hand_model": checkpoint.metadata.get("hand_model", ""),
        "step": checkpoint.step,
    }
    weights_file.write(path, checkpoint.network.state_dict(), header)


def _read(path: Path) -> dict[str, Any]:
    """The whole file as dicts, lists, numbers and tensors on the CPU."""
    if not path.is_file():
        raise DataError(f"{path}: no such checkpoint", hint="hint train")
    if path.suffix == ".safetensors":
        return weights_file.read(path)
    _require_intact(path)
    try:
        with torch.serialization.safe_globals(STAND_INS):
            document = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: it can't be read without running code from it ({_refused(str(error))}); not opened",
            hint="where it was made, keep its weights alone: torch.save({'state_dict': m.state_dict()}, 'w.ckpt')",
        ) from None
    except Exception as error:
        first = str(error).split("\n")[0][:_TOLD]
        raise DataError(
            f"{path}: expected a checkpoint, but it can't be read ({type(error).__name__}: {first})"
        ) from error
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a checkpoint with a state dict, got {type(document).__name__}")
    return document


def _require_intact(path: Path) -> None:
    """Check every record's checksum, which torch does not."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: the file is damaged ({error})", hint="copy or download it again") from error
    if broken is not None:
        raise DataError(f"{path}: the file is damaged ({broken} fails its checksum)", hint="copy or download it again")


def _refused(message: str) -> str:
    """What torch's safe reader refused, out of its long message."""
    match = re.search(r"GLOBAL (\S+)|WeightsUnpickler error:\s*(.+)", message)
    if match is None:
        return message.split("\n")[0][:_TOLD]
    return f"it asks for {match[1]}" if match[1] else match[2][:_TOLD]


def _layout(document: Mapping[str, Any], path: Path) -> str:
    if path.suffix == ".safetensors":
        return "safetensors"
    if document.get("format") == FORMAT:
        return "hint-tools"
    return "hamer" if "state_dict" in document else "state_dict"


def _state_dict(document: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    if document.get("format") == FORMAT and document.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{path}: expected checkpoint format {FORMAT_VERSION}, got {document.get('format_version')}",
            hint="upgrade: pip install --upgrade hint-tools",
        )
    state = document.get("state_dict", document)
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f"{path}: expected a state dict of tensors, got keys {', '.join(map(str, list(document)[:5]))}")
    return {str(n): v.float() if v.is_floating_point() else v for n, v in state.items()}


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


def _hand_findings(
    state: Mapping[str, Tensor],
    hand_state: Mapping[str, Tensor],
    hand: HandModel,
    stored: str,
    path: Path,
    *,
    chosen: bool,
) -> tuple[Finding, ...]:
    """A finding when the checkpoint carries another hand than the one at hand."""
    differing = tuple(
        name
        for name in ("mano.v_template", "mano.shapedirs", "mano.posedirs", "mano.J_regressor", "mano.lbs_weights")
        if name in state and not torch.allclose(state[name], hand_state[name], rtol=0, atol=_SAME_HAND_M)
    )
    carried = any(name.startswith("mano.v_template") for name in state)
    if not differing and (carried or not stored or stored == hand.identity):
        return ()
    use = "the checkpoint's own hand is used" if carried else "the hand model at hand is used"
    return (
        Finding(
            code="hamer.hand-model-differs",
            severity=Severity.WARNING if chosen or not carried else Severity.INFO,
            message=f"{path}: trained with hand model {stored or 'of another shape'}, expected {hand.identity}; {use}",
            suggestion="compare meshes and shape parameters only among hands of one model",
            subjects=(str(path),),
        ),
    )
