"""`hint train`: HaMeR on a release, resumable."""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from hint_tools.core.errors import ConfigError, DataError, UsageError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.records import Side
from hint_tools.core.report import Report
from hint_tools.data.annotations import ANNOTATIONS, ANNOTATIONS_FILE
from hint_tools.data.hamer_item import IMAGE_MEAN, IMAGE_SD
from hint_tools.data.hint import HInt
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.hamer.config import PRESETS, HamerConfig
from hint_tools.hamer.model_config import read_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.media.crops import PATCH_PX
from hint_tools.store.atomic import write_text
from hint_tools.store.project import Project
from hint_tools.store.tables import read_arrow
from hint_tools.train.card import card, settings_of
from hint_tools.train.config import DEFAULT_PRESET, TrainConfig
from hint_tools.train.log import TrainingLog
from hint_tools.train.loop import Job, train
from hint_tools.train.poses import PoseBank, anatomical_poses, fitted_poses
from hint_tools.train.run_folder import RunFolder

RUNS = "runs"


def run(config: TrainConfig, project: Project | None) -> Report:
    """Train, or continue a training, to its last step.

    With several devices each runs this in a process of its own; only the first one writes.

    Args:
        config: the settings; paths count from the working directory.
        project: whose `runs/` folder gets the run; the working directory's when there is none.

    Raises:
        DataError: the release or a checkpoint can't be used, or the loss is no longer finite.
        ConfigError: sizes that make no network; a run begun with other settings.
        UsageError: the run was begun before, and `resume` is switched off.
        KeyboardInterrupt: interrupted; the state was saved.
    """
    hand_model = load_hand_model(config.mano)
    hint = HInt(
        config.release, config.split, config.sources or None, target=config.target, on_missing=config.on_missing
    )
    folder = RunFolder((project.root if project else Path.cwd()) / RUNS / config.name)
    findings = _data_findings(hint, config, hand_model)
    if config.dry_run:
        return Report(stage="train", counts={**_data_counts(hint), "steps": config.steps}, findings=findings)
    if config.threads:
        torch.set_num_threads(config.threads)
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    with folder.lock() if first else contextlib.nullcontext():
        done = _begun(config, folder)
        network, training, found = _network(config, hand_model, folder, done)
        speed = 0.0
        if done < config.steps:
            if first:
                write_text(folder.config, yaml.safe_dump(settings_of(config, network, hand_model), sort_keys=True))
            data = hint.as_hamer(train=True, seed=config.seed, augment=config.augment)
            bank = _bank(config, hint, hand_model)
            speed = train(Job(config, network, hand_model, data, bank, folder, done, training))
        elif first:  # whatever stopped the last step's tidying is made up for
            folder.publish(done, keep=config.keep, every=config.save_every)
        step = max(folder.steps(), default=config.steps)
        rows = TrainingLog(folder.log, until=step).rows
        if first:
            write_text(folder.card, card(config, network, hand_model, hands=len(hint), step=step, rows=rows))
    if project is not None and first:
        with project.lock():
            project.stamp("train", reads=(), writes=())
    return _report(config, folder, hint, network, (*findings, *found), rows, speed, done)


def _begun(config: TrainConfig, folder: RunFolder) -> int:
    """Steps behind an earlier run of this name; 0 when there is none."""
    done = max(folder.steps(), default=0)
    if not done:
        return 0
    try:
        stored = yaml.safe_load(folder.config.read_text(encoding="utf-8"))["recipe"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder.config}: expected the settings of the run ({error})", hint="choose another --name"
        ) from error
    recipe = config.recipe()
    unlike = tuple(f"{k}: expected {stored.get(k)!r}, got {v!r}" for k, v in recipe.items() if stored.get(k) != v)
    if unlike:
        raise ConfigError(
            f"{folder.root}: this run was begun with other settings:", problems=unlike, hint="choose another --name"
        )
    if done < config.steps and not config.resume:
        raise UsageError(
            f"{folder.root}: this run stands at step {done} of {config.steps}",
            hint="continue it with --resume, or choose another --name",
        )
    return done


