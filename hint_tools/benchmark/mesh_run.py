"""`hint benchmark --dataset freihand` (`ho3d-v2`, `ho3d-v3`): official scores, or a submission without the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark import compare
from hint_tools.benchmark.batches import Batches
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.export import FORMAT, VERSION, plain
from hint_tools.benchmark.history import append_result, writing_results
from hint_tools.benchmark.matching import read_predictions
from hint_tools.benchmark.mesh_page import write_mesh_page
from hint_tools.benchmark.spatial import (
    OFFICIAL_SIZES,
    MeshScore,
    Pieces,
    is_official,
    pieces_of_answers,
    pieces_of_batches,
    pieces_of_official,
    score_mesh,
)
from hint_tools.benchmark.visibility import fits, skin_of
from hint_tools.core.errors import ConfigError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report
from hint_tools.data.mesh_sets import MeshSet, open_views, read_mesh_set
from hint_tools.formats import ho3d_eval
from hint_tools.formats.freihand_eval import write_submission
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.seen import Skin
from hint_tools.store.atomic import atomic_path, write_json, write_text
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import file_sha256

Floats = npt.NDArray[np.float64]

STAGE: Final = "benchmark"
METRICS, TABLE, PAGE, SUBMISSION = "metrics.json", "metrics.csv", "report.html", "submission.zip"


def run_mesh(config: BenchmarkConfig, out: Path) -> Report:
    """Score on FreiHAND or HO-3D; write `metrics.json`, `metrics.csv` and `report.html`, or `submission.zip`.

    Raises:
        ConfigError: the data set's folder, or a model, is not named.
        DataError: the set, the checkpoint or the predictions are missing, broken or not of the same hands.
        EnvironmentFault: the device is missing, or the report can't be written.
    """
    if config.root is None:
        raise ConfigError(f"{config.dataset} needs its folder", hint=f"--dataset {config.dataset} --root DIR")
    base = Path.cwd()
    hands = read_mesh_set(config.dataset, resolve_path(config.root, base))
    if config.dry_run:
        return Report(stage=STAGE, counts={"hands": len(hands), "truth": "yes" if hands.joints is not None else "no"})
    findings: tuple[Finding, ...] = _part(hands)
    batches: Batches | None = None
    if config.predictions is not None:
        path = resolve_path(config.predictions, base)
        pieces, name = _pieces_of_file(path, hands)
        skin = skin_of(load_hand_model(_hand_file(config, base)))
        about: dict[str, Any] = {"predictions": {"file": path.name, "sha256": file_sha256(path), "model": name}}
    else:
        asked = _ask(config, hands, out, base)
        if isinstance(asked, Report):
            return asked
        pieces, batches, about, more, skin = asked
        findings, name = (*findings, *more), about["checkpoint"]["file"]
    fitting, unfit = _fitting(skin, hands)
    report = _finish(config, hands, pieces, out, about, name, fitting)
    if batches is not None:
        batches.remove()
    return Report(
        stage=STAGE,
        counts=report.counts,
        findings=(*findings, *unfit, *report.findings),
        outputs=report.outputs,
        details=report.details,
    )


def _pieces_of_file(path: Path, hands: MeshSet) -> tuple[Pieces, str]:
    if is_official(path) or path.suffix.lower() == ".zip":
        return pieces_of_official(path, hands), f"{path.parent.name}/{path.name}"
    answers = read_predictions(path)
    return pieces_of_answers(answers, hands, str(path)), answers.model or path.name


def _ask(
    config: BenchmarkConfig, hands: MeshSet, out: Path, base: Path
) -> tuple[Pieces, Batches, dict[str, Any], tuple[Finding, ...], Skin] | Report:
    from hint_tools.benchmark.evaluate import require_finite
    from hint_tools.benchmark.models import ask, open_checkpoint, partial_report

    npz = resolve_path(config.npz[0], base) if config.npz else None
    views = open_views(hands, npz)
    model = open_checkpoint(config, resolve_path(config.checkpoint or Path(), base))
    answered = ask(config, model, [views.crops], out, cameras=views.cameras)
    if not answered.complete:
        return partial_report(answered)
    require_finite(views.crops, answered.batches[0].load())
    about = {"checkpoint": model.about, "boxes": views.boxes}
    return pieces_of_batches(answered.batches[0]), answered.batches[0], about, model.findings, model.skin


def _finish(
    config: BenchmarkConfig,
    hands: MeshSet,
    pieces: Pieces,
    out: Path,
    about: dict[str, Any],
    name: str,
    skin: Skin | None,
) -> Report:
    about = about | {"dataset": config.dataset, "resamplings": config.bootstrap, "seed": config.seed}
    if hands.joints is None:
        with writing_results(out), atomic_path(out / SUBMISSION) as temporary:
            write_submission(temporary, _official(hands, pieces, 0), _official(hands, pieces, 1))
        return Report(stage=STAGE, counts={"hands": len(hands)}, outputs=(str(out / SUBMISSION),), details=about)
    score = score_mesh(
        hands, pieces, resamplings=config.bootstrap, seed=config.seed, skin=skin, examples=config.examples
    )
    differences: list[compare.Difference] = []
    other = ""
    if config.compare is not None:
        path = resolve_path(config.compare, Path.cwd())
        theirs, other = _pieces_of_file(path, hands)
        rival = score_mesh(hands, theirs, resamplings=0, seed=config.seed, skin=skin)
        differences = [
            compare.mean_difference(hands.name, k, v, rival.errors[k], resamplings=config.bootstrap, seed=config.seed)
            for k, v in score.errors.items()
            if k in rival.errors
        ]
    document = {"format": FORMAT, "version": VERSION, **about, "sources": [_as_json(score)]}
    if differences:
        document["comparison"] = compare.as_json(differences, other)
    with writing_results(out):
        write_json(out / METRICS, document)
        write_text(out / TABLE, _as_csv(score))
        write_mesh_page(out / PAGE, hands, score, name, about, differences, other)
        results = append_result(out, {"model": name, **about, "official": score.official})
    outputs = (*(str(out / f) for f in (PAGE, METRICS, TABLE)), str(results))
    return Report(stage=STAGE, counts=_counts(score), outputs=outputs, details=document)


def _hand_file(config: BenchmarkConfig, base: Path) -> Path | None:
    return resolve_path(config.hand_model, base) if config.hand_model else None


def _fitting(skin: Skin, hands: MeshSet) -> tuple[Skin | None, tuple[Finding, ...]]:
    """The hand model's faces if the true meshes have them; else a finding: without them nobody knows what is seen."""
    first = next(hands.meshes(), None) if hands.meshes else None
    if first is None or fits(skin, first):
        return skin, ()
    message = (
        f"{hands.name}: the true meshes have other faces than the hand model at hand; nothing is said of what is seen"
    )
    return None, (
        Finding(
            code="benchmark.faces-unknown",
            severity=Severity.INFO,
            message=message,
            suggestion="--hand-model MANO_RIGHT.pkl",
        ),
    )


