"""What a network would answer that knows the truth."""

from __future__ import annotations

import numpy as np

from hint_tools.core.geometry import box_center
from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import pose_hand, rodrigues
from hint_tools.media.crops import crop_side
from hint_tools.predict.placing import CropAnswer
from hint_tools.synth.truth import TruthHand

MIRROR = np.array([1.0, -1.0, -1.0])


def perfect_answer(model: HandModel, hand: TruthHand, camera: Camera) -> tuple[CropAnswer, np.ndarray, float]:
    """What a perfect network says of the (mirrored, if left) crop of a true hand; its centre and side."""
    left = hand.side == Side.LEFT
    orient, pose = np.array(hand.global_orient), np.array(hand.hand_pose)
    if left:
        orient, pose = orient * MIRROR, (pose.reshape(15, 3) * MIRROR).ravel()
    posed = pose_hand(model, orient, pose, hand.betas)
    side_px, center = crop_side(hand.box[2:] - hand.box[:2]), box_center(hand.box)
    scale = 2 * camera.focal_px / (hand.transl[2] * side_px)
    shift = hand.transl[:2] - 2 * (center - np.array([camera.cx, camera.cy])) / (side_px * scale)
    keypoints = (np.array(hand.keypoints) - center) / side_px
    flip = np.array([-1.0, 1.0]) if left else np.ones(2)
    rotations = rodrigues(np.concatenate([orient[None], pose.reshape(15, 3)]))
    camera_numbers = np.array([scale, *(shift * flip)])
    betas = np.array(hand.betas)
    return CropAnswer(rotations, betas, camera_numbers, posed.vertices, posed.joints, keypoints * flip), center, side_px
