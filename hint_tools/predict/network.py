"""The network over the hands of one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hint_tools.core.geometry import box_center, box_size
from hint_tools.core.records import Side
from hint_tools.hamer.config import HamerConfig
from hint_tools.hamer.network import Hamer
from hint_tools.media.crops import HINT_RESCALE, BoxRule, crop_affine, crop_side, cut, cut_smooth
from hint_tools.predict.hands import HandBox
from hint_tools.predict.placing import CropAnswer

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Predictor:
    """A network with how it is to be used.

    Args:
        network: in evaluation mode, on `device`.
        device: where it runs.
        demo_crops: cut as HaMeR's demo does, not as its evaluation.
        batch_size: hands at a time.
    """

    network: Hamer
    device: torch.device
    demo_crops: bool
    batch_size: int

    def side_px(self, box: Floats) -> float:
        """Side of the crop for `box` (4,), px of the picture.

        Raises:
            DataError: the box has no extent.
        """
        rule = BoxRule.PADDED if self.demo_crops else BoxRule.SQUARE
        return crop_side(box_size(box), factor=HINT_RESCALE, rule=rule)

    def answers(self, image: Image, hands: Sequence[HandBox], sides: Sequence[str]) -> Iterator[CropAnswer]:
        """The answer for each hand, in their order.

        Args:
            image: the picture, (H, W, 3) RGB.
            hands: in it.
            sides: of each, `left` or `right`.

        Raises:
            DataError: a box has no extent.
        """
        for first in range(0, len(hands), self.batch_size):
            part = slice(first, first + self.batch_size)
            crops = [self.crop(image, hand.box, side) for hand, side in zip(hands[part], sides[part], strict=True)]
            with torch.inference_mode():
                output = self.network({"img": torch.from_numpy(np.stack(crops)).to(self.device)})
            yield from answers_of(output)

    def crop(self, image: Image, box: Floats, side: str) -> npt.NDArray[np.float32]:
        """The network's input (3, S, S) for one hand: cut out, a left one mirrored, normalised."""
        config = self.network.config
        matrix = crop_affine(
            box_center(box),
            self.side_px(box),
            patch_px=config.image_px,
            mirror_width_px=image.shape[1] if side == Side.LEFT else None,
        )
        cutter = cut_smooth if self.demo_crops else cut
        return normalised(cutter(image, matrix, patch_px=config.image_px), config)


def normalised(crop: npt.NDArray[Any], config: HamerConfig) -> npt.NDArray[np.float32]:
    """(3, S, S) float32 of `crop` (S, S, 3) in [0, 255], with the network's mean and deviation."""
    mean, deviation = np.array(config.image_mean), np.array(config.image_std)
    scaled = (crop.astype(np.float64) / 255 - mean) / deviation
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def answers_of(output: dict[str, Any]) -> Iterator[CropAnswer]:
    """The network's output, hand by hand, in double precision."""
    pose = output["pred_mano_params"]
    rotations = torch.cat([pose["global_orient"], pose["hand_pose"]], dim=1)
    parts = (
        rotations, pose["betas"], output["pred_cam"], output["pred_vertices"],
        output["pred_keypoints_3d"], output["pred_keypoints_2d"],
    )  # fmt: skip
    for row in zip(*(p.detach().cpu().double().numpy() for p in parts), strict=True):
        yield CropAnswer(*row)
