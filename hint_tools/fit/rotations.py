"""Rotations and their derivatives, batched, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALL_RAD2 = 1e-4
"""Below this squared angle the series are exact to float64, while the closed forms cancel."""


def cross_matrix(vectors: Tensor) -> Tensor:
    """[v]× (..., 3, 3) of vectors (..., 3): [v]× u = v × u."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vectors.shape, 3)


def exponential(axis_angle: Tensor) -> tuple[Tensor, Tensor]:
    """Rotations exp([a]×) and their left Jacobians, both (..., 3, 3), of axis-angle vectors (..., 3) in rad.

    exp([a + d]×) = exp([J d]×) exp([a]×) to first order; J = I + (1 - cos t)/t² K + (t - sin t)/t³ K²
    (Solà, Deray, Atchuthan 2018, "A micro Lie theory", eq. 143-145).
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < _SMALL_RAD2
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    sine = torch.where(small, 1 - squared / 6 * (1 - squared / 20), torch.sin(angle) / angle)
    cosine = torch.where(small, 0.5 - squared / 24 * (1 - squared / 30), (1 - torch.cos(angle)) / safe)
    third = torch.where(small, 1 / 6 - squared / 120 * (1 - squared / 42), (angle - torch.sin(angle)) / (safe * angle))
    cross = cross_matrix(axis_angle)
    double = cross @ cross
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine * cross + cosine * double, identity + cosine * cross + third * double
