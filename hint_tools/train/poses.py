"""Real hands for the discriminator: poses and shapes, without pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hint_tools.core.errors import DataError
from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import HandModel

Floats = npt.NDArray[np.float64]

BANK_SIZE: Final = 1024
"""Poses drawn from anatomy: a second of work, and many times what a short training sees."""
REAL_PER_PREDICTION: Final = 2
"""Real hands the discriminator sees for each prediction (the released configuration's NUM_TRAIN_SAMPLES)."""
_MIRROR: Final = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True, eq=False)
class PoseBank:
    """Poses to draw from.

    Args:
        hand_pose: (n, 45) axis-angle of right hands, rad.
        betas: (n, 10) shapes.
    """

    hand_pose: Floats
    betas: Floats

    def draw(self, count: int, *key: int) -> tuple[Tensor, Tensor]:
        """`count` poses (count, 45) and shapes (count, 10), float32, the same for the same key."""
        chosen = np.random.default_rng(key).integers(len(self.hand_pose), size=count)
        return tuple(torch.from_numpy(a[chosen].astype(np.float32)) for a in (self.hand_pose, self.betas))  # type: ignore[return-value]


def anatomical_poses(hand_model: HandModel, seed: int, count: int = BANK_SIZE) -> PoseBank:
    """Poses within the limits of human joints, free of collisions, with shapes of a standard normal."""
    rng = np.random.default_rng([seed, count])
    anatomy = HandAnatomy.of(hand_model, np.zeros(10))
    pose = np.stack([anatomy.draw(rng) for _ in range(count)])
    return PoseBank(pose, rng.standard_normal((count, 10)))


def fitted_poses(hand_pose: Floats, betas: Floats, right: npt.NDArray[np.bool_]) -> PoseBank:
    """The poses (n, 45) and shapes (n, 10) of accepted fits, left hands mirrored to right ones.

    Raises:
        DataError: there is none.
    """
    if len(hand_pose) == 0:
        raise DataError(
            "no hand of the release has an accepted fit; expected some for --adversarial fits",
            hint="hint fit, then build the release again; or --adversarial anatomy",
        )
    turned = hand_pose.reshape(-1, 15, 3) * np.where(right[:, None, None], 1.0, _MIRROR)
    return PoseBank(turned.reshape(-1, 45), betas)
