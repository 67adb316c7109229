"""Hand parameters for other tools: left hands, and hands of SMPL-X bodies.

The network sees every hand as a right one. Rotations are axis-angle vectors in radians, relative to the flat hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.kinematics import MIRROR_AXIS_ANGLE, MIRROR_POINTS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HandParameters:
    """MANO parameters of one hand, for its own side's model.

    Args:
        side: `left` or `right`.
        global_orient: (3,) rad, of the wrist in the camera (x right, y down, z forward).
        hand_pose: (45,) rad, relative to the flat hand: `flat_hand_mean=True` in smplx's words.
        betas: (10,) shape.
        transl: (3,) m, added to the posed hand.
    """

    side: str
    global_orient: Floats
    hand_pose: Floats
    betas: Floats
    transl: Floats


def to_left(hand: HandParameters) -> HandParameters:
    """The left hand that is the mirror image of a right one, in the mirrored camera.

    Mirroring in x turns a rotation about (x, y, z) into one about (x, -y, -z); shape and the order of joints stay.
    `mano.kinematics.pose_hand(..., side="left")` and a left MANO model take these numbers.

    Raises:
        ValueError: it is a left hand already.
    """
    if hand.side != Side.RIGHT:
        raise ValueError(f"expected a right hand, got a {hand.side} one")
    return HandParameters(
        side=Side.LEFT.value,
        global_orient=hand.global_orient * MIRROR_AXIS_ANGLE,
        hand_pose=(hand.hand_pose.reshape(15, 3) * MIRROR_AXIS_ANGLE).reshape(45),
        betas=hand.betas.copy(),
        transl=hand.transl * MIRROR_POINTS,
    )


def to_smplx(
    hand: HandParameters, model: HandModel, *, flat_hand_mean: bool, elbow: npt.ArrayLike | None = None
) -> dict[str, Floats]:
    """A hand's pose as arguments of an SMPL-X body: `left_hand_pose` or `right_hand_pose` (45,), and its wrist.

    SMPL-X made with `flat_hand_mean=False` (smplx's default) adds the mean pose of the hand itself, so it is taken
    away here. Betas are left out: SMPL-X's describe a body, not this hand. Make the body with `use_pca=False`.

    Args:
        hand: for its own side.
        model: the right hand model whose mean pose the body adds; a left hand's is its mirror image.
        flat_hand_mean: as the SMPL-X body was made with.
        elbow: (3, 3) global rotation of the forearm in the same camera. The wrist is then given relative to it, as
            `left_wrist_pose` or `right_wrist_pose` (3,), which belongs into `body_pose`; else as
            `..._wrist_global_orient` (3,), in the camera.
    """
    mean = np.asarray(model.hands_mean, dtype=np.float64).reshape(15, 3)
    if hand.side == Side.LEFT:
        mean = mean * MIRROR_AXIS_ANGLE
    pose = hand.hand_pose if flat_hand_mean else hand.hand_pose - mean.reshape(45)
    made = {f"{hand.side}_hand_pose": np.array(pose, dtype=np.float64)}
    if elbow is None:
        return made | {f"{hand.side}_wrist_global_orient": np.array(hand.global_orient, dtype=np.float64)}
    wrist = Rotation.from_matrix(np.asarray(elbow, dtype=np.float64)).inv() * Rotation.from_rotvec(hand.global_orient)
    return made | {f"{hand.side}_wrist_pose": np.asarray(wrist.as_rotvec(), dtype=np.float64)}
