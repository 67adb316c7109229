"""A posed hand as a coloured mesh: skin of any tone, lighter palm, reddish knuckles and tips, nails, and an arm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.joint_visibility import face_parts
from hint_tools.mano.shade import vertex_normals
from hint_tools.mano.topology import CHAINS, WRIST_LOOP
from hint_tools.synth.mesh import Mesh, join

Floats = npt.NDArray[np.float64]

_TONES = np.array(
    [
        [0.96, 0.82, 0.74],
        [0.91, 0.73, 0.62],
        [0.84, 0.62, 0.48],
        [0.72, 0.50, 0.37],
        [0.57, 0.38, 0.27],
        [0.42, 0.27, 0.19],
        [0.30, 0.19, 0.14],
        [0.22, 0.14, 0.11],
    ]
)
"""Skin under white light, sRGB, from the palest to the darkest."""
_THUMB_DORSAL = np.array([0.45, 0.62, 0.64])
"""Where the thumb's nail faces in the flat hand (fingers -x, back +y, thumb +z)."""
_FINGER_DORSAL = np.array([0.0, 1.0, 0.0])
_NAIL_HALF_M = (0.0062, 0.0052)
"""Half length and half width of a nail."""
_ARM_LENGTH_M = 0.42
_ARM_RINGS = 9
_ARM_SWELL = 0.5
"""How much thicker the arm is towards the elbow, as a share of the wrist."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a hand is dressed in.

    Args:
        skin: `(3,)` sRGB of the back of the hand.
        sleeve: `(3,)` sRGB, or None for a bare arm.
        cuff: where the sleeve begins, as a share of the forearm from the wrist.
        gloss: strength of the skin's highlight.
    """

    skin: Floats
    sleeve: Floats | None
    cuff: float
    gloss: float


def sample_look(rng: np.random.Generator) -> Look:
    """A look: skin tones spread evenly over the whole range, a sleeve in half of the cases."""
    place = rng.uniform(0, len(_TONES) - 1.001)
    low = int(place)
    skin = _TONES[low] * (1 - (place - low)) + _TONES[low + 1] * (place - low)
    sleeve = rng.uniform(0.05, 0.85) + rng.uniform(-0.15, 0.15, 3) if rng.random() < 0.5 else None
    return Look(
        skin=np.clip(skin + rng.normal(0, 0.012, 3), 0, 1),
        sleeve=None if sleeve is None else np.clip(sleeve, 0.02, 0.98),
        cuff=float(rng.uniform(0.1, 0.6)),
        gloss=float(rng.uniform(0.03, 0.16)),
    )


