"""Rotations as the network uses them: six numbers, axis and angle, matrices."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

ANGLE_SHIFT = 1e-8
"""Added to every component before the angle is taken, so that the zero rotation has a gradient (as HaMeR does)."""


def rotation_6d_to_matrix(values: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) whose first two columns are the orthonormalised halves of `values` (..., 6).

    Gram-Schmidt: Zhou et al., On the Continuity of Rotation Representations in Neural Networks, 2019, eq. 15.
    The halves are `values[..., :3]` and `values[..., 3:]`. HaMeR's mean root pose holds two halves that are
    collinear up to 1.5e-7; it decodes through that residue alone, so nothing here may be rounded or clamped.
    """
    first, second = values[..., :3], values[..., 3:]
    x = functional.normalize(first, dim=-1)
    y = functional.normalize(second - (x * second).sum(dim=-1, keepdim=True) * x, dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y, dim=-1)), dim=-1)


def axis_angle_to_matrix(vectors: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians.

    By way of the unit quaternion of half the angle, as HaMeR's labels are made.
    """
    angle = torch.linalg.vector_norm(vectors + ANGLE_SHIFT, dim=-1, keepdim=True)
    half = angle / 2
    quaternion = torch.cat((torch.cos(half), torch.sin(half) * vectors / angle), dim=-1)
    w, x, y, z = functional.normalize(quaternion, dim=-1).unbind(-1)
    rows = (
        (w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
