"""What a rebuild of the published HInt needs: which clips, which frames of each, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.release.published import FOLDERS, parse_folder, parse_name
from hint_tools.store.atomic import read_json

KEY_FRAME_DISTANCES = (30, 128, 250)
"""Of common encoders (every second; libvpx's default, so Ego4D's documented clips; x264's default)."""
PICTURE_BYTES = (220_000, 350_000)
"""Least and most a picture took, measured on 1440 x 1080 and 1920 x 1080 clips."""
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class ClipWork:
    """What is wanted of one clip.

    Args:
        uid: of the clip.
        files: number of the frame (from 0) -> files it becomes, below the tree, with forward slashes.
    """

    uid: str
    files: Mapping[int, tuple[str, ...]]

    @property
    def n_files(self) -> int:
        """How many pictures come from it."""
        return sum(len(files) for files in self.files.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """A rebuild.

    Args:
        clips: by uid.
        per_folder: folder -> pictures.
        listed: names in the list, those that can't be used and repeats included.
        dropped: reason -> names that are not planned.
        findings: about those.
    """

    clips: tuple[ClipWork, ...]
    per_folder: Mapping[str, int]
    listed: int
    dropped: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def n_pictures(self) -> int:
        """Files to be made."""
        return sum(self.per_folder.values())

    @property
    def n_frames(self) -> int:
        """Different frames to be decoded; several files may show one."""
        return sum(len(c.files) for c in self.clips)


def read_plan(path: Path) -> Plan:
    """The plan for the published list of Ego4D frames (`ego4d_frame_names.json`).

    Raises:
        DataError: missing, not such a list, or not a single name in it can be used.
    """
    listed = read_json(path)
    sound = isinstance(listed, dict) and all(
        isinstance(names, list) and all(isinstance(n, str) for n in names) for names in listed.values()
    )
    if not sound:
        raise DataError(f"{path}: expected folders with lists of file names, as in HInt's ego4d_frame_names.json")
    plan = make_plan(listed)
    if not plan.clips:
        raise DataError(f"{path}: not one of its {plan.listed} names is that of an Ego4D picture of HInt")
    return plan


def make_plan(listed: Mapping[str, Iterable[str]]) -> Plan:
    """The plan for file names by folder; names that are not understood are counted and told."""
    clips: dict[str, dict[int, list[str]]] = {}
    per_folder: Counter[str] = Counter()
    bad: dict[str, list[str]] = {}
    seen: set[str] = set()
    n_listed = 0
    for folder in sorted(listed):
        for name in listed[folder]:
            n_listed += 1
            file, why = f"{folder}/{name}", _unusable(folder, name)
            if not why and file in seen:
                why = "listed twice"
            if why:
                bad.setdefault(why, []).append(file)
                continue
            seen.add(file)
            said = parse_name("ego4d", Path(name).stem)
            clips.setdefault(said.video, {}).setdefault(said.frame, []).append(file)
            per_folder[folder] += 1
    works = tuple(
        ClipWork(uid, {n: tuple(sorted(files)) for n, files in sorted(frames.items())})
        for uid, frames in sorted(clips.items())
    )
    dropped = {why: len(files) for why, files in sorted(bad.items())}
    if n_listed != sum(per_folder.values()) + sum(dropped.values()):
        raise AssertionError("a listed name was lost")
    return Plan(works, dict(sorted(per_folder.items())), n_listed, dropped, tuple(_told(bad)))


def _unusable(folder: str, name: str) -> str:
    """Why a listed name can't be planned; empty when it can."""
    try:
        _, source = parse_folder(folder)
        if source != "ego4d":
            return "not in a folder of Ego4D"
        parse_name("ego4d", Path(name).stem)
    except DataError:
        return "not a name of HInt"
    return "" if Path(name).suffix == ".jpg" and Path(name).name == name else "not a name of HInt"


def _told(bad: Mapping[str, list[str]]) -> Iterable[Finding]:
    for why, files in sorted(bad.items()):
        yield Finding(
            code="rebuild.name-unusable",
            severity=Severity.WARNING,
            message=f"{len(files)} listed files can't be planned ({why}), such as {files[0]}",
            subjects=tuple(files[:_EXAMPLES]),
            count=len(files),
        )


def unlike_published(plan: Plan) -> list[Finding]:
    """One finding for each Ego4D folder whose planned number is not the published one."""
    findings = []
    for folder in sorted({f for f in FOLDERS if "_ego4d_" in f} | plan.per_folder.keys()):
        expected, got = FOLDERS.get(folder, 0), plan.per_folder.get(folder, 0)
        if expected != got:
            message = f"{folder}: the published HInt has {expected} hands here, the list {got}"
            findings.append(Finding("rebuild.list-differs", Severity.WARNING, message, "use the published list"))
    return findings


def decode_work(plan: Plan, key_frame_distance: int) -> tuple[int, int]:
    """Key-frame groups to enter, and frames to decode in them up to the last wanted one of each.

    Args:
        plan: the rebuild.
        key_frame_distance: frames from one key frame to the next.
    """
    groups = decoded = 0
    for clip in plan.clips:
        last: dict[int, int] = {}
        for number in clip.files:
            group, place = divmod(number, key_frame_distance)
            last[group] = max(last.get(group, 0), place + 1)
        groups += len(last)
        decoded += sum(last.values())
    return groups, decoded
