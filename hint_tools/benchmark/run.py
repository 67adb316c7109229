"""`hint benchmark`: PCK for all, visible and occluded joints, and 3D errors where there is 3D truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.evaluate import choose_device, evaluate
from hint_tools.benchmark.human import expected_pck, read_sigmas
from hint_tools.benchmark.page import write_page
from hint_tools.benchmark.results import SUBSET_WORDS, SourceScore, as_csv, as_json, score
from hint_tools.core.errors import ConfigError, DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report
from hint_tools.data.evaluation import EvaluationSet, read_npz_set, read_release_sets
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.mano.assets import load_hand_model
from hint_tools.store.atomic import read_json, write_json, write_text
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import CHECKSUMS, file_sha256
from hint_tools.store.project import Project

STAGE = "benchmark"
METRICS, TABLE, PAGE = "metrics.json", "metrics.csv", "report.html"
RELEASE = "release.json"


def run(config: BenchmarkConfig, project: Project | None = None) -> Report:
    """Score a checkpoint; write `metrics.json`, `metrics.csv` and `report.html`.

    Raises:
        ConfigError: it does not say on what, or says it twice.
        DataError: the checkpoint does not fit, or the evaluation data is missing or broken.
        EnvironmentFault: the device or a package is missing, or the report can't be written.
    """
    base = Path.cwd()
    release = _release(config, project, base)
    sets = _sets(config, release, base)
    checkpoint = resolve_path(config.checkpoint, base)
    if config.dry_run:
        if not checkpoint.is_file():
            raise DataError(f"{checkpoint}: no such checkpoint", hint="hint train")
        return Report(stage=STAGE, counts={f"hands of {s.name}": len(s) for s in sets})
    scores, about, findings = _score(config, checkpoint, sets, release)
    out = resolve_path(config.out, project.root if project else base)
    document = as_json(scores, about)
    write_json(out / METRICS, document)
    write_text(out / TABLE, as_csv(scores))
    _write_page(config, out, scores, about)
    return Report(
        stage=STAGE,
        counts=_counts(scores),
        findings=(*findings, *_uncovered(scores), *_missing(sets)),
        outputs=tuple(_shown(out / name, project) for name in (PAGE, METRICS, TABLE)),
        details=document,
    )


def _release(config: BenchmarkConfig, project: Project | None, base: Path) -> Path | None:
    """The release to score on; None when npz files were named instead."""
    if config.npz:
        if config.release is not None:
            raise ConfigError("expected either a release or npz files, got both", hint="leave out --release or --npz")
        if config.images is None:
            raise ConfigError("npz files need the folder of their images", hint="add --images DIR")
        return None
    if config.release is not None:
        return resolve_path(config.release, base)
    found = sorted(p.parent for p in (project.root / "releases").glob(f"[!.]*/{RELEASE}")) if project else []
    if len(found) != 1:
        got = f"the project has {len(found)} releases" if project else "this is no project"
        raise ConfigError(f"say what to score on: {got}", hint="add --release DIR, or --npz F --images DIR")
    return found[0]


def _sets(config: BenchmarkConfig, release: Path | None, base: Path) -> list[EvaluationSet]:
    if release is not None:
        sets = read_release_sets(release, split=config.split, on_missing=config.on_missing)
    else:
        images = resolve_path(config.images or base, base)
        sets = [read_npz_set(resolve_path(f, base), images, on_missing=config.on_missing) for f in config.npz]
    unknown = sorted(set(config.sources) - {s.name for s in sets})
    if unknown:
        raise DataError(f"no source {', '.join(unknown)} to score on; there are {', '.join(s.name for s in sets)}")
    return [s for s in sets if not config.sources or s.name in config.sources]


def _score(
    config: BenchmarkConfig, checkpoint: Path, sets: list[EvaluationSet], release: Path | None
) -> tuple[list[SourceScore], dict[str, Any], tuple[Finding, ...]]:
    hand_model = load_hand_model(config.hand_model) if config.hand_model else None
    loaded = load_checkpoint(checkpoint, hand_model=hand_model)
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    sigmas = read_sigmas(release) if release else None
    scores = []
    for hands in sets:
        answers = evaluate(loaded.network, hands, batch_size=config.batch_size, device=device, workers=config.workers)
        human = expected_pck(hands, sigmas) if sigmas else None
        scores.append(score(hands, answers, resamplings=config.bootstrap, seed=config.seed, human=human))
    about = {
        "checkpoint": {
            "file": checkpoint.name,
            "sha256": file_sha256(checkpoint),
            "step": loaded.step,
            "layout": loaded.metadata.get("layout", ""),
        },
        "data": _data_facts(config, release),
        "resamplings": config.bootstrap,
        "seed": config.seed,
    }
    return scores, about, loaded.findings


def _data_facts(config: BenchmarkConfig, release: Path | None) -> dict[str, Any]:
    if release is None:
        return {"npz": {f.name: file_sha256(resolve_path(f, Path.cwd())) for f in config.npz}, "truth_3d": "file"}
    described = read_json(release / RELEASE)
    digest = file_sha256(release / CHECKSUMS) if (release / CHECKSUMS).exists() else ""
    return {
        "release": described.get("name", release.name),
        "checksums_sha256": digest,
        "split": config.split,
        "truth_3d": described.get("keypoints_3d", ""),
    }


def _write_page(config: BenchmarkConfig, out: Path, scores: list[SourceScore], about: dict[str, Any]) -> None:
    data = about["data"]
    facts = {
        "checkpoint": f"{about['checkpoint']['file']} (step {about['checkpoint']['step']})",
        "data": f"{data['release']}, {data['split']}" if "release" in data else ", ".join(data["npz"]),
        "hands": str(sum(len(s.hands) for s in scores)),
    }
    title = f"Benchmark of {config.checkpoint.name}"
    write_page(out / PAGE, scores, facts, title=title, examples=config.examples, truth_3d=data["truth_3d"])


def _counts(scores: list[SourceScore]) -> dict[str, int | float | str]:
    """What the terminal shows: a line a source and selection of joints."""
    counts: dict[str, int | float | str] = {}
    for one in scores:
        for subset in one.subsets:
            values = "  ".join(f"@{p.threshold:g} {100 * p.mean:.1f}" for p in subset.pck)
            counts[f"PCK {one.source} {SUBSET_WORDS[subset.subset]}"] = f"{values}  ({subset.joints} joints)"
        if one.pose is not None:
            counts[f"PA-MPJPE {one.source}"] = f"{one.pose.pa_mpjpe_mm:.2f} mm of {one.pose.hands} hands"
    return counts


def _uncovered(scores: list[SourceScore]) -> list[Finding]:
    return [
        Finding(
            code="benchmark.joints-not-covered",
            severity=Severity.WARNING,
            message=f"{one.source}, {SUBSET_WORDS[s.subset]}: only {s.joints_covered} of 21 joints are counted at all; "
            "the mean is over those, where HaMeR's own evaluation answers NaN",
            suggestion="score on more hands",
        )
        for one in scores
        for s in one.subsets
        if s.joints_covered < s.pck[0].per_joint.size
    ]


def _missing(sets: list[EvaluationSet]) -> list[Finding]:
    return [
        Finding(
            code="benchmark.images-missing",
            severity=Severity.WARNING,
            message=f"{s.name}: {s.n_missing} of {s.n_missing + len(s)} hands were left out: their images are missing",
            suggestion="put the frames in place; figures of part of a set compare with nothing",
            count=s.n_missing,
        )
        for s in sets
        if s.n_missing
    ]


def _shown(path: Path, project: Project | None) -> str:
    if project is not None and path.is_relative_to(project.root):
        return path.relative_to(project.root).as_posix()
    return str(path)