def _official(hands: MeshSet, pieces: Pieces, part: int) -> Iterator[Floats]:
    """Joints or vertices as the server wants them, hand by hand."""
    for joints, mesh in pieces():
        chosen = joints if part == 0 else mesh
        if chosen is None:
            return
        if hands.is_ho3d:
            chosen = ho3d_eval.joints_to_ho3d(chosen) if part == 0 else ho3d_eval.turned(chosen)
        yield from chosen


def _part(hands: MeshSet) -> tuple[Finding, ...]:
    whole = OFFICIAL_SIZES[hands.name]
    if len(hands) == whole:
        return ()
    message = (
        f"{hands.name}: {len(hands)} hands, the official set has {whole}; the figures compare with nothing published"
    )
    return (Finding(code="benchmark.part-of-the-set", severity=Severity.WARNING, message=message, count=len(hands)),)


def _as_json(score: MeshScore) -> dict[str, Any]:
    figures = {
        k: {
            "mean": plain(float(v.mean())),
            "low": plain(score.intervals.get(k, (float("nan"),) * 2)[0]),
            "high": plain(score.intervals.get(k, (float("nan"),) * 2)[1]),
        }
        for k, v in score.errors.items()
    }
    return {
        "source": score.name,
        "hands": score.hands,
        "official": {k: round(v, 9) for k, v in score.official.items()},
        "figures": figures,
        "acceleration_mm_per_frame2": plain(float(score.acceleration_mm.mean()))
        if len(score.acceleration_mm)
        else None,
        "acceleration_triples": len(score.acceleration_mm),
        "curve": {"thresholds_mm": (1000 * score.curve[0]).round(6).tolist(), "share": score.curve[1].tolist()},
    }


def _as_csv(score: MeshScore) -> str:
    lines = ["source,hands,metric,value,low,high"]
    for name, value in score.official.items():
        lines.append(f"{score.name},{score.hands},official {name},{value:.6f},,")
    for name, values in score.errors.items():
        low, high = score.intervals.get(name, (float("nan"),) * 2)
        ends = ",".join("" if np.isnan(v) else f"{v:.6f}" for v in (low, high))
        lines.append(f"{score.name},{score.hands},{name},{values.mean():.6f},{ends}")
    if len(score.acceleration_mm):
        lines.append(f"{score.name},{score.hands},acceleration_mm_per_frame2,{score.acceleration_mm.mean():.6f},,")
    return "\n".join(lines) + "\n"


def _counts(score: MeshScore) -> dict[str, int | float | str]:
    counts: dict[str, int | float | str] = {"hands": score.hands}
    counts["PA-MPJPE, official"] = f"{score.errors['pa_mpjpe_reflected_mm'].mean():.2f} mm"
    counts["PA-MPJPE, no mirroring"] = f"{score.errors['pa_mpjpe_mm'].mean():.2f} mm"
    if "f_5" in score.errors:
        counts["PA-MPVPE, official"] = f"{score.errors['pa_mpvpe_reflected_mm'].mean():.2f} mm"
        counts["F@5, F@15"] = f"{score.official['f_al_score_5']:.3f}  {score.official['f_al_score_15']:.3f}"
    return counts
