"""`hint qc sigma`: COCO's σ of any skeleton from COCO files of two or more annotators."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.report import Report
from hint_tools.formats.coco_keypoints import CocoPose, CocoPoses, parse_coco_keypoints
from hint_tools.qc.coco_sigmas import CocoSigma, match_annotations, measure_coco_sigmas
from hint_tools.qc.config import SigmaConfig
from hint_tools.store.atomic import write_json
from hint_tools.store.project import Project


def run_sigma(config: SigmaConfig, project: Project | None) -> Report:
    """Measure σ of every joint; write them to `out`.

    Raises:
        DataError: a file is missing or no COCO keypoints, skeletons differ, or nothing was annotated twice.
        EnvironmentFault: `out` can't be written.
    """
    read = [_read(path) for path in config.files]
    by_annotator = _by_annotator(config.files, read)
    joints = read[0].joints
    if any(len(r.joints) not in (0, len(joints)) for r in read):
        numbers = ", ".join(f"{p}: {len(r.joints)}" for p, r in zip(config.files, read, strict=True))
        raise DataError(f"expected the same joints in every file, got {numbers}")
    pairs = match_annotations(by_annotator)
    if not pairs.first:
        raise DataError(
            f"no object was annotated by two of {len(by_annotator)} annotators ({', '.join(sorted(by_annotator))})",
            hint="hint qc sigma first_annotator.json second_annotator.json",
        )
    sigmas = measure_coco_sigmas(pairs, joints, config.bootstrap, config.seed)
    counts: dict[str, int | float | str] = {
        "annotators": len(by_annotator),
        "annotations": sum(len(p) for p in by_annotator.values()),
        "annotated once": pairs.unmatched,
        "pairs": len(pairs.first),
        "pictures": len({p.image for p in pairs.first}),
    }
    shown = {s.joint: _shown(s) for s in sigmas if s.state == "labelled"}
    if not config.dry_run:
        write_json(config.out, _document(sigmas, counts))
    findings = [f for r in read for f in r.findings]
    if pairs.without_area:
        findings.append(
            Finding(
                code="qc.no-area",
                severity=Severity.WARNING,
                message=f"{pairs.without_area} pairs have no area in the files; that of the box around their joints is "
                "used, which is larger than COCO's outlines",
                suggestion="add `area`, px², to the annotations",
                count=pairs.without_area,
            )
        )
    return Report(
        stage="qc sigma",
        counts={**counts, **shown},
        findings=tuple(findings),
        outputs=() if config.dry_run else (str(config.out),),
        details={"sigmas": [_cell(s) for s in sigmas]},
    )


def _read(path: Path) -> CocoPoses:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from error
    return parse_coco_keypoints(data, str(path))


def _by_annotator(paths: tuple[Path, ...], read: list[CocoPoses]) -> dict[str, list[CocoPose]]:
    """Poses by `annotator` where annotations say so, else by file."""
    found: dict[str, list[CocoPose]] = {}
    for number, (path, content) in enumerate(zip(paths, read, strict=True)):
        for pose in content.poses:
            found.setdefault(pose.annotator or f"{number}:{path.name}", []).append(pose)
    return found


def _shown(sigma: CocoSigma) -> str:
    estimate = sigma.sigma
    if not math.isfinite(estimate.value):
        return "–"
    interval = f" (95 %: {estimate.low:.4f} to {estimate.high:.4f})" if math.isfinite(estimate.low) else ""
    return f"{estimate.value:.4f}{interval}, rms {sigma.rms:.4f}, {estimate.n} pairs"


def _cell(sigma: CocoSigma) -> dict[str, Any]:
    estimate = sigma.sigma
    numbers = {"sigma": estimate.value, "low": estimate.low, "high": estimate.high, "rms": sigma.rms}
    plain = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
    return {"joint": sigma.joint, "state": sigma.state, **plain, "pairs": estimate.n}


def _document(sigmas: list[CocoSigma], counts: dict[str, int | float | str]) -> dict[str, Any]:
    return {
        "format": "coco-sigmas",
        "version": 1,
        "unit": "root mean square distance of one annotator to the truth / sqrt(area); k = 2 sigma",
        "counts": counts,
        "cells": [_cell(s) for s in sigmas],
    }
