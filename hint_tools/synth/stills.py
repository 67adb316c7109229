"""Single pictures: one or two hands, upright or from their owner's eyes, with things in them and before them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.ids import order_key
from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.raster import Raster
from hint_tools.synth.background import paint_background
from hint_tools.synth.mesh import Mesh
from hint_tools.synth.render import STILL, expose, render, sample_light, sample_sensor
from hint_tools.synth.scene import (
    HELD,
    Composed,
    HandState,
    Held,
    Person,
    compose,
    held_by,
    hold,
    in_front,
    place,
    sample_person,
    sample_state,
)
from hint_tools.synth.truth import TruthHand, truth_of

Rgb = npt.NDArray[np.uint8]

HIDING = ("can", "screwdriver", "hammer", "box", "ball")
_TWO_HANDS = 0.3
_HOLDS = 0.4
_HIDDEN = 0.25
_CUT_OFF = 0.12
_FOCAL = (0.85, 1.4)
"""Focal length as a share of the picture's longer side: 40 to 60 degrees of view."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A picture and what is true of it."""

    picture: Rgb
    hands: tuple[TruthHand, ...]


def seeded(seed: int, *parts: str | int) -> np.random.Generator:
    """A generator that depends on nothing but `seed` and `parts`."""
    return np.random.default_rng(int(order_key(seed, *parts)[:16], 16))


def make_still(
    rng: np.random.Generator, model: HandModel, *, file: str, where: str, view: str, width_px: int, height_px: int,
    max_hands: int = 2,
) -> Still:  # fmt: skip
    """A picture of somebody's hands.

    Args:
        rng: decides everything.
        model: hand model.
        file: what the picture will be called; goes into the truth.
        where: one of `background.PLACES`.
        view: `upright` or `egocentric`.
        width_px: of the picture.
        height_px: of the picture.
        max_hands: 1 or 2.
    """
    camera = Camera.centered(float(rng.uniform(*_FOCAL)) * max(width_px, height_px), width_px, height_px)
    two = max_hands == 2 and rng.random() < _TWO_HANDS
    sides = (Side.LEFT, Side.RIGHT) if two else (Side.LEFT if rng.random() < 0.45 else Side.RIGHT,)
    states, held = _people(rng, model, camera, sides, view, sample_person(rng))
    free: list[Mesh] = []
    if not held and rng.random() < _HIDDEN:
        hidden = states[int(rng.integers(len(states)))]
        free.append(in_front(rng, camera, hidden.posed(model), str(rng.choice(HIDING))))
    composed = compose(model, states, held, free)
    background = paint_background(rng, where, width_px, height_px)
    picture, raster = render(composed.mesh, camera, sample_light(rng), background, STILL)
    return Still(
        picture=expose(picture, sample_sensor(rng), rng),
        hands=truths(model, file, -1, states, composed, raster, camera),
    )


def truths(
    model: HandModel, file: str, frame_index: int, states: list[HandState], composed: Composed, raster: Raster,
    camera: Camera,
) -> tuple[TruthHand, ...]:  # fmt: skip
    """The truth of every hand of a rendered scene that is inside the image."""
    found = (
        truth_of(
            file=file,
            frame_index=frame_index,
            state=state,
            posed=posed,
            number=number,
            mesh=composed.mesh,
            raster=raster,
            camera=camera,
            hand_model=model.identity,
        )
        for number, (state, posed) in enumerate(zip(states, composed.hands, strict=True))
    )
    return tuple(t for t in found if t is not None)


def _people(
    rng: np.random.Generator, model: HandModel, camera: Camera, sides: tuple[Side, ...], view: str, person: Person
) -> tuple[list[HandState], list[Held]]:
    """The hands of one person, the first perhaps with something in it."""
    holds = rng.random() < _HOLDS
    size_px = min(camera.width_px, camera.height_px) * rng.uniform(0.45, 0.66) * (0.85 if len(sides) == 2 else 1.0)
    states: list[HandState] = []
    held: list[Held] = []
    for number, side in enumerate(sides):
        pose = None
        if number == 0 and holds:
            pose, item = hold(rng, model, str(rng.choice(HELD)))
            held = [held_by(item, 0, side)]
        state = sample_state(rng, model, side, view, person=person, hand_pose=pose)
        center = hand_center(rng, camera, side, len(sides))
        states.append(place(model, state, camera, center, size_px * rng.uniform(0.95, 1.05)))
    return states, held


def hand_center(
    rng: np.random.Generator, camera: Camera, side: Side, n_hands: int, *, cut_off: float = _CUT_OFF
) -> npt.NDArray[np.float64]:
    """Where the middle of a hand is seen, px `(2,)`: a left hand further left when there are two."""
    at = np.array([rng.uniform(0.36, 0.64), rng.uniform(0.38, 0.6)])
    if n_hands == 2:
        at[0] = rng.uniform(0.24, 0.34) if side is Side.LEFT else rng.uniform(0.66, 0.76)
    if rng.random() < cut_off:
        edge = int(rng.integers(3))
        at = np.array([[0.08, at[1]], [0.92, at[1]], [at[0], 0.12]][edge])
    return np.asarray(at * np.array([camera.width_px - 1, camera.height_px - 1]))
