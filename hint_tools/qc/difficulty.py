"""How hard each hand is: by how much people err more, or less, on it than on others.

On a blurred or small hand everybody errs more, in all joints. So each hand has a factor, out of `_FACTORS`; how often
each is met is estimated by expectation maximisation from how far people are apart, and a finger is judged by what the
hand's other joints say of it. Where all hands are alike that law is narrow, and every factor is nearly 1.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FACTORS = 2.0 ** np.array([-1, -0.5, 0, 0.5, 1, 1.5, 2])
"""Times the usual error."""
_EXPECTED = np.array([0.5, 1, 10, 1, 0.5, 0.25, 0.25])
"""Hands' worth by which each is believed before any is seen."""
_STRAY = 0.02
"""Part of the joints that tell nothing of the hand, since somebody went astray there."""
_FARTHEST = 200.0
"""Up to which d²/σ² those are spread."""
_STEPS = 300
"""Enough for a law as narrow as that of hands all alike: factors a step apart are hard to tell."""
_LEARNT_FROM = 3000
"""Hands, at most, evenly spaced."""
_FINGERS = np.array(list(FINGER_JOINTS.values()))


def finger_difficulty(keypoints: Floats, sigma_px: Floats, excluded: Bools) -> Floats:
    """(H, 5) square of a hand's factor, as all joints but that finger's tell; thumb to pinky.

    It is the mean plus a standard deviation: who takes a hard hand for a usual one sees mistakes in mere errors.

    The scatter of n answers to a joint about their mean, in σ², over the squared factor is χ² with 2 (n - 1) degrees
    of freedom.

    Args:
        keypoints: (H, A, 21, 2) px.
        sigma_px: (H, A, 21) usual error of a coordinate.
        excluded: (H, A, 21) joints that take no part.
    """
    told = _likelihoods(keypoints, sigma_px, excluded)
    whole = told.sum(axis=1)
    shares = _EXPECTED / _EXPECTED.sum()
    some = whole[:: math.ceil(len(whole) / _LEARNT_FROM) or 1]
    for _ in range(_STEPS):
        counts = _EXPECTED + _normalised(some + np.log(shares)).sum(axis=0)
        shares = counts / counts.sum()
    others = whole[:, None] - told[:, _FINGERS].sum(axis=2)
    chances = _normalised(others + np.log(shares))
    mean = chances @ _FACTORS**2
    return np.asarray(mean + np.sqrt(np.maximum(chances @ _FACTORS**4 - mean**2, 0.0)))


def _likelihoods(keypoints: Floats, sigma_px: Floats, excluded: Bools) -> Floats:
    """(H, 21, len(_FACTORS)) log likelihood of each factor, of each joint; 0 where fewer than two answers have it."""
    known = np.isfinite(keypoints).all(axis=-1) & np.isfinite(sigma_px) & ~excluded
    weight = np.where(known, 1 / np.where(known, sigma_px, 1.0) ** 2, 0.0)
    filled = np.where(known[..., None], keypoints, 0.0)
    total = weight.sum(axis=1)
    mean = (weight[..., None] * filled).sum(axis=1) / np.where(total > 0, total, 1.0)[..., None]
    scatter = (weight * ((filled - mean[:, None]) ** 2).sum(axis=-1)).sum(axis=1)[..., None]
    shape = np.maximum(known.sum(axis=1) - 1, 1)[..., None]
    double = 2 * _FACTORS**2
    near = (shape - 1) * np.log(np.maximum(scatter, 1e-9) / double) - scatter / double - np.log(double)
    near -= np.array([math.lgamma(k) for k in range(1, known.shape[1] + 2)])[shape - 1]
    either = np.logaddexp(math.log1p(-_STRAY) + near, math.log(_STRAY / _FARTHEST))
    # what two left where the pre-label had it is one opinion, not two that agree
    told = (known.sum(axis=1) >= 2)[..., None] & (scatter > 1e-9)
    return np.where(told, either, 0.0)


def _normalised(logs: Floats) -> Floats:
    """Probabilities along the last axis."""
    odds = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))
