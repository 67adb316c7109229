"""A whole round from one YAML file: the stages in order, resumed where they stopped.

::

    schema: hint.pipeline/1
    name: pilot
    project: round1            # made if it is not there; relative to this file's folder
    stages:
      - sample: {source: folder, root: ~/footage, n: 50}
      - prelabel:
      - server:
      - push:
      - annotate: {answers: 3} # waits here: stops until that many answers a hand are in
      - qc:
"""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hint_tools.core.errors import ConfigError
from hint_tools.core.findings import Finding
from hint_tools.core.progress import note
from hint_tools.core.report import Report
from hint_tools.pipeline.stages import settings, stage
from hint_tools.store.config import StageConfig
from hint_tools.store.project import MARKER, Project, create_project, open_project
from hint_tools.store.tables import LEDGER, SUBMISSIONS

MAX_FILE_BYTES = 1 << 20


class AnnotateConfig(BaseModel):
    """When the round may go on past the annotators."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: int = Field(default=1, ge=1, description="Answers each hand needs.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of the hands that need them.")


class RoundFile(BaseModel):
    """A pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_name: Literal["hint.pipeline/1"] = Field(alias="schema")
    name: str
    project: str = "."
    stages: tuple[dict[str, dict[str, Any] | None], ...]

    @field_validator("stages")
    @classmethod
    def _one_name_each(
        cls, stages: tuple[dict[str, dict[str, Any] | None], ...]
    ) -> tuple[dict[str, dict[str, Any] | None], ...]:
        for number, step in enumerate(stages, start=1):
            if len(step) != 1:
                raise ValueError(f"step {number}: expected one stage, got {sorted(step)}")
        return stages


def read_round(path: Path) -> RoundFile:
    """The pipeline file at `path`, checked.

    Raises:
        ConfigError: missing, not YAML, or not a pipeline; every problem is listed.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such pipeline file")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes; expected a pipeline file")
    try:
        return RoundFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected YAML ({error})") from error
    except ValidationError as error:
        problems = tuple(f"{'.'.join(map(str, e['loc'])) or '(file)'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: not a pipeline", problems=problems, hint="see docs/pipelines.md") from error


def run_round(path: Path, *, dry_run: bool = False) -> Report:
    """Every stage of the file in order; stops where annotators have not answered yet.

    Raises:
        ConfigError: the file or a stage's settings are wrong; found before anything runs.
        HintError: whatever a stage raises; the same call continues from there.
    """
    described = read_round(path)
    folder = path.resolve().parent
    root = folder / described.project
    standing = open_project(root) if (root / MARKER).is_file() else None
    for step in described.stages:  # every mistake is told before the first stage starts
        _checked(step, path, standing, (folder, root))
    if dry_run:
        return Report(stage="run", counts={"stages": len(described.stages), "project": str(root)})
    project = create_project(root, described.name)
    counts: dict[str, int | float | str] = {}
    findings: dict[str, tuple[Finding, ...]] = {}  # of a stage that runs again, the later ones
    outputs: dict[str, None] = {}
    for number, step in enumerate(described.stages, start=1):
        ((name, _),) = step.items()
        note(f"[{number}/{len(described.stages)}] {name}")
        config = _checked(step, path, project, (folder, root))
        if isinstance(config, AnnotateConfig):
            report = _annotated(config, project)
        else:
            report = stage(name).run_function()(config, project)
        counts.update({f"{name}: {k}": v for k, v in report.counts.items()})
        findings[name] = report.findings
        outputs.update(dict.fromkeys(report.outputs))
        if report.gate_failed:
            again = shlex.join(["hint", "run", str(path)])
            return Report(
                stage="run", counts=counts, findings=_joined(findings), outputs=tuple(outputs), next_command=again,
                gate_failed=name != "annotate", details={"stopped_at": name},
            )  # fmt: skip
    return Report(stage="run", counts=counts, findings=_joined(findings), outputs=tuple(outputs))


def _joined(findings: dict[str, tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return tuple(f for found in findings.values() for f in found)


def _checked(
    step: dict[str, dict[str, Any] | None], path: Path, project: Project | None, folders: tuple[Path, ...]
) -> StageConfig | AnnotateConfig:
    """The settings of one step; relative paths are looked for in `folders`.

    Raises:
        ConfigError: unknown stage or settings that don't fit.
    """
    ((name, given),) = step.items()
    if name != "annotate":
        return settings(stage(name), project, str(path), dict(given or {}), *folders)
    try:
        return AnnotateConfig.model_validate(dict(given or {}))
    except ValidationError as error:
        raise ConfigError(f"{path}: annotate: {error.errors()[0]['msg']}") from error


def _annotated(config: AnnotateConfig, project: Project) -> Report:
    """Pull, then say whether enough answers are in; `gate_failed` when they are not."""
    pull = stage("pull")
    report = pull.run_function()(settings(pull, project, "annotate", {}), project)
    hands = {entry.hand_id for entry in project.read(LEDGER)}
    answers = Counter(s.hand_id for s in project.read_if_any(SUBMISSIONS) if not s.superseded)
    ready = sum(answers[h] >= config.answers for h in hands)
    waiting = ready < config.share * len(hands)
    if waiting:
        note(f"waiting for annotators: {ready} of {len(hands)} hands have {config.answers} answers")
    counts = {**report.counts, "hands": len(hands), "hands answered": ready}
    return Report(stage="annotate", counts=counts, findings=report.findings, gate_failed=waiting)
