"""How well and how fast 2D keypoints are turned into MANO parameters, against Adam on the same data.

    python benchmarks/fit.py --hands 512

512 random hands seen from anywhere, focal 500-2500 px, hand about 205 px large, 2 px noise; a fifth of
the joints occluded, with 8 px noise. Both methods get the same hands, cost and starting points. One
thread, CPU seconds. The hands are posed by the sampler whose poses the prior was made of: real hands
are less obliging (see the rows `wide`).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation

from hint_tools.fit.problem import Observations, State, Weights, project
from hint_tools.fit.rotations import exponential
from hint_tools.fit.solver import Solver
from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.mano.kinematics import pose_hands

Floats = npt.NDArray[np.float64]
CROP_PX = 256.0
NOISE_PX, OCCLUDED_NOISE_PX, OCCLUDED_SHARE = 2.0, 8.0, 0.2
WEIGHTS = Weights(robust=4.0, pose=0.4, shape=1.0)
COMPONENTS = 30


@dataclass(frozen=True)
class Hands:
    """True joints (n, 21, 3) m, true pixels, noisy pixels, occlusion, focal lengths."""

    joints: Floats
    pixels: Floats
    noisy: Floats
    occluded: npt.NDArray[np.bool_]
    focal_px: Floats

    def observations(self, dtype: torch.dtype, focal_factor: float = 1.0) -> Observations:
        """What the solver is shown; `focal_factor` makes it believe in another focal length."""
        sigma = np.where(self.occluded, OCCLUDED_NOISE_PX, NOISE_PX)
        whitening = np.eye(2) / sigma[..., None, None]
        return Observations(
            *(torch.tensor(a, dtype=dtype) for a in (self.noisy, whitening, self.focal_px * focal_factor))
        )


def make_hands(model: HandModel, count: int, seed: int, *, wide: bool = False, noise: float = 1.0) -> Hands:
    rng = np.random.default_rng(seed)
    betas = rng.standard_normal((count, 10)).clip(-2, 2)
    pose = np.array([HandAnatomy.of(model, b).draw(rng, wide=wide) for b in betas])
    root = Rotation.random(count, random_state=rng).as_rotvec()
    joints = pose_hands(model, root, pose, betas).joints
    focal = rng.uniform(500, 2500, count)
    center = (joints.max(axis=1) + joints.min(axis=1)) / 2
    extent = np.ptp(joints, axis=1)
    depth = focal * extent[:, :2].max(axis=1) / (0.8 * CROP_PX) + extent[:, 2] / 2
    shift = rng.uniform(-0.05, 0.05, (count, 2)) * CROP_PX * (depth / focal)[:, None]
    joints = joints + (np.concatenate([shift, depth[:, None]], axis=1) - center)[:, None]
    pixels = joints[..., :2] / joints[..., 2:] * focal[:, None, None]
    occluded = rng.random((count, 21)) < OCCLUDED_SHARE
    spread = np.where(occluded, OCCLUDED_NOISE_PX, NOISE_PX) * noise
    return Hands(joints, pixels, pixels + rng.standard_normal(pixels.shape) * spread[..., None], occluded, focal)


def aligned(points: Floats, target: Floats) -> Floats:
    """`points` after the best similarity onto `target` (Umeyama 1991), both (n, 21, 3)."""
    a, b = points - points.mean(1, keepdims=True), target - target.mean(1, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(a, 1, 2) @ b)
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (s * sign).sum(1) / (a**2).sum((1, 2))
    return scale[:, None, None] * a @ rotation + target.mean(1, keepdims=True)


def errors(points: Floats, pixels: Floats, hands: Hands) -> dict[str, float]:
    pa = np.linalg.norm(aligned(points, hands.joints) - hands.joints, axis=2).mean(1) * 1e3
    root = np.linalg.norm((points - points[:, :1]) - (hands.joints - hands.joints[:, :1]), axis=2).mean(1) * 1e3
    off = np.linalg.norm(pixels - hands.noisy, axis=2)
    visible = np.nanmean(np.where(hands.occluded, np.nan, off), axis=1)
    hidden = np.linalg.norm(pixels - hands.pixels, axis=2)[hands.occluded].mean()
    success = float(((visible < 4) & (pa < 12)).mean())
    return {
        "PA mm": pa.mean(), "med": float(np.median(pa)), "root mm": root.mean(), "visible px": visible.mean(),
        "hidden px": float(hidden), "success": success,
    }  # fmt: skip


def run_lm(solver: Solver, hands: Hands, **kwargs: float) -> tuple[float, dict[str, float]]:
    seen = hands.observations(solver.problem.skeleton.dtype, **kwargs)
    began = time.process_time()
    found = solver.solve(seen)
    took = time.process_time() - began
    figures = errors(found.points.double().numpy(), found.pixels.double().numpy(), hands)
    truth = hands.joints - hands.joints[:, :1]
    off = (
        np.abs((found.points - found.points[:, :1]).double().numpy() - truth)[:, 1:]
        / found.sd_m.double().numpy()[:, 1:, None]
    )
    figures |= {
        "in 1 sd": float((off < 1).mean()),
        "in 2 sd": float((off < 2).mean()),
        "cost": float(found.cost.mean()),
    }
    return took, figures


def run_adam(solver: Solver, hands: Hands, steps: int) -> tuple[float, dict[str, float]]:
    """Adam with cosine decay from the library's best hypothesis, by automatic differentiation."""
    problem, seen = solver.problem, hands.observations(solver.problem.skeleton.dtype)
    began = time.process_time()
    start = solver.library.hypotheses(seen, 1)
    move = torch.zeros(len(start.z), 6 + problem.prior.size + 10, dtype=start.z.dtype, requires_grad=True)
    optimiser = torch.optim.Adam([move], lr=0.05)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def state() -> State:
        turn, shift, pose, shape = move.split([3, 3, problem.prior.size, 10], dim=1)
        return State(exponential(turn)[0] @ start.root, start.wrist + shift, start.z + pose, start.betas + shape)

    for _ in range(steps):
        optimiser.zero_grad()
        problem.cost(state(), seen).sum().backward()
        optimiser.step()
        decay.step()
    took = time.process_time() - began
    with torch.no_grad():
        final = state()
        points = problem.place(final).points
        figures = errors(points.double().numpy(), project(points, seen.focal_px).double().numpy(), hands)
        return took, figures | {"cost": float(problem.cost(final, seen).mean())}


