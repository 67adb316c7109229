"""The part of the hand model that 21 keypoints need, with its derivatives.

Sixteen joints and five fingertip vertices instead of 778: a ninth of the work of the full layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.core.skeleton import FINGERS
from hint_tools.fit.rotations import cross_matrix, exponential
from hint_tools.mano.assets import HandModel
from hint_tools.mano.topology import CHAINS, N_BETAS

_CHAIN = np.array([CHAINS[finger] for finger in FINGERS])
"""(5, 3) joints of the model's tree, fingers in this project's order."""
FOREIGN_WEIGHT = 1e-3
"""Skinning weight a fingertip may have on bones of other fingers, which are left out here."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Joints of n hands and the frames they were computed in.

    Args:
        points: (n, 21, 3) m.
        orientations: (n, 5, 3, 3, 3) of the bone each finger joint hangs on (its parent's).
        left_jacobians: (n, 5, 3, 3, 3) of the finger rotations.
        carried: (n, 5, 4, 3) fingertip as the wrist and each bone of the finger alone would carry it.
        turned: (n, 5, 4, 3, 3) orientation of the wrist and of each bone.
    """

    points: Tensor
    orientations: Tensor
    left_jacobians: Tensor
    carried: Tensor
    turned: Tensor


class Skeleton:
    """21 joints of a right hand as a function of rotation, finger pose, shape and wrist position.

    Args:
        model: any MANO-format hand.
        dtype: of all computation.

    Raises:
        DataError: fingertips of this model move with other fingers' bones.
    """

    def __init__(self, model: HandModel, dtype: torch.dtype = torch.float64) -> None:
        def real(values: object) -> Tensor:
            return torch.tensor(np.asarray(values), dtype=dtype)

        bones = np.concatenate([np.zeros((5, 1), dtype=int), _CHAIN], axis=1)
        weights = np.take_along_axis(model.weights[model.tips], bones, axis=1)
        foreign = float((1 - weights.sum(axis=1)).max())
        if foreign > FOREIGN_WEIGHT:
            raise DataError(
                f"hand model {model.name}: {foreign:.3f} of a fingertip's skinning weight is on other fingers, "
                f"expected at most {FOREIGN_WEIGHT}",
                hint="use MANO_RIGHT.pkl as its owners ship it, or leave the `mano` setting empty",
            )
        self.dtype = dtype
        self.rest = real(model.J_regressor @ model.v_template)
        self.rest_by_shape = real(np.einsum("jv,vak->jak", model.J_regressor, model.shapedirs))
        self.tips = real(model.v_template[model.tips])
        self.tips_by_shape = real(model.shapedirs[model.tips])
        self.tips_by_pose = real(model.posedirs[model.tips])
        self.weights = real(weights / weights.sum(axis=1, keepdims=True))
        self._chain = torch.tensor(_CHAIN)

    def place(self, root: Tensor, pose: Tensor, betas: Tensor, wrist: Tensor) -> Placed:
        """Joints of n hands.

        Args:
            root: (n, 3, 3) orientation of the wrist.
            pose: (n, 45) axis-angle of the finger joints, rad, in the model's own order.
            betas: (n, 10).
            wrist: (n, 3) where the wrist joint is, m.
        """
        count = len(pose)
        rotations, jacobians = exponential(pose.reshape(count, 15, 3))
        rest = self.rest + torch.einsum("jak,nk->nja", self.rest_by_shape, betas)
        features = (rotations - torch.eye(3, dtype=self.dtype)).reshape(count, -1)
        tips = self.tips + torch.einsum("tak,nk->nta", self.tips_by_shape, betas)
        tips = tips + torch.einsum("tap,np->nta", self.tips_by_pose, features)
        fingers = self._chain - 1
        local, left = rotations[:, fingers], jacobians[:, fingers]
        turned = [root[:, None].expand(count, 5, 3, 3)]
        placed = [wrist[:, None].expand(count, 5, 3)]
        anchor = rest[:, :1].expand(count, 5, 3)
        carried = [placed[0] + _apply(turned[0], tips - anchor)]
        for bone in range(3):
            here = rest[:, self._chain[:, bone]]
            placed.append(placed[-1] + _apply(turned[-1], here - anchor))
            turned.append(turned[-1] @ local[:, :, bone])
            carried.append(placed[-1] + _apply(turned[-1], tips - here))
            anchor = here
        by_bone = torch.stack(carried, dim=2)
        tip = (self.weights[..., None] * by_bone).sum(dim=2)
        fingers_out = torch.stack([*placed[1:], tip], dim=2).reshape(count, 20, 3)
        frames = torch.stack(turned, dim=2)
        return Placed(torch.cat([wrist[:, None], fingers_out], dim=1), frames[:, :, :3], left, by_bone, frames)

    def jacobian(self, placed: Placed) -> tuple[Tensor, Tensor, Tensor]:
        """Derivatives of the joints: by the root's rotation, the finger pose and the shape.

        The root is turned from the left, in the camera's axes: exp([d]×) R. What the pose correctives
        move a fingertip when a joint bends (under 0.1 mm per degree) is left out.

        Returns:
            (n, 21, 3, 3), (n, 21, 3, 45) and (n, 21, 3, 10).
        """
        points, count = placed.points, len(placed.points)
        by_root = -cross_matrix(points - points[:, :1])
        return by_root, self._by_pose(placed, count), self._by_shape(placed, count)

    def _by_pose(self, placed: Placed, count: int) -> Tensor:
        fingers = placed.points[:, 1:].reshape(count, 5, 4, 3)
        # lever arms: of joint k about joint j, zero unless k lies beyond j; the tip's is shared among the bones
        arms = fingers.new_zeros(count, 5, 4, 3, 3)
        for joint in range(3):
            center = fingers[:, :, joint]
            arms[:, :, joint + 1 : 3, joint] = fingers[:, :, joint + 1 : 3] - center[:, :, None]
            beyond = self.weights[:, joint + 1 :, None] * (placed.carried[:, :, joint + 1 :] - center[:, :, None])
            arms[:, :, 3, joint] = beyond.sum(dim=2)
        turning = placed.orientations @ placed.left_jacobians
        blocks = -cross_matrix(arms) @ turning[:, :, None]
        out = fingers.new_zeros(count, 5, 4, 3, 15, 3)
        for finger in range(5):
            out[:, finger, :, :, self._chain[finger] - 1] = blocks[:, finger].permute(0, 1, 3, 2, 4)
        return torch.cat([out.new_zeros(count, 1, 3, 45), out.reshape(count, 20, 3, 45)], dim=1)

    def _by_shape(self, placed: Placed, count: int) -> Tensor:
        grown = self.rest_by_shape
        anchor = grown[:1].expand(5, 3, N_BETAS)
        total = placed.points.new_zeros(count, 5, 3, N_BETAS)
        tips = self.weights[:, 0, None, None] * (placed.turned[:, :, 0] @ (self.tips_by_shape - anchor))
        joints = []
        for bone in range(3):
            here = grown[self._chain[:, bone]]
            total = total + placed.turned[:, :, bone] @ (here - anchor)
            joints.append(total)
            reach = total + placed.turned[:, :, bone + 1] @ (self.tips_by_shape - here)
            tips = tips + self.weights[:, bone + 1, None, None] * reach
            anchor = here
        fingers = torch.stack([*joints, tips], dim=2).reshape(count, 20, 3, N_BETAS)
        return torch.cat([fingers.new_zeros(count, 1, 3, N_BETAS), fingers], dim=1)


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors[..., None])[..., 0]
