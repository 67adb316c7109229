"""How a hand looks: sharpness, exposure, a hash and a feature of its crop, remembered in the stage's journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.media.images import decode_image
from hint_tools.parallel.engine import Engine
from hint_tools.sample.duplicates import difference_hash
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project

CROP_PX = 128
"""Side all crops are brought to: sharpness depends on scale."""
_BLACK, _WHITE = 4, 251
_CELLS, _ANGLES = 4, 8
_COLOUR_CELLS = 2

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a crop looks like.

    Args:
        hash: 64-bit difference hash.
        sharpness: standard deviation of the Laplacian over that of the brightness, so contrast cancels out.
        clipped: share of pixels that are black or white.
        feature: `(140,)` in [0, 1]: edge directions in 4 x 4 cells, colour in 2 x 2.
    """

    hash: int
    sharpness: float
    clipped: float
    feature: npt.NDArray[np.float32]


def look_at(picture: npt.NDArray[np.uint8], box: Box) -> Look:
    """The look of what is inside `box`.

    Args:
        picture: `(H, W, 3)` uint8 RGB.
        box: x0, y0, x1, y1 px, inside the picture, at least a pixel wide.
    """
    x0, y0 = (max(int(np.floor(v + 0.5)), 0) for v in box[:2])
    x1, y1 = (int(np.ceil(v + 0.5)) for v in box[2:])
    part = np.ascontiguousarray(picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    shrinks = max(part.shape[:2]) > CROP_PX
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    crop = np.asarray(cv2.resize(part, (CROP_PX, CROP_PX), interpolation=way), np.uint8)
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    spread = float(grey.std())
    edges = float(cv2.Laplacian(grey, cv2.CV_32F).std())
    return Look(
        hash=difference_hash(grey),
        sharpness=edges / spread if spread > 1 else 0.0,
        clipped=float(((grey <= _BLACK) | (grey >= _WHITE)).mean()),
        feature=_feature(crop, grey),
    )


def _feature(crop: npt.NDArray[np.uint8], grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Histograms of edge directions (Dalal and Triggs 2005, without blocks) and mean colours; values of 1/255."""
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    angle = np.minimum((np.arctan2(down, across) % np.pi) / np.pi * _ANGLES, _ANGLES - 1).astype(np.int64)
    cell = np.arange(CROP_PX) * _CELLS // CROP_PX
    place = (cell[:, None] * _CELLS + cell[None]) * _ANGLES + angle
    histogram = np.bincount(place.ravel(), strength.ravel(), minlength=_CELLS * _CELLS * _ANGLES)
    directions = histogram / max(float(np.linalg.norm(histogram)), 1e-9)
    lab = cv2.resize(
        cv2.cvtColor(crop, cv2.COLOR_RGB2LAB), (_COLOUR_CELLS, _COLOUR_CELLS), interpolation=cv2.INTER_AREA
    )
    values = np.concatenate([directions, lab.ravel() / 255])
    return np.asarray(np.rint(values * 255) / 255, np.float32)


@dataclass(frozen=True, slots=True)
class Place:
    """A box of a stored picture.

    Args:
        path: of the picture, relative to the project.
        sha256: of the picture's file.
        box: inside the picture.
    """

    path: str
    sha256: str
    box: Box

    @property
    def name(self) -> str:
        """The same for the same part of the same picture."""
        return f"{self.sha256} {' '.join(f'{v:.3f}' for v in self.box)}"


@dataclass(frozen=True, slots=True)
class _Stored:
    """A stored picture and the boxes to look at, as they travel to a worker."""

    path: str
    data: bytes
    boxes: tuple[tuple[str, Box], ...]


class Looks:
    """Looks of stored pictures' hands; what was measured before is not measured again.

    Args:
        project: whose pictures they are.
        journal: opened, remembers.
        engine: measures, several pictures at a time.
    """

    def __init__(self, project: Project, journal: Journal, engine: Engine) -> None:
        self._project = project
        self._journal = journal
        self._engine = engine
        self._known = {e["look"]: e for e in journal.entries if "look" in e}

    def measure(self, places: Iterable[Place]) -> None:
        """Measure what is not known yet; what can't be read stays unknown."""
        pictures: dict[str, dict[str, Box]] = {}
        for place in places:
            if place.name not in self._known:
                pictures.setdefault(place.path, {})[place.name] = place.box
        if not pictures:
            return
        with work("measuring hands", len(pictures)) as progress:
            jobs = self._jobs(pictures)
            for _, entries in self._engine.each(_looks, jobs, name=lambda j: j.path, units=len(pictures)):
                progress.advance()
                if isinstance(entries, list) and entries:
                    self._journal.append(*entries)
                    self._known |= {e["look"]: e for e in entries}

    def at(self, place: Place) -> Look | None:
        """The look of a place that was to be measured; None where that was not possible."""
        return _from_json(self._known[place.name]) if place.name in self._known else None

    def _jobs(self, pictures: Mapping[str, Mapping[str, Box]]) -> Iterator[_Stored]:
        """Pictures are read when a worker is free for them."""
        for path, boxes in pictures.items():
            try:
                data = self._project.path(path).read_bytes()
            except OSError:
                data = b""
            yield _Stored(path, data, tuple(boxes.items()))


def _looks(stored: _Stored) -> list[dict[str, Any]]:
    """The journal's lines about the boxes of a picture; none when it can't be read."""
    try:
        picture = decode_image(stored.data, stored.path)
    except DataError:
        return []
    return [{"look": name, **_to_json(look_at(picture, box))} for name, box in stored.boxes]


def _to_json(look: Look) -> dict[str, Any]:
    feature = np.rint(look.feature * 255).astype(np.uint8).tobytes().hex()
    return {"hash": f"{look.hash:016x}", "sharpness": look.sharpness, "clipped": look.clipped, "feature": feature}


def _from_json(entry: dict[str, Any]) -> Look:
    feature = np.frombuffer(bytes.fromhex(entry["feature"]), np.uint8).astype(np.float32) / np.float32(255)
    return Look(int(entry["hash"], 16), entry["sharpness"], entry["clipped"], feature)
