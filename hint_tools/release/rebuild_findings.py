"""What a rebuild has to say: which files are missing or differ, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.release.published import ZIP_MD5
from hint_tools.release.rebuild_extract import ClipResult, MadePicture
from hint_tools.release.rebuild_plan import ClipWork
from hint_tools.store.atomic import read_json

_EXAMPLES = 5
CLIP_ABSENT, NOT_MADE, KEPT = "clip not here", "not in its clip, or unreadable", "another file stood there"


@dataclass(slots=True)
class Outcome:
    """What a rebuild made.

    Args:
        absent: clips without a file.
        official: FFmpeg 5.1 took part, so bytes are official ones.
        results: of the clips that are here, by uid.
        findings: about the run itself.
    """

    absent: tuple[ClipWork, ...]
    official: bool
    results: list[ClipResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def pictures(self) -> list[MadePicture]:
        """All that were made, by file."""
        return sorted((p for r in self.results for p in r.pictures), key=lambda p: p.file)

    def dropped(self) -> dict[str, int]:
        """Reason -> planned files the tree does not hold as they should be."""
        counted = {
            CLIP_ABSENT: sum(c.n_files for c in self.absent),
            NOT_MADE: sum(len(r.missing) for r in self.results),
            KEPT: sum(bool(p.standing) for p in self.pictures()),
        }
        return {why: n for why, n in counted.items() if n}


def findings_of(outcome: Outcome) -> Iterable[Finding]:
    """About clips that are not here, pictures that could not be made, and standing files that differ."""
    yield from outcome.findings
    if outcome.absent:
        uids = [c.uid for c in outcome.absent]
        message = (
            f"{len(uids)} clips are not here ({sum(c.n_files for c in outcome.absent)} pictures), such as {uids[0]}"
        )
        advice = "download them with clip_uids.txt; Ego4D no longer serves some"
        yield _finding("clip-missing", Severity.ERROR, message, uids, advice)
    missing = [(file, why) for r in outcome.results for file, why in r.missing.items()]
    if missing:
        message = f"{len(missing)} pictures could not be made, such as {missing[0][0]}: {missing[0][1]}"
        yield _finding(
            "picture-missing",
            Severity.ERROR,
            message,
            [f for f, _ in missing],
            "copy those clips again; install FFmpeg 5.1",
        )
    kept: dict[str, list[str]] = {}
    for picture in outcome.pictures():
        if picture.standing:
            kept.setdefault(picture.standing, []).append(picture.file)
    for why, files in sorted(kept.items()):
        message = (
            f"{len(files)} standing pictures were kept and are not what the clips give ({why}), such as {files[0]}"
        )
        yield _finding("file-differs", Severity.ERROR, message, files, "write over them: --replace")
    if not outcome.official and outcome.results:
        message = "without FFmpeg 5.1 the pictures have the official pixels, but not the official bytes"
        yield _finding("pixels-only", Severity.WARNING, message, [], "install FFmpeg 5.1, or name it: --ffmpeg")


def against(path: Path, pictures: Sequence[MadePicture], expected_format: str) -> list[Finding]:
    """One finding for each way in which the pictures differ from those of another rebuild.

    Args:
        path: the other's `pictures.json`.
        pictures: of this one.
        expected_format: what such a file calls itself.

    Raises:
        DataError: no such file.
    """
    told = read_json(path)
    if not isinstance(told, dict) or told.get("format") != expected_format or told.get("version") != 1:
        raise DataError(f"{path}: expected the pictures.json of a rebuild")
    theirs: Mapping[str, Any] = told["pictures"]
    ours = {p.file: p for p in pictures}
    differing: dict[str, list[str]] = {}
    for file in sorted(theirs.keys() | ours.keys()):
        why = _difference(theirs.get(file), ours.get(file))
        if why:
            differing.setdefault(why, []).append(file)
    severity = {"same pixels, other bytes": Severity.WARNING}
    return [
        _finding(
            "unlike-expected",
            severity.get(why.partition(":")[0], Severity.ERROR),
            f"{len(files)} pictures are not as {path} says ({why}), such as {files[0]}",
            files,
        )
        for why, files in sorted(differing.items())
    ]


def _difference(theirs: Mapping[str, Any] | None, ours: MadePicture | None) -> str:
    """Why a file is not the expected one; empty when it is."""
    if theirs is None:
        return "the other rebuild does not have it"
    if ours is None:
        return "it was not made here"
    if theirs["sha256"] == ours.sha256:
        return ""
    if theirs["pixel_sha256"] == ours.pixel_sha256:
        return f"same pixels, other bytes: theirs {theirs['way']}, here {ours.way}"
    if (theirs["width_px"], theirs["height_px"]) != (ours.width_px, ours.height_px):
        return "other pixels: the clip has another size there"
    if theirs["frame"] != ours.frame:
        return "other pixels: it is another frame there"
    return "other pixels: another version of the clip, or one of the two is damaged"


def zip_finding(digest: str, *, complete: bool) -> Finding:
    """What the archive's MD5 says.

    Args:
        digest: of the archive; meaningless when it was not made.
        complete: the tree passed all checks.
    """
    if not complete:
        return _finding("zip-left-out", Severity.WARNING, "no archive was made: the tree is not complete", [])
    if digest == ZIP_MD5:
        return _finding("zip-official", Severity.INFO, f"the archive is the published one: MD5 {digest}", [])
    message = (
        f"the archive's MD5 is {digest}, the published one {ZIP_MD5}; it depends on the zlib Python was built with, "
        "so the pictures may still be right"
    )
    return _finding("zip-differs", Severity.WARNING, message, [], "compare files instead: --expect pictures.json")


def _finding(code: str, severity: Severity, message: str, subjects: Sequence[str], suggestion: str = "") -> Finding:
    return Finding(
        code=f"rebuild.{code}", severity=severity, message=message, suggestion=suggestion,
        subjects=tuple(subjects[:_EXAMPLES]), count=max(1, len(subjects)),
    )  # fmt: skip
