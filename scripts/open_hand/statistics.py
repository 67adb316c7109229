"""What is learned from many hands: shape directions, joints from vertices, likely poses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Floats = npt.NDArray[np.float64]

_REGRESSOR_PEOPLE = 60
_NEAREST = 90
_NEAREST_WRIST = 200
_SMALLEST_WEIGHT = 1e-6


def shape_space(samples: Floats, directions: int) -> tuple[Floats, Floats]:
    """Mean hand (v, 3) and principal displacements (v, 3, k) of one standard deviation; positive is longer.

    Args:
        samples: (n, v, 3) hands in the rest pose, m.
        directions: how many.
    """
    mean = samples.mean(axis=0)
    _, strength, basis = np.linalg.svd((samples - mean).reshape(len(samples), -1), full_matrices=False)
    spread = strength[:directions] / np.sqrt(len(samples) - 1)
    shapes = (basis[:directions] * spread[:, None]).T.reshape(*mean.shape, directions)
    for k in range(directions):
        if np.ptp((mean + shapes[..., k])[:, 0]) < np.ptp(mean[:, 0]):
            shapes[..., k] *= -1
    return mean, shapes


def joint_regressor(samples: Floats, joints: Floats, rng: np.random.Generator) -> Floats:
    """Weights (16, v), none negative, that make the joints from the vertices of every sample.

    Args:
        samples: (n, v, 3) hands in the rest pose, m.
        joints: (n, 16, 3) their joints, m.
        rng: picks the people who are looked at.
    """
    some = rng.choice(len(samples), min(_REGRESSOR_PEOPLE, len(samples)), replace=False)
    mean, mean_joints = samples.mean(axis=0), joints.mean(axis=0)
    regressor = np.zeros((joints.shape[1], samples.shape[1]))
    for joint in range(joints.shape[1]):
        near = np.argsort(np.linalg.norm(mean - mean_joints[joint], axis=1), kind="stable")
        near = near[: _NEAREST if joint else _NEAREST_WRIST]
        equations = np.concatenate([samples[some][:, near, axis] for axis in range(3)])
        wanted = np.concatenate([joints[some][:, joint, axis] for axis in range(3)])
        # the weights add up to one (ten times over, so that it weighs), and are no larger than they need be
        equations = np.concatenate([equations, np.full((1, len(near)), 10.0), 1e-3 * np.eye(len(near))])
        wanted = np.concatenate([wanted, [10.0], np.zeros(len(near))])
        weights = nnls(equations, wanted, maxiter=20_000)[0]
        weights[weights < _SMALLEST_WEIGHT] = 0
        regressor[joint, near] = weights / weights.sum()
    return regressor


def pose_space(poses: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean (45,), principal directions (45, 45; rows) and coefficients (n, 45) of poses (n, 45)."""
    mean = poses.mean(axis=0)
    directions = np.linalg.svd(poses - mean, full_matrices=False)[2]
    largest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
    return mean, directions, (poses - mean) @ directions.T


def four_weights(weights: Floats) -> Floats:
    """Skinning weights (v, 16) with the four largest of each vertex kept, rescaled to one."""
    kept = np.zeros_like(weights)
    largest = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    np.put_along_axis(kept, largest, np.take_along_axis(weights, largest, axis=1), axis=1)
    return kept / kept.sum(axis=1, keepdims=True)
