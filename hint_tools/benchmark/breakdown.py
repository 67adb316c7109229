"""The parts of an evaluation set that are scored on their own: left and right, small and large, kinds of frames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.metrics import Pck, pck_at
from hint_tools.data.evaluation import EvaluationSet

Bools = npt.NDArray[np.bool_]

SIZES_PX: Final = (64.0, 128.0, 256.0)
"""Edges between the classes of hands by the longer side of their box; 256 px is what the network sees."""
FRAME_TYPES: Final = ("pre_45", "pre_30", "pre_15", "pre_frame", "contact_frame", "pnr_frame", "post_frame")
"""Of Ego4D's critical frames, in time order; HInt writes them into the file names."""
_TYPE: Final = re.compile(rf"_({'|'.join(FRAME_TYPES)})_[lr]\.\w+$")


@dataclass(frozen=True, slots=True, eq=False)
class GroupScore:
    """PCK of one part of a source for one selection of joints.

    Args:
        by: `side`, `size` or `frame type`.
        group: which one.
        subset: `all`, `vis` or `occ`.
        hands: with at least one counted joint.
        joints: counted ones.
        pck: one a threshold.
    """

    by: str
    group: str
    subset: str
    hands: int
    joints: int
    pck: tuple[Pck, ...]


def groups(hands: EvaluationSet) -> list[tuple[str, str, Bools]]:
    """(by, group, members (n,)) of the parts that hold any hand; every part of one kind, or none where it is one."""
    found = [("side", "left", ~hands.right), ("side", "right", hands.right)]
    place = np.searchsorted(SIZES_PX, hands.sizes_px, side="right")
    for k in range(len(SIZES_PX) + 1):
        found.append(("size", _size_words(k), place == k))
    matches = [_TYPE.search(name) for name in hands.names.tolist()]
    types = np.array([m[1] if m else "" for m in matches], dtype=np.str_)
    found += [("frame type", name, types == name) for name in FRAME_TYPES]
    return [(by, name, members) for by, name, members in found if members.any()]


def _size_words(k: int) -> str:
    if k == 0:
        return f"under {SIZES_PX[0]:g} px"
    if k == len(SIZES_PX):
        return f"{SIZES_PX[-1]:g} px and more"
    return f"{SIZES_PX[k - 1]:g} to {SIZES_PX[k]:g} px"


def group_scores(
    hands: EvaluationSet,
    distance: npt.NDArray[np.float64],
    images: npt.NDArray[np.int64],
    *,
    resamplings: int,
    seed: int,
) -> tuple[GroupScore, ...]:
    """The scores of every part and selection of joints.

    Args:
        hands: the set.
        distance: (n, 21) in units of the hands' sizes.
        images: (n,) number of each hand's image.
        resamplings: for the intervals.
        seed: of them.
    """
    scores = []
    for by, name, members in groups(hands):
        for subset in hands.subsets:
            counted = subset.counted[members]
            if not counted.any():
                continue
            pck = pck_at(distance[members], counted, groups=images[members], resamplings=resamplings, seed=seed)
            total = int(counted.sum())
            scores.append(GroupScore(by, name, subset.name, int(counted.any(axis=1).sum()), total, pck))
    return tuple(scores)
