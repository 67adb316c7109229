"""Where on the hand a model is wrong: errors by joint and by vertex, of what the camera sees and of what it does not.

Vertices are seen or hidden by the hand itself, in the true mesh, from the true camera (`mano.seen`). The errors of
both parts are those of one alignment of the whole mesh, the official scripts'.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.official import align_officially
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.mano.seen import Skin, seen_vertices

Floats = npt.NDArray[np.float64]

FIGURES: Final = ("pa_mpvpe_visible_mm", "pa_mpvpe_hidden_mm", "visible_vertices_agree")
_M_TO_MM: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False, order=False)
class Shown:
    """A hand to show in the report.

    Args:
        index: its place in the set.
        error_mm: that it was chosen for.
        joints: (21, 3) m predicted, camera.
        mesh: (778, 3) m predicted, or None.
        true_mesh: (778, 3) m, or None.
    """

    index: int
    error_mm: float
    joints: Floats
    mesh: Floats | None
    true_mesh: Floats | None


@dataclass(slots=True, eq=False)
class SurfaceErrors:
    """Gathers hands in any number of pieces; keeps sums, and the meshes of a few hands to show.

    Args:
        skin: of the meshes; None where it is not known, and nothing is said of what is seen.
        examples: how many of the best and of the worst hands to keep.
    """

    skin: Skin | None
    examples: int
    figures: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FIGURES})
    joint_sum_mm: Floats = field(default_factory=lambda: np.zeros(N_JOINTS))
    vertex_sum_mm: Floats | None = None
    hands: int = 0
    meshes: int = 0
    _best: list[tuple[float, int, Shown]] = field(default_factory=list)
    _worst: list[tuple[float, int, Shown]] = field(default_factory=list)

    def add(self, joints: Floats, true_joints: Floats, mesh: Floats | None, true_mesh: Floats | None) -> None:
        """Take further hands: (n, 21, 3) and (n, 778, 3) m, our order, before the camera."""
        errors = _M_TO_MM * np.linalg.norm(align_officially(joints, true_joints) - true_joints, axis=-1)
        self.joint_sum_mm += errors.sum(axis=0)
        chosen_by = errors.mean(axis=1)
        if mesh is not None and true_mesh is not None:
            vertex_errors = _M_TO_MM * np.linalg.norm(align_officially(mesh, true_mesh) - true_mesh, axis=-1)
            total = vertex_errors.sum(axis=0)
            self.vertex_sum_mm = total if self.vertex_sum_mm is None else self.vertex_sum_mm + total
            self.meshes += len(mesh)
            for i in range(len(mesh)):
                self._look(vertex_errors[i], mesh[i], true_mesh[i])
        for i, error in enumerate(chosen_by.tolist()):
            own, truth = (None if m is None else m[i].copy() for m in (mesh, true_mesh))
            self._keep(Shown(self.hands + i, error, joints[i].copy(), own, truth))
        self.hands += len(joints)

    def _look(self, errors_mm: Floats, mesh: Floats, truth: Floats) -> None:
        seen = seen_vertices(truth, self.skin.faces) if self.skin is not None else None
        if self.skin is None or seen is None or seen.all() or not seen.any():
            return
        own = seen_vertices(mesh, self.skin.faces)
        # a hand that stands behind the camera shows nothing
        agree = seen == own if own is not None else ~seen
        values = (errors_mm[seen].mean(), errors_mm[~seen].mean(), agree.mean())
        for name, value in zip(FIGURES, values, strict=True):
            self.figures[name].append(float(value))

    def _keep(self, hand: Shown) -> None:
        if not self.examples:
            return
        for heap, order in ((self._best, -hand.error_mm), (self._worst, hand.error_mm)):
            heapq.heappush(heap, (order, -hand.index, hand))
            if len(heap) > self.examples:
                heapq.heappop(heap)

    def per_hand(self) -> dict[str, Floats]:
        """`FIGURES` of every hand, (n,); empty unless all hands could be looked at."""
        if not self.hands or any(len(v) != self.hands for v in self.figures.values()):
            return {}
        return {name: np.array(values) for name, values in self.figures.items()}

    @property
    def joint_mm(self) -> Floats:
        """(21,) mean aligned error of each joint."""
        return self.joint_sum_mm / max(self.hands, 1)

    @property
    def vertex_mm(self) -> Floats | None:
        """(778,) mean aligned error of each vertex; None without meshes."""
        return None if self.vertex_sum_mm is None else self.vertex_sum_mm / self.meshes

    def best(self) -> list[Shown]:
        """The nearest hands, nearest first."""
        return [hand for *_, hand in sorted(self._best, key=lambda kept: (-kept[0], -kept[1]))]

    def worst(self) -> list[Shown]:
        """The farthest hands, farthest first."""
        return [hand for *_, hand in sorted(self._worst, key=lambda kept: (-kept[0], -kept[1]))]
