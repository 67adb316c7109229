"""EPIC-KITCHENS with VISOR's hands: the released sparse pictures, hand boxes cut at the wrist, actions by time.

::

    GroundTruth-SparseAnnotations/annotations/{train,val}/P01_01.json
    GroundTruth-SparseAnnotations/rgb_frames/{train,val}/P01/P01_01.zip    or unpacked: P01/P01_01/*.jpg
    EPIC_100_train.csv, EPIC_100_validation.csv                            optional: what is done when
    correct.json                                                           optional: corrections, from VISOR-HOS

Pictures are never taken from the videos by number: see `epic_numbering`.
"""

from __future__ import annotations

import bisect
import csv
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.progress import track
from hint_tools.formats.visor_json import Corrections, VisorHand, VisorPicture, parse_corrections, parse_visor
from hint_tools.sources.candidates import Candidate, HandBox, SourceReading, Tally
from hint_tools.sources.epic_numbering import EpicPicture, parse_name, participant_of, time_of
from hint_tools.sources.wrist import hand_box, mask_box
from hint_tools.store.atomic import read_json
from hint_tools.store.remote import SourcePath, below

LICENCE = "CC BY-NC 4.0 (EPIC-KITCHENS, VISOR)"
SPLITS = ("train", "val")
PICTURE_PX = (1920, 1080)
"""Of VISOR's sparse pictures, which its polygons are drawn on."""
ACTION_FILES = ("EPIC_100_train.csv", "EPIC_100_validation.csv")
CORRECTIONS = "correct.json"
"""`data_preparation/correct.json` of the owners' project VISOR-HOS: what the hands of 11 pictures really touch."""
_HINT = "name the folder that holds GroundTruth-SparseAnnotations"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a picture lies: a file, or a member of an archive."""

    file: SourcePath
    member: str = ""


class Actions:
    """What is done when in each video, by the narrations of EPIC-KITCHENS-100."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float, str]]] = {}
        self.skipped = Tally()

    def read(self, path: SourcePath) -> None:
        """Add the actions of one CSV file; lines without an id, a video or times are counted in `skipped`."""
        with path.open(encoding="utf-8", newline="") as opened:
            for number, row in enumerate(csv.DictReader(opened), start=2):
                start, stop = _seconds(row.get("start_timestamp")), _seconds(row.get("stop_timestamp"))
                video, name = row.get("video_id"), row.get("narration_id")
                if not video or not name or start is None or stop is None:
                    self.skipped.add("line without id, video or times", f"{path.name}:{number}")
                else:
                    self._spans.setdefault(video, []).append((start, stop, name))
        for spans in self._spans.values():
            spans.sort()

    def at(self, video: str, time_s: float) -> str:
        """The narration id of the action at a time, of several the one that began last; empty where there is none."""
        spans = self._spans.get(video, [])
        for start, stop, name in reversed(spans[: bisect.bisect_right(spans, (time_s, math.inf, ""))]):
            if start <= time_s <= stop:
                return name
        return ""


def read_epic(root: SourcePath) -> SourceReading:
    """VISOR's sparse pictures with a hand, each with its hands' boxes.

    Raises:
        DataError: the folder is not such a download, or none of the pictures is there.
    """
    folder = _find(root)
    actions = Actions()
    for name in ACTION_FILES:
        if path := _beside(root, folder, name):
            actions.read(path)
    corrections, notes = _corrections(_beside(root, folder, CORRECTIONS))
    skipped, hands_skipped, odd = Tally(), Tally(), Tally()
    candidates: list[Candidate] = []
    listed = 0
    for split, path in track(list(_files(folder)), "reading masks"):
        try:
            parsed = parse_visor(read_json(path), corrections)
        except DataError:
            parsed = None
        if parsed is None:
            skipped.add("file that is not VISOR's", path.name)
            listed += 1
            continue
        places = _places(folder, split, path.stem)
        for reason in parsed.bad.elements():
            (skipped if reason == "picture without a name" else hands_skipped).add(reason, path.stem)
        for reason in parsed.oddities.elements():
            odd.add(reason, path.stem)
        listed += len(parsed.pictures) + parsed.bad["picture without a name"]
        candidates += _candidates(root, split, parsed.pictures, places, actions, skipped)
    _expect_pictures(folder, candidates, skipped)
    counts = {"pictures listed": listed, "pictures with hands": len(candidates)}
    counts |= {f"pictures: {r}": n for r, n in skipped.counts().items()}
    counts |= {f"hands: {r}": n for r, n in hands_skipped.counts().items()}
    found = [*notes, *skipped.findings("epic", "pictures skipped"), *hands_skipped.findings("epic", "masks skipped")]
    found += odd.findings("epic", "masks", Severity.INFO) + actions.skipped.findings("epic", "actions skipped")
    candidates.sort(key=lambda c: (c.unit, c.origin))
    return SourceReading(candidates=tuple(candidates), counts=counts, findings=tuple(found))


def _find(root: SourcePath) -> SourcePath:
    for folder in (root / "GroundTruth-SparseAnnotations", root):
        if (folder / "annotations").is_dir():
            return folder
    raise DataError(f"{root}: expected GroundTruth-SparseAnnotations/annotations/ here, found none", hint=_HINT)


