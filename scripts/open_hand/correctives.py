"""Pose correctives: what linear blend skinning does badly at bent joints, learned from a smoother skin.

The target is delta mush (Mancewicz, Derksen, Rijpkema, Wilson 2014): the skinned mesh is smoothed, and
the detail lost at rest is put back in each vertex's own frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hint_tools.mano.assets import HandModel
from hint_tools.mano.kinematics import pose_rotations, rodrigues
from hint_tools.mano.shade import vertex_normals
from hint_tools.mano.topology import N_BETAS, N_POSE_FEATURES, WRIST_LOOP

Floats = npt.NDArray[np.float64]

_EXAMPLES = 400
_SMOOTHINGS, _STEP = 6, 0.5
_RIDGE = 0.5
_LARGEST_M = 0.004
"""Corrections beyond this are delta mush's mistakes."""
_GATE = 3.0
"""A joint corrects a vertex in proportion to its skinning weight, fully from a third on."""


def learn_correctives(model: HandModel, poses: Floats, rng: np.random.Generator) -> Floats:
    """`posedirs` (778, 3, 135) of a model that has none yet.

    Args:
        model: with zero correctives.
        poses: (n, 45) likely poses, rad.
        rng: picks and scales the examples.
    """
    skin = _Skin(model)
    chosen = poses[rng.integers(len(poses), size=_EXAMPLES)] * rng.uniform(0.6, 1.15, (_EXAMPLES, 1))
    rotations = rodrigues(np.concatenate([np.zeros((_EXAMPLES, 3)), chosen], axis=1).reshape(-1, 16, 3))
    posed = pose_rotations(model, rotations, np.zeros((_EXAMPLES, N_BETAS)))
    turned = np.einsum("vj,njab->nvab", model.weights, posed.transforms[..., :3, :3])
    wanted = np.array([skin.mushed(v) for v in posed.vertices]) - posed.vertices
    at_rest = np.clip(np.einsum("nvba,nvb->nva", turned, wanted), -_LARGEST_M, _LARGEST_M)
    features = (rotations[:, 1:] - np.eye(3)).reshape(_EXAMPLES, -1)
    gram = features.T @ features + _RIDGE * np.eye(N_POSE_FEATURES)
    solved = np.linalg.solve(gram, features.T @ at_rest.reshape(_EXAMPLES, -1)).reshape(N_POSE_FEATURES, -1, 3)
    gate = np.repeat(np.clip(_GATE * model.weights[:, 1:], 0, 1), 9, axis=1)
    gate[list(WRIST_LOOP)] = 0
    return np.asarray(solved.transpose(1, 2, 0) * gate[:, None])


class _Skin:
    """Delta mush of one mesh."""

    def __init__(self, model: HandModel) -> None:
        self._faces = model.faces
        count = len(model.v_template)
        ends = (model.faces.ravel(), np.roll(model.faces, 1, axis=1).ravel())
        adjacency = sparse.coo_matrix((np.ones(model.faces.size), ends), (count, count)).tocsr()
        adjacency = ((adjacency + adjacency.T) > 0).astype(float)
        self._mean_of_neighbours = sparse.diags(1 / np.asarray(adjacency.sum(axis=1)).ravel()) @ adjacency
        self._first_neighbour = np.array([adjacency[v].indices.min() for v in range(count)])
        self._free = np.ones((count, 1))
        self._free[list(WRIST_LOOP)] = 0
        smooth = self._smoothed(model.v_template)
        self._detail = np.einsum("vba,vb->va", self._frames(smooth), model.v_template - smooth)

    def mushed(self, vertices: Floats) -> Floats:
        """The posed vertices (v, 3), smoothed, with the rest pose's detail."""
        smooth = self._smoothed(vertices)
        return smooth + np.einsum("vab,vb->va", self._frames(smooth), self._detail)

    def _smoothed(self, vertices: Floats) -> Floats:
        for _ in range(_SMOOTHINGS):
            vertices = vertices + _STEP * self._free * (self._mean_of_neighbours @ vertices - vertices)
        return np.asarray(vertices)

    def _frames(self, vertices: Floats) -> Floats:
        """A frame (v, 3, 3; columns) at each vertex: normal, an edge's direction, and their product."""
        normal = vertex_normals(vertices, self._faces)
        edge = vertices[self._first_neighbour] - vertices
        edge -= normal * (edge * normal).sum(axis=1, keepdims=True)
        edge /= np.linalg.norm(edge, axis=1, keepdims=True)
        return np.stack([normal, edge, np.cross(normal, edge)], axis=2)