def show(name: str, count: int, took: float, figures: dict[str, float]) -> None:
    cells = "  ".join(f"{key} {value:7.3f}" for key, value in figures.items())
    print(f"{name:34s} {took:7.2f} CPU s {count / took:8.1f} hands/s  {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hands", type=int, default=512)
    parser.add_argument("--adam-steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = load_hand_model()
    natural = make_hands(model, chosen.hands, chosen.seed)
    wide = make_hands(model, chosen.hands, chosen.seed, wide=True)
    clean = make_hands(model, chosen.hands, chosen.seed, noise=0.0)

    def solver(
        dtype: torch.dtype, hypotheses: int = 4, components: int = COMPONENTS, pose: float = WEIGHTS.pose
    ) -> Solver:
        weights = Weights(robust=WEIGHTS.robust, pose=pose, shape=WEIGHTS.shape)
        return Solver(model, components=components, weights=weights, hypotheses=hypotheses, dtype=dtype)

    double, single = solver(torch.float64), solver(torch.float32)
    run_lm(single, natural)  # warm-up
    show("LM float64", chosen.hands, *run_lm(double, natural))
    show("LM float32", chosen.hands, *run_lm(single, natural))
    for count in (1, 6, 8):
        show(f"LM float32, {count} hypotheses", chosen.hands, *run_lm(solver(torch.float32, hypotheses=count), natural))
    for components in (15, 20, 45):
        show(
            f"LM float32, {components} components",
            chosen.hands,
            *run_lm(solver(torch.float32, components=components), natural),
        )
    for pose in (0.2, 1.0):
        show(f"LM float32, pose weight {pose}", chosen.hands, *run_lm(solver(torch.float32, pose=pose), natural))
        show(f"LM float32, pose weight {pose}, wide", chosen.hands, *run_lm(solver(torch.float32, pose=pose), wide))
    show("LM float32, noise-free", chosen.hands, *run_lm(single, clean))
    show("LM float32, wide", chosen.hands, *run_lm(single, wide))
    for factor in (0.5, 0.75, 1.5, 3.0):
        show(f"LM float32, focal x{factor}", chosen.hands, *run_lm(single, natural, focal_factor=factor))
    if chosen.adam_steps:
        show(f"Adam float32, {chosen.adam_steps} steps", chosen.hands, *run_adam(single, natural, chosen.adam_steps))


if __name__ == "__main__":
    main()
