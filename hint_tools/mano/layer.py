"""The hand model as a differentiable layer, with the buffer names HaMeR's checkpoints carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from hint_tools.mano.assets import HandModel
from hint_tools.mano.topology import JOINT_ORDER, N_ROTATIONS, PARENTS

N_COMPONENTS = 6
"""Principal directions smplx keeps by default; unused here, but part of a checkpoint."""
_TINY_RAD2 = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class ManoOutput:
    """Right hands, metres.

    Args:
        vertices: (n, 778, 3).
        joints: (n, 21, 3) in this project's order.
    """

    vertices: Tensor
    joints: Tensor


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians; smooth at zero.

    Rodrigues' formula, with series for the coefficients where the angle vanishes.
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < _TINY_RAD2
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    first = torch.where(small, 1 - squared / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / safe)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*axis_angle.shape, 3)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + first * cross + second * (cross @ cross)


class _TipSelector(nn.Module):
    """Holds the fingertip ids once more, where smplx keeps them: a checkpoint has both."""

    extra_joints_idxs: Tensor

    def __init__(self, tips: Tensor) -> None:
        super().__init__()
        self.register_buffer("extra_joints_idxs", tips)


class ManoLayer(nn.Module):
    """A right hand posed by rotations; no parameter is learned, all arrays are buffers.

    Buffer names and shapes are those of smplx's `MANOLayer` inside HaMeR, so its checkpoints load.
    """

    v_template: Tensor
    shapedirs: Tensor
    posedirs: Tensor
    J_regressor: Tensor
    lbs_weights: Tensor
    faces_tensor: Tensor
    extra_joints_idxs: Tensor
    joint_map: Tensor

    def __init__(self, model: HandModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()

        def real(values: object) -> Tensor:
            return torch.tensor(np.asarray(values), dtype=dtype)

        tips = torch.tensor(model.tips)
        self.register_buffer("shapedirs", real(model.shapedirs))
        self.register_buffer("faces_tensor", torch.tensor(model.faces))
        self.register_buffer("v_template", real(model.v_template))
        self.register_buffer("J_regressor", real(model.J_regressor))
        self.register_buffer("posedirs", real(model.posedirs.reshape(-1, model.posedirs.shape[-1]).T))
        self.register_buffer("parents", torch.tensor(model.parents))
        self.register_buffer("lbs_weights", real(model.weights))
        self.register_buffer("hand_components", real(model.hands_components[:N_COMPONENTS]))
        self.register_buffer("hand_mean", real(model.hands_mean))
        self.register_buffer("pose_mean", real(np.concatenate([np.zeros(3), model.hands_mean])))
        self.register_buffer("extra_joints_idxs", tips)
        self.register_buffer("joint_map", torch.tensor(JOINT_ORDER))
        self.vertex_joint_selector = _TipSelector(tips.clone())

    def forward(
        self,
        global_orient: Tensor,
        hand_pose: Tensor,
        betas: Tensor,
        transl: Tensor | None = None,
        pose2rot: bool = False,
    ) -> ManoOutput:
        """Posed hands; the mean pose of the file is not added.

        Args:
            global_orient: (n, 1, 3, 3), or (n, 3) axis-angle in rad with `pose2rot`.
            hand_pose: (n, 15, 3, 3), or (n, 45) axis-angle in rad with `pose2rot`.
            betas: (n, 10).
            transl: (n, 3) added to vertices and joints, m.
            pose2rot: the poses are axis-angle vectors, not matrices.
        """
        count = len(betas)
        if pose2rot:
            vectors = torch.cat([global_orient.reshape(count, 1, 3), hand_pose.reshape(count, 15, 3)], dim=1)
            rotations = axis_angle_to_matrix(vectors)
        else:
            rotations = torch.cat([global_orient.reshape(count, 1, 3, 3), hand_pose.reshape(count, 15, 3, 3)], dim=1)
        shaped = self.v_template + torch.einsum("vak,nk->nva", self.shapedirs, betas)
        rest = torch.einsum("jv,nva->nja", self.J_regressor, shaped)
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        features = (rotations[:, 1:] - identity).reshape(count, -1)
        corrected = shaped + (features @ self.posedirs).reshape(count, -1, 3)
        turned, placed = _chain(rotations, rest)
        shift = placed - (turned @ rest[..., None])[..., 0]
        linear = (self.lbs_weights @ turned.reshape(count, N_ROTATIONS, 9)).reshape(count, -1, 3, 3)
        vertices = (linear @ corrected[..., None])[..., 0] + self.lbs_weights @ shift
        joints = torch.cat([placed, vertices[:, self.extra_joints_idxs]], dim=1)[:, self.joint_map]
        if transl is not None:
            vertices, joints = vertices + transl[:, None], joints + transl[:, None]
        return ManoOutput(vertices=vertices, joints=joints)


def _chain(rotations: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """Orientation (n, 16, 3, 3) and place (n, 16, 3) of each joint along the tree."""
    turned: list[Tensor] = []
    placed: list[Tensor] = []
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned.append(rotations[:, joint])
            placed.append(rest[:, joint])
            continue
        turned.append(turned[parent] @ rotations[:, joint])
        bone = (rest[:, joint] - rest[:, parent])[..., None]
        placed.append(placed[parent] + (turned[parent] @ bone)[..., 0])
    return torch.stack(turned, dim=1), torch.stack(placed, dim=1)
