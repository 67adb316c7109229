"""VISOR's sparse annotations: hands and on-hand gloves of each picture as polygons, with what they touch.

One file a video: `video_annotations[].{image: {image_path, name, video}, annotations[]}`, an annotation being
`{id, name, class_id, exhaustive, segments, in_contact_object, on_which_hand}`. Classes 300 and 301 are left and right
hands, 303 and 304 gloves. Polygons are px measured from the outer corner of the top-left pixel. Contact fields may be
null or missing; "rigth hand" stands for "right hand" in some files. A hand in a glove touches the glove, and the glove
touches what the hand holds.

The owners' VISOR-HOS project corrects what some hands touch, in `correct.json`: `{picture: {"left hand": id}}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Corrections = Mapping[str, Mapping[str, str]]
"""What each hand of a picture touches, by the picture's name and the hand's: `left hand` or `right hand`."""

HANDS = {300: "left", 301: "right"}
GLOVES = frozenset({303, 304})
_SIDES = {"left hand": "left", "right hand": "right", "rigth hand": "right"}
_TYPO = "rigth hand"
_NOT_IN_CONTACT = frozenset({"hand-not-in-contact", "glove-not-in-contact"})
_WORDS = frozenset({"none-of-the-above", "inconclusive"})
EXHAUSTIVE = frozenset({"y", "n", "inconclusive", ""})
_HALF_PIXEL = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class VisorHand:
    """One hand of a picture, its glove joined to it.

    Args:
        side: `left` or `right`.
        polygons: each (k, 2) px; the centre of the top-left pixel is (0, 0).
        contact: `no_contact`, `object_contact`, one of VISOR's own words, or empty where it does not say.
        touches: name of the thing in contact; may be empty.
        exhaustive: `y`, `n`, `inconclusive` or another word of the file; empty where it does not say.
        glove: whether it wears one.
        ids: of its annotations.
    """

    side: str
    polygons: tuple[Floats, ...]
    contact: str
    touches: str
    exhaustive: str
    glove: bool
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class VisorPicture:
    """One picture: its name, VISOR's path of it, and its hands, left before right."""

    name: str
    image_path: str
    hands: tuple[VisorHand, ...]


@dataclass(frozen=True, slots=True, eq=False)
class VisorFile:
    """One video's pictures.

    Args:
        pictures: in the file's order.
        bad: hands and pictures that can't be used, by reason.
        oddities: what was mended or kept as it is, with how often.
    """

    pictures: tuple[VisorPicture, ...]
    bad: Counter[str]
    oddities: Counter[str]


def parse_corrections(document: Any) -> Corrections | None:
    """What a parsed `correct.json` says; None when it is not one."""
    if not isinstance(document, dict) or not all(isinstance(fixes, dict) for fixes in document.values()):
        return None
    if not all(
        hand in _SIDES and isinstance(thing, str) for fixes in document.values() for hand, thing in fixes.items()
    ):
        return None
    return document


def parse_visor(document: Any, corrections: Corrections | None = None) -> VisorFile | None:
    """The pictures of a parsed file; None when it is not one of VISOR's.

    Args:
        document: of one video.
        corrections: of any videos' pictures.
    """
    rows = document.get("video_annotations") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    bad: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    pictures = []
    for row in rows:
        image = row.get("image") if isinstance(row, dict) else None
        name = image.get("name") if isinstance(image, dict) else None
        if not isinstance(image, dict) or not isinstance(name, str) or not name or {"/", "\\"} & set(name):
            bad["picture without a name"] += 1
            continue
        path = image.get("image_path")
        entries = row.get("annotations")
        listed = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        listed = _corrected(listed, (corrections or {}).get(name, {}), odd)
        pictures.append(VisorPicture(name, path if isinstance(path, str) else "", _hands(listed, bad, odd)))
    return VisorFile(tuple(pictures), bad, odd)


def _corrected(entries: list[dict[str, Any]], fixes: Mapping[str, str], odd: Counter[str]) -> list[dict[str, Any]]:
    """The annotations with what `fixes` says the hands touch."""
    left = {_SIDES[hand]: thing for hand, thing in fixes.items()}
    corrected = []
    for entry in entries:
        thing = left.pop(HANDS.get(entry.get("class_id", -1), ""), None)
        odd["contact corrected by VISOR-HOS"] += thing is not None
        corrected.append(entry if thing is None else entry | {"in_contact_object": thing})
    odd["correction that fits no hand"] += len(left)
    return corrected


def _hands(entries: list[dict[str, Any]], bad: Counter[str], odd: Counter[str]) -> tuple[VisorHand, ...]:
    names = {str(e.get("id")): str(e.get("name", "")) for e in entries}
    sides: dict[str, list[tuple[dict[str, Any], tuple[Floats, ...]]]] = {}
    for entry in entries:
        kind = entry.get("class_id")
        if kind not in HANDS and kind not in GLOVES:
            continue
        side = HANDS[kind] if kind in HANDS else _glove_side(entry)
        odd["typo in a hand's name mended"] += _TYPO in (entry.get("name"), *_list(entry.get("on_which_hand")))
        polygons = _polygons(entry.get("segments"))
        if side is None:
            bad["glove on no single hand"] += 1
        elif not polygons:
            bad["hand without a polygon of three finite corners"] += 1
        else:
            sides.setdefault(side, []).append((entry, polygons))
    return tuple(_joined(side, sides[side], names, odd) for side in sorted(sides))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _glove_side(entry: dict[str, Any]) -> str | None:
    """The hand a glove is on; None when it is on none, on both, or nothing says."""
    found = {_SIDES.get(str(w)) for w in _list(entry.get("on_which_hand"))}
    return next(iter(found)) if len(found) == 1 else None


def _polygons(value: Any) -> tuple[Floats, ...]:
    found = []
    for points in value if isinstance(value, list) else []:
        try:
            corners = np.array(points, np.float64)
        except (TypeError, ValueError):
            continue
        if corners.ndim == 2 and corners.shape[1] == 2 and len(corners) >= 3 and np.isfinite(corners).all():
            found.append(corners - _HALF_PIXEL)
    return tuple(found)


def _joined(
    side: str, parts: list[tuple[dict[str, Any], tuple[Floats, ...]]], names: dict[str, str], odd: Counter[str]
) -> VisorHand:
    """One hand of all masks of a side: a glove and the wrist that shows under it are annotated apart."""
    odd["masks of one side joined"] += len(parts) - 1
    own = {str(entry.get("id")) for entry, _ in parts}
    contact = touches = ""
    for entry, _ in parts:
        word = entry.get("in_contact_object")
        if contact or not isinstance(word, str) or not word or word in own:  # its own glove: that has its own word
            continue
        if word in _NOT_IN_CONTACT:
            contact = "no_contact"
        elif word in _WORDS:
            contact = word
        elif word in names:
            contact, touches = "object_contact", names[word]
        else:
            contact = word
            odd["contact with an unknown thing, kept as it is"] += 1
    odd["no word of contact"] += not contact
    stated = [e.get("exhaustive") for e, _ in parts]
    exhaustive = next((s for s in stated if isinstance(s, str)), "")
    odd[f"unknown exhaustive {exhaustive}"] += exhaustive not in EXHAUSTIVE
    return VisorHand(
        side=side,
        polygons=tuple(p for _, polygons in parts for p in polygons),
        contact=contact,
        touches=touches,
        exhaustive=exhaustive,
        glove=any(e.get("class_id") in GLOVES for e, _ in parts),
        ids=tuple(str(e.get("id", "")) for e, _ in parts),
    )
