"""`hint qc sigma`: COCO's σ of any skeleton from COCO files of two or more annotators."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError, UsageError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.report import Report
from hint_tools.formats.coco_keypoints import CocoPose, CocoPoses, parse_coco_keypoints
from hint_tools.qc.coco_sigmas import CocoSigma, DoubleAnnotations, match_annotations, measure_coco_sigmas
from hint_tools.qc.config import SigmaConfig
from hint_tools.store.atomic import write_json, writing
from hint_tools.store.project import Project


def run_sigma(config: SigmaConfig, project: Project | None) -> Report:
    """Measure σ of every joint; write them to `out`.

    Raises:
        UsageError: `out` is a folder, or one of the files.
        DataError: a file is missing or no COCO keypoints, skeletons differ, or nothing was annotated twice.
        EnvironmentFault: `out` can't be written.
    """
    _check_out(config)
    read = [_read(path, config.field) for path in config.files]
    by_annotator = _by_annotator(config.files, read)
    joints = _same_joints(config.files, read)
    pairs = match_annotations(by_annotator)
    if not pairs.first:
        raise _nothing_twice(by_annotator, pairs.copies)
    sigmas = measure_coco_sigmas(pairs, joints, config.bootstrap, config.seed, of_box_alone=config.scale == "joints")
    counts: dict[str, int | float | str] = {
        "annotators": len(by_annotator),
        "annotations": sum(len(p) for p in by_annotator.values()),
        "annotated once": pairs.unmatched,
        "copies": pairs.copies,
        "pairs": len(pairs.first),
        "pictures": len({p.image for p in pairs.first}),
    }
    shown = dict(zip(_labels(joints), (_shown(s) for s in sigmas if s.state == "labelled"), strict=True))
    document = _document(sigmas, joints, counts, config)
    if not config.dry_run:
        write_json(config.out, document)
    return Report(
        stage="qc sigma",
        counts={**counts, **shown},
        findings=(*(f for r in read for f in r.findings), *_findings(pairs, sum(r.odd_areas for r in read), config)),
        outputs=() if config.dry_run else (str(config.out),),
        details={k: document[k] for k in ("joints", "sigmas", "cells", "unit")},
    )


def _check_out(config: SigmaConfig) -> None:
    """Refuse to write where nothing may be written.

    Raises:
        UsageError: `out` is a folder, or one of the files.
    """
    with writing(config.out):
        if config.out.is_dir():
            example = shlex.quote(str(config.out / SigmaConfig.model_fields["out"].default))
            raise UsageError(f"{config.out}: expected a file to write to, got a folder", hint=f"--out {example}")
        if config.out.exists() and any(p.exists() and p.samefile(config.out) for p in config.files):
            raise UsageError(
                f"{config.out}: is one of the files to read; its annotations would be lost", hint="name another: --out"
            )


def _labels(joints: Sequence[str]) -> list[str]:
    """What each joint is called among the counts: no two alike, and none like a count."""
    names = [shortened(j) for j in joints]
    if len(set(names)) < len(names):
        names = [f"joint {k}, {name}" for k, name in enumerate(names)]
    return [f"sigma of {name}" for name in names]


def _findings(pairs: DoubleAnnotations, odd_areas: int, config: SigmaConfig) -> list[Finding]:
    """What is odd about the pairs, and about the areas they are measured by."""
    found = []
    if odd_areas and config.scale == "area":
        found.append(
            Finding(
                code="qc.odd-area",
                severity=Severity.WARNING,
                message=f"{odd_areas} annotations have an area that is no size of anything (no number, not positive, "
                "or out of all bounds): it counts as missing",
                suggestion="write `area` as a number, px²",
                count=odd_areas,
            )
        )
    if pairs.without_area and config.scale == "area":
        found.append(
            Finding(
                code="qc.no-area",
                severity=Severity.WARNING,
                message=f"{pairs.without_area} pairs have no usable area in the files; that of the box around their "
                "joints is used, which is larger than COCO's outlines",
                suggestion="add `area`, px², to the annotations, or ask for it: hint qc sigma --scale joints",
                count=pairs.without_area,
            )
        )
    if pairs.copies:
        found.append(
            Finding(
                code="qc.copied",
                severity=Severity.WARNING,
                message=f"{pairs.copies} objects have every joint at the same place in two annotations: they are "
                "copies, which say nothing about precision, and are left out",
                suggestion="give files that were annotated apart from each other",
                count=pairs.copies,
            )
        )
    return found


def _same_joints(paths: tuple[Path, ...], read: list[CocoPoses]) -> tuple[str, ...]:
    """The names of the joints, after checking that all files mean the same ones.

    Raises:
        DataError: their number or order differs.
    """
    filled = [(path, r.joints) for path, r in zip(paths, read, strict=True) if r.joints]
    if len({len(joints) for _, joints in filled}) > 1:
        numbers = ", ".join(f"{path}: {len(joints)}" for path, joints in filled)
        raise DataError(f"expected the same joints in every file, got {numbers}")
    named = [(path, joints) for path, joints in filled if joints[0] != "0"]  # the others have no names to compare
    for path, joints in named[1:]:
        place = next((k for k, (a, b) in enumerate(zip(named[0][1], joints, strict=True)) if a != b), None)
        if place is not None:
            raise DataError(
                f"expected the same order of joints in every file; joint {place} is "
                f"{shortened(named[0][1][place])!r} in {named[0][0]} and {shortened(joints[place])!r} in {path}",
                hint="bring `categories[].keypoints` and the annotations of one file into the order of the other",
            )
    return named[0][1] if named else filled[0][1] if filled else ()


def _nothing_twice(by_annotator: dict[str, list[CocoPose]], copies: int) -> DataError:
    """Why no object was annotated by two people, as far as can be told."""
    who = ", ".join(map(shortened, sorted(by_annotator)))
    if copies:
        return DataError(
            f"all {copies} objects have every joint at the same place in two annotations: one is a copy of the other",
            hint="give files that were annotated apart from each other",
        )
    if len(by_annotator) < 2:
        return DataError(
            f"no object was annotated by two people: there is one annotator ({who or 'none with labelled joints'})",
            hint="one file an annotator: hint qc sigma first.json second.json; or write `annotator` in annotations[]",
        )
    pictures = [{p.image for p in poses} for poses in by_annotator.values()]
    shared = set.intersection(*pictures)
    if not shared:
        examples = ", ".join(shortened(min(names)) for names in pictures[:2])
        return DataError(
            f"no object was annotated by two of {len(by_annotator)} annotators ({who}): they have no picture in common "
            f"(such as {examples})",
            hint="`images[].file_name` must be the same in all files",
        )
    return DataError(
        f"no object was annotated by two of {len(by_annotator)} annotators ({who}), though they have {len(shared)} "
        "pictures in common: no two objects of one category overlap by half",
        hint="check `category_id`, and that the pictures have the same size in all files",
    )


def _read(path: Path, field: str) -> CocoPoses:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from error
    return parse_coco_keypoints(data, str(path), field)


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


def _document(
    sigmas: list[CocoSigma], joints: tuple[str, ...], counts: dict[str, int | float | str], config: SigmaConfig
) -> dict[str, Any]:
    """`sigmas` is the list other tools ask for, one a joint in the files' order; `cells` has all there is to know."""
    divided = "the object's area" if config.scale == "area" else "the area of the box around its joints"
    return {
        "format": "coco-sigmas",
        "version": 2,
        "unit": f"root mean square distance of one annotator to the truth / sqrt({divided}); k = 2 sigma",
        "counts": counts,
        "joints": list(joints),
        "sigmas": [_cell(s)["sigma"] for s in sigmas if s.state == "labelled"],
        "cells": [_cell(s) for s in sigmas],
    }
