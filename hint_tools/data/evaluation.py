"""Evaluation sets: HaMeR's npz files with an image folder, or the `eval` folder of a release."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from hint_tools.core.errors import DataError
from hint_tools.data.annotations import EVAL_FOLDER, parse_image_folder
from hint_tools.data.evaluation_rows import CONFIDENT, require_sound, row_keys
from hint_tools.data.hamer_item import HandTruth, hamer_item, rows_shown
from hint_tools.data.missing import present_images
from hint_tools.formats import hamer_npz
from hint_tools.formats.hamer_npz import SUBSETS, HamerSet
from hint_tools.media.crops import HINT_RESCALE, BoxRule, crop_affine, crop_side, cut
from hint_tools.media.images import read_image, read_top


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """The upper rows of a picture, and the height of all of it."""

    name: str
    pixels: npt.NDArray[np.uint8]
    height_px: int


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """One of `all`, `vis`, `occ`: which joints (n, 21) count."""

    name: str
    counted: npt.NDArray[np.bool_]


class EvaluationSet(Dataset[dict[str, Any]]):
    """The hands of one evaluation file, cut out as HaMeR's evaluation does. Picklable; opens no image.

    Args:
        name: the source, for tables.
        hands: what the file says.
        images: folder its image names count from.
        subsets: the joint selections to score.
        on_missing: what to do about images that are not there.
        rescale: side of the crop in units of the box's longer side.
        rule: how a box becomes a square.

    Raises:
        DataError: images are missing, none is left, or a hand stands there twice.
    """

    def __init__(
        self,
        name: str,
        hands: HamerSet,
        images: Path,
        subsets: tuple[Subset, ...],
        *,
        on_missing: Literal["error", "skip"] = "error",
        rescale: float = HINT_RESCALE,
        rule: BoxRule = BoxRule.SQUARE,
    ) -> None:
        require_sound(name, hands)
        there = present_images(images, hands.imgname, on_missing=on_missing)
        if not there.any():
            raise DataError(f"{name}: none of its {len(hands)} images is in {images}", hint="give the right --images")
        self.name = name
        self.hands = hands
        self.images = images
        self.rescale = rescale
        self.rule = rule
        self._last: _Picture | None = None
        self.n_missing = int((~there).sum())
        self.rows = np.flatnonzero(there)
        self.subsets = tuple(Subset(s.name, s.counted[there]) for s in subsets)
        self._shared = {image for image, count in Counter(hands.imgname.tolist()).items() if count > 1}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """HaMeR's keys (`data.hamer_item`) with `imgname` and `index`.

        Raises:
            IndexError: there is no such item.
            DataError: its image can't be read.
        """
        row = int(self.rows[index])
        name = str(self.hands.imgname[row])
        picture = self._picture(row)
        item = hamer_item(
            picture.pixels, self.truth(row), rescale=self.rescale, rule=self.rule, height_px=picture.height_px
        )
        return item | {"imgname": name, "index": torch.tensor(index)}

    def crop(self, index: int) -> npt.NDArray[np.uint8]:
        """The crop (256, 256, 3) of an item before it is normalised; the rest of the set's truth is in its columns.

        Raises:
            DataError: its image can't be read.
        """
        row = int(self.rows[index])
        pixels = self._picture(row).pixels
        mirror = None if self.hands.right[row] > CONFIDENT else pixels.shape[1]
        return cut(pixels, crop_affine(self.hands.center[row], self._side_px(row), mirror_width_px=mirror))

    def _picture(self, row: int) -> _Picture:
        """The picture of the hand in `row`, as far down as it is needed.

        One that several hands share is read whole, and kept for the next of them.
        """
        name, last = str(self.hands.imgname[row]), self._last
        if name not in self._shared:
            rows = rows_shown(self.truth(row), rescale=self.rescale, rule=self.rule)
            return _Picture(name, *read_top(self.images / name, rows))
        if last is None or last.name != name:
            pixels = read_image(self.images / name)
            self._last = last = _Picture(name, pixels, len(pixels))
        return last

    def _side_px(self, row: int) -> float:
        """Side of a hand's crop, px of the frame."""
        return crop_side(self.hands.scale[row], factor=self.rescale, rule=self.rule)

    def truth(self, row: int) -> HandTruth:
        """What the file says of the hand in `row`."""
        hands = self.hands
        pose = hands.hand_pose[row] if hands.hand_pose is not None else np.zeros(48)
        points = hands.hand_keypoints_3d[row] if hands.hand_keypoints_3d is not None else np.zeros((21, 4))
        betas = hands.betas[row] if hands.betas is not None else np.zeros(10)
        return HandTruth(
            center=hands.center[row],
            size=hands.scale[row],
            right=bool(hands.right[row] > CONFIDENT),
            keypoints_2d=hands.hand_keypoints_2d[row],
            keypoints_3d=points.astype(np.float64),
            global_orient=pose[:3].astype(np.float64),
            hand_pose=pose[3:].astype(np.float64),
            betas=betas.astype(np.float64),
            has_pose=hands.hand_pose is not None and (hands.has_hand_pose is None or bool(hands.has_hand_pose[row])),
            has_betas=hands.betas is not None and (hands.has_betas is None or bool(hands.has_betas[row])),
        )

    def part(self, chosen: npt.NDArray[np.bool_]) -> EvaluationSet:
        """The hands that `chosen` (n,) marks, as a set of their own."""
        kept = copy(self)
        kept.rows = self.rows[chosen]
        kept.subsets = tuple(Subset(s.name, s.counted[chosen]) for s in self.subsets)
        return kept

    @property
    def names(self) -> npt.NDArray[np.str_]:
        """(n,) image of each hand."""
        return self.hands.imgname[self.rows]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(n,) which are right hands."""
        return self.hands.right[self.rows] > CONFIDENT

    @property
    def centers_px(self) -> npt.NDArray[np.float64]:
        """(n, 2) middles of the boxes, px of the frame."""
        return self.hands.center[self.rows]

    @property
    def keypoints_2d(self) -> npt.NDArray[np.float64]:
        """(n, 21, 2) annotated keypoints, px of the frame."""
        return self.hands.hand_keypoints_2d[self.rows, :, :2]

    @property
    def sizes_px(self) -> npt.NDArray[np.float64]:
        """(n,) longer side of the boxes, px: what distances are divided by."""
        sizes: npt.NDArray[np.float64] = self.hands.scale[self.rows].max(axis=1)
        return sizes

    @property
    def crop_sides_px(self) -> npt.NDArray[np.float64]:
        """(n,) sides of the crops, px of the frame."""
        return np.array([self._side_px(row) for row in self.rows.tolist()])

    @property
    def keypoints_3d(self) -> npt.NDArray[np.float64] | None:
        """(n, 21, 4) m and confidence, for the hands' own sides; None without 3D truth."""
        points = self.hands.hand_keypoints_3d
        return None if points is None else points[self.rows].astype(np.float64)


