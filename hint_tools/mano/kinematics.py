"""Posing a hand with numpy: rotations, the joint tree, linear blend skinning.

Axis-angle numbers are relative to the flat hand: the file's mean pose is never added
(`flat_hand_mean` in smplx's words, as HaMeR does). A left hand's numbers belong to the left model,
which is the right one mirrored in x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.topology import JOINT_ORDER, N_ROTATIONS, PARENTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIRROR_POINTS = np.array([-1.0, 1.0, 1.0])
"""Multiplies points to mirror them in x."""
MIRROR_AXIS_ANGLE = np.array([1.0, -1.0, -1.0])
"""Multiplies axis-angle vectors to mirror their rotation in x."""
_TINY_ANGLE_RAD = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PosedHand:
    """One posed hand, or a batch of them with a leading axis; metres.

    Args:
        vertices: (..., 778, 3) float64.
        joints: (..., 21, 3) float64 in this project's order.
        transforms: (..., 16, 4, 4) rest-to-posed map of each joint's rigid part, before `transl` and mirroring.
    """

    vertices: Floats
    joints: Floats
    transforms: Floats


def rodrigues(axis_angle: npt.ArrayLike) -> Floats:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians.

    Rodrigues' formula: R = I + sin t K + (1 - cos t) K².
    """
    vectors = np.asarray(axis_angle, dtype=np.float64)
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = _cross_matrices(vectors)
    small = angle < _TINY_ANGLE_RAD
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1 - angle**2 / 6, np.sin(safe) / safe)
    second = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(safe)) / safe**2)
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross))


def _cross_matrices(vectors: Floats) -> Floats:
    out = np.zeros((*vectors.shape, 3))
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    out[..., 0, 1], out[..., 0, 2] = -z, y
    out[..., 1, 0], out[..., 1, 2] = z, -x
    out[..., 2, 0], out[..., 2, 1] = -y, x
    return out


def matrix_to_axis_angle(matrices: npt.ArrayLike) -> Floats:
    """Axis-angle vectors (..., 3), angle in [0, pi], of rotation matrices (..., 3, 3).

    Raises:
        ValueError: a matrix is not a rotation, even roughly.
    """
    given = np.asarray(matrices, dtype=np.float64)
    return np.asarray(Rotation.from_matrix(given.reshape(-1, 3, 3)).as_rotvec().reshape(given.shape[:-1]))


def pose_hand(
    model: HandModel,
    global_orient: npt.ArrayLike,
    hand_pose: npt.ArrayLike,
    betas: npt.ArrayLike,
    transl: npt.ArrayLike = (0.0, 0.0, 0.0),
    side: str = Side.RIGHT,
) -> PosedHand:
    """One posed hand.

    Args:
        model: a right hand.
        global_orient: (3,) axis-angle of the wrist, rad; it turns about the wrist joint.
        hand_pose: (45,) axis-angle of the 15 finger joints, rad, relative to the flat hand.
        betas: (10,) shape.
        transl: (3,) added to vertices and joints, m.
        side: `left` or `right`; the numbers are those of that side's model.

    Raises:
        ValueError: a shape or a side that is none.
    """
    root, fingers, shape, offset = (
        np.asarray(v, dtype=np.float64)[None] for v in (global_orient, hand_pose, betas, transl)
    )
    batch = pose_hands(model, root, fingers, shape, offset, side)
    return PosedHand(vertices=batch.vertices[0], joints=batch.joints[0], transforms=batch.transforms[0])


