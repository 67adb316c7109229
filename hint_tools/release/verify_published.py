"""Is a folder the published HInt, complete and sound? Counts, names, JSON, sizes, and what must not be in it.

A picture is looked at by its header alone, so the whole dataset takes a minute or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.progress import track
from hint_tools.core.records import Visibility
from hint_tools.core.report import Report
from hint_tools.formats import hint_json
from hint_tools.media.images import image_size
from hint_tools.release.published import FOLDERS, parse_folder, parse_name

_EXAMPLES = 5
_OUTSIDE_PX = 1.0
"""How far an existing keypoint may lie beyond the picture's edge: boxes and points were rounded."""
_EPIC_SIZE_PX = (1920, 1080)

_FAULTS = {
    "json-broken": "the JSON is not one hand with bbox, 21 keypoints, occlusion and existence",
    "name-unknown": "the name is not one of HInt's, with the hand's side as its last letter",
    "json-missing": "a picture without its JSON",
    "stranger": "a file that is neither picture nor annotation",
    "box-unsound": "a box without extent",
    "keypoint-outside": "a keypoint that is said to exist lies outside the picture",
    "picture-unreadable": "the picture can't be read",
    "size-unlike-source": "an EPIC frame that is not 1920 x 1080",
    "size-unlike-clip": "frames of one clip have different sizes",
    "clip-in-two-splits": "a clip stands in more than one split",
}


def is_published_layout(folder: Path) -> bool:
    """Whether a folder holds at least one of the published folders."""
    return any((folder / name).is_dir() for name in FOLDERS)


