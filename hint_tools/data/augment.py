"""The random changes HaMeR trains with, drawn so that a seed, an epoch and an index always give the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AugmentLimits:
    """How much a crop may change; the released HaMeR's settings.

    Args:
        scale: the crop's side changes by up to this part.
        rotation_deg: standard deviation of the turn, cut off at two of them.
        rotation_rate: how often it turns at all.
        translation: the crop's centre moves by up to this part of its side.
        colour: each channel changes by up to this part.
    """

    scale: float = 0.3
    rotation_deg: float = 30.0
    rotation_rate: float = 0.6
    translation: float = 0.02
    colour: float = 0.2


RELEASED: Final = AugmentLimits()


@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """One draw.

    Args:
        scale: factor of the crop's side.
        rotation_deg: turn of the crop's square.
        shift: (2,) move of its centre, as a part of its side.
        colour: (3,) factors of red, green and blue.
    """

    scale: float
    rotation_deg: float
    shift: Floats
    colour: Floats


NONE: Final = Augmentation(1.0, 0.0, np.zeros(2), np.ones(3))


def draw(seed: int, epoch: int, index: int, limits: AugmentLimits = RELEASED) -> Augmentation:
    """The change of item `index` in `epoch`; the distributions are HaMeR's (`do_augmentation`)."""
    random = np.random.default_rng([seed, epoch, index])
    normal = random.standard_normal(4)
    uniform = random.uniform(size=4)
    turned = uniform[0] <= limits.rotation_rate
    return Augmentation(
        scale=float(1 + limits.scale * np.clip(normal[0], -1, 1)),
        rotation_deg=float(limits.rotation_deg * np.clip(normal[1], -2, 2)) if turned else 0.0,
        shift=limits.translation * np.clip(normal[2:4], -1, 1),
        colour=1 + limits.colour * (2 * uniform[1:4] - 1),
    )
