"""`hint benchmark`: how well a model finds hands, on annotated images or on FreiHAND and HO-3D."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark import compare
from hint_tools.benchmark.batches import Batches
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.evaluate import gathered
from hint_tools.benchmark.export import as_csv, as_json, plain
from hint_tools.benchmark.history import append_result, writing_results
from hint_tools.benchmark.human import expected_pck, read_sigmas
from hint_tools.benchmark.inputs import HintData, read_hint_data, require_sense
from hint_tools.benchmark.matching import Matched, match, read_predictions
from hint_tools.benchmark.mesh_run import METRICS, PAGE, STAGE, TABLE, run_mesh
from hint_tools.benchmark.models import ask, open_checkpoint, partial_report
from hint_tools.benchmark.page import write_page
from hint_tools.benchmark.results import SUBSET_WORDS, SourceScore, score
from hint_tools.benchmark.visibility import skin_of
from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.formats.predictions import HandAnswers, encode
from hint_tools.mano.assets import load_hand_model
from hint_tools.store.atomic import write_bytes, write_json, write_text
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import file_sha256
from hint_tools.store.project import Project

PREDICTIONS = "predictions.npz"
"""The answers of a run, so that they can be scored and compared again without the network."""


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """The model's answers for every set, and what is to be told of it."""

    name: str
    about: dict[str, Any]
    matched: list[Matched]
    findings: tuple[Finding, ...]
    batches: list[Batches]


def run(config: BenchmarkConfig, project: Project | None = None) -> Report:
    """Score a checkpoint or a predictions file; write `metrics.json`, `metrics.csv`, `report.html`, `results.jsonl`.

    Raises:
        ConfigError: it does not say what to score on what, or says it twice.
        DataError: the checkpoint does not fit, or evaluation data or predictions are missing, broken or incomplete.
        EnvironmentFault: the device or a package is missing, or the report can't be written.
    """
    require_sense(config)
    base = Path.cwd()
    out = resolve_path(config.out, project.root if project else base)
    if config.dataset != "hint":
        return run_mesh(config, out)
    data = read_hint_data(config, project, base)
    model = resolve_path(config.checkpoint or config.predictions or Path(), base)
    rival = _rival(config)
    if config.dry_run:
        if not model.is_file():
            raise DataError(f"{model}: no such file", hint="hint train")
        return Report(stage=STAGE, counts={f"hands of {s.name}": len(s) for s in data.sets})
    answered = (
        _answers_of_file(config, data, model) if config.predictions else _answers_of_network(config, data, model, out)
    )
    if isinstance(answered, Report):
        return answered
    report = _finish(config, data, answered, rival, out, project)
    for batches in answered.batches:
        batches.remove()
    return report


def _answers_of_network(config: BenchmarkConfig, data: HintData, path: Path, out: Path) -> _Answered | Report:
    model = open_checkpoint(config, path)
    asked = ask(config, model, data.sets, out)
    if not asked.complete:
        return partial_report(asked)
    answers = [gathered(s, batches.load()) for s, batches in zip(data.sets, asked.batches, strict=True)]
    matched = [
        Matched(s, a, 0, np.ones(len(s), dtype=bool)) for s, a in zip(data.sets, answers, strict=True)
    ]  # fmt: skip
    return _Answered(model.name, {"checkpoint": model.about}, matched, model.findings, asked.batches)


def _answers_of_file(config: BenchmarkConfig, data: HintData, path: Path) -> _Answered:
    answers = read_predictions(path)
    hand = resolve_path(config.hand_model, Path.cwd()) if config.hand_model else None
    skin = skin_of(load_hand_model(hand)) if config.mesh_visibility and answers.vertices is not None else None
    matched = [match(s, answers, str(path), on_missing=config.on_missing, skin=skin) for s in data.sets]
    name = answers.model or path.name
    about = {"predictions": {"file": path.name, "sha256": file_sha256(path), "model": name}}
    used = np.any([m.used for m in matched], axis=0)
    return _Answered(name, about, matched, _unused(answers, used, path), [])


def _unused(answers: HandAnswers, used: npt.NDArray[np.bool_], path: Path) -> tuple[Finding, ...]:
    if used.all():
        return ()
    count = int((~used).sum())
    examples = tuple(answers.image[~used][:3].tolist())
    message = f"{path}: {count} of {len(used)} answers are of hands that are not scored, such as {', '.join(examples)}"
    return (Finding(code="benchmark.answers-unused", severity=Severity.INFO, message=message, count=count),)