@dataclass(slots=True)
class _Seen:
    """What the files of a tree say, gathered over all of them."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    hands: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)
    without_picture: list[str] = field(default_factory=list)
    sizes: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)
    splits: dict[str, set[str]] = field(default_factory=dict)

    def fault(self, code: str, name: str) -> None:
        """One more file with this fault."""
        self.faults.setdefault(code, []).append(name)


def verify_published(tree: Path, *, expected: Mapping[str, int] = FOLDERS) -> Report:
    """What is wrong with a published tree; any error fails the gate.

    A tree without a single Ego4D picture is the one its authors hand out: it lacks them on purpose, which is a warning.

    Args:
        tree: holds the folders.
        expected: folder -> hands.

    Raises:
        DataError: no folder, or none of the published ones in it.
    """
    if not is_published_layout(tree):
        raise DataError(f"{tree}: expected folders of HInt such as TEST_newdays_img", hint="unpack the archive again")
    seen = _Seen()
    folders = sorted(p for p in tree.iterdir() if p.is_dir())
    files = {folder: sorted(folder.iterdir()) for folder in folders}
    every = [(folder, path) for folder, inside in files.items() for path in inside]
    for folder, path in track(every, "checking files"):
        _look(seen, folder, path)
    findings = [*_counts(seen, expected), *_faults(seen), *_pictures(seen)]
    errors = sum(f.count for f in findings if f.severity is Severity.ERROR)
    counts: dict[str, int | float | str] = {f: seen.hands.get(f, 0) for f in sorted(expected)}
    counts |= {"hands": sum(seen.hands.values()), "pictures": sum(seen.pictures.values())}
    return Report(
        stage="verify",
        counts=counts | {"pictures missing": len(seen.without_picture), "errors": errors},
        findings=tuple(findings),
        gate_failed=errors > 0,
    )


def _look(seen: _Seen, folder: Path, path: Path) -> None:
    name = f"{folder.name}/{path.name}"
    try:
        split, source = parse_folder(folder.name)
    except DataError:
        seen.fault("stranger", name)
        return
    if path.suffix == ".jpg":
        seen.pictures[folder.name] = seen.pictures.get(folder.name, 0) + 1
        if not path.with_suffix(".json").is_file():
            seen.fault("json-missing", name)
        return
    if path.suffix != ".json":
        seen.fault("stranger", name)
        return
    seen.hands[folder.name] = seen.hands.get(folder.name, 0) + 1
    video = _check_name(seen, source, path.stem, name)
    if source == "ego4d" and video:
        seen.splits.setdefault(video, set()).add(split)
    size = _check_picture(seen, source, video, path.with_suffix(".jpg"), name)
    _check_hand(seen, path, name, size)


def _check_name(seen: _Seen, source: str, stem: str, name: str) -> str:
    """The video the name says."""
    try:
        return parse_name(source, stem).video
    except DataError:
        seen.fault("name-unknown", name)
        return ""


def _check_picture(seen: _Seen, source: str, video: str, picture: Path, name: str) -> tuple[int, int] | None:
    if not picture.is_file():
        seen.without_picture.append(name)
        return None
    try:
        size = image_size(picture)
    except DataError:
        seen.fault("picture-unreadable", name)
        return None
    if source == "epick" and size != _EPIC_SIZE_PX:
        seen.fault("size-unlike-source", name)
    if source == "ego4d" and video:
        seen.sizes.setdefault(video, {}).setdefault(size, name)
    return size


def _check_hand(seen: _Seen, path: Path, name: str, size: tuple[int, int] | None) -> None:
    try:
        hand = hint_json.decode(path.read_bytes(), name)
    except DataError:
        seen.fault("json-broken", name)
        return
    if not (hand.box[2:] > hand.box[:2]).all():
        seen.fault("box-unsound", name)
    if size is not None:
        points = hand.keypoints[hand.visibility != Visibility.NOT_ANNOTATABLE]
        if ((points < -_OUTSIDE_PX) | (points > np.array(size) - 1 + _OUTSIDE_PX)).any():
            seen.fault("keypoint-outside", name)


def _counts(seen: _Seen, expected: Mapping[str, int]) -> Iterable[Finding]:
    for folder in sorted(expected.keys() | seen.hands.keys()):
        want, got = expected.get(folder, 0), seen.hands.get(folder, 0)
        if want != got:
            kept = "some are missing" if got < want else "there are some that its authors do not have, or took out"
            yield _finding("counts-differ", f"{folder}: expected {want} hands, got {got}: {kept}", [folder])


def _faults(seen: _Seen) -> Iterable[Finding]:
    for video, sizes in sorted(seen.sizes.items()):
        if len(sizes) > 1:
            seen.fault("size-unlike-clip", f"{video}: {sorted(sizes)}")
    for video, splits in sorted(seen.splits.items()):
        if len(splits) > 1:
            seen.fault("clip-in-two-splits", f"{video}: {', '.join(sorted(splits))}")
    for code, names in sorted(seen.faults.items()):
        # what its authors published is theirs to mend: a point beyond the edge harms no reader
        severity = Severity.WARNING if code == "keypoint-outside" else Severity.ERROR
        yield _finding(code, f"{len(names)} times: {_FAULTS[code]}, such as {names[0]}", names, severity)


def _pictures(seen: _Seen) -> Iterable[Finding]:
    missing = seen.without_picture
    if not missing:
        return
    as_handed_out = all("_ego4d_" in n for n in missing) and not any("_ego4d_" in f for f in seen.pictures)
    message = f"{len(missing)} hands have no picture, such as {missing[0]}"
    if as_handed_out:
        message += "; as handed out: the frames of Ego4D come from Ego4D"
    severity = Severity.WARNING if as_handed_out else Severity.ERROR
    advice = "hint release rebuild --partial DIR --frames ego4d_frame_names.json --clips DIR"
    yield _finding("pictures-missing", message, missing, severity, advice)


def _finding(
    code: str,
    message: str,
    subjects: Sequence[str],
    severity: Severity = Severity.ERROR,
    suggestion: str = "unpack the published archive again",
) -> Finding:
    return Finding(
        code=f"published.{code}", severity=severity, message=message, suggestion=suggestion,
        subjects=tuple(subjects[:_EXAMPLES]), count=len(subjects),
    )  # fmt: skip