def pose_hands(
    model: HandModel,
    global_orient: npt.ArrayLike,
    hand_pose: npt.ArrayLike,
    betas: npt.ArrayLike,
    transl: npt.ArrayLike | None = None,
    sides: str | npt.ArrayLike = Side.RIGHT,
) -> PosedHand:
    """A batch of posed hands; as `pose_hand` with a leading axis n everywhere.

    Args:
        model: a right hand.
        global_orient: (n, 3) rad.
        hand_pose: (n, 45) rad.
        betas: (n, 10).
        transl: (n, 3) m, zero when None.
        sides: one side for all, or n of them.

    Raises:
        ValueError: shapes that don't fit, or a side that is none.
    """
    root = np.asarray(global_orient, dtype=np.float64)
    count = len(root)
    mirrored = _mirrored(sides, count)
    vectors = np.concatenate([root.reshape(count, 1, 3), np.asarray(hand_pose, float).reshape(count, 15, 3)], axis=1)
    vectors = np.where(mirrored[:, None, None], vectors * MIRROR_AXIS_ANGLE, vectors)
    posed = pose_rotations(model, rodrigues(vectors), np.asarray(betas, dtype=np.float64).reshape(count, 10))
    offset = np.zeros((count, 1, 3)) if transl is None else np.asarray(transl, dtype=np.float64).reshape(count, 1, 3)
    flip = np.where(mirrored[:, None, None], MIRROR_POINTS, np.ones(3))
    return PosedHand(
        vertices=posed.vertices * flip + offset, joints=posed.joints * flip + offset, transforms=posed.transforms
    )


def _mirrored(sides: str | npt.ArrayLike, count: int) -> npt.NDArray[np.bool_]:
    names = np.broadcast_to(np.asarray(sides, dtype=str), (count,))
    wrong = sorted(set(names.tolist()) - {Side.LEFT.value, Side.RIGHT.value})
    if wrong:
        raise ValueError(f"expected sides left or right, got {wrong}")
    return np.asarray(names == Side.LEFT.value)


def pose_rotations(model: HandModel, rotations: Floats, betas: Floats) -> PosedHand:
    """Right hands posed by rotation matrices, wrist joint where the shape puts it.

    Linear blend skinning with pose correctives (Romero, Tzionas, Black 2017, "Embodied Hands", eq. 1-4).

    Args:
        model: a right hand.
        rotations: (n, 16, 3, 3), each relative to its parent.
        betas: (n, 10).
    """
    count = len(rotations)
    shaped = model.v_template + np.einsum("vak,nk->nva", model.shapedirs, betas)
    rest = np.einsum("jv,nva->nja", model.J_regressor, shaped)
    features = (rotations[:, 1:] - np.eye(3)).reshape(count, -1)
    posed = shaped + np.einsum("vap,np->nva", model.posedirs, features)
    transforms = _chain(rotations, rest)
    linear = np.einsum("vj,njab->nvab", model.weights, transforms[..., :3, :3])
    shift = np.einsum("vj,nja->nva", model.weights, transforms[..., :3, 3])
    vertices = np.einsum("nvab,nvb->nva", linear, posed) + shift
    joints = np.einsum("njab,njb->nja", transforms[..., :3, :3], rest) + transforms[..., :3, 3]
    all_joints = np.concatenate([joints, vertices[:, model.tips]], axis=1)[:, JOINT_ORDER]
    return PosedHand(vertices=vertices, joints=all_joints, transforms=transforms)


def _chain(rotations: Floats, rest: Floats) -> Floats:
    """Rest-to-posed transforms (n, 16, 4, 4) along the tree."""
    count = len(rotations)
    turned = np.empty((count, N_ROTATIONS, 3, 3))
    placed = np.empty((count, N_ROTATIONS, 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned[:, joint], placed[:, joint] = rotations[:, joint], rest[:, joint]
            continue
        turned[:, joint] = turned[:, parent] @ rotations[:, joint]
        bone = rest[:, joint] - rest[:, parent]
        placed[:, joint] = placed[:, parent] + np.einsum("nab,nb->na", turned[:, parent], bone)
    transforms = np.zeros((count, N_ROTATIONS, 4, 4))
    transforms[..., :3, :3] = turned
    transforms[..., :3, 3] = placed - np.einsum("njab,njb->nja", turned, rest)
    transforms[..., 3, 3] = 1.0
    return transforms


def faces_of_side(model: HandModel, side: str) -> Ints:
    """Triangles (1538, 3) wound counter-clockwise from outside; mirroring turns them over."""
    return model.faces if side == Side.RIGHT else model.faces[:, ::-1]
