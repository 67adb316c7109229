"""Hand poses a person can make: joint angles within their limits, no finger through another.

A pose is first drawn as anatomical angles (flexion, abduction, twist of each joint), then turned
into axis-angle numbers about the axes of the model's own flat hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.mano.assets import HandModel
from hint_tools.mano.collision import HandCapsules
from hint_tools.mano.kinematics import matrix_to_axis_angle, rodrigues
from hint_tools.mano.topology import CHAINS

Floats = npt.NDArray[np.float64]

LONG_FINGERS: Final = ("index", "middle", "ring", "pinky")
MODES: Final = MappingProxyType(
    {"free": 0.35, "open": 0.18, "relaxed": 0.13, "fist": 0.12, "point": 0.12, "pinch": 0.10}
)
"""Kinds of pose and how often `sample_hand_pose` draws each."""

LIMITS_DEG: Final = MappingProxyType(
    {
        "mcp": ((-20.0, 92.0), (-18.0, 18.0), (-5.0, 5.0)),
        "pip": ((-3.0, 110.0), (0.0, 0.0), (0.0, 0.0)),
        "dip": ((-5.0, 80.0), (0.0, 0.0), (0.0, 0.0)),
        "thumb_cmc": ((-18.0, 42.0), (-28.0, 22.0), (-12.0, 35.0)),
        "thumb_mcp": ((-10.0, 60.0), (-8.0, 8.0), (0.0, 0.0)),
        "thumb_ip": ((-20.0, 80.0), (0.0, 0.0), (0.0, 0.0)),
    }
)
"""Lowest and highest flexion, abduction (towards the thumb) and twist of each kind of joint, in degrees.

