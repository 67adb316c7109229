"""One picture: read, its hands found, predicted, placed and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import box_center, box_size
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.media.images import read_image
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.folder import BAD_BOX, NOT_FINITE, SCHEMA, Result, write_result
from hint_tools.predict.hands import ASSUMED, HandBox, HandReader, Picture
from hint_tools.predict.network import Predictor
from hint_tools.predict.placing import PlacedHand, place
from hint_tools.store.manifests import file_sha256

Image = npt.NDArray[np.uint8]

HAMER_FOCAL_PX = 5000.0
HAMER_IMAGE_PX = 256
"""HaMeR takes the camera it does not know for one of 5000 px at 256 px: about 3 degrees of view."""


@dataclass(slots=True)
class Tally:
    """Hands by what became of them: numbers of the pictures worked on now, names of all pictures.

    What was left out once is told again by every later run that finds the picture done.
    """

    given: int = 0
    found: int = 0
    predicted: int = 0
    bad_box: list[str] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)
    side_assumed: list[str] = field(default_factory=list)

    def add(self, label: str, kept: dict[str, Any]) -> None:
        """Take what `hands.json` (`kept`) says of the picture called `label`."""
        lists = {BAD_BOX: self.bad_box, NOT_FINITE: self.not_finite}
        for one in kept.get("left_out", ()):
            lists[one["reason"]].append(f"{label} {one['box_name']}".strip())
        self.side_assumed += [label for hand in kept["hands"] if hand["side_from"] == ASSUMED]


@dataclass(frozen=True, slots=True)
class PictureWorker:
    """Works on one picture after another.

    Args:
        config: the settings.
        predictor: the network.
        model: whose faces the meshes have.
        reader: finds hands, tells sides; None where nobody does.
        checkpoint: `file`, `sha256`, `step`.
    """

    config: PredictConfig
    predictor: Predictor
    model: HandModel
    reader: HandReader | None
    checkpoint: dict[str, Any]

    def facts(self, picture: Picture) -> dict[str, Any]:
        """All that the picture's folder depends on.

        Raises:
            DataError: the picture can't be read.
        """
        config = self.config
        boxes = None
        if picture.hands is not None:
            boxes = [[hand.box.tolist(), hand.side, hand.origin, hand.name] for hand in picture.hands]
        return {
            "schema": SCHEMA,
            "picture": _digest(picture.path),
            "checkpoint": self.checkpoint["sha256"],
            "hand_model": self.model.identity,
            "boxes": boxes,
            "reader": self.reader.name if self.reader is not None else "",
            "focal_px": config.focal_px,
            "principal_point": config.principal_point,
            "settings": [config.crop, config.precision, config.unknown_side, config.mesh, config.overlay],
        }

    def work(self, picture: Picture, folder: Path, key: str, tally: Tally) -> None:
        """Write the picture's folder.

        Raises:
            DataError: the picture can't be read.
            EnvironmentFault: the folder can't be written.
        """
        image = read_image(picture.path)
        camera = self.camera(image)
        left_out: list[tuple[str, str]] = []
        boxes = self._sided(image, self._boxes(picture, image, tally, left_out))
        kept, placed = self._placed(image, camera, boxes, left_out)
        about = {
            "image": {"file": picture.label, "sha256": _digest(picture.path)},
            "checkpoint": self.checkpoint,
            "hand_model": self.model.identity,
        }
        result = Result(image, camera, self.config.focal_px is not None, kept, placed, self.model, about, left_out)
        kinds = self.config.mesh
        write_result(
            folder, result, key, obj=kinds in ("both", "obj"), glb=kinds in ("both", "glb"),
            pictures=self.config.overlay,
        )  # fmt: skip
        tally.predicted += len(placed)

    def camera(self, image: Image) -> Camera:
        """The picture's camera: as the settings say, else HaMeR's guess with the axis through the middle."""
        height, width = image.shape[:2]
        guess = HAMER_FOCAL_PX / HAMER_IMAGE_PX * max(width, height)
        centered = Camera.centered(self.config.focal_px or guess, width, height)
        if self.config.principal_point is None:
            return centered
        return Camera(centered.focal_px, *self.config.principal_point, width, height)

    def _boxes(self, picture: Picture, image: Image, tally: Tally, left_out: list[tuple[str, str]]) -> list[HandBox]:
        """The hands with usable boxes."""
        if picture.hands is not None:
            hands = list(picture.hands)
            tally.given += len(hands)
        else:
            hands = self.reader.find(image) if self.reader is not None else []
            tally.found += len(hands)
        usable = [h for h in hands if np.isfinite(h.box).all() and (box_size(h.box) > 0).all()]
        left_out += [(h.name, BAD_BOX) for h in hands if not any(h is u for u in usable)]
        return usable

    def _sided(self, image: Image, boxes: Sequence[HandBox]) -> list[HandBox]:
        """The hands with their sides: as given, as the reader tells, else as the settings assume."""
        unknown = [i for i, hand in enumerate(boxes) if hand.side is None]
        told: dict[int, str | None] = {}
        reader = self.reader
        if unknown and reader is not None:
            told = dict(zip(unknown, reader.sides(image, np.stack([boxes[i].box for i in unknown])), strict=True))
        sided = list(boxes)
        for i in unknown:
            side = told.get(i)
            known_from = ASSUMED if side is None or reader is None else reader.name
            sided[i] = replace(boxes[i], side=side or self.config.unknown_side, side_from=known_from)
        return sided

    def _placed(
        self, image: Image, camera: Camera, boxes: list[HandBox], left_out: list[tuple[str, str]]
    ) -> tuple[list[HandBox], list[PlacedHand]]:
        """Boxes and answers of the hands whose answers are numbers."""
        kept, placed = [], []
        sides = [str(hand.side) for hand in boxes]
        for hand, side, answer in zip(boxes, sides, self.predictor.answers(image, boxes, sides), strict=True):
            if not answer.finite:
                left_out.append((hand.name, NOT_FINITE))
                continue
            kept.append(hand)
            side_px, known = self.predictor.side_px(hand.box), self.config.focal_px is not None
            placed.append(place(answer, side, box_center(hand.box), side_px, camera, known=known))
        return kept, placed


def _digest(path: Path) -> str:
    """sha256 of a picture's file.

    Raises:
        DataError: it can't be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from error
