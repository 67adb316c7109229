"""From consensus keypoints to what the solver sees: right hands, px from the principal point, whitened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hint_tools.core.records import Side
from hint_tools.fit.config import FitConfig
from hint_tools.fit.problem import Observations
from hint_tools.fit.targets import Target, whitening


def observations(targets: Sequence[Target], config: FitConfig, dtype: torch.dtype) -> Observations:
    """The solver's view of the targets; left hands are mirrored in x about the principal point."""
    keypoints, factors = np.zeros((len(targets), 21, 2)), np.zeros((len(targets), 21, 2, 2))
    for row, target in enumerate(targets):
        center = np.array([target.camera.cx, target.camera.cy])
        keypoints[row] = np.where(target.used[:, None], target.consensus.keypoints - center, 0.0)
        factors[row] = whitening(target.consensus, target.used, config)
        if target.consensus.side == Side.LEFT:
            keypoints[row, :, 0] *= -1
            factors[row] = factors[row] * [-1, 1]  # the residual's x axis is turned back before it is whitened
    focal = np.array([t.camera.focal_px for t in targets])
    return Observations(*(torch.tensor(a, dtype=dtype) for a in (keypoints, factors, focal)))
