"""Targets in, fits out, some hundred at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hint_tools.core.progress import work
from hint_tools.core.records import Fit
from hint_tools.fit.answer import fit_records
from hint_tools.fit.config import FitConfig
from hint_tools.fit.observe import observations
from hint_tools.fit.problem import Weights
from hint_tools.fit.solver import Solver
from hint_tools.fit.targets import Target
from hint_tools.mano.assets import HandModel

DTYPE = torch.float32
"""Twice as fast as float64, and the same to 0.001 mm in the mean (benchmarks/fit.py)."""


def fit_targets(targets: Sequence[Target], model: HandModel, config: FitConfig) -> tuple[list[Fit], list[str]]:
    """Fits of the targets in their order, and the ids of the hands whose numbers were not finite.

    Raises:
        DataError: the hand model can't be fitted (no poses in it, or fingertips that move with other fingers).
    """
    weights = Weights(robust=config.robust, pose=config.pose_weight, shape=config.shape_weight)
    solver = Solver(model, components=config.components, weights=weights, hypotheses=config.hypotheses, dtype=DTYPE)
    fits: list[Fit] = []
    diverged: list[str] = []
    with work("fitting hands", total=len(targets)) as progress:
        for start in range(0, len(targets), config.batch):
            batch = targets[start : start + config.batch]
            solution = solver.solve(observations(batch, config, DTYPE))
            for target, fit in zip(batch, fit_records(batch, solution, solver, model, config), strict=True):
                if fit is None:
                    diverged.append(target.consensus.hand_id)
                else:
                    fits.append(fit)
            progress.advance(len(batch))
    return fits, diverged
