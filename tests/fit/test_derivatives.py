"""Everything the solver differentiates by hand, against finite differences and automatic differentiation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hint_tools.core.errors import DataError
from hint_tools.fit.prior import PosePrior
from hint_tools.fit.problem import Observations, Problem, State, Weights
from hint_tools.fit.rotations import exponential
from hint_tools.fit.skeleton import Skeleton
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hands


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def spread_tips(model):
    """A model whose fingertips hang on several bones, without pose correctives: its derivatives are exact."""
    weights = model.weights.copy()
    for tip, chain in zip(model.tips, ((13, 14, 15), (1, 2, 3), (4, 5, 6), (10, 11, 12), (7, 8, 9)), strict=True):
        weights[tip] = 0
        weights[tip, [0, *chain]] = 0.1, 0.2, 0.3, 0.4
    return replace(model, weights=weights, posedirs=np.zeros_like(model.posedirs))


def random_state(count: int, size: int, seed: int) -> State:
    rng = np.random.default_rng(seed)
    real = torch.float64
    return State(
        torch.tensor(Rotation.random(count, random_state=rng).as_matrix(), dtype=real),
        torch.tensor(rng.normal(0, 0.05, (count, 3)) + np.array([0, 0, 0.6]), dtype=real),
        torch.tensor(rng.standard_normal((count, size)), dtype=real),
        torch.tensor(rng.standard_normal((count, 10)), dtype=real),
    )


def test_exponential_and_left_jacobian_from_tiny_to_large_angles():
    rng = np.random.default_rng(0)
    for size in (0.0, 1e-9, 1e-3, 0.011, 0.5, 3.0):
        axis = rng.standard_normal(3)
        vector = torch.tensor(axis / np.linalg.norm(axis) * size, dtype=torch.float64)
        rotation, jacobian = exponential(vector)
        np.testing.assert_allclose(rotation, Rotation.from_rotvec(vector.numpy()).as_matrix(), atol=1e-12)
        step = 1e-6
        for k in range(3):
            moved = vector.numpy() + step * np.eye(3)[k]
            turned = Rotation.from_rotvec(moved) * Rotation.from_rotvec(vector.numpy()).inv()
            np.testing.assert_allclose(jacobian[:, k], turned.as_rotvec() / step, atol=1e-5)


@pytest.mark.parametrize("which", ["model", "spread_tips"])
def test_skeleton_is_the_full_hand_models_joints(which, request):
    hand = request.getfixturevalue(which)
    skeleton, rng = Skeleton(hand), np.random.default_rng(1)
    root, pose, betas = (rng.normal(0, 0.6, (6, n)) for n in (3, 45, 10))
    posed = pose_hands(hand, root, pose, betas)
    rotations = torch.tensor(Rotation.from_rotvec(root).as_matrix())
    placed = skeleton.place(rotations, torch.tensor(pose), torch.tensor(betas), torch.tensor(posed.joints[:, 0]))
    np.testing.assert_allclose(placed.points, posed.joints, atol=2e-6)


def test_joint_derivatives_are_the_finite_differences(spread_tips):
    problem = Problem(Skeleton(spread_tips), PosePrior.of(spread_tips, 12, torch.float64), Weights(4.0, 0.4, 1.0))
    state = random_state(5, 12, 2)
    jacobian = problem.point_jacobian(problem.place(state))
    step = 1e-6
    for k in range(jacobian.shape[-1]):
        direction = torch.zeros(5, jacobian.shape[-1], dtype=torch.float64)
        direction[:, k] = step
        ends = [problem.place(state.moved(sign * direction)).points for sign in (1, -1)]
        np.testing.assert_allclose(
            jacobian[..., k], (ends[0] - ends[1]) / (2 * step), atol=1e-8, err_msg=f"parameter {k}"
        )


def test_gradient_is_automatic_differentiations_of_the_cost(spread_tips):
    """With one covariance a keypoint, some of them excluded."""
    problem = Problem(Skeleton(spread_tips), PosePrior.of(spread_tips, 12, torch.float64), Weights(3.0, 0.4, 0.7))
    rng = np.random.default_rng(3)
    whitening = rng.normal(0, 0.3, (4, 21, 2, 2))
    whitening[:, [3, 17]] = 0
    seen = Observations(
        torch.tensor(rng.normal(0, 60, (4, 21, 2))), torch.tensor(whitening), torch.full((4,), 700.0).double()
    )
    state = random_state(4, 12, 4)
    lines = problem.linearise(state, seen)
    step = torch.zeros_like(lines.gradient, requires_grad=True)
    cost = problem.cost(state.moved(step), seen)
    cost.sum().backward()
    np.testing.assert_allclose(lines.cost, cost.detach(), rtol=1e-12)
    np.testing.assert_allclose(lines.gradient, step.grad / 2, rtol=1e-8, atol=1e-8)


def test_fingertips_on_foreign_bones_are_refused(model):
    weights = model.weights.copy()
    weights[model.tips[1]] = 0
    weights[model.tips[1], [3, 6]] = 0.9, 0.1
    with pytest.raises(DataError, match="other fingers"):
        Skeleton(replace(model, weights=weights))


def test_prior_is_the_models_own_statistics(model):
    prior = PosePrior.of(model, 45, torch.float64)
    poses = model.hands_mean + model.hands_coeffs @ model.hands_components
    np.testing.assert_allclose(prior.mean, poses.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(prior.basis.T @ prior.basis, np.cov(poses.T, bias=True), atol=1e-4)
    with pytest.raises(DataError, match="hands_coeffs"):
        PosePrior.of(replace(model, hands_coeffs=None), 10, torch.float64)
