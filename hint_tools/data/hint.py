"""`HInt`: a release, or the published HInt, as a torch Dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import apply_affine, box_center, box_size, invert_affine
from hint_tools.core.records import Split
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.data.columns import Columns, read_columns
from hint_tools.data.missing import present_images
from hint_tools.media.crops import HINT_RESCALE, PATCH_PX, crop_affine, crop_side, cut, rows_seen
from hint_tools.media.images import read_image, read_top

if TYPE_CHECKING:
    from hint_tools.data.hamer_dataset import HamerDataset


class ManoItem(TypedDict):
    """MANO parameters of a hand, for its own side, rad; zeros where there is no accepted fit."""

    global_orient: torch.Tensor
    hand_pose: torch.Tensor
    betas: torch.Tensor


class HintItem(TypedDict):
    """One hand. Tensors are float32 unless said otherwise; the default collate makes batches of them."""

    image: torch.Tensor
    """(H, W, 3) uint8, RGB: the crop, or the whole frame."""
    keypoints: torch.Tensor
    """(21, 2) px of `image`."""
    visibility: torch.Tensor
    """(21,) int64: 0 not annotatable, 1 occluded, 2 visible."""
    weight: torch.Tensor
    """(21,) in [0, 1]."""
    keypoint_cov: torch.Tensor
    """(21, 2, 2) px² of `image`; zeros where the target is the fit."""
    box: torch.Tensor
    """(4,) x0, y0, x1, y1 in px of `image`."""
    affine: torch.Tensor
    """(2, 3) float64, px of `image` to px of the frame."""
    side: str
    mano: ManoItem
    has_mano: torch.Tensor
    """() bool."""
    keypoints_3d: torch.Tensor
    """(21, 3) m in the camera, of the fit; zeros where there is none."""
    hand_id: str
    frame_id: str
    source: str


class HInt(Dataset[Any]):
    """The hands of one split, by their ids' order. Opens one table and no image; picklable; works in workers.

    Args:
        root: a release folder, or an unpacked published HInt.
        split: `"train"`, `"val"` or `"test"`.
        sources: only these; default all there are.
        target: `"consensus"`, what people annotated, or `"fit"`, the joints of the accepted MANO fits (hands without
            one are left out; `n_unfitted` says how many).
        on_missing: what to do about images that are not there: `"error"` at once, or `"skip"` those hands
            (`n_missing` says how many).
        transform: called with each item; what it returns is the item.
        crop_px: side of the returned crop, or None for whole frames.
        rescale: side of the crop in units of the box's longer side.

    Raises:
        DataError: not a release, an unknown source, nothing left, or images are missing.
    """

    def __init__(
        self,
        root: str | Path,
        split: Literal["train", "val", "test"] = "train",
        sources: tuple[str, ...] | None = None,
        target: Literal["consensus", "fit"] = "consensus",
        on_missing: Literal["error", "skip"] = "error",
        transform: Callable[[HintItem], Any] | None = None,
        *,
        crop_px: int | None = PATCH_PX,
        rescale: float = HINT_RESCALE,
    ) -> None:
        self.root = Path(root)
        self.split = _one_of("split", split, tuple(s.value for s in Split))
        self.target = _one_of("target", target, ("consensus", "fit"))
        _one_of("on_missing", on_missing, ("error", "skip"))
        self.transform = transform
        self.crop_px = crop_px
        self.rescale = rescale
        columns = _chosen(read_columns(self.root), self.root, self.split, sources)
        self.n_unfitted = int((~columns.fitted).sum()) if target == "fit" else 0
        if target == "fit":
            columns = columns.take(columns.fitted)
        there = present_images(self.root, columns.image, on_missing=on_missing)
        self.n_missing = int((~there).sum())
        self.hands: Columns = columns.take(there)
        if len(self.hands) == 0:
            raise DataError(
                f"{self.root}: no hand is left in split {split!r} (left out: {self.n_unfitted} without an "
                f"accepted fit, {self.n_missing} without an image)",
                hint="ask for another split, or run: hint fit" if target == "fit" else "ask for another split",
            )

    def __len__(self) -> int:
        return len(self.hands)

    def __getitem__(self, index: int) -> Any:
        """The item (`HintItem`), or what `transform` makes of it.

        Raises:
            IndexError: there is no such item.
            DataError: its image can't be read.
        """
        item = self._item(self.position(index))
        return item if self.transform is None else self.transform(item)

    def position(self, index: int) -> int:
        """`index` counted from the start.

        Raises:
            IndexError: there is no such item.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        return index % len(self)

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """The whole frame of an item, RGB (H, W, 3) uint8.

        Raises:
            DataError: it can't be read.
        """
        return read_image(self.root / str(self.hands.image[index]))

    def upper_part(self, index: int, rows: int) -> tuple[npt.NDArray[np.uint8], int]:
        """At least the first `rows` rows of an item's frame, and the height of all of it: less to decode for a crop.

        Raises:
            DataError: it can't be read.
        """
        return read_top(self.root / str(self.hands.image[index]), rows)

    def keypoints(self, index: int) -> npt.NDArray[np.float64]:
        """The target keypoints of an item (21, 2), px of the frame."""
        targets = self.hands.keypoints if self.target == "consensus" else self.hands.keypoints_fit
        chosen: npt.NDArray[np.float64] = targets[index]
        return chosen

    def weights(self, index: int) -> npt.NDArray[np.float64]:
        """The weights (21,) of an item's joints; 1 where the target is the fit, which knows every joint."""
        if self.target == "fit":
            return np.ones(N_JOINTS)
        chosen: npt.NDArray[np.float64] = self.hands.weight[index]
        return chosen

    def _item(self, i: int) -> HintItem:
        hands, box = self.hands, self.hands.box[i]
        if self.crop_px is None:
            to_image, image = np.eye(2, 3), self.frame(i)
        else:
            side_px = crop_side(box_size(box), factor=self.rescale)
            to_image = crop_affine(box_center(box), side_px, patch_px=self.crop_px)
            upper, _ = self.upper_part(i, rows_seen(to_image, patch_px=self.crop_px))
            image = cut(upper, to_image, patch_px=self.crop_px)
        linear = to_image[:, :2]
        covariance = linear @ hands.covariance[i] @ linear.T * (self.target == "consensus")
        return HintItem(
            image=torch.from_numpy(np.require(image, requirements=("C", "W"))),
            keypoints=_float(apply_affine(to_image, self.keypoints(i))),
            visibility=torch.from_numpy(hands.visibility[i].astype(np.int64)),
            weight=_float(self.weights(i)),
            keypoint_cov=_float(covariance),
            box=_float(apply_affine(to_image, box.reshape(2, 2)).ravel()),
            affine=torch.from_numpy(invert_affine(to_image)),
            side=str(hands.side[i]),
            mano=ManoItem(
                global_orient=_float(hands.global_orient[i]),
                hand_pose=_float(hands.hand_pose[i]),
                betas=_float(hands.betas[i]),
            ),
            has_mano=torch.tensor(bool(hands.fitted[i])),
            keypoints_3d=_float(hands.keypoints_3d[i]),
            hand_id=str(hands.hand_id[i]),
            frame_id=str(hands.frame_id[i]),
            source=str(hands.source[i]),
        )

    def as_hamer(self, train: bool = False, seed: int = 0, augment: bool | None = None) -> HamerDataset:
        """The same hands with HaMeR's batch keys: crops of 256 px, normalised, left hands mirrored to right ones.

        Args:
            train: confidences are the weights; else they are 1 for every annotated joint.
            seed: of the augmentation; together with the epoch and the index it fixes every change.
            augment: change the crops at random as HaMeR does; default: when training.
        """
        from hint_tools.data.hamer_dataset import HamerDataset

        return HamerDataset(self, train=train, seed=seed, augment=train if augment is None else augment)


def _float(value: npt.NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(value.astype(np.float32))


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise DataError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def _chosen(columns: Columns, root: Path, split: str, sources: tuple[str, ...] | None) -> Columns:
    known = sorted(set(columns.source.tolist()))
    unknown = sorted(set(sources or ()) - set(known))
    if unknown:
        raise DataError(f"{root}: no source {', '.join(unknown)}; it has {', '.join(known)}")
    mask = columns.split == split
    if sources is not None:
        mask &= np.isin(columns.source, sources)
    if not mask.any():
        counts = ", ".join(f"{s.value} {int((columns.split == s.value).sum())}" for s in Split)
        raise DataError(f"{root}: no hand in split {split!r} of {', '.join(sources or known)} (hands: {counts})")
    return columns.take(mask)
