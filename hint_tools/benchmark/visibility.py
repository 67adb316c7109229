"""Does a model's mesh hide the joints that people marked as hidden?

Annotators mark a joint as occluded for whatever stands before it; a mesh of the hand knows of the hand alone. So the
share of occluded joints that it hides can't reach 1 where objects and other hands cover joints; a mesh that lies
wrongly hides visible ones. Two people agree on 90.5% of HInt's flags (Pavlakos et al., 2024, 90 images twice).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.mano.assets import HandModel
from hint_tools.mano.seen import Skin, seen_joints

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]

UNKNOWN: Final = int(Visibility.NOT_ANNOTATABLE)
_LONGEST_EDGE_M: Final = 0.02
"""Half of a mesh's edges are shorter than this when the faces are its own; among other vertices they span the hand."""


def states_of(vertices: Floats, joints: Floats, skin: Skin) -> Bytes:
    """(n, 21) `Visibility` of the joints of n hands by their own skin; `NOT_ANNOTATABLE` where no camera sees a hand.

    Args:
        vertices: (n, 778, 3) m, in the camera's frame, z forward.
        joints: (n, 21, 3) m, our order.
        skin: of the hand model.
    """
    states = np.full(joints.shape[:2], UNKNOWN, dtype=np.int8)
    for i in range(len(states)):
        seen = seen_joints(vertices[i], joints[i], skin)
        if seen is not None:
            states[i] = np.where(seen, int(Visibility.VISIBLE), int(Visibility.OCCLUDED))
    return states


def skin_of(model: HandModel) -> Skin:
    """The skin of a hand model."""
    return Skin.of(model.faces, model.weights, model.v_template)


def fits(skin: Skin, vertices: Floats) -> bool:
    """The faces are those of the mesh `vertices` (778, 3) m: neighbours are near each other."""
    if len(vertices) <= int(skin.faces.max()):
        return False
    corners = vertices[skin.faces]
    return bool(np.median(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1)) < _LONGEST_EDGE_M)


@dataclass(frozen=True, slots=True)
class VisibilityScore:
    """Joints of one source, by what annotators and what the mesh say of them.

    Args:
        visible: annotated as visible, in hands whose mesh stands before the camera.
        shown: of these the mesh shows.
        occluded: annotated as occluded.
        hidden: of these the mesh hides.
        hands: that took part.
        left_out: hands whose mesh stands behind or beside the camera.
    """

    visible: int
    shown: int
    occluded: int
    hidden: int
    hands: int
    left_out: int

    def shares(self) -> dict[str, float]:
        """The figures, in [0, 1]; NaN where no joint is of the kind."""
        visible, occluded = _share(self.shown, self.visible), _share(self.hidden, self.occluded)
        return {
            "agreement": _share(self.shown + self.hidden, self.visible + self.occluded),
            "visible_joints_shown": visible,
            "occluded_joints_hidden": occluded,
            "balanced": (visible + occluded) / 2,
        }

    def as_json(self) -> dict[str, Any]:
        """Counts and shares; NaN becomes null."""
        counts = {name: getattr(self, name) for name in self.__slots__}
        return counts | {k: None if np.isnan(v) else v for k, v in self.shares().items()}


def visibility_score(hands: EvaluationSet, states: Bytes) -> VisibilityScore | None:
    """The mesh's word on every annotated joint; None without annotated flags.

    Args:
        hands: with the subsets `vis` and `occ`.
        states: (n, 21) of `states_of`, in the set's order.
    """
    counted = {s.name: s.counted for s in hands.subsets}
    if "vis" not in counted or "occ" not in counted:
        return None
    told = states != UNKNOWN
    visible, occluded = counted["vis"] & told, counted["occ"] & told
    whole = told.all(axis=1)
    return VisibilityScore(
        visible=int(visible.sum()),
        shown=int((visible & (states == Visibility.VISIBLE)).sum()),
        occluded=int(occluded.sum()),
        hidden=int((occluded & (states == Visibility.OCCLUDED)).sum()),
        hands=int(whole.sum()),
        left_out=int((~whole).sum()),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
