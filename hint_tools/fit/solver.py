"""Fits of many hands: hypotheses, descent, choice, uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hint_tools.fit.descent import descend
from hint_tools.fit.library import Library
from hint_tools.fit.prior import PosePrior
from hint_tools.fit.problem import Observations, Problem, State, Weights, project
from hint_tools.fit.skeleton import Skeleton
from hint_tools.mano.assets import HandModel

SCOUT_STEPS = 3
"""Steps every hypothesis gets before the best are chosen."""
MAX_STEPS = 30
RIVAL_M = 0.010
"""Root-relative mean distance from which two solutions are two hands, not one."""
RIVAL_COST = 100.0
"""A hypothesis worse by more than this after scouting is no rival: it never wins."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Fits of n right hands.

    Args:
        state: the unknowns where they came to rest.
        points: (n, 21, 3) joints in the camera, m.
        pixels: (n, 21, 2) from the principal point.
        cost: (n,) MAP cost.
        cost_gap: (n,) to the second-best different hand; infinite where none came near.
        covariance: (n, p, p) of a step (turn, shift, z, betas).
        sd_m: (n, 21) standard deviation of each joint relative to the wrist, root of the mean variance
            along the three axes, m.
    """

    state: State
    points: Tensor
    pixels: Tensor
    cost: Tensor
    cost_gap: Tensor
    covariance: Tensor
    sd_m: Tensor


class Solver:
    """Fits a hand model to 2D keypoints.

    Args:
        model: any MANO-format hand that brings poses.
        components: principal pose directions to use.
        weights: of robustness and priors.
        hypotheses: starting points per hand.
        dtype: of the computation.
    """

    def __init__(
        self,
        model: HandModel,
        *,
        components: int,
        weights: Weights,
        hypotheses: int = 4,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.problem = Problem(Skeleton(model, dtype), PosePrior.of(model, components, dtype), weights)
        self.library = Library.of(self.problem)
        self.hypotheses = hypotheses

    @torch.no_grad()
    def solve(self, seen: Observations) -> Solution:
        """The best hand for each row of observations, with its uncertainty."""
        count, tries = len(seen.focal_px), self.hypotheses
        start = self.library.hypotheses(seen, tries)
        repeated = torch.arange(count).repeat_interleave(tries)
        scouted = descend(self.problem, start, seen.take(repeated), SCOUT_STEPS)
        best, rival = self._contenders(scouted.state, scouted.cost.reshape(count, tries))
        has_rival = rival >= 0
        rows = torch.cat([best, rival[has_rival]])
        owner = torch.cat([torch.arange(count), has_rival.nonzero()[:, 0]])
        final = descend(self.problem, scouted.state.take(rows), seen.take(owner), MAX_STEPS)
        winner, gap = self._decided(final.state, final.cost, owner, count)
        return self._described(final.state.take(winner), final.cost[winner], gap, seen)

    def _contenders(self, state: State, cost: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the best hypothesis of each hand and of the best different one, -1 where there is none."""
        count, tries = cost.shape
        relative = _relative(self.problem.place(state).points).reshape(count, tries, 21, 3)
        first = cost.argmin(dim=1)
        rows = torch.arange(count)
        apart = (relative - relative[rows, first][:, None]).norm(dim=-1).mean(-1)
        allowed = (apart > RIVAL_M) & (cost < cost[rows, first][:, None] + RIVAL_COST)
        second_cost, second = torch.where(allowed, cost, torch.inf).min(dim=1)
        base = rows * tries
        return base + first, torch.where(torch.isfinite(second_cost), base + second, -1)

    def _decided(self, state: State, cost: Tensor, owner: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Row of each hand's cheaper solution, and its lead over the other if that is another hand."""
        winner, loser = torch.arange(count), torch.arange(count)
        second = torch.arange(count, len(cost))
        hand = owner[count:]
        swapped = cost[second] < cost[hand]
        winner[hand] = torch.where(swapped, second, hand)
        loser[hand] = torch.where(swapped, hand, second)
        relative = _relative(self.problem.place(state).points)
        apart = (relative[winner] - relative[loser]).norm(dim=-1).mean(-1)
        gap = torch.where(apart > RIVAL_M, cost[loser] - cost[winner], torch.inf)
        return winner, gap

    def _described(self, state: State, cost: Tensor, gap: Tensor, seen: Observations) -> Solution:
        placed = self.problem.place(state)
        inverse, failed = torch.linalg.inv_ex(self.problem.linearise(state, seen).normal)
        # keypoints that say nothing of where the hand is leave a singular matrix: no number rather than a wrong one
        covariance = torch.where(failed[:, None, None] != 0, torch.nan, inverse)
        jacobian = self.problem.point_jacobian(placed)
        relative = jacobian - jacobian[:, :1]
        variance = ((relative @ covariance[:, None]) * relative).sum(-1).clamp_min(0)
        return Solution(
            state=state,
            points=placed.points,
            pixels=project(placed.points, seen.focal_px),
            cost=cost,
            cost_gap=gap,
            covariance=(covariance + covariance.transpose(1, 2)) / 2,
            sd_m=variance.mean(-1).sqrt(),
        )


def _relative(points: Tensor) -> Tensor:
    return points - points[:, :1]
