"""The network's answers, placed before the camera of the whole picture, on the hands' own sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hint_tools.core.records import Side
from hint_tools.hamer.camera import frame_translation
from hint_tools.hamer.parameters import HandParameters, to_left
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import MIRROR_POINTS, matrix_to_axis_angle
from hint_tools.mano.raster import NEAR_M

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CropAnswer:
    """What the network says of one crop: a right hand, as it sees all of them.

    Args:
        rotations: (16, 3, 3), root first.
        betas: (10,).
        camera: (3,) scale and shift of the crop's weak-perspective camera.
        vertices: (778, 3) m, before any translation.
        joints: (21, 3) m.
        keypoints: (21, 2) in widths of the crop from its centre.
    """

    rotations: Floats
    betas: Floats
    camera: Floats
    vertices: Floats
    joints: Floats
    keypoints: Floats

    @property
    def finite(self) -> bool:
        """Whether every number in it is one."""
        return all(np.isfinite(getattr(self, name)).all() for name in CropAnswer.__slots__)


@dataclass(frozen=True, slots=True, eq=False)
class PlacedHand:
    """A hand in the picture's camera (x right, y down, z forward, m), on its own side.

    Args:
        parameters: MANO's, which pose the same mesh (`mano.kinematics.pose_hand`).
        vertices: (778, 3) m.
        joints: (21, 3) m.
        keypoints: (21, 2) px of the picture, where the crop's camera sees the joints.
        crop_camera: (3,) scale and shift for the hand's own side.
        reprojection_px: largest distance between `keypoints` and the joints in the picture's camera.
    """

    parameters: HandParameters
    vertices: Floats
    joints: Floats
    keypoints: Floats
    crop_camera: Floats
    reprojection_px: float


def place(answer: CropAnswer, side: str, center: Floats, side_px: float, camera: Camera, *, known: bool) -> PlacedHand:
    """The hand of a crop in the camera of the picture.

    In a guessed camera of long focal length, the hand model's origin gets the same place and apparent size as in
    the crop (HaMeR's `cam_crop_to_full`). A real camera's perspective is stronger than the crop's nearly parallel
    one, and the origin is a palm's length away from the hand's middle; there the translation is the one that
    brings the joints closest to where the crop shows them. `reprojection_px` says how close.

    Args:
        answer: of the network; a left hand's crop was mirrored.
        side: of the hand.
        center: (2,) middle of the crop, px of the picture.
        side_px: of the square crop, px of the picture.
        camera: of the picture.
        known: the camera is the real one, not a guess.
    """
    mirrored = side == Side.LEFT
    axis_angle = matrix_to_axis_angle(answer.rotations)
    right = HandParameters(Side.RIGHT.value, axis_angle[0], axis_angle[1:].reshape(45), answer.betas, np.zeros(3))
    flip = MIRROR_POINTS if mirrored else np.ones(3)
    crop_camera = answer.camera * np.array([1.0, flip[0], 1.0])
    keypoints = answer.keypoints * flip[:2] * side_px + center
    transl = _translation(crop_camera, center, side_px, camera)
    if known:
        transl = _closest(answer.joints * flip, keypoints, camera, transl)
    own = to_left(right) if mirrored else right
    vertices, joints = answer.vertices * flip + transl, answer.joints * flip + transl
    return PlacedHand(
        parameters=HandParameters(own.side, own.global_orient, own.hand_pose, own.betas, transl),
        vertices=vertices,
        joints=joints,
        keypoints=keypoints,
        crop_camera=crop_camera,
        reprojection_px=float(np.linalg.norm(camera.project(joints) - keypoints, axis=1).max()),
    )


def _translation(crop_camera: Floats, center: Floats, side_px: float, camera: Camera) -> Floats:
    placed = frame_translation(
        torch.from_numpy(crop_camera[None]),
        torch.from_numpy(center[None]),
        torch.tensor([side_px], dtype=torch.float64),
        # "the frame's middle" is where the axis meets it
        torch.tensor([[2 * camera.cx, 2 * camera.cy]], dtype=torch.float64),
        torch.tensor([camera.focal_px], dtype=torch.float64),
    )
    return np.asarray(placed[0].numpy(), dtype=np.float64)


def _closest(joints: Floats, keypoints: Floats, camera: Camera, otherwise: Floats) -> Floats:
    """The translation (3,) that brings `joints` closest to `keypoints` in `camera`, by linear least squares.

    A joint (x, y, z) + t is seen at u where f (x + t_x) = (u - c) (z + t_z): linear in t.

    Args:
        joints: (21, 3) m.
        keypoints: (21, 2) px.
        camera: of the picture.
        otherwise: taken where the solution lies behind the camera.
    """
    ray = (keypoints - np.array([camera.cx, camera.cy])) / camera.focal_px
    unknowns = np.zeros((len(joints), 2, 3))
    unknowns[:, 0, 0] = unknowns[:, 1, 1] = 1.0
    unknowns[:, :, 2] = -ray
    known = ray * joints[:, 2:] - joints[:, :2]
    solved, *_ = np.linalg.lstsq(unknowns.reshape(-1, 3), known.reshape(-1), rcond=None)
    in_front = bool((joints[:, 2] + solved[2] > NEAR_M).all())
    return np.asarray(solved, dtype=np.float64) if in_front else otherwise
