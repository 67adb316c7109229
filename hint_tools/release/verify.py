"""`hint release verify`: is a release what its makers built, and is it sound?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.geometry import box_size
from hint_tools.core.progress import track
from hint_tools.core.records import Visibility
from hint_tools.core.report import Report
from hint_tools.data.annotations import (
    ANNOTATIONS,
    ANNOTATIONS_FILE,
    RELEASE_FILE,
    RELEASE_FORMAT,
    Annotation,
    counted_joints,
    eval_file,
    parse_image_folder,
)
from hint_tools.formats import hamer_npz, hint_json
from hint_tools.media.images import image_size, pixel_sha256, read_image
from hint_tools.release.config import ReleaseVerifyConfig
from hint_tools.release.manifest import MANIFEST_FILE, Manifest
from hint_tools.release.verify_published import is_published_layout, verify_published
from hint_tools.store.atomic import read_json
from hint_tools.store.config import resolve_path
from hint_tools.store.manifests import verify_checksums
from hint_tools.store.project import Project
from hint_tools.store.tables import read_table

_EXAMPLES = 5
_SAME_PX = 1e-9


def run_verify(config: ReleaseVerifyConfig, project: Project | None = None) -> Report:
    """Check a release, or the published HInt; any error fails the gate, so the command answers with exit code 1.

    Raises:
        DataError: it is no release at all, or its table can't be read.
    """
    folder = _folder(config.directory, project)
    if not (folder / RELEASE_FILE).exists() and is_published_layout(folder):
        return verify_published(folder)
    described = _description(folder)
    rows = read_table(folder / ANNOTATIONS_FILE, ANNOTATIONS)
    # pictures that may not be passed on and that the user has put there are not on the list
    brought = {r.image for r in rows if not r.image_included}
    findings = [
        f for f in verify_checksums(folder) if not (f.code == "release.file-unlisted" and f.subjects[0] in brought)
    ]
    findings += _counts(folder, described, rows)
    findings += _manifest(folder, rows)
    findings += _leaks(rows)
    findings += _hands(folder, rows, config)
    findings += _strangers(folder, rows)
    findings += _evaluation(folder, rows)
    errors = sum(f.count for f in findings if f.severity is Severity.ERROR)
    missing = sum(not (folder / r.image).is_file() for r in rows if not r.image_included)
    return Report(
        stage="verify",
        counts={"hands": len(rows), "pictures to be got from their owners": missing, "errors": errors},
        findings=tuple(findings),
        gate_failed=errors > 0,
    )


def _folder(directory: Path, project: Project | None) -> Path:
    folder = resolve_path(directory, Path.cwd())
    if not folder.is_dir() and project is not None:
        inside = project.root / "releases" / directory.name
        folder = inside if inside.is_dir() else folder
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a release", hint="hint release build NAME")
    return folder


def _description(folder: Path) -> dict[str, Any]:
    described = read_json(folder / RELEASE_FILE)
    if not isinstance(described, dict) or described.get("format") != "hint-tools.release":
        raise DataError(f"{folder / RELEASE_FILE}: not the description of a release", hint="hint release build NAME")
    if described.get("version") != RELEASE_FORMAT:
        raise DataError(
            f"{folder}: a release of format {described.get('version')}; this hint-tools reads {RELEASE_FORMAT}",
            hint="pip install --upgrade hint-tools",
        )
    return described


def _error(code: str, message: str, subjects: Sequence[str], suggestion: str = "") -> Finding:
    return Finding(
        code=f"release.{code}",
        severity=Severity.ERROR,
        message=message,
        suggestion=suggestion,
        subjects=tuple(subjects[:_EXAMPLES]),
        count=max(len(subjects), 1),
    )


def _counts(folder: Path, described: dict[str, Any], rows: Sequence[Annotation]) -> Iterable[Finding]:
    counted = dict(sorted(Counter(f"{r.split}_{r.source}" for r in rows).items()))
    if described.get("hands") != len(rows) or described.get("splits") != counted:
        yield _error(
            "counts-differ",
            f"{folder / RELEASE_FILE} says {described.get('hands')} hands ({described.get('splits')}), "
            f"{ANNOTATIONS_FILE} has {len(rows)} ({counted})",
            [],
        )


def _manifest(folder: Path, rows: Sequence[Annotation]) -> Iterable[Finding]:
    path = folder / MANIFEST_FILE
    try:
        told = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        yield _error("manifest-unreadable", f"{path}: not the manifest of a release ({error})", [MANIFEST_FILE])
        return
    counted = Counter(Path(r.image).parent.name for r in rows)
    if told.hands != len(rows) or {f: facts.hands for f, facts in told.folders.items()} != counted:
        yield _error("manifest-differs", f"{path}: other hands than {ANNOTATIONS_FILE} has", [MANIFEST_FILE])


def _leaks(rows: Sequence[Annotation]) -> Iterable[Finding]:
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(f"{row.source}/{row.video}", set()).add(row.split)
    leaking = sorted(video for video, found in splits.items() if len(found) > 1)
    if leaking:
        message = f"{len(leaking)} videos stand in more than one split, such as {leaking[0]}"
        yield _error("video-in-two-splits", message, leaking, "sample again: hint sample")


def _hands(folder: Path, rows: Sequence[Annotation], config: ReleaseVerifyConfig) -> Iterable[Finding]:
    """Everything about single hands, gathered by kind of fault."""
    faults: dict[str, list[str]] = {}
    for row in track(rows, "checking hands"):
        for code, check in _CHECKS.items():
            if not check(folder, row):
                faults.setdefault(code, []).append(row.image)
        # the bytes of included pictures are on the list of checksums; what users brought is not
        if config.pixels and not row.image_included and not _same_pixels(folder, row):
            faults.setdefault("pixels-differ", []).append(row.image)
    for code, images in sorted(faults.items()):
        yield _error(code, f"{len(images)} hands: {_FAULTS[code]}, such as {images[0]}", images)


def _json_equals(folder: Path, row: Annotation) -> bool:
    path = (folder / row.image).with_suffix(".json")
    try:
        hand = hint_json.decode(path.read_bytes(), str(path))
    except (DataError, OSError):
        return False
    return (
        bool(np.abs(hand.keypoints - row.keypoints).max() <= _SAME_PX)
        and bool(np.abs(hand.box - row.box).max() <= _SAME_PX)
        and bool((hand.visibility == row.visibility).all())
    )


def _side_in_name(_folder: Path, row: Annotation) -> bool:
    try:
        return hint_json.side_of_stem(Path(row.image).stem)[1] == row.side
    except DataError:
        return False


def _in_its_folder(_folder: Path, row: Annotation) -> bool:
    place = parse_image_folder(Path(row.image).parent.name)
    return place is not None and (place[0].value, place[1]) == (row.split, row.source)


def _sound_numbers(_folder: Path, row: Annotation) -> bool:
    known = row.visibility != Visibility.NOT_ANNOTATABLE
    return bool(
        np.isfinite(row.box).all()
        and (box_size(row.box) > 0).all()
        and np.isfinite(row.keypoints[known]).all()
        and (np.linalg.eigvalsh(row.covariance[known]) >= -_SAME_PX).all()
        and ((row.weight >= 0) & (row.weight <= 1)).all()
    )


def _right_size(folder: Path, row: Annotation) -> bool:
    path = folder / row.image
    if not path.is_file():
        return True  # the list of checksums says so already, or it was never in
    try:
        return image_size(path) == (row.width_px, row.height_px)
    except DataError:
        return False


def _same_pixels(folder: Path, row: Annotation) -> bool:
    path = folder / row.image
    try:
        return not path.exists() or pixel_sha256(read_image(path)) == row.pixel_sha256
    except DataError:
        return False


_CHECKS: dict[str, Callable[[Path, Annotation], bool]] = {
    "json-differs": _json_equals,
    "side-not-in-name": _side_in_name,
    "wrong-folder": _in_its_folder,
    "numbers-unsound": _sound_numbers,
    "size-differs": _right_size,
}
_FAULTS = {
    "json-differs": "the JSON is missing, broken, or says something else than the table",
    "side-not-in-name": "the last letter of the file's name is not the hand's side",
    "wrong-folder": "the folder is not that of the split and source",
    "numbers-unsound": "a box without extent, a keypoint that is not finite, a covariance or weight out of range",
    "size-differs": "the picture is unreadable or has another size than the table says",
    "pixels-differ": "the picture shows other pixels than the frame that was annotated",
}


def _strangers(folder: Path, rows: Sequence[Annotation]) -> Iterable[Finding]:
    known = {Path(r.image).with_suffix(".json").as_posix() for r in rows}
    found = {p.relative_to(folder).as_posix() for p in folder.glob("*_img/*.json")}
    extra = sorted(found - known)
    if extra:
        yield _error(
            "json-not-in-table", f"{len(extra)} JSON files have no row in the table, such as {extra[0]}", extra
        )


def _evaluation(folder: Path, rows: Sequence[Annotation]) -> Iterable[Finding]:
    groups: dict[tuple[str, str], list[Annotation]] = {}
    for row in sorted(rows, key=lambda r: r.image):
        groups.setdefault((row.split, row.source), []).append(row)
    for (split, source), group in sorted(groups.items()):
        for subset, counted in counted_joints(np.stack([r.visibility for r in group])).items():
            name = eval_file(split, source, subset)
            try:
                hands = hamer_npz.decode((folder / name).read_bytes(), name)
            except (DataError, OSError) as error:
                yield _error("eval-unreadable", f"{folder / name}: {error}", [name])
                continue
            names = [Path(r.image).name for r in group]
            points = np.stack([r.keypoints for r in group])
            same = (
                hands.imgname.tolist() == names
                and np.array_equal(hands.hand_keypoints_2d[..., 2] > 0, counted)
                and np.allclose(hands.hand_keypoints_2d[..., :2], points, rtol=0, atol=_SAME_PX)
            )
            if not same:
                yield _error("eval-differs", f"{folder / name}: it says something else than {ANNOTATIONS_FILE}", [name])
