"""`hint predict`: pictures to meshes, keypoints and cameras."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.geometry import box_center
from hint_tools.core.progress import track
from hint_tools.core.report import Report
from hint_tools.formats import predictions
from hint_tools.hamer.checkpoint import LoadedCheckpoint, load_checkpoint
from hint_tools.hamer.device import choose_device
from hint_tools.hamer.precision import keep_in
from hint_tools.mano.assets import load_hand_model
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.findings import findings_of
from hint_tools.predict.folder import HANDS, is_done, key_of
from hint_tools.predict.gather import Work, gather
from hint_tools.predict.hands import HandReader, Picture
from hint_tools.predict.network import Predictor
from hint_tools.predict.picture import PictureWorker, Tally
from hint_tools.store.atomic import read_json, remove_leftovers, write_json
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import file_sha256
from hint_tools.store.project import Project

STAGE = "predict"
INDEX = "predictions.json"


@dataclass(slots=True)
class _Outcome:
    """What came of the pictures."""

    done: list[Picture] = field(default_factory=list)
    skipped: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


def run(config: PredictConfig, project: Project | None = None, reader: HandReader | None = None) -> Report:
    """Predict the hands of pictures; write a folder a picture, and `predictions.json`.

    Args:
        config: the settings.
        project: relative outputs go there; the working directory without one.
        reader: finds hands and tells sides; needed where the settings bring no boxes.

    Raises:
        ConfigError: nobody says where the hands are.
        DataError: a picture, folder, release or COCO file is missing, the checkpoint does not fit, or not one
            hand could be predicted.
        EnvironmentFault: the device can't be used, or the output can't be written.
    """
    if config.finds_hands() and reader is None:
        raise ConfigError("nobody says where the hands are", hint="add --boxes FILE.json, or --detector mediapipe")
    work = gather(config, Path.cwd())
    checkpoint = resolve_path(config.checkpoint, Path.cwd())
    if config.dry_run:
        if not checkpoint.is_file():
            raise DataError(f"{checkpoint}: no such checkpoint", hint="hint train")
        hands = sum(len(p.hands or ()) for p in work.pictures)
        counts: dict[str, int | float | str] = {"pictures": len(work.pictures), "hands given": hands}
        return Report(stage=STAGE, counts=counts, findings=work.findings, next_command="hint predict")
    with project.lock() if project is not None else nullcontext():
        return _work(config, project, reader, work, checkpoint)


def _work(
    config: PredictConfig, project: Project | None, reader: HandReader | None, work: Work, checkpoint: Path
) -> Report:
    torch.set_num_threads(config.threads)
    loaded = load_checkpoint(checkpoint, hand_model=load_hand_model(config.mano) if config.mano else None)
    out = resolve_path(config.out, project.root if project else Path.cwd())
    outcome = _Outcome()
    worker = _worker(config, loaded, checkpoint, reader)
    if out.is_dir():
        remove_leftovers(out)
    for picture in track(work.pictures, "predicting"):
        _one(picture, out / picture.name, worker, outcome)
    answers = _answers(out, outcome, checkpoint.name)
    findings = (*loaded.findings, *work.findings, *findings_of(outcome.tally, outcome.unreadable, work.missing))
    if not answers["hands"]:
        told = "; ".join(f.message for f in findings if f.severity is not Severity.INFO) or "no hand was found"
        message = f"not one hand was predicted in {len(work.pictures)} pictures: {told}"
        raise DataError(message, hint="say where the hands are: --boxes FILE")
    index = out / INDEX
    write_json(index, answers)
    shown = index.relative_to(project.root).as_posix() if project and index.is_relative_to(project.root) else str(index)
    return _report(config, work, outcome, findings, len(answers["hands"]), shown)


def _worker(
    config: PredictConfig, loaded: LoadedCheckpoint, checkpoint: Path, reader: HandReader | None
) -> PictureWorker:
    device = choose_device(config.device)
    network = loaded.network.to(device)
    network.train(False)
    keep_in(network, config.precision)
    if config.compile:
        network.backbone.compile()
    predictor = Predictor(network, device, config.crop == "demo", config.batch_size)
    about = {"file": checkpoint.name, "sha256": file_sha256(checkpoint), "step": loaded.step}
    return PictureWorker(config, predictor, load_hand_model(config.mano), reader, about)


def _one(picture: Picture, folder: Path, worker: PictureWorker, outcome: _Outcome) -> None:
    """Work on one picture, unless its folder has the answers already; a broken picture is remembered."""
    try:
        key = key_of(worker.facts(picture))
        if is_done(folder, key):
            outcome.skipped += 1
        else:
            worker.work(picture, folder, key, outcome.tally)
        outcome.done.append(picture)
    except DataError as error:
        outcome.unreadable[str(picture.path)] = error.message


def _answers(out: Path, outcome: _Outcome, model: str) -> dict[str, Any]:
    """All hands of all pictures, in the form `hint benchmark --predictions` reads; what was left out is tallied."""
    hands = []
    for picture in outcome.done:
        kept = read_json(out / picture.name / HANDS)
        outcome.tally.add(picture.label, kept)
        hands += [
            {
                "image": kept["image"]["file"],
                "side": hand["side"],
                "center": box_center(np.array(hand["box"])).tolist(),
                "keypoints": hand["keypoints_px"],
                "keypoints_3d": hand["keypoints_m"],
            }
            for hand in kept["hands"]
        ]
    return {"format": predictions.FORMAT, "version": predictions.VERSION, "model": model, "hands": hands}


def _report(
    config: PredictConfig, work: Work, outcome: _Outcome, findings: tuple[Finding, ...], hands: int, index: str
) -> Report:
    tally = outcome.tally
    counts: dict[str, int | float | str] = {
        "pictures": len(work.pictures),
        "of them done before": outcome.skipped,
        "of them done now": len(outcome.done) - outcome.skipped,
        "pictures unreadable": len(outcome.unreadable),
        "hands given": tally.given,
        "hands found": tally.found,
        "hands predicted now": tally.predicted,
        "left out, box unusable": len(tally.bad_box),
        "left out, answer not finite": len(tally.not_finite),
        "left out, image missing": work.missing,
        "hands in the output": hands,
        "focal length": "given" if config.focal_px is not None else "assumed: 5000 px for a picture of 256",
    }
    return Report(stage=STAGE, counts=counts, findings=findings, outputs=(index,))