def _beside(root: SourcePath, folder: SourcePath, name: str) -> SourcePath | None:
    """Where an optional file is: beside the annotations' folder, in it, or in the root; None where it is not."""
    places: dict[str, SourcePath] = {str(p): p / name for p in (root, folder, folder.parent)}
    return next((path for _, path in sorted(places.items()) if path.is_file()), None)


def _corrections(path: SourcePath | None) -> tuple[Corrections, tuple[Finding, ...]]:
    if path is None:
        message = f"{CORRECTIONS} of VISOR-HOS is not here: what a few hands touch stays as VISOR has it"
        how = "put data_preparation/correct.json of the VISOR-HOS project beside the annotations"
        return {}, (Finding("epic.no-corrections", Severity.INFO, message, how),)
    corrections = parse_corrections(read_json(path))
    if corrections is None:
        raise DataError(f"{path}: expected pictures with the things their hands touch, as VISOR-HOS has them")
    return corrections, ()


def _files(folder: SourcePath) -> Iterator[tuple[str, SourcePath]]:
    for split in SPLITS:
        files: list[SourcePath] = [*(folder / "annotations" / split).glob("*.json")]
        for path in sorted(files, key=str):
            yield split, path


def _places(folder: SourcePath, split: str, video: str) -> Mapping[str, _Place]:
    """Where each picture of a video lies, by its name: unpacked files before those in the archive."""
    base = folder / "rgb_frames" / split / video.partition("_")[0]
    places: dict[str, _Place] = {}
    archive = base / f"{video}.zip"
    if archive.is_file():
        try:
            with archive.open("rb") as file, zipfile.ZipFile(file) as opened:
                places |= {PurePosixPath(m).name: _Place(archive, m) for m in opened.namelist()}
        except (zipfile.BadZipFile, OSError):
            pass  # its pictures are then counted as missing
    if (base / video).is_dir():
        unpacked: list[SourcePath] = [*(base / video).iterdir()]
        places |= {p.name: _Place(p) for p in sorted(unpacked, key=str)}
    return places


def _candidates(
    root: SourcePath,
    split: str,
    pictures: tuple[VisorPicture, ...],
    places: Mapping[str, _Place],
    actions: Actions,
    skipped: Tally,
) -> Iterator[Candidate]:
    seen: set[str] = set()
    for picture in pictures:
        named, place = parse_name(PurePosixPath(picture.name).stem), places.get(picture.name)
        reason = (
            "listed twice" if picture.name in seen
            else "name not of EPIC-KITCHENS" if named is None
            else "no hand" if not picture.hands
            else "picture missing" if place is None
            else ""
        )  # fmt: skip
        seen.add(picture.name)
        if reason or named is None or place is None:
            skipped.add(reason, picture.name)
            continue
        yield _candidate(root, split, picture, named, place, actions)


def _candidate(
    root: SourcePath, split: str, picture: VisorPicture, named: EpicPicture, place: _Place, actions: Actions
) -> Candidate:
    time_s = time_of(named.video, named.number)
    within = below(place.file, root) or ""
    sequence = PurePosixPath(picture.image_path).name.partition("_")[0]
    return Candidate(
        file=place.file, origin=f"{within}/{place.member}" if place.member else within,
        unit=PurePosixPath(picture.name).stem, video=named.video, participant=participant_of(named.video),
        time_s=time_s, hands=tuple(_hand(h, sequence) for h in picture.hands), box_size_px=PICTURE_PX,
        action=actions.at(named.video, time_s), licence=LICENCE, member=place.member, official_split=split,
        collection="epic",
    )  # fmt: skip


def _hand(hand: VisorHand, sequence: str) -> HandBox:
    box, cut = hand_box(hand.polygons, *PICTURE_PX)
    extra = {
        "visor_ids": list(hand.ids), "exhaustive": hand.exhaustive, "touches": hand.touches, "glove": hand.glove,
        "sequence": sequence, "mask_box": [round(v, 2) for v in mask_box(hand.polygons)] if cut else None,
    }  # fmt: skip
    kept = {k: v for k, v in extra.items() if v}
    return HandBox(box=box, side=hand.side, contact=hand.contact, attributes=json.dumps(kept, sort_keys=True))


def _seconds(text: str | None) -> float | None:
    """Seconds of `HH:MM:SS.ss`; None where it is not that."""
    try:
        hours, minutes, seconds = (float(p) for p in (text or "").split(":"))
    except ValueError:
        return None
    total = 3600 * hours + 60 * minutes + seconds
    return total if math.isfinite(total) and total >= 0 else None


def _expect_pictures(folder: SourcePath, candidates: list[Candidate], skipped: Tally) -> None:
    missing = skipped.counts().get("picture missing", 0)
    if not candidates and missing:
        raise DataError(
            f"{folder / 'rgb_frames'}: none of the {missing} pictures with hands is here",
            hint="fetch rgb_frames beside annotations; archives need not be unpacked",
        )
