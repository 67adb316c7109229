"""All steps in order: from the body to a MANO-format hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import HandModel
from hint_tools.mano.topology import (
    CHAINS,
    N_BETAS,
    N_FACES,
    N_POSE,
    N_POSE_FEATURES,
    N_ROTATIONS,
    N_VERTICES,
    PARENTS,
    TIP_VERTICES,
    WRIST_LOOP,
)  # fmt: skip
from open_hand.correctives import learn_correctives
from open_hand.cut import cut_hand
from open_hand.number import numbering
from open_hand.people import average_person, random_person
from open_hand.rest import WRIST_AT_M, RestPose
from open_hand.source import MakeHuman
from open_hand.statistics import four_weights, joint_regressor, pose_space, shape_space
from open_hand.thin import ThinnedMesh

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]

PEOPLE, POSES, POSES_KEPT = 600, 4000, 1554
"""As many poses are kept as the licensed file holds."""
_CUT_BEHIND_WRIST_M = 0.016
_PALM = {"thumb": np.array([-0.35, -0.8, -0.45])}
_TIP_TOWARDS_PALM = 0.25
"""A fingertip keypoint sits a little on the palm's side of the outermost vertex."""
_TIP_OWNED = 0.6
_ROOT = 4294967295
"""How the format writes "no parent"."""


def make_hand(source: MakeHuman, seed: int, say: Callable[[str], None]) -> Arrays:
    """The arrays of the open hand, in the format's names; the same seed gives the same hand.

    Args:
        source: the base mesh.
        seed: of people and poses.
        say: told what is being done.
    """
    rng = np.random.default_rng(seed)
    average = average_person(source)
    rest = RestPose(source, average)
    say("cutting and thinning the mesh")
    mixing, faces = _thinned(source, rest, average)
    say(f"posing {PEOPLE} people")
    people = [rest.of(random_person(source, rng)) for _ in range(PEOPLE)]
    hands = np.array([mixing @ p.vertices for p in people])
    template, shapes = shape_space(hands, N_BETAS)
    regressor = joint_regressor(hands, np.array([p.joints for p in people]), rng)
    model = HandModel(
        v_template=template, shapedirs=shapes, posedirs=np.zeros((N_VERTICES, 3, N_POSE_FEATURES)),
        J_regressor=regressor, weights=four_weights(mixing @ rest.weights), faces=faces, parents=np.array(PARENTS),
        hands_mean=np.zeros(N_POSE), hands_components=np.eye(N_POSE), hands_coeffs=None,
        tips=np.array(TIP_VERTICES), name="unfinished", sha256="",
    )  # fmt: skip
    say(f"drawing {POSES} poses")
    anatomy = HandAnatomy.of(model, np.zeros(N_BETAS))
    poses = np.array([anatomy.draw(rng) for _ in range(POSES)])
    say("learning pose correctives")
    return _arrays(replace(model, posedirs=learn_correctives(model, poses, rng)), poses)


def _thinned(source: MakeHuman, rest: RestPose, average: Floats) -> tuple[sparse.csr_matrix, npt.NDArray[np.int64]]:
    """Matrix (778, n) that makes the hand's vertices from the body's, and its triangles."""
    rested = rest.of(average).vertices
    share = source.weights[:, :N_ROTATIONS].sum(axis=1)
    mixing, triangles = cut_hand(rested, source.triangles, share, WRIST_AT_M[0] + _CUT_BEHIND_WRIST_M)
    vertices, weights = mixing @ rested, mixing @ rest.weights
    tips = {finger: _fingertip(vertices, weights, finger, rest.directions[finger][2]) for finger in CHAINS}
    mesh = ThinnedMesh(vertices, triangles, set(tips.values()))
    ids, thin, loop = mesh.thin(N_VERTICES, len(WRIST_LOOP))
    if len(ids) != N_VERTICES or len(thin) != N_FACES or len(loop) != len(WRIST_LOOP):
        raise SystemExit(f"thinned to {len(ids)} vertices, {len(thin)} faces, loop of {len(loop)}")
    row = {int(v): k for k, v in enumerate(ids)}
    along = {finger: rest.directions[finger][2] for finger in CHAINS}
    rows = {finger: row[v] for finger, v in tips.items()}
    order = numbering(vertices[ids], thin, weights[ids].argmax(axis=1), rows, loop, along)
    number = np.argsort(order)
    return mixing[ids[order]], number[thin]


def _fingertip(vertices: Floats, weights: Floats, finger: str, along: Floats) -> int:
    own = np.flatnonzero(weights[:, CHAINS[finger][2]] > _TIP_OWNED)
    palm = _PALM.get(finger, np.array([0.0, -1.0, 0.0]))
    reach = vertices[own] @ (along + _TIP_TOWARDS_PALM * (palm - along * (palm @ along)))
    return int(own[reach.argmax()])


def _arrays(model: HandModel, poses: Floats) -> Arrays:
    mean, directions, coefficients = pose_space(poses)
    parents = np.array([_ROOT if p < 0 else p for p in PARENTS])
    real = {
        "v_template": model.v_template,
        "shapedirs": model.shapedirs,
        "posedirs": model.posedirs,
        "J_regressor": model.J_regressor,
        "weights": model.weights,
        "hands_mean": mean,
        "hands_components": directions,
        "hands_coeffs": coefficients[:POSES_KEPT],
    }
    arrays: Arrays = {key: value.astype(np.float32) for key, value in real.items()}
    arrays["f"] = model.faces.astype(np.uint32)
    arrays["kintree_table"] = np.stack([parents, np.arange(N_ROTATIONS)]).astype(np.int64)
    return arrays
