"""Where a long finger begins, told by the rest of the palm: one more opinion, and nobody's.

Wrist and knuckles are nearly rigid and nearly in a plane, so each knuckle is nearly the same weighted sum of the
others from wherever it is seen: weights that hold in one view hold in all (the picture of a plane is an affine map).
The thumb's base moves, and people place it differently: it takes no part.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import PALM_JOINTS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_OPEN_MM = np.array([(0.0, 0.0), (88.3, 24.4), (87.3, 0.0), (81.8, -18.1), (72.7, -35.3)])
"""Wrist and knuckles of the flat open hand (`mano.assets`) in the palm's plane: along it, and towards the thumb, mm."""
KNUCKLES = PALM_JOINTS[1:]
FLEX = (0.10, 0.05, 0.045, 0.09)
"""How far a knuckle lies from there, one coordinate over the hand's size: measured on nine labelled hands of four
public data sets, errors of their labels included."""


def _weights() -> Floats:
    """(4, 5) for each knuckle the least weights of wrist and knuckles that give it in the open hand; 0 for itself."""
    found = np.zeros((len(KNUCKLES), len(PALM_JOINTS)))
    for k in range(len(KNUCKLES)):
        rest = [i for i in range(len(PALM_JOINTS)) if i != k + 1]
        system = np.vstack([_OPEN_MM[rest].T, np.ones(len(rest))])
        found[k, rest] = np.linalg.lstsq(system, np.append(_OPEN_MM[k + 1], 1.0), rcond=None)[0]
    return found


_WEIGHTS = _weights()


def expected_knuckles(keypoints: Floats, sigma_px: Floats, excluded: Bools, scale: Floats) -> tuple[Floats, Floats]:
    """Position (H, 4, 2) px and variance (H, 4) px² of each knuckle as the rest of the palm has it, index to pinky.

    NaN where no answer has all of the rest.

    Args:
        keypoints: (H, A, 21, 2) px.
        sigma_px: (H, A, 21) of a coordinate.
        excluded: (H, A, 21) joints that take no part.
        scale: (H) px.
    """
    points = np.where(excluded[..., None], np.nan, keypoints)[:, :, PALM_JOINTS]
    variance = sigma_px[:, :, PALM_JOINTS] ** 2
    sums, weights = [], []
    for row in _WEIGHTS:
        rest = np.flatnonzero(row)
        told = np.einsum("i,nmix->nmx", row[rest], points[:, :, rest])
        known = np.isfinite(told).all(axis=-1)
        weight = np.where(known, 1 / (variance[:, :, rest] @ row[rest] ** 2), 0.0)
        weights.append(weight.sum(axis=1))
        sums.append((weight[..., None] * np.where(known[..., None], told, 0.0)).sum(axis=1))
    total = np.stack(weights, axis=1)
    inverse = np.divide(1.0, total, out=np.full_like(total, np.nan), where=total > 0)
    return np.stack(sums, axis=1) * inverse[..., None], inverse + (np.array(FLEX) * scale[:, None]) ** 2
