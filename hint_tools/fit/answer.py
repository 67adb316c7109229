"""From the solver's answer to `Fit` records: own side, own camera, full hand model, accepted or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Fit, Side, Visibility
from hint_tools.fit.config import FitConfig
from hint_tools.fit.solver import Solution, Solver
from hint_tools.fit.targets import Target
from hint_tools.mano.assets import HandModel
from hint_tools.mano.kinematics import MIRROR_AXIS_ANGLE, MIRROR_POINTS, matrix_to_axis_angle, pose_hands
from hint_tools.mano.topology import N_BETAS, N_POSE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

N_PARAMETERS = 3 + N_POSE + N_BETAS + 3
_MIRROR_PARAMETERS = np.concatenate([np.tile(MIRROR_AXIS_ANGLE, 16), np.ones(N_BETAS), MIRROR_POINTS])


def fit_records(
    targets: Sequence[Target], solution: Solution, solver: Solver, model: HandModel, config: FitConfig
) -> list[Fit | None]:
    """A `Fit` for each target, None where the solver's numbers are not finite."""
    left = np.array([t.consensus.side == Side.LEFT for t in targets])
    values = _parameters(solution, solver, left)
    finite: Bools = np.asarray(np.isfinite(values).all(axis=1))
    # what is not finite is posed as a flat hand here and left out below
    root, pose, betas, transl = np.split(np.where(finite[:, None], values, 0.0), [3, 48, 58], axis=1)
    sides = [t.consensus.side for t in targets]
    joints = pose_hands(model, root, pose, betas, transl, sides).joints
    spread = solution.sd_m.double().numpy() * 1e3
    covariance: Sequence[Any] = [None] * len(targets)
    if config.keep_covariance:
        covariance = list(_covariances(solution, solver, left))
    finite = np.asarray(finite & np.isfinite(spread).all(axis=1) & (joints[..., 2] > 0).all(axis=1))
    z = solution.state.z.double().numpy()
    records: list[Fit | None] = []
    for row, target in enumerate(targets):
        if not finite[row]:
            records.append(None)
            continue
        pixels = target.camera.project(joints[row])
        residual = np.linalg.norm(pixels - target.consensus.keypoints, axis=1)
        residual = np.where(target.used, residual, np.nan)
        gap = float(solution.cost_gap[row])
        reasons = _doubts(target, residual, spread[row], gap, z[row], betas[row], config)
        records.append(
            Fit(
                hand_id=target.consensus.hand_id,
                side=target.consensus.side,
                global_orient=root[row],
                hand_pose=pose[row],
                betas=betas[row],
                transl=transl[row],
                focal_px=target.camera.focal_px,
                principal_point=np.array([target.camera.cx, target.camera.cy]),
                keypoints=pixels,
                keypoints_3d=joints[row],
                residual_px=residual,
                sd_mm=spread[row],
                covariance=covariance[row],
                cost=float(solution.cost[row]),
                cost_gap=gap if math.isfinite(gap) else float("nan"),
                accepted=not reasons,
                reason="; ".join(reasons),
                hand_model=model.identity,
            )
        )
    return records


def _parameters(solution: Solution, solver: Solver, left: Bools) -> Floats:
    """(n, 61): global_orient, hand_pose, betas, transl of each hand's own side."""
    state, problem = solution.state, solver.problem
    root = state.root.double().numpy()
    good = np.isfinite(root).all(axis=(1, 2))
    orient = np.where(good[:, None], matrix_to_axis_angle(np.where(good[:, None, None], root, np.eye(3))), np.nan)
    pose = problem.prior.pose(state.z).double().numpy()
    betas = state.betas.double().numpy()
    skeleton = problem.skeleton
    rest = skeleton.rest[0].double().numpy() + betas @ skeleton.rest_by_shape[0].double().numpy().T
    transl = state.wrist.double().numpy() - rest
    right = np.concatenate([orient, pose, betas, transl], axis=1)
    return np.where(left[:, None], right * _MIRROR_PARAMETERS, right)


def _covariances(solution: Solution, solver: Solver, left: Bools) -> Floats:
    """(n, 61, 61) of the parameters; the wrist's turn is a rotation vector in the camera's axes.

    The solver's own are of (turn, wrist position, z, betas), mapped linearly.
    """
    problem = solver.problem
    size = problem.prior.size
    mapping = np.zeros((N_PARAMETERS, 6 + size + N_BETAS))
    mapping[:3, :3] = np.eye(3)
    mapping[3:48, 6 : 6 + size] = problem.prior.basis.double().numpy().T
    mapping[48:58, 6 + size :] = np.eye(N_BETAS)
    mapping[58:, 3:6] = np.eye(3)
    mapping[58:, 6 + size :] = -problem.skeleton.rest_by_shape[0].double().numpy()
    right = mapping @ solution.covariance.double().numpy() @ mapping.T
    mirrored = right * np.outer(_MIRROR_PARAMETERS, _MIRROR_PARAMETERS)
    return np.where(left[:, None, None], mirrored, right)


def _doubts(
    target: Target, residual: Floats, sd_mm: Floats, gap: float, z: Floats, betas: Floats, config: FitConfig
) -> list[str]:
    """Why a fit is not accepted, each with what was expected and got; empty when it is."""
    seen = target.used & (target.consensus.visibility == Visibility.VISIBLE)
    judged = seen if seen.any() else target.used
    off = float(np.sqrt(np.mean(residual[judged] ** 2))) / target.consensus.scale_px
    spread = float(sd_mm[1:].mean())
    tests = (
        (
            off <= config.max_residual,
            f"keypoints missed by {off:.3f} of the hand's size (at most {config.max_residual})",
        ),
        (spread <= config.max_sd_mm, f"uncertain by {spread:.0f} mm (at most {config.max_sd_mm:.0f})"),
        (
            gap >= config.min_gap,
            f"another hand explains the keypoints as well (lead {gap:.1f}, at least {config.min_gap})",
        ),
        (float(np.mean(z**2)) <= config.max_pose, f"improbable pose ({np.mean(z**2):.1f}, at most {config.max_pose})"),
        (
            float(np.mean(betas**2)) <= config.max_shape,
            f"improbable shape ({np.mean(betas**2):.1f}, at most {config.max_shape})",
        ),
    )
    return [reason for passed, reason in tests if not passed]
