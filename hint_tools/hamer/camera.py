"""The camera of a crop, and of the frame it was cut from.

The network answers a weak-perspective camera (s, tx, ty). It stands for a pinhole camera of long focal
length whose principal point is the crop's centre: x right, y down, z forward, metres.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SCALE_GUARD = 1e-9
"""Keeps a scale of zero from dividing by zero (as HaMeR does)."""


def crop_translation(camera: Tensor, focal_px: float, image_px: int) -> Tensor:
    """Translation (B, 3) in metres that puts the hand before the crop's camera.

    Args:
        camera: (B, 3) scale and shift s, tx, ty.
        focal_px: focal length in px of the crop.
        image_px: side of the crop.
    """
    scale, tx, ty = camera.unbind(-1)
    return torch.stack((tx, ty, 2 * focal_px / (image_px * scale + _SCALE_GUARD)), dim=-1)


def project(points: Tensor, translation: Tensor, focal: Tensor, principal_point: Tensor | None = None) -> Tensor:
    """Pinhole projection (B, N, 2) of `points` moved by `translation`.

    Args:
        points: (B, N, 3) metres.
        translation: (B, 3) metres.
        focal: (B, 2) focal lengths; the result has their unit (px, or widths of the crop).
        principal_point: (B, 2) in that unit; zero when absent.
    """
    moved = points + translation[:, None]
    projected = moved[..., :2] / moved[..., 2:] * focal[:, None]
    return projected if principal_point is None else projected + principal_point[:, None]


def frame_translation(camera: Tensor, center_px: Tensor, box_px: Tensor, size_px: Tensor, focal_px: Tensor) -> Tensor:
    """Translation (B, 3) in metres that puts the hand before the camera of the whole frame.

    Equal image positions and equal apparent size, with the principal point in the frame's middle
    (HaMeR's `cam_crop_to_full`).

    Args:
        camera: (B, 3) scale and shift s, tx, ty of the crop.
        center_px: (B, 2) centre of the crop's box in the frame.
        box_px: (B,) side of that box.
        size_px: (B, 2) width and height of the frame.
        focal_px: (B,) or one number: focal length of the frame's camera. `frame_focal` gives HaMeR's guess.
    """
    side = box_px * camera[:, 0] + _SCALE_GUARD
    shift = 2 * (center_px - size_px / 2) / side[:, None]
    return torch.cat((camera[:, 1:] + shift, (2 * focal_px / side)[:, None]), dim=-1)


def frame_focal(size_px: Tensor, focal_px: float, image_px: int) -> Tensor:
    """HaMeR's guess (B,) of the focal length in px of frames of `size_px` (B, 2) whose camera is not known."""
    return focal_px / image_px * size_px.amax(dim=-1)