def read_npz_set(npz: Path, images: Path, *, on_missing: Literal["error", "skip"] = "error") -> EvaluationSet:
    """The set of a HaMeR evaluation file; of `..._all.npz`, the `_vis` and `_occ` files beside it are used too.

    Raises:
        DataError: a file is missing, broken, or the three don't hold the same hands; images are missing.
    """
    hands = _read(npz)
    stem, _, ending = npz.stem.rpartition("_")
    subsets = [Subset("all" if ending not in SUBSETS else ending, hands.hand_keypoints_2d[..., 2] > CONFIDENT)]
    name = npz.stem
    if ending == "all":
        name = stem
        for other in SUBSETS[1:]:
            sibling = npz.with_name(f"{stem}_{other}{npz.suffix}")
            if sibling.exists():
                subsets.append(Subset(other, _same_hands(hands, _read(sibling), sibling)))
    place = parse_image_folder(name)
    return EvaluationSet(place[1] if place else name, hands, images, tuple(subsets), on_missing=on_missing)


def read_release_sets(
    release: Path, *, split: str = "test", on_missing: Literal["error", "skip"] = "error"
) -> list[EvaluationSet]:
    """The sets of a split of a release, one a source.

    Raises:
        DataError: it has none; as `read_npz_set` otherwise.
    """
    folder = release / EVAL_FOLDER
    found = []
    for npz in sorted(folder.glob("*_all.npz")):
        place = parse_image_folder(npz.stem.removesuffix("_all"))
        if place is not None and place[0].value == split:
            found.append(read_npz_set(npz, release / npz.stem.removesuffix("_all"), on_missing=on_missing))
    if not found:
        raise DataError(
            f"{folder}: no evaluation file of split {split!r} (such as {split.upper()}_newdays_img_all.npz)",
            hint="name another split, or build a release that has one: hint release build NAME",
        )
    return found


def _read(npz: Path) -> HamerSet:
    try:
        data = npz.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{npz}: no such file") from None
    except OSError as error:
        raise DataError(f"{npz}: can't be read ({error.strerror})") from error
    return hamer_npz.decode(data, str(npz))


def _same_hands(hands: HamerSet, other: HamerSet, path: Path) -> npt.NDArray[np.bool_]:
    """(n, 21) bool: the joints `other` counts, for the hands in the order of `hands`; it may leave some hands out."""
    row_of = {key: row for row, key in enumerate(row_keys(hands))}
    counted = np.zeros(hands.hand_keypoints_2d.shape[:2], dtype=bool)
    for row, key in enumerate(row_keys(other)):
        if key not in row_of:
            raise DataError(f"{path}: its hand {row} ({key[0]}) is not in the file for all joints beside it")
        counted[row_of[key]] = other.hand_keypoints_2d[row, :, 2] > CONFIDENT
    return counted