def _finish(
    config: BenchmarkConfig,
    data: HintData,
    answered: _Answered,
    rival: HandAnswers | None,
    out: Path,
    project: Project | None,
) -> Report:
    sigmas = read_sigmas(data.folder) if data.folder else None
    scores = [
        score(
            m.hands,
            m.answers,
            resamplings=config.bootstrap,
            seed=config.seed,
            human=expected_pck(m.hands, sigmas) if sigmas else None,
            unanswered=m.missing,
            as_reference=config.as_reference,
        )
        for m in answered.matched
    ]
    about = {**answered.about, "data": data.facts, "resamplings": config.bootstrap, "seed": config.seed}
    differences = _differences(config, scores, rival)
    other = _name_of(config, rival)
    document = as_json(scores, about)
    if differences:
        document["comparison"] = compare.as_json(differences, other)
    facts = _page_facts(answered.name, scores, about)
    with writing_results(out):
        write_json(out / METRICS, document)
        write_text(out / TABLE, as_csv(scores))
        write_bytes(out / PREDICTIONS, encode(_own_answers(answered.name, scores)))
        write_page(
            out / PAGE,
            scores,
            facts,
            model=answered.name,
            examples=config.examples,
            truth_3d=data.facts["truth_3d"],
            differences=differences,
            other=other,
            whole=_is_whole(data, scores),
        )
        results = append_result(out, {"model": answered.name, **about, "pck": _headline(scores)})
    files = (out / PAGE, out / METRICS, out / TABLE, out / PREDICTIONS, results)
    return Report(
        stage=STAGE,
        counts=_counts(scores),
        findings=(*answered.findings, *_uncovered(scores), *_left_out(scores), *_without_sides(scores)),
        outputs=tuple(_shown(path, project) for path in files),
        details=document,
    )


def _rival(config: BenchmarkConfig) -> HandAnswers | None:
    """The answers of the other model of `--compare`; read before anything runs, so that a wrong name costs nothing."""
    if config.compare is None:
        return None
    path = resolve_path(config.compare, Path.cwd())
    return read_predictions(path.with_name(PREDICTIONS) if path.name == METRICS else path)


def _name_of(config: BenchmarkConfig, rival: HandAnswers | None) -> str:
    if rival is None or config.compare is None:
        return ""
    return rival.model or config.compare.name


def _differences(
    config: BenchmarkConfig, scores: list[SourceScore], rival: HandAnswers | None
) -> list[compare.Difference]:
    """What sets the model apart from the other one, on every source."""
    if rival is None:
        return []
    found = []
    for one in scores:
        other = match(one.hands, rival, str(config.compare), on_missing="error").answers.keypoints_2d
        found += compare.pck_differences(one, other, resamplings=config.bootstrap, seed=config.seed)
    return found


def _own_answers(model: str, scores: list[SourceScore]) -> HandAnswers:
    """The answers as a predictions file; images are named with their folder, since sources may share names."""
    spatial = all(s.answers.spatial for s in scores)
    names = [f"{s.hands.images.name}/{name}" for s in scores for name in s.hands.names.tolist()]
    return HandAnswers(
        model=model,
        image=np.array(names, dtype=np.str_),
        right=np.concatenate([s.hands.right for s in scores]),
        keypoints=np.concatenate([s.answers.keypoints_2d for s in scores]),
        keypoints_3d=np.concatenate([s.answers.keypoints_3d for s in scores]) if spatial else None,
        center=np.concatenate([s.hands.centers_px for s in scores]),
    )


def _page_facts(model: str, scores: list[SourceScore], about: dict[str, Any]) -> dict[str, str]:
    data = about["data"]
    step = f" (step {about['checkpoint']['step']})" if "checkpoint" in about else ""
    return {
        "checkpoint" if "checkpoint" in about else "predictions": model + step,
        "data": f"{data['release']}, {data['split']}" if "release" in data else ", ".join(data["npz"]),
        "hands": str(sum(len(s.hands) for s in scores)),
    }


def _is_whole(data: HintData, scores: list[SourceScore]) -> bool:
    """These are HInt's own test hands, all of them."""
    sizes = {"newdays": 1754, "epick": 1906, "ego4d": 1714}
    known = [s for s in scores if s.source in sizes]
    return data.facts.get("split", "test") == "test" and all(
        len(s.hands) == sizes[s.source] and not s.left_out for s in known
    )


def _headline(scores: list[SourceScore]) -> dict[str, dict[str, dict[str, float | None]]]:
    return {
        s.source: {
            SUBSET_WORDS[p.subset]: {f"{x.threshold:g}": plain(x.mean) for x in p.pck} for p in s.subsets
        }
        for s in scores
    }  # fmt: skip


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


def _left_out(scores: list[SourceScore]) -> list[Finding]:
    return [_lost(s.hands, s.hands.n_missing, "images") for s in scores if s.hands.n_missing] + [
        _lost(s.hands, s.unanswered, "predictions") for s in scores if s.unanswered
    ]


def _without_sides(scores: list[SourceScore]) -> list[Finding]:
    return [
        Finding(
            code="benchmark.sides-unknown",
            severity=Severity.WARNING,
            message=f"{s.hands.name}: without an array `right` all {len(s.hands)} hands are taken for right ones",
            suggestion="add `right` (1 or 0), or every left hand counts as a mistake of the network",
            count=len(s.hands),
        )
        for s in scores
        if not s.hands.hands.sides_stated
    ]


def _lost(hands: EvaluationSet, count: int, what: str) -> Finding:
    return Finding(
        code=f"benchmark.{what}-missing",
        severity=Severity.WARNING,
        message=f"{hands.name}: {count} of {count + len(hands)} hands were left out: their {what} are missing",
        suggestion="add them; figures of part of a set compare with nothing",
        count=count,
    )


def _shown(path: Path, project: Project | None) -> str:
    if project is not None and path.is_relative_to(project.root):
        return path.relative_to(project.root).as_posix()
    return str(path)