Active ranges of healthy adults, rounded (American Academy of Orthopaedic Surgeons' tables); hyperextension
of the thumb included.
"""

_JOINT_KINDS: Final = ("mcp", "pip", "dip") * 4 + ("thumb_cmc", "thumb_mcp", "thumb_ip")
_LOW, _HIGH = (
    np.array([[LIMITS_DEG[kind][axis][end] for axis in range(3)] for kind in _JOINT_KINDS]) for end in (0, 1)
)
_FULL_CURL_DEG: Final = (85.0, 100.0)
"""MCP and PIP flexion of a fully curled finger."""
_DIP_PER_PIP: Final = 0.62
"""The last joint follows the middle one, pulled by the same tendon (about 2/3)."""
_SPREAD: Final = MappingProxyType({"index": 1.0, "middle": 0.15, "ring": -0.5, "pinky": -1.0})
_THUMB_BACK: Final = (0.45, 0.62, 0.64)
"""Direction the thumbnail looks in the flat hand (fingers along -x, back of the hand +y, thumb at +z)."""
MAX_TRIES: Final = 64
"""Poses drawn before the least colliding one is taken; at worst (fists) three of four collide."""


@dataclass(frozen=True, slots=True, eq=False)
class HandAnatomy:
    """Joint axes and capsules of one hand shape.

    Args:
        axes: (15, 3, 3) for each finger joint the twist, flexion and abduction axis (rows), right hand,
            positive flexion towards the palm.
        capsules: what the collision test sees.
    """

    axes: Floats
    capsules: HandCapsules

    @classmethod
    def of(cls, model: HandModel, betas: npt.ArrayLike) -> HandAnatomy:
        """The anatomy of `model` with shape `betas` (10,)."""
        shaped = model.v_template + model.shapedirs @ np.asarray(betas, dtype=np.float64)
        joints = model.J_regressor @ shaped
        return cls(axes=_joint_axes(joints), capsules=HandCapsules.of(model, shaped, joints))

    def to_axis_angle(self, angles_rad: Floats) -> Floats:
        """Axis-angle numbers (45,) of angles (15, 3): flexion, abduction, twist; abduction is applied last."""
        twist, flexion, abduction = (
            rodrigues(self.axes[:, axis] * angles_rad[:, [k]]) for axis, k in ((0, 2), (1, 0), (2, 1))
        )
        return np.asarray(matrix_to_axis_angle(abduction @ flexion @ twist).reshape(45))

    def draw(self, rng: np.random.Generator, *, wide: bool = False) -> Floats:
        """A pose (45,) in which no finger runs through another; `wide`: every angle uniform in its limits."""
        mode = "" if wide else str(rng.choice(list(MODES), p=list(MODES.values())))
        best: Floats = np.zeros(45)
        least = np.inf
        for _ in range(MAX_TRIES):
            angles = rng.uniform(_LOW, _HIGH) if wide else _natural_angles_deg(rng, mode)
            pose = self.to_axis_angle(np.radians(angles))
            overlap = self.capsules.overlap_m(rodrigues(pose.reshape(15, 3)))
            if overlap <= 0:
                return pose
            if overlap < least:
                best, least = pose, overlap
        return best


def sample_hand_pose(rng: np.random.Generator, model: HandModel, betas: npt.ArrayLike) -> Floats:
    """A natural pose (45,) axis-angle in rad of a right hand with shape `betas` (10,), free of collisions.

    Of a left hand it is the same pose times `kinematics.MIRROR_AXIS_ANGLE`, joint by joint.
    """
    return HandAnatomy.of(model, betas).draw(rng)


def sample_wide_pose(rng: np.random.Generator, model: HandModel, betas: npt.ArrayLike) -> Floats:
    """As `sample_hand_pose`, with every joint angle uniform within `LIMITS_DEG`, each on its own."""
    return HandAnatomy.of(model, betas).draw(rng, wide=True)


def _joint_axes(joints: Floats) -> Floats:
    axes = np.zeros((15, 3, 3))
    for finger, chain in CHAINS.items():
        back = np.array(_THUMB_BACK if finger == "thumb" else (0.0, 1.0, 0.0))
        for place, joint in enumerate(chain):
            start, end = (chain[1], chain[2]) if place == 2 else (joint, chain[place + 1])
            along = joints[end] - joints[start]
            along /= np.linalg.norm(along)
            up = back - along * (back @ along)
            up /= np.linalg.norm(up)
            axes[joint - 1] = along, np.cross(up, along), up
    return axes


def _natural_angles_deg(rng: np.random.Generator, mode: str) -> Floats:
    """Angles (15, 3) in degrees of one pose of a mode: each finger around what the mode asks of it."""
    curls = _curls(rng, mode)
    spread = rng.normal(0, 5)
    angles = np.zeros((15, 3))
    for finger in LONG_FINGERS:
        curl, base = curls[finger], CHAINS[finger][0] - 1
        straightness = 1 - 0.8 * np.clip(curl, 0, 1)
        bend = curl * np.array(_FULL_CURL_DEG) + rng.normal(0, (10, 8))
        sideways = (_SPREAD[finger] * spread + rng.normal(0, 3)) * straightness
        angles[base] = bend[0], sideways, rng.normal(0, 2)
        angles[base + 1, 0] = bend[1]
        angles[base + 2, 0] = _DIP_PER_PIP * max(bend[1], 0) + rng.normal(0, 6)
    angles[12:] = _thumb(rng, mode)
    return np.clip(angles, _LOW, _HIGH)


def _curls(rng: np.random.Generator, mode: str) -> dict[str, float]:
    """How far each long finger is curled, 0 straight to 1 full."""
    center = {"fist": 0.86, "open": 0.06, "relaxed": 0.3, "pinch": 0.4}.get(mode)
    if center is not None:
        return {f: float(np.clip(rng.normal(center, 0.09), -0.1, 1.05)) for f in LONG_FINGERS}
    if mode == "point":
        straight = {f: rng.random() < (0.85 if f == "index" else 0.35) for f in LONG_FINGERS}
        return {f: float(rng.uniform(0.05, 0.15) if s else rng.uniform(0.8, 1.05)) for f, s in straight.items()}
    common = rng.beta(1.3, 1.6)
    own = {f: 0.65 * common + 0.35 * rng.random() + rng.normal(0, 0.08) for f in LONG_FINGERS}
    return {f: float(np.clip(c, -0.1, 1.05)) for f, c in own.items()}


def _thumb(rng: np.random.Generator, mode: str) -> Floats:
    """Angles (3, 3) in degrees: opposition moves all three joints together."""
    center, width = {
        "fist": (0.45, 0.25),
        "pinch": (0.6, 0.12),
        "point": (0.5, 0.2),
        "relaxed": (0.25, 0.12),
        "open": (0.0, 0.12),
    }.get(mode, (0.5, 0.32))
    opposition = rng.normal(center, width)
    angles = np.zeros((3, 3))
    angles[0] = -8 + 35 * opposition, -12 * opposition, 25 * opposition
    angles[0] += rng.normal(0, (6, 9, 6))
    angles[1, 0] = rng.normal(8 + 30 * opposition, 9)
    angles[2, 0] = rng.normal(10 + 35 * opposition, 14)
    return angles
