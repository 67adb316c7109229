"""`HamerDataset`: the hands of `HInt` with HaMeR's batch keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from hint_tools.core.geometry import box_center, box_size
from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.data.augment import NONE, draw
from hint_tools.data.hamer_item import HandTruth, hamer_item, rows_shown
from hint_tools.data.hint import HInt


class HamerDataset(Dataset[dict[str, Any]]):
    """HaMeR's batch entries; made by `HInt.as_hamer`. Picklable; the default collate makes batches.

    Call `set_epoch` before each epoch: the augmentation depends on (seed, epoch, index) alone, so a resumed training
    sees what an uninterrupted one would have.

    Args:
        hint: where the hands come from.
        train: confidences are the weights; else 1 for every annotated joint.
        seed: of the augmentation.
        augment: change the crops at random.
    """

    def __init__(self, hint: HInt, *, train: bool, seed: int, augment: bool) -> None:
        self.hint = hint
        self.train = train
        self.seed = seed
        self.augment = augment
        # in shared memory, so that workers which outlive an epoch see the next one's number
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    @property
    def epoch(self) -> int:
        """The epoch the next items belong to."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """The next items belong to `epoch`."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.hint)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """HaMeR's keys (`data.hamer_item`) with `imgname`, `personid`, `hand_id`, `source` and `index`.

        Raises:
            IndexError: there is no such item.
            DataError: its image can't be read.
        """
        i = self.hint.position(index)
        change = draw(self.seed, self.epoch, i) if self.augment else NONE
        truth, rescale = self.truth(i), self.hint.rescale
        upper, height_px = self.hint.upper_part(i, rows_shown(truth, change, rescale=rescale))
        item = hamer_item(upper, truth, change, rescale=rescale, height_px=height_px)
        hands = self.hint.hands
        extra = {"imgname": str(hands.image[i]), "hand_id": str(hands.hand_id[i]), "source": str(hands.source[i])}
        return item | extra | {"personid": torch.tensor(0), "index": torch.tensor(i)}

    def truth(self, i: int) -> HandTruth:
        """What is known of hand `i`."""
        hands, box = self.hint.hands, self.hint.hands.box[i]
        annotated = (hands.visibility[i] != Visibility.NOT_ANNOTATABLE).astype(np.float64)
        confidence = self.hint.weights(i) if self.train else annotated
        fitted = bool(hands.fitted[i])
        return HandTruth(
            center=box_center(box),
            size=box_size(box),
            right=hands.side[i] == Side.RIGHT.value,
            keypoints_2d=np.column_stack([self.hint.keypoints(i), confidence]),
            keypoints_3d=np.column_stack([hands.keypoints_3d[i], np.full(N_JOINTS, float(fitted))]),
            global_orient=hands.global_orient[i],
            hand_pose=hands.hand_pose[i],
            betas=hands.betas[i],
            has_pose=fitted,
            has_betas=fitted,
        )
