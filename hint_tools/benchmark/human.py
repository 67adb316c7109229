"""How well two people would agree on the same hands, from the deviations measured by `hint qc`.

With σ the standard deviation of one coordinate of one annotator, the distance of two annotators' points follows a
Rayleigh law with 2σ² a coordinate, so the share within t is 1 - exp(-t² / 4σ²).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.metrics import THRESHOLDS
from hint_tools.core.errors import DataError
from hint_tools.core.skeleton import JOINT_INDEX, N_JOINTS
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.store.atomic import read_json

SIGMAS: Final = "sigmas.json"
_FORMAT: Final = ("hint-sigmas", 1)
_STATE_OF_SUBSET: Final = {"vis": "visible", "occ": "occluded"}
_GUESSED: Final = "population"
"""Level of a σ that was not measured in this project: no statement about these annotators."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def read_sigmas(folder: Path) -> dict[str, Floats] | None:
    """For `visible` and `occluded`, the σ (21,) of each joint in units of the hand's scale; NaN where not measured.

    None when `folder` has no such file.

    Raises:
        DataError: the file is broken or of another version.
    """
    path = folder / SIGMAS
    if not path.exists():
        return None
    document = read_json(path)
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != _FORMAT:
        raise DataError(f"{path}: expected {_FORMAT[0]} version {_FORMAT[1]}", hint="hint qc")
    sigmas: dict[str, Floats] = {state: np.full(N_JOINTS, np.nan) for state in _STATE_OF_SUBSET.values()}
    try:
        for cell in document["cells"]:
            if cell["level"] != _GUESSED and cell["sigma"]:
                sigmas[cell["state"]][JOINT_INDEX[cell["joint"]]] = float(cell["sigma"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: a cell of it can't be read ({error!r})", hint="hint qc") from error
    return sigmas


def expected_pck(hands: EvaluationSet, sigmas: dict[str, Floats]) -> dict[str, dict[float, float]]:
    """For each subset and threshold, the PCK of one annotator against another; empty where σ was not measured."""
    points = hands.keypoints_2d
    counted = {s.name: s.counted for s in hands.subsets}
    if "all" in counted:
        known = counted["all"][..., None]
        low = np.where(known, points, np.inf).min(axis=1)
        high = np.where(known, points, -np.inf).max(axis=1)
    else:
        low, high = points.min(axis=1), points.max(axis=1)
    extent = np.maximum(high - low, 1.0)
    scale = np.sqrt(extent.prod(axis=1))
    result: dict[str, dict[float, float]] = {}
    for name, chosen in counted.items():
        shares = {t: _expected(t * hands.sizes_px / scale, name, counted, chosen, sigmas) for t in THRESHOLDS}
        if all(np.isfinite(v) for v in shares.values()):
            result[name] = shares
    return result


def _expected(reach: Floats, name: str, counted: dict[str, Bools], chosen: Bools, sigmas: dict[str, Floats]) -> float:
    """Macro mean over joints of the share within `reach` (n,), in units of the hands' scale."""
    if name in _STATE_OF_SUBSET:
        sigma = np.broadcast_to(sigmas[_STATE_OF_SUBSET[name]], chosen.shape)
    elif "occ" in counted:
        sigma = np.where(counted["occ"], sigmas["occluded"], sigmas["visible"])
    else:
        return float("nan")
    share = 1 - np.exp(-((reach[:, None] / sigma) ** 2) / 4)
    usable = chosen & np.isfinite(sigma)
    joints = usable.any(axis=0)
    if not joints.any() or (usable.sum() < chosen.sum()):
        return float("nan")
    per_joint = np.where(usable, share, 0.0).sum(axis=0)[joints] / usable.sum(axis=0)[joints]
    return float(per_joint.mean())
