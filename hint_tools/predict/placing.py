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


def place(answer: CropAnswer, side: str, center: Floats, side_px: float, camera: Camera) -> PlacedHand:
    """The hand of a crop in the camera of the picture.

    The translation gives the wrist's surroundings the same place and apparent size in both cameras (HaMeR's
    `cam_crop_to_full`). The perspective of a short focal length differs from the crop's nearly parallel one;
    `reprojection_px` says by how much.

    Args:
        answer: of the network; a left hand's crop was mirrored.
        side: of the hand.
        center: (2,) middle of the crop, px of the picture.
        side_px: of the square crop, px of the picture.
        camera: of the picture.
    """
    mirrored = side == Side.LEFT
    axis_angle = matrix_to_axis_angle(answer.rotations)
    right = HandParameters(Side.RIGHT.value, axis_angle[0], axis_angle[1:].reshape(45), answer.betas, np.zeros(3))
    flip = MIRROR_POINTS if mirrored else np.ones(3)
    crop_camera = answer.camera * np.array([1.0, flip[0], 1.0])
    transl = _translation(crop_camera, center, side_px, camera)
    own = to_left(right) if mirrored else right
    vertices, joints = answer.vertices * flip + transl, answer.joints * flip + transl
    keypoints = answer.keypoints * flip[:2] * side_px + center
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
