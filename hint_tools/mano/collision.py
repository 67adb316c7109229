"""Whether fingers run through one another or through the palm: capsules around the bones.

Each capsule is taken as a row of overlapping balls, which turns the test into one table of distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.mano.assets import HandModel
from hint_tools.mano.topology import CHAINS, PARENTS

Floats = npt.NDArray[np.float64]

BALLS_PER_BONE: Final = 7
"""Their spacing (at most 7 mm) stays below a finger's radius."""
SOFTNESS: Final = 0.65
"""Share of two radii that must stay between two axes: flesh gives way, and bones are off-centre in it."""
_OWNED: Final = 0.5
"""Skinning weight from which a vertex counts as a bone's own."""
_FINGER_BONES: Final = tuple((finger, place) for finger in CHAINS for place in range(3))
_PALM_FINGERS: Final = ("index", "middle", "ring", "pinky")


@dataclass(frozen=True, slots=True, eq=False)
class HandCapsules:
    """Bones of one hand shape with their thickness.

    Args:
        joints: (16, 3) at rest, m.
        tips: (5, 3) fingertips at rest, in the order of `CHAINS`.
        radii: (19,) of 15 finger bones and 4 metacarpals, m.
        pairs: (k, 2) bones that may not overlap.
    """

    joints: Floats
    tips: Floats
    radii: Floats
    pairs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, model: HandModel, shaped: Floats, joints: Floats) -> HandCapsules:
        """Capsules of vertices `shaped` (778, 3) with `joints` (16, 3), at rest."""
        by_finger = dict(zip(("thumb", "index", "middle", "ring", "pinky"), shaped[model.tips], strict=True))
        tips = np.array([by_finger[finger] for finger in CHAINS])
        starts, ends = _bones(joints, tips)
        owners = [CHAINS[finger][place] for finger, place in _FINGER_BONES]
        radii = [
            _thickness(shaped[model.weights[:, owner] > _OWNED], starts[bone], ends[bone])
            for bone, owner in enumerate(owners)
        ]
        palm = np.ptp(shaped[model.weights[:, 0] > _OWNED][:, 1]) / 4
        return cls(joints=joints, tips=tips, radii=np.array(radii + [palm] * len(_PALM_FINGERS)), pairs=_PAIRS)

    def overlap_m(self, rotations: Floats) -> float:
        """How deep the worst pair of bones overlaps beyond softness, in m; 0 or less when none does.

        Args:
            rotations: (15, 3, 3) of the finger joints, each relative to its parent.
        """
        joints, tips = self._placed(rotations)
        starts, ends = _bones(joints, tips)
        steps = np.linspace(0, 1, BALLS_PER_BONE)[None, :, None]
        balls = starts[:, None] + (ends - starts)[:, None] * steps
        first, second = balls[self.pairs[:, 0]], balls[self.pairs[:, 1]]
        distance = np.linalg.norm(first[:, :, None] - second[:, None], axis=-1).min(axis=(1, 2))
        needed = SOFTNESS * self.radii[self.pairs].sum(axis=1)
        return float((needed - distance).max())

    def _placed(self, rotations: Floats) -> tuple[Floats, Floats]:
        turned = np.tile(np.eye(3), (16, 1, 1))
        placed = self.joints.copy()
        for joint in range(1, 16):
            parent = PARENTS[joint]
            placed[joint] = placed[parent] + turned[parent] @ (self.joints[joint] - self.joints[parent])
            turned[joint] = turned[parent] @ rotations[joint - 1]
        last = [chain[2] for chain in CHAINS.values()]
        offset = (self.tips - self.joints[last])[..., None]
        return placed, placed[last] + (turned[last] @ offset)[..., 0]


def _bones(joints: Floats, tips: Floats) -> tuple[Floats, Floats]:
    """Starts and ends (19, 3): three bones a finger in the order of `CHAINS`, then the metacarpals."""
    starts, ends = [], []
    for finger, chain in enumerate(CHAINS.values()):
        starts += [joints[j] for j in chain]
        ends += [joints[chain[1]], joints[chain[2]], tips[finger]]
    for name in _PALM_FINGERS:
        starts.append(joints[0])
        ends.append(joints[CHAINS[name][0]])
    return np.array(starts), np.array(ends)


def _thickness(vertices: Floats, start: Floats, end: Floats) -> float:
    """Median distance of a bone's vertices from its axis, m."""
    along = (end - start) / np.linalg.norm(end - start)
    from_start = vertices - start
    return float(np.median(np.linalg.norm(from_start - np.outer(from_start @ along, along), axis=1)))


def _allowed_to_touch(first: tuple[str, int], second: tuple[str, int]) -> bool:
    """Bones of one finger, and neighbours that grow out of the same flesh."""
    if first[0] == second[0]:
        return True
    if "palm" in (first[0], second[0]):
        finger = second if first[0] == "palm" else first
        return finger[1] == 0 or (first[0] == second[0])
    return first[1] == 0 and second[1] == 0


def _forbidden_pairs() -> npt.NDArray[np.int64]:
    bones = [*_FINGER_BONES, *(("palm", k) for k in range(len(_PALM_FINGERS)))]
    chosen = [
        (a, b) for a in range(len(bones)) for b in range(a + 1, len(bones)) if not _allowed_to_touch(bones[a], bones[b])
    ]
    return np.array(chosen, dtype=np.int64)


_PAIRS: Final = _forbidden_pairs()
