"""MANO's rest pose: a flat right hand, fingers to -x, back of the hand up (+y), thumb to +z, in metres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.mano.topology import CHAINS, N_ROTATIONS
from open_hand.source import FINGER_NUMBER, MakeHuman

Floats = npt.NDArray[np.float64]

WRIST_SHIFT, KNUCKLE_SHIFT = 0.09, 0.05
"""MakeHuman marks the wrist 1 cm too near the elbow and the knuckles 0.5 cm too near the fingertips for the
21-keypoint convention: both are moved by these shares of the palm's length."""
WRIST_AT_M = np.array([0.0957, 0.0064, 0.0062])
"""Where the wrist joint rests; a convention."""
_METRES_PER_DM = 0.1
_SLOPE, _SPREAD_KEPT = -0.02, 0.75
"""Straight fingers dip a little towards the palm and keep most of their spread."""
_KNUCKLES = [chain[0] for finger, chain in CHAINS.items() if finger != "thumb"]


@dataclass(frozen=True)
class Rested:
    """A person's hand in the rest pose: chosen vertices (n, 3), joints (16, 3), fingertips (5, 3), metres."""

    vertices: Floats
    joints: Floats
    tips: Floats


class RestPose:
    """Brings every person into the same pose: bones point where the average person's do.

    Args:
        source: the base mesh.
        average: vertices of the average person, dm.
    """

    def __init__(self, source: MakeHuman, average: Floats) -> None:
        self._source = source
        self._weights = source.weights[:, :N_ROTATIONS].copy()
        self._weights[:, 0] += source.weights[:, N_ROTATIONS]  # the forearm stays with the wrist
        _, joints, tips = self._upright(average)
        self.directions = {f: _straight(f, _segments(joints, tips, f)) for f in CHAINS}

    @property
    def weights(self) -> Floats:
        """(n, 16) skinning weights of the base mesh, forearm with the wrist."""
        return self._weights

    def of(self, person: Floats) -> Rested:
        """A person's hand, all of the body's vertices, in the rest pose."""
        vertices, joints, tips = self._upright(person)
        turned, placed, placed_tips = np.tile(np.eye(3), (N_ROTATIONS, 1, 1)), joints.copy(), tips.copy()
        for number, (finger, chain) in enumerate(CHAINS.items()):
            rotation = np.eye(3)
            for bone, (joint, segment) in enumerate(zip(chain, _segments(joints, tips, finger), strict=True)):
                rotation = _shortest_turn(rotation @ segment, self.directions[finger][bone]) @ rotation
                turned[joint] = rotation
                end = placed[joint] + rotation @ segment
                if bone < 2:
                    placed[chain[bone + 1]] = end
                else:
                    placed_tips[number] = end
        shift = placed - np.einsum("jab,jb->ja", turned, joints)
        linear = np.einsum("vj,jab->vab", self._weights, turned)
        posed = np.einsum("vab,vb->va", linear, vertices) + self._weights @ shift
        return Rested(posed + WRIST_AT_M, placed + WRIST_AT_M, placed_tips + WRIST_AT_M)

    def _upright(self, person: Floats) -> tuple[Floats, Floats, Floats]:
        """Vertices, joints and tips in the hand's axes, wrist at the origin, metres."""
        joints, tips = self._marks(person)
        x = joints[0] - joints[CHAINS["middle"][0]]
        x /= np.linalg.norm(x)
        z = joints[CHAINS["index"][0]] - joints[CHAINS["pinky"][0]]
        z -= x * (z @ x)
        z /= np.linalg.norm(z)
        axes = np.stack([x, np.cross(z, x), z]).T * _METRES_PER_DM
        origin = joints[0]
        return (person - origin) @ axes, (joints - origin) @ axes, (tips - origin) @ axes

    def _marks(self, person: Floats) -> tuple[Floats, Floats]:
        """Joints (16, 3) and fingertips (5, 3) from the marker cubes, moved to the keypoint convention."""

        def mark(finger: str, place: int) -> Floats:
            cube = self._source.cubes[f"finger-{FINGER_NUMBER[finger]}-{place}"]
            return np.asarray(person[cube].mean(axis=0))

        wrist = person[self._source.cubes["hand"]].mean(axis=0)
        joints = np.array([wrist, *(mark(f, k) for f in CHAINS for k in (1, 2, 3))])
        joints[0] += WRIST_SHIFT * (joints[_KNUCKLES].mean(axis=0) - wrist)
        joints[_KNUCKLES] -= KNUCKLE_SHIFT * (joints[_KNUCKLES] - wrist)
        return joints, np.array([mark(f, 4) for f in CHAINS])


def _segments(joints: Floats, tips: Floats, finger: str) -> list[Floats]:
    chain, tip = CHAINS[finger], tips[list(CHAINS).index(finger)]
    points = [*(joints[j] for j in chain), tip]
    return [b - a for a, b in pairwise(points)]


def _straight(finger: str, segments: list[Floats]) -> list[Floats]:
    """Directions of a finger's bones in the rest pose."""
    if finger == "thumb":  # keeps its own direction, nearly straight
        units = [s / np.linalg.norm(s) for s in segments]
        middle = (units[1] + units[2]) / 2
        return [units[0], (units[1] + middle) / 2, (units[2] + middle) / 2]
    whole = np.sum(segments, axis=0)
    sideways = whole[2] / np.linalg.norm(whole) * _SPREAD_KEPT
    return [np.array([-np.sqrt(1 - sideways**2 - _SLOPE**2), _SLOPE, sideways])] * 3


def _shortest_turn(a: Floats, b: Floats) -> Floats:
    """The rotation with the smallest angle that takes the direction of `a` to that of `b`."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    if sine < 1e-12:
        return np.eye(3)
    return np.asarray(Rotation.from_rotvec(axis / sine * np.arctan2(sine, a @ b)).as_matrix())
