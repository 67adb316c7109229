"""The least-squares problem of a fit: observations, unknowns, residuals and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hint_tools.fit.prior import PosePrior
from hint_tools.fit.rotations import exponential
from hint_tools.fit.skeleton import Placed, Skeleton
from hint_tools.mano.topology import N_BETAS

MIN_DEPTH_M = 0.08
"""No camera focuses on a hand nearer than this; keeps the projection finite."""
MAX_TURN_RAD = 0.6
"""Longest turn of the wrist in one step; the linear model means nothing beyond."""
N_RIGID = 6


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Keypoints of n right hands (left ones mirrored) as the camera saw them.

    Args:
        keypoints: (n, 21, 2) px from the principal point; anything where `whitening` is zero.
        whitening: (n, 21, 2, 2) inverse Cholesky factor of each keypoint's covariance, 1/px; zero: takes no part.
        focal_px: (n,).
    """

    keypoints: Tensor
    whitening: Tensor
    focal_px: Tensor

    def take(self, rows: Tensor) -> Observations:
        """The observations of some hands, in the order given."""
        return Observations(self.keypoints[rows], self.whitening[rows], self.focal_px[rows])


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The unknowns of n hands.

    Args:
        root: (n, 3, 3) orientation of the wrist in the camera.
        wrist: (n, 3) position of the wrist joint, m.
        z: (n, k) whitened finger pose.
        betas: (n, 10) shape.
    """

    root: Tensor
    wrist: Tensor
    z: Tensor
    betas: Tensor

    def take(self, rows: Tensor) -> State:
        """Some hands, in the order given."""
        return State(self.root[rows], self.wrist[rows], self.z[rows], self.betas[rows])

    def put(self, rows: Tensor, other: State) -> State:
        """These hands with `rows` replaced by `other`'s."""
        mine = [self.root.clone(), self.wrist.clone(), self.z.clone(), self.betas.clone()]
        for values, new in zip(mine, (other.root, other.wrist, other.z, other.betas), strict=True):
            values[rows] = new
        return State(*mine)

    def moved(self, step: Tensor) -> State:
        """The state after a step (n, 6 + k + 10): turn from the left, shift, pose, shape."""
        size = self.z.shape[1]
        turn, shift, pose, shape = torch.split(step, [3, 3, size, N_BETAS], dim=1)
        length = turn.norm(dim=1, keepdim=True)
        turn = turn * (MAX_TURN_RAD / length.clamp_min(MAX_TURN_RAD))
        wrist = self.wrist + shift
        wrist = torch.cat([wrist[:, :2], wrist[:, 2:].clamp_min(MIN_DEPTH_M)], dim=1)
        return State(exponential(turn)[0] @ self.root, wrist, self.z + pose, self.betas + shape)


@dataclass(frozen=True, slots=True)
class Weights:
    """How the parts of the cost weigh.

    Args:
        robust: residual, in standard deviations, at which a keypoint begins to be doubted (Cauchy's scale).
        pose: weight of |z|²; 1 is the prior as it is, less trusts it less.
        shape: weight of |betas|².
    """

    robust: float
    pose: float
    shape: float


@dataclass(frozen=True, slots=True, eq=False)
class Linearised:
    """The problem around a state.

    Args:
        cost: (n,) MAP cost.
        normal: (n, p, p) JᵀWJ plus the prior's precision.
        gradient: (n, p) half the cost's gradient.
    """

    cost: Tensor
    normal: Tensor
    gradient: Tensor


class Problem:
    """Cost of n states against n observations: Cauchy loss of the reprojection, Gaussian pose and shape.

    cost = Σ c² log(1 + |r|²/c²) + w_pose |z|² + w_shape |β|²,  r = whitening (projection - keypoint).
    """

    def __init__(self, skeleton: Skeleton, prior: PosePrior, weights: Weights) -> None:
        self.skeleton, self.prior, self.weights = skeleton, prior, weights
        ridge = torch.zeros(N_RIGID + prior.size + N_BETAS, dtype=skeleton.dtype)
        ridge[N_RIGID : N_RIGID + prior.size] = weights.pose
        ridge[N_RIGID + prior.size :] = weights.shape
        self.ridge = ridge

    def place(self, state: State) -> Placed:
        """Joints of the states in the camera."""
        return self.skeleton.place(state.root, self.prior.pose(state.z), state.betas, state.wrist)

    def cost(self, state: State, seen: Observations) -> Tensor:
        """MAP cost (n,)."""
        return self._total(self._residuals(self.place(state).points, seen), state)

    def linearise(self, state: State, seen: Observations) -> Linearised:
        """Cost, normal matrix and gradient at the states (Gauss-Newton, iteratively reweighted)."""
        placed = self.place(state)
        residuals = self._residuals(placed.points, seen)
        jacobian = self.residual_jacobian(placed, seen).flatten(1, 2)
        doubt = 1 / (1 + residuals.square().sum(-1) / self.weights.robust**2)
        weighted = jacobian * doubt.repeat_interleave(2, dim=1)[..., None]
        normal = jacobian.transpose(1, 2) @ weighted
        gradient = (weighted.transpose(1, 2) @ residuals.flatten(1)[..., None])[..., 0]
        values = torch.cat([state.z.new_zeros(len(state.z), N_RIGID), state.z, state.betas], dim=1)
        return Linearised(
            cost=self._total(residuals, state),
            normal=normal + torch.diag(self.ridge),
            gradient=gradient + self.ridge * values,
        )

    def point_jacobian(self, placed: Placed) -> Tensor:
        """Derivative (n, 21, 3, 6 + k + 10) of the joints by a step."""
        by_root, by_pose, by_shape = self.skeleton.jacobian(placed)
        shift = torch.eye(3, dtype=by_root.dtype).expand_as(by_root)
        return torch.cat([by_root, shift, by_pose @ self.prior.basis.T, by_shape], dim=-1)

    def residual_jacobian(self, placed: Placed, seen: Observations) -> Tensor:
        """Derivative (n, 21, 2, 6 + k + 10) of the whitened residuals by a step."""
        points = placed.points
        depth = points[..., 2].clamp_min(MIN_DEPTH_M)
        scale = seen.focal_px[:, None] / depth
        zero = torch.zeros_like(scale)
        along_x = torch.stack([scale, zero, -scale * points[..., 0] / depth], dim=-1)
        along_y = torch.stack([zero, scale, -scale * points[..., 1] / depth], dim=-1)
        return (seen.whitening @ torch.stack([along_x, along_y], dim=-2)) @ self.point_jacobian(placed)

    def _residuals(self, points: Tensor, seen: Observations) -> Tensor:
        difference = project(points, seen.focal_px) - seen.keypoints
        return (seen.whitening @ difference[..., None])[..., 0]

    def _total(self, residuals: Tensor, state: State) -> Tensor:
        scale2 = self.weights.robust**2
        data = (scale2 * torch.log1p(residuals.square().sum(-1) / scale2)).sum(1)
        pose = self.weights.pose * state.z.square().sum(1)
        return data + pose + self.weights.shape * state.betas.square().sum(1)


def project(points: Tensor, focal_px: Tensor) -> Tensor:
    """Px from the principal point (n, m, 2) of points (n, m, 3) in the camera."""
    return points[..., :2] / points[..., 2:].clamp_min(MIN_DEPTH_M) * focal_px[:, None, None]
