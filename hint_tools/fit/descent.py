"""Levenberg-Marquardt for many hands at once, each with its own damping."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hint_tools.fit.problem import Observations, Problem, State

FIRST_DAMPING = 1e-2
_DAMPING_RANGE = (1e-7, 1e6)
_EASE, _TIGHTEN = 0.25, 5.0
RELATIVE_DECREASE = 1e-5
"""A hand is done when an accepted step lowers its cost by less than this share..."""
_GIVE_UP_DAMPING = 1e4
"""...or when even tiny steps no longer lower it."""


@dataclass(frozen=True, slots=True, eq=False)
class Descended:
    """Where n hands came to rest: their state, cost (n,) and how many steps they took (n,)."""

    state: State
    cost: Tensor
    steps: Tensor


def descend(problem: Problem, state: State, seen: Observations, max_steps: int) -> Descended:
    """The states after at most `max_steps` steps each; hands that are done leave the batch."""
    count = len(state.z)
    lines = problem.linearise(state, seen)
    cost, normal, gradient = lines.cost, lines.normal, lines.gradient
    damping = torch.full((count,), FIRST_DAMPING, dtype=cost.dtype)
    steps = torch.zeros(count, dtype=torch.int64)
    active = torch.arange(count)
    for _ in range(max_steps):
        if len(active) == 0:
            break
        step = _damped_step(normal[active], gradient[active], damping[active])
        tried = state.take(active).moved(step)
        lines = problem.linearise(tried, seen.take(active))
        better = lines.cost < cost[active]
        gain = (cost[active] - lines.cost) / cost[active].clamp_min(1e-12)
        won = active[better]
        state = state.put(won, tried.take(better.nonzero()[:, 0]))
        cost[won], normal[won], gradient[won] = lines.cost[better], lines.normal[better], lines.gradient[better]
        damping[active] = (damping[active] * torch.where(better, _EASE, _TIGHTEN)).clamp(*_DAMPING_RANGE)
        steps[active] += 1
        done = (better & (gain < RELATIVE_DECREASE)) | (~better & (damping[active] > _GIVE_UP_DAMPING))
        active = active[~done]
    return Descended(state=state, cost=cost, steps=steps)


def _damped_step(normal: Tensor, gradient: Tensor, damping: Tensor) -> Tensor:
    """Solution (n, p) of (N + damping diag N) x = -g; zero where it has none."""
    diagonal = torch.diagonal(normal, dim1=1, dim2=2)
    damped = normal + torch.diag_embed(damping[:, None] * diagonal.clamp_min(1e-9))
    factor, _ = torch.linalg.cholesky_ex(damped)
    step = -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    return torch.where(torch.isfinite(step).all(dim=1, keepdim=True), step, torch.zeros_like(step))
