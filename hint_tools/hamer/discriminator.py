"""The discriminator: is this pose a real hand's?

Kanazawa et al., End-to-end Recovery of Human Shape and Pose, 2018: one small critic for each joint's
rotation, one for the shape, one for all joints together. Parameter names are HaMeR's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

N_POSE_JOINTS = 15
_JOINT_FEATURES = 32
_SHAPE_HIDDEN = (10, 5)
_ALL_HIDDEN = 1024


class Discriminator(nn.Module):
    """17 scores a hand: 15 joints, the shape, all joints together; 1 means real."""

    def __init__(self) -> None:
        super().__init__()
        self.D_conv1 = nn.Conv2d(9, _JOINT_FEATURES, kernel_size=1)
        self.D_conv2 = nn.Conv2d(_JOINT_FEATURES, _JOINT_FEATURES, kernel_size=1)
        self.pose_out = nn.ModuleList(nn.Linear(_JOINT_FEATURES, 1) for _ in range(N_POSE_JOINTS))
        self.betas_fc1 = nn.Linear(10, _SHAPE_HIDDEN[0])
        self.betas_fc2 = nn.Linear(*_SHAPE_HIDDEN)
        self.betas_out = nn.Linear(_SHAPE_HIDDEN[1], 1)
        self.D_alljoints_fc1 = nn.Linear(N_POSE_JOINTS * _JOINT_FEATURES, _ALL_HIDDEN)
        self.D_alljoints_fc2 = nn.Linear(_ALL_HIDDEN, _ALL_HIDDEN)
        self.D_alljoints_out = nn.Linear(_ALL_HIDDEN, 1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias if module.bias is not None else torch.empty(0))

    def forward(self, rotations: Tensor, betas: Tensor) -> Tensor:
        """Scores (B, 17) of `rotations` (B, 15, 3, 3) and `betas` (B, 10)."""
        rows = rotations.reshape(len(rotations), N_POSE_JOINTS, 1, 9)
        joints = functional.relu(self.D_conv1(rows.permute(0, 3, 2, 1)))
        joints = functional.relu(self.D_conv2(joints))
        each = [critic(joints[:, :, 0, i]) for i, critic in enumerate(self.pose_out)]
        shape = functional.relu(self.betas_fc1(betas))
        shape = self.betas_out(functional.relu(self.betas_fc2(shape)))
        together = functional.relu(self.D_alljoints_fc1(joints.flatten(1)))
        together = self.D_alljoints_out(functional.relu(self.D_alljoints_fc2(together)))
        return torch.cat((*each, shape, together), dim=1)