def _network(
    config: TrainConfig, hand_model: HandModel, folder: RunFolder, done: int
) -> tuple[Hamer, dict[str, Any], tuple[Finding, ...]]:
    """The network to start with, states to resume from, and what was noticed."""
    source = folder.checkpoint(done) if done else config.init
    if source is not None:
        loaded = load_checkpoint(source, hand_model=hand_model, fresh_head=not done)
        _require_same_crops(loaded.config, str(source))
        return loaded.network, loaded.training if done else {}, loaded.findings
    if config.model_config_file is not None:
        sizes = read_model_config(config.model_config_file)
        _require_same_crops(sizes, str(config.model_config_file))
    else:
        sizes = PRESETS[config.preset or DEFAULT_PRESET]
    torch.manual_seed(config.seed)
    return Hamer(sizes, hand_model), {}, ()


def _require_same_crops(config: HamerConfig, source: str) -> None:
    """The data room cuts crops of one size with one normalisation; another one would silently train nonsense."""
    expected = (PATCH_PX, *(IMAGE_MEAN / 255), *(IMAGE_SD / 255))
    got = (config.image_px, *config.image_mean, *config.image_std)
    if not np.allclose(got, expected):
        raise ConfigError(
            f"{source}: expected crops of {PATCH_PX} px with ImageNet's mean and deviation, got {config.image_px} px, "
            f"mean {config.image_mean}, deviation {config.image_std}",
            hint="mend IMAGE_SIZE, IMAGE_MEAN and IMAGE_STD",
        )


def _bank(config: TrainConfig, hint: HInt, hand_model: HandModel) -> PoseBank | None:
    if config.adversarial == "off":
        return None
    if config.adversarial == "anatomy":
        return anatomical_poses(hand_model, config.seed)
    fitted = hint.hands.take(hint.hands.fitted)
    return fitted_poses(fitted.hand_pose, fitted.betas, fitted.side == Side.RIGHT.value)


def _data_counts(hint: HInt) -> dict[str, int | float | str]:
    return {
        "hands": len(hint),
        "hands with a MANO fit": int(hint.hands.fitted.sum()),
        "left out, no image": hint.n_missing,
        "left out, no fit": hint.n_unfitted,
    }


def _data_findings(hint: HInt, config: TrainConfig, hand_model: HandModel) -> tuple[Finding, ...]:
    """What the release lacks, or brings of another hand model."""
    if not hint.hands.fitted.any():
        return (
            Finding(
                code="train.no-fits",
                severity=Severity.WARNING,
                message=f"{config.release}: no hand has a MANO fit; only 2D keypoints teach the network",
                suggestion="hint fit, then build the release again",
            ),
        )
    table = read_arrow(config.release / ANNOTATIONS_FILE, ANNOTATIONS)
    others = sorted(set(table.column("hand_model").to_pylist()) - {"", hand_model.identity})
    if not others:
        return ()
    return (
        Finding(
            code="train.other-hand-model",
            severity=Severity.WARNING,
            message=f"{config.release}: fits were made with {', '.join(others)}, the network uses "
            f"{hand_model.identity}: their shape and pose numbers mean different hands",
            suggestion="name the fits' hand model with --mano",
        ),
    )


def _report(
    config: TrainConfig, folder: RunFolder, hint: HInt, network: Hamer, findings: tuple[Finding, ...],
    rows: list[dict[str, float]], speed: float, done: int,
) -> Report:  # fmt: skip
    counts = _data_counts(hint)
    counts["parameters"] = sum(p.numel() for p in network.parameters())
    counts["steps before"] = done
    counts["steps"] = config.steps
    if rows:
        counts["first loss"] = round(rows[0]["loss"], 4)
        counts["last loss"] = round(rows[-1]["loss"], 4)
    if speed:
        counts["hands per second"] = round(speed, 1)
    paths = (folder.last, folder.card, folder.log)
    outputs = tuple(f"{RUNS}/{config.name}/{p.name}" for p in paths)
    base = folder.root.parent.parent
    release = config.release.relative_to(base) if config.release.is_relative_to(base) else config.release
    follow_up = shlex.join(["hint", "benchmark", outputs[0], "--release", str(release)])
    return Report(stage="train", counts=counts, findings=findings, outputs=outputs, next_command=follow_up)
