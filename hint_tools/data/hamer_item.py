"""One hand as HaMeR's network, losses and evaluation want it: the keys and conventions of its datasets.

A left hand becomes a right one: the picture and x are mirrored, an axis-angle (x, y, z) becomes (x, -y, -z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch

from hint_tools.core.geometry import apply_affine
from hint_tools.data.augment import NONE, Augmentation
from hint_tools.media.crops import HINT_RESCALE, PATCH_PX, BoxRule, crop_affine, crop_side, cut, rows_seen

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

IMAGE_MEAN: Final = 255 * np.array([0.485, 0.456, 0.406])
IMAGE_SD: Final = 255 * np.array([0.229, 0.224, 0.225])
_MIRROR: Final = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandTruth:
    """What is known of one hand, for its own side, in px of the frame.

    Args:
        center: (2,) middle of the box.
        size: (2,) width and height of the box, not enlarged.
        right: it is a right hand.
        keypoints_2d: (21, 3): x, y, confidence.
        keypoints_3d: (21, 4): m, confidence; zeros where unknown.
        global_orient: (3,) rad. hand_pose: (45,) rad. betas: (10,).
        has_pose: the two before are known. has_betas: the last one is.
    """

    center: Floats
    size: Floats
    right: bool
    keypoints_2d: Floats
    keypoints_3d: Floats
    global_orient: Floats
    hand_pose: Floats
    betas: Floats
    has_pose: bool
    has_betas: bool


def hamer_item(
    image: Pixels,
    hand: HandTruth,
    change: Augmentation = NONE,
    *,
    rescale: float = HINT_RESCALE,
    rule: BoxRule = BoxRule.SQUARE,
    height_px: int | None = None,
) -> dict[str, Any]:
    """HaMeR's batch entry of one hand: float32 tensors, ready for the default collate.

    Args:
        image: the frame, RGB (H, W, 3) uint8; or its upper part, if that holds all that the crop shows.
        hand: what is known of it.
        change: the augmentation, applied to picture, keypoints, 3D and global orientation alike.
        rescale: side of the crop in units of the box's longer side.
        rule: how the box becomes a square.
        height_px: of the frame; the image's when absent.
    """
    height, width = height_px or image.shape[0], image.shape[1]
    side = crop_side(hand.size, factor=rescale, rule=rule)
    matrix = _to_crop(hand, change, side, width)
    keypoints_2d = hand.keypoints_2d.copy()
    keypoints_2d[:, :2] = apply_affine(matrix, hand.keypoints_2d[:, :2]) / PATCH_PX - 0.5
    turn = _turn(change.rotation_deg)
    orient, pose, points = hand.global_orient, hand.hand_pose, hand.keypoints_3d.copy()
    if not hand.right:
        orient, pose = orient * _MIRROR, (pose.reshape(-1, 3) * _MIRROR).ravel()
        points[:, 0] *= -1
    points[:, :3] = points[:, :3] @ turn.T
    if change.rotation_deg:
        orient = _rotated(orient, turn)
    has_pose = _float(float(hand.has_pose))
    planes = np.empty((3, PATCH_PX, PATCH_PX), dtype=np.float32)
    normalise_into(planes, cut(image, matrix), change.colour)
    return {
        "img": torch.from_numpy(planes),
        "keypoints_2d": _float(keypoints_2d),
        "keypoints_3d": _float(points),
        "orig_keypoints_2d": _float(hand.keypoints_2d),
        "mano_params": {"global_orient": _float(orient), "hand_pose": _float(pose), "betas": _float(hand.betas)},
        "has_mano_params": {"global_orient": has_pose, "hand_pose": has_pose, "betas": _float(float(hand.has_betas))},
        "mano_params_is_axis_angle": {
            "global_orient": torch.tensor(True),
            "hand_pose": torch.tensor(True),
            "betas": torch.tensor(False),
        },
        "box_center": _float(hand.center),
        "box_size": _float(side),
        "bbox_expand_factor": _float(rescale),
        "img_size": _float(np.array([width, height])),
        "right": _float(float(hand.right)),
    }


def rows_shown(
    hand: HandTruth, change: Augmentation = NONE, *, rescale: float = HINT_RESCALE, rule: BoxRule = BoxRule.SQUARE
) -> int:
    """How many rows of the frame, from the top, hold all that `hamer_item` shows of a hand."""
    to_crop = _to_crop(hand, change, crop_side(hand.size, factor=rescale, rule=rule), width_px=1)
    return rows_seen(to_crop)


def _to_crop(hand: HandTruth, change: Augmentation, side_px: float, width_px: int) -> Floats:
    return crop_affine(
        hand.center + side_px * change.shift,
        side_px * change.scale,
        rotation_deg=change.rotation_deg,
        mirror_width_px=None if hand.right else width_px,
    )


def _float(value: float | Floats) -> torch.Tensor:
    return torch.from_numpy(np.array(value, dtype=np.float32))


def normalise_into(planes: npt.NDArray[np.float32], crop: Pixels, colour: Floats | None = None) -> None:
    """Fill `planes` (3, 256, 256) with a crop as the network wants it.

    Channels are scaled, clipped to 8 bit's range, and normalised with ImageNet's mean and deviation, in double
    precision rounded once.

    Args:
        planes: to fill; contiguous.
        crop: (256, 256, 3) uint8 RGB.
        colour: (3,) factors of red, green and blue; none by default.
    """
    table = _TABLE if colour is None else _table(colour)
    # a table look-up for 256 levels a channel costs a tenth of the arithmetic on every pixel
    for channel, plane in enumerate(cv2.split(crop)):
        cv2.LUT(plane, table[channel], dst=planes[channel])


def _table(colour: Floats) -> npt.NDArray[np.float32]:
    """(3, 1, 256) what each level of red, green and blue becomes."""
    levels = np.arange(256, dtype=np.float64)[:, None]
    values = (np.clip(levels * colour, 0, 255) - IMAGE_MEAN) / IMAGE_SD
    return np.ascontiguousarray(values.T[:, None, :], dtype=np.float32)


_TABLE: Final = _table(np.ones(3))


def _turn(rotation_deg: float) -> Floats:
    """The rotation (3, 3) about the camera's axis that a crop turned by `rotation_deg` sees."""
    angle = -np.pi * rotation_deg / 180
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _rotated(orient: Floats, turn: Floats) -> Floats:
    """`turn` after the rotation vector `orient`, as a rotation vector."""
    matrix, _ = cv2.Rodrigues(orient)
    vector, _ = cv2.Rodrigues(turn @ matrix)
    return np.asarray(vector, dtype=np.float64).ravel()
