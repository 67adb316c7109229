"""What finger poses are likely: a Gaussian over the poses the hand model brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.mano.assets import HandModel

MIN_SD_RAD = 1e-3
"""Directions with less spread than this are as good as fixed; keeps the scaling finite."""


@dataclass(frozen=True, slots=True, eq=False)
class PosePrior:
    """Finger pose = mean + z @ basis, with z standard normal.

    Args:
        mean: (45,) rad.
        basis: (k, 45) principal directions, each as long as its standard deviation, rad.
    """

    mean: Tensor
    basis: Tensor

    @classmethod
    def of(cls, model: HandModel, components: int, dtype: torch.dtype) -> PosePrior:
        """The prior of the poses a model file brings, in its `components` largest directions.

        Raises:
            DataError: the file brings no poses.
        """
        if model.hands_coeffs is None or len(model.hands_coeffs) < 2:
            raise DataError(
                f"hand model {model.name}: no hands_coeffs, so nothing says which poses are likely",
                hint="use MANO_RIGHT.pkl as its owners ship it, or leave the `mano` setting empty",
            )
        poses = model.hands_mean + model.hands_coeffs @ model.hands_components
        mean = poses.mean(axis=0)
        strengths, directions = np.linalg.svd(poses - mean, full_matrices=False)[1:]
        spread = np.maximum(strengths / np.sqrt(len(poses)), MIN_SD_RAD)[:components, None]
        largest = np.abs(directions).argmax(axis=1)
        upright = directions * np.sign(directions[np.arange(len(directions)), largest])[:, None]
        return cls(torch.tensor(mean, dtype=dtype), torch.tensor(upright[:components] * spread, dtype=dtype))

    @property
    def size(self) -> int:
        """Number of directions kept."""
        return len(self.basis)

    def pose(self, z: Tensor) -> Tensor:
        """Axis-angle (n, 45) of whitened coordinates (n, k)."""
        return self.mean + z @ self.basis
