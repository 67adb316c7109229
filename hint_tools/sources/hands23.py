"""Hands23 as its archive unpacks: split lists, one text of hands a picture, pictures with blurred faces, masks.

::

    allMergedSplit/{TRAIN,VAL,TEST}.txt      one picture's name a line
    allMergedTxt/<picture>.txt               its hands
    allMergedBlur/<picture>                  the picture
    masks_sam/{2,3,5}_<line>_<picture>.png   optional: hand, object, second object
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.formats.hands23_txt import Hands23Hand, parse_hands23
from hint_tools.sources.candidates import Candidate, HandBox, SourceReading, Tally
from hint_tools.sources.epic_numbering import parse_name, participant_of, time_of
from hint_tools.store.remote import SourcePath, below

SPLITS = ("TRAIN", "VAL", "TEST")
SUBSETS = {"newdays": "ND", "epick": "EK", "coco": "CC", "articulation": "AR"}
"""Words of `--subset`, and the beginnings of picture names that belong to them."""
_WORDS = {beginning: word for word, beginning in SUBSETS.items()}
LICENCES = {
    "ND": "YouTube terms of the video", "EK": "CC BY-NC 4.0 (EPIC-KITCHENS)", "CC": "COCO image licence",
    "AR": "YouTube terms of the video",
}  # fmt: skip
_NEW_DAYS = re.compile(r"ND_(.{11})_frame(\d{6})")
_ARTICULATION = re.compile(r"AR_(.{11})_(\d+_\d+_\d+)")
_COCO = re.compile(r"CC_(\d{12})")
_HINT = "unpack hands23_data.zip and name the folder that holds allMergedSplit, allMergedTxt and allMergedBlur"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a picture's name says of where it came from.

    Args:
        collection: `ND`, `EK`, `CC` or `AR`.
        video: its id; for a COCO photograph its own name, for an EPIC picture that names no video `EK unknown`.
        participant: of EPIC's videos.
        time_s: of EPIC's pictures; NaN for others.
    """

    collection: str
    video: str
    participant: str = ""
    time_s: float = float("nan")


def read_hands23(root: SourcePath, *, subset: str = "all") -> SourceReading:
    """The pictures of the split lists, with their hands.

    Args:
        root: the unpacked archive.
        subset: `all`, or one of `SUBSETS`.

    Raises:
        DataError: the folder is not such an archive, or its lists are empty.
    """
    folder = _find(root)
    skipped, lines, words = Tally(), Tally(), Tally()
    candidates: list[Candidate] = []
    listed = other = 0
    seen: set[str] = set()
    for split, name in _listed(folder):
        listed += 1
        origin = origin_of(name)
        if name in seen:
            skipped.add("listed twice", f"{split}/{name}")
        elif origin is None:
            skipped.add("name of no known collection", name)
        elif subset != "all" and origin.collection != SUBSETS[subset]:
            other += 1
        elif candidate := _candidate(root, folder, split, name, origin, (skipped, lines, words)):
            candidates.append(candidate)
        seen.add(name)
    if not listed:
        raise DataError(f"{folder / 'allMergedSplit'}: expected names in TRAIN.txt, VAL.txt or TEST.txt", hint=_HINT)
    counts = {"pictures listed": listed, "pictures with hands": len(candidates)}
    counts |= {"pictures: of another subset": other} if other else {}
    counts |= {f"pictures: {r}": n for r, n in skipped.counts().items()}
    counts |= {f"hands: {r}": n for r, n in lines.counts().items()}
    found = [*skipped.findings("hands23", "pictures skipped"), *lines.findings("hands23", "hands skipped")]
    found += words.findings("hands23", "hands with a word of no known list, kept as it is", Severity.INFO)
    return SourceReading(candidates=tuple(candidates), counts=counts, findings=(*found, *_unplaced(candidates)))


def origin_of(name: str) -> Origin | None:
    """Where a picture came from by its name; None where the name is of no known kind."""
    if {"/", "\\"} & set(name):  # a name must not lead out of the folder
        return None
    stem = PurePosixPath(name).stem
    if found := _NEW_DAYS.fullmatch(stem):
        return Origin("ND", found[1])
    if found := _ARTICULATION.fullmatch(stem):
        return Origin("AR", found[1])
    if _COCO.fullmatch(stem):
        return Origin("CC", stem)
    if stem.startswith("EK_"):
        picture = parse_name(stem.removeprefix("EK_"))
        if picture is None:
            return Origin("EK", "EK unknown")
        return Origin("EK", picture.video, participant_of(picture.video), time_of(picture.video, picture.number))
    return None


def _find(root: SourcePath) -> SourcePath:
    for folder in (root, root / "hands23_data"):
        if (folder / "allMergedSplit").is_dir() and (folder / "allMergedTxt").is_dir():
            return folder
    raise DataError(f"{root}: expected allMergedSplit/ and allMergedTxt/ here, found none", hint=_HINT)


def _listed(folder: SourcePath) -> Iterator[tuple[str, str]]:
    """(split, picture) of every line of the lists."""
    for split in SPLITS:
        path = folder / "allMergedSplit" / f"{split}.txt"
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name = line.strip()
            if not name:
                continue
            yield split.lower(), name


def _candidate(
    root: SourcePath, folder: SourcePath, split: str, name: str, origin: Origin, tallies: tuple[Tally, Tally, Tally]
) -> Candidate | None:
    skipped, lines, words = tallies
    picture, text = folder / "allMergedBlur" / name, folder / "allMergedTxt" / f"{name}.txt"
    if not picture.is_file():
        skipped.add("picture missing", name)
        return None
    try:
        parsed = parse_hands23(text.read_text(encoding="utf-8"))
    except (OSError, DataError, UnicodeDecodeError):
        skipped.add("text missing or unreadable", name)
        return None
    for reason in parsed.bad.elements():
        lines.add(reason, name)
    for word in parsed.unknown.elements():
        words.add(f"unknown {word}", name)
    if not parsed.hands:
        skipped.add("no hand that can be used" if parsed.bad else "no hand", name)
        return None
    return Candidate(
        file=picture, origin=below(picture, root) or "", unit=name, video=origin.video, participant=origin.participant,
        time_s=origin.time_s, hands=tuple(_hand(folder, name, h) for h in parsed.hands),
        licence=LICENCES[origin.collection], official_split=split, collection=_WORDS[origin.collection],
    )  # fmt: skip


def _hand(folder: SourcePath, name: str, hand: Hands23Hand) -> HandBox:
    mask = f"masks_sam/2_{hand.line}_{PurePosixPath(name).stem}.png"
    extra = {
        "state": hand.state, "touch": hand.touch, "grasp": hand.grasp, "object_box": hand.object_box,
        "second_object_box": hand.second_box, "mask": mask if (folder / mask).is_file() else None,
    }  # fmt: skip
    kept = {k: v for k, v in extra.items() if v}
    return HandBox(box=hand.box, side=hand.side, contact=hand.state, attributes=json.dumps(kept, sort_keys=True))


def _unplaced(candidates: list[Candidate]) -> tuple[Finding, ...]:
    unknown = [c.unit for c in candidates if c.video == "EK unknown"]
    if not unknown:
        return ()
    return (
        Finding(
            code="hands23.epic-picture-without-a-video",
            severity=Severity.WARNING,
            message=f"{len(unknown)} pictures of EPIC-KITCHENS name no video (such as {unknown[0]}): they are kept "
            "together in one split, and a leak to other sources can't be ruled out",
            subjects=tuple(sorted(unknown)[:5]),
            count=len(unknown),
        ),
    )