@lru_cache(maxsize=4)
def _rest(model: HandModel) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the flat hand: palm-ness, nearness to tips, nearness to knuckles (each (778,)), and the nail field."""
    v = model.v_template
    joints = model.J_regressor @ v
    normals = vertex_normals(v, model.faces)
    palm = np.clip(-normals[:, 1] * 1.5 + 0.1, 0, 1)
    tips = np.linalg.norm(v[:, None] - v[model.tips], axis=2).min(axis=1)
    bent = [j for chain in CHAINS.values() for j in chain[:2]]
    knuckles = np.linalg.norm(v[:, None] - joints[bent], axis=2).min(axis=1)
    return palm, np.exp(-((tips / 0.012) ** 2)), np.exp(-((knuckles / 0.011) ** 2)), _nail_field(model, joints, normals)


def _nail_field(model: HandModel, joints: Floats, normals: Floats) -> Floats:
    """Above 0 within a nail: 1 at its centre, 0 at the rim of an ellipse, -1 far from any."""
    v = model.v_template
    field: Floats = np.full(len(v), -1.0)
    for tip, finger in zip(model.tips, ("thumb", "index", "middle", "ring", "pinky"), strict=True):
        along = v[tip] - joints[CHAINS[finger][2]]
        along = along / np.linalg.norm(along)
        dorsal = _THUMB_DORSAL if finger == "thumb" else _FINGER_DORSAL
        up = dorsal - along * (dorsal @ along)
        across = np.cross(along, up / np.linalg.norm(up))
        half = np.array(_NAIL_HALF_M) * {"thumb": 1.25, "pinky": 0.8}.get(finger, 1.0)
        offset = v - (v[tip] - 0.85 * half[0] * along)
        radius = np.hypot(offset @ along / half[0], offset @ across / half[1])
        near = (normals @ dorsal > 0.35) & (np.linalg.norm(offset, axis=1) < 3 * half[0])
        field = np.where(near, np.maximum(field, 1 - radius), field)
    return np.asarray(np.clip(field, -1, 1))


def skin_colours(model: HandModel, look: Look) -> Floats:
    """Colour of every vertex `(778, 3)`, sRGB in [0, 1]."""
    palm, tip, knuckle, _ = _rest(model)
    pale = 0.62 * look.skin + 0.38 * np.array([0.93, 0.72, 0.62])
    colours = look.skin + 0.75 * palm[:, None] * (pale - look.skin)
    colours = colours + tip[:, None] * np.array([0.05, -0.025, -0.015])
    colours = colours + ((1 - palm) * knuckle)[:, None] * np.array([0.0, -0.05, -0.045])
    return np.asarray(np.clip(colours, 0, 1))


def hand_mesh(
    model: HandModel, vertices: Floats, root: Floats, side: Side, look: Look, owner: int, *, wrist_bend: Floats
) -> Mesh:
    """The hand with its forearm.

    Args:
        model: the hand's model.
        vertices: `(778, 3)` posed, m, camera frame.
        root: `(3, 3)` rotation of the wrist.
        side: of the hand; a left hand's faces are turned over.
        look: its colours.
        owner: number of the hand within the scene.
        wrist_bend: `(3,)` added to the unit direction of the arm, hand frame: how the wrist is bent.
    """
    hand = Mesh(
        vertices=vertices,
        faces=model.faces,
        colours=skin_colours(model, look),
        nail=_rest(model)[3],
        owner=np.full(len(model.faces), owner, np.int64),
        part=face_parts(model.weights, model.faces),
        gloss=np.full(len(model.faces), look.gloss),
    )
    mirror = np.array([-1.0, 1, 1]) if side is Side.LEFT else np.ones(3)
    away = root @ (mirror * (np.array([1.0, 0, 0]) + wrist_bend))
    arm = _forearm(vertices[list(WRIST_LOOP)], away / np.linalg.norm(away), hand.colours[list(WRIST_LOOP)], look, owner)
    whole = join([hand, arm])
    if side is Side.RIGHT:
        return whole
    return Mesh(whole.vertices, whole.faces[:, ::-1], whole.colours, whole.nail, whole.owner, whole.part, whole.gloss)


def _forearm(loop: Floats, away: Floats, colours: Floats, look: Look, owner: int) -> Mesh:
    """Rings from the wrist's loop `(16, 3)` to the elbow; a sleeve is a second, wider tube over them."""
    center = loop.mean(axis=0)
    shares = np.linspace(0, 1, _ARM_RINGS)
    rings = [center + (loop - center) * (1 + _ARM_SWELL * t) + away * _ARM_LENGTH_M * t for t in shares]
    skin = np.broadcast_to(colours.mean(axis=0), colours.shape)
    arm = _tube(rings, [colours, *[skin] * (_ARM_RINGS - 1)], owner, look.gloss)
    if look.sleeve is None:
        return arm
    shares = np.array([look.cuff, look.cuff, *np.linspace(look.cuff + 0.08, 1.05, 5)])
    widths = np.array([1.02, 1.24, 1.3, 1.3, 1.34, 1.36, 1.38])
    rings = [
        center + (loop - center) * (1 + _ARM_SWELL * t) * w + away * _ARM_LENGTH_M * t
        for t, w in zip(shares, widths, strict=True)
    ]
    cloth = [np.broadcast_to(look.sleeve * f, loop.shape) for f in (0.6, 0.9, 1.0, 0.95, 1.0, 0.97, 1.0)]
    return join([arm, _tube(rings, cloth, owner, 0.0)])


def _tube(rings: list[Floats], colours: list[Floats], owner: int, gloss: float) -> Mesh:
    n = len(rings[0])
    a = np.arange(n)
    b = (a + 1) % n
    faces = []
    for k in range(len(rings) - 1):
        low, high = k * n, (k + 1) * n
        faces += [np.stack([low + a, low + b, high + a], 1), np.stack([low + b, high + b, high + a], 1)]
    joined = np.concatenate(faces)
    return Mesh(
        vertices=np.concatenate(rings),
        faces=joined,
        colours=np.concatenate(colours),
        nail=np.full(n * len(rings), -1.0),
        owner=np.full(len(joined), owner, np.int64),
        part=np.zeros(len(joined), np.int64),
        gloss=np.full(len(joined), gloss),
    )
