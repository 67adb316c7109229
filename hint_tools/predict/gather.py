"""Which pictures to work on, from files, folders or a release."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.ids import content_id
from hint_tools.data.hint import HInt
from hint_tools.formats.coco_boxes import CocoHand, parse_coco_boxes
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.hands import HandBox, Picture
from hint_tools.store.config import resolve_path

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_SHORT_ID = 8
_EXAMPLES = 20
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do.

    Args:
        pictures: in the order of their paths.
        findings: what was left out, and why.
        missing: hands of a release without an image.
    """

    pictures: tuple[Picture, ...]
    findings: tuple[Finding, ...] = ()
    missing: int = 0


def gather(config: PredictConfig, base: Path) -> Work:
    """The pictures the settings name, with their hands where these are given.

    Args:
        config: the settings.
        base: what relative paths count from.

    Raises:
        DataError: a file or folder is missing, holds no picture, or the COCO file is none.
    """
    if config.release is not None:
        return _of_release(config, resolve_path(config.release, base))
    files = _files(tuple(resolve_path(p, base) for p in config.images))
    names = _names([path for path, _ in files])
    if config.boxes is None:
        return Work(tuple(Picture(path, label, names[path], None) for path, label in files))
    return _with_boxes(files, names, resolve_path(config.boxes, base))


def _of_release(config: PredictConfig, root: Path) -> Work:
    hint = HInt(root, config.split, config.sources or None, on_missing=config.on_missing)
    hands: dict[str, list[HandBox]] = defaultdict(list)
    rows = zip(hint.hands.image.tolist(), hint.hands.box, hint.hands.side.tolist(), hint.hands.hand_id, strict=True)
    for image, box, side, hand_id in rows:
        hands[image].append(HandBox(np.asarray(box, dtype=np.float64), side or None, "release", str(hand_id)))
    paths = {image: root / image for image in sorted(hands)}
    names = _names(paths.values())
    pictures = tuple(Picture(path, image, names[path], tuple(hands[image])) for image, path in paths.items())
    return Work(pictures, missing=hint.n_missing)


def _files(given: tuple[Path, ...]) -> list[tuple[Path, str]]:
    """Each picture once, with its path below the folder it was found in (its name, for single files)."""
    found: dict[Path, str] = {}
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
            if not inside:
                raise DataError(f"{path}: no picture in this folder ({', '.join(sorted(ENDINGS))})")
            found.update((p, p.relative_to(path).as_posix()) for p in inside)
        elif path.is_file():
            found[path] = path.name
        else:
            raise DataError(f"{path}: no such picture or folder")
    return sorted(found.items())


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """A folder name for each picture: its own, with a short id of its path where two have the same."""
    listed = list(paths)
    seen = Counter(path.stem.lower() for path in listed)
    return {
        path: path.stem
        if seen[path.stem.lower()] == 1
        else f"{path.stem}-{content_id('picture', str(path))[:_SHORT_ID]}"
        for path in listed
    }


def _with_boxes(files: list[tuple[Path, str]], names: dict[Path, str], source: Path) -> Work:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise DataError(f"{source}: can't be read ({error.strerror})") from error
    coco, findings = parse_coco_boxes(data, str(source))
    labels = Counter(relative for _, relative in files)
    if twice := sorted(label for label, count in labels.items() if count > 1):
        raise DataError(
            f"{source}: {len(twice)} of the given pictures have one name ({', '.join(twice[:_SHOWN])}); its hands "
            "can't be told apart",
            hint="give the one folder that the file names count from",
        )
    keys = _keys(sorted(labels), coco)
    pictures = []
    for path, relative in files:
        hands = tuple(
            HandBox(np.array(hand.box), hand.side, "coco", hand.annotation_id)
            for hand in coco.get(keys.get(relative, ""), ())
        )
        pictures.append(Picture(path, relative, names[path], hands))
    unused = sorted(coco.keys() - set(keys.values()))
    if not any(picture.hands for picture in pictures):
        raise DataError(
            f"{source}: none of its {len(coco)} pictures is among the {len(files)} given ones",
            hint="give the folder that its file names count from",
        )
    return Work(tuple(pictures), (*findings, *_unused(unused, source)))


def _keys(files: list[str], coco: dict[str, tuple[CocoHand, ...]]) -> dict[str, str]:
    """For each file the picture of the COCO file it is: of the same path, else the only ones left of one name."""
    keys = {file: file for file in files if file in coco}
    left_files = Counter(Path(file).name for file in set(files) - keys.keys())
    left_keys = Counter(Path(key).name for key in coco.keys() - keys.keys())
    by_name = {Path(key).name: key for key in coco.keys() - keys.keys() if left_keys[Path(key).name] == 1}
    for file in set(files) - keys.keys():
        name = Path(file).name
        if left_files[name] == 1 and name in by_name:
            keys[file] = by_name[name]
    return keys


def _unused(keys: list[str], source: Path) -> tuple[Finding, ...]:
    if not keys:
        return ()
    return (
        Finding(
            code="predict.boxes-unused",
            severity=Severity.WARNING,
            message=f"{source}: the hands of {len(keys)} pictures were not used: these pictures were not given",
            suggestion="give the folder that the file names count from",
            subjects=tuple(keys[:_EXAMPLES]),
            count=len(keys),
        ),
    )
