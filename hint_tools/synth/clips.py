"""Moving pictures: hands that work for some seconds, filmed from their owner's head, with the truth of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.core.geometry import box_of_points, clip_box
from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.synth.background import Picture, paint_background
from hint_tools.synth.motion import move
from hint_tools.synth.render import MOVING, Sensor, expose, render, sample_light
from hint_tools.synth.scene import HandState, Held, Person, compose, held_by, hold, place, sample_state
from hint_tools.synth.stills import hand_center, truths
from hint_tools.synth.truth import TruthHand

Floats = npt.NDArray[np.float64]
Rgb = npt.NDArray[np.uint8]

KEY_EVERY = 38
"""Frames from one key pose to the next: a little more than a second."""
_TURN_DEG = 16.0
_WANDER = 0.05
"""How far a hand moves between key poses, as a share of the picture's width (standard deviation)."""
_MARGIN = 1.2
"""The background is painted this much larger than the picture, so that the head can move."""
_FOCAL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlan:
    """What a clip shows.

    Args:
        file: its name in the truth.
        person: whose hands.
        sides: which of them.
        where: one of `background.PLACES`.
        held: name of the thing in the first hand; empty for none.
        view: `egocentric` or `upright`.
        n_frames: its length.
        width_px: of the picture.
        height_px: of the picture.
    """

    file: str
    person: Person
    sides: tuple[Side, ...]
    where: str
    held: str
    view: str
    n_frames: int
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrame:
    """One frame and what is true of it.

    Args:
        picture: `(height, width, 3)` RGB.
        hands: true hands inside the image.
        object_box: x0, y0, x1, y1 px of the held thing, or None.
    """

    picture: Rgb
    hands: tuple[TruthHand, ...]
    object_box: Floats | None


def film(rng: np.random.Generator, model: HandModel, plan: ClipPlan) -> Iterator[ClipFrame]:
    """The clip's frames, one after the other.

    Args:
        rng: decides everything that the plan leaves open.
        model: hand model.
        plan: what the clip shows.
    """
    camera = Camera.centered(_FOCAL * max(plan.width_px, plan.height_px), plan.width_px, plan.height_px)
    held, movements = _choreography(rng, model, plan, camera)
    light = sample_light(rng)
    sensor = Sensor(float(rng.uniform(0.004, 0.012)), 0.0, 0.0, float(rng.uniform(0, 0.2)))
    wide = paint_background(rng, plan.where, int(plan.width_px * _MARGIN), int(plan.height_px * _MARGIN))
    views = _head_path(rng, plan)
    for index in range(plan.n_frames):
        states = [m[index] for m in movements]
        composed = compose(model, states, held, [])
        behind = cv2.warpAffine(wide, views[index], (plan.width_px, plan.height_px), borderMode=cv2.BORDER_REFLECT)
        picture, raster = render(composed.mesh, camera, light, np.asarray(behind, np.float32), MOVING)
        box = _object_box(composed.things, camera)
        yield ClipFrame(
            expose(picture, sensor, rng), truths(model, plan.file, index, states, composed, raster, camera), box
        )


def _choreography(
    rng: np.random.Generator, model: HandModel, plan: ClipPlan, camera: Camera
) -> tuple[list[Held], list[tuple[HandState, ...]]]:
    """What is held, and every hand at every frame."""
    n_keys = max(2, plan.n_frames // KEY_EVERY + 1)
    size_px = plan.height_px * rng.uniform(0.44, 0.56)
    held: list[Held] = []
    movements = []
    for number, side in enumerate(plan.sides):
        grip = None
        if number == 0 and plan.held:
            grip, item = hold(rng, model, plan.held)
            held = [held_by(item, 0, side)]
        first = sample_state(rng, model, side, plan.view, person=plan.person, hand_pose=grip)
        center = hand_center(rng, camera, side, len(plan.sides), cut_off=0.0)
        keys = []
        for _ in range(n_keys):
            fresh = first if grip is not None else _with_pose_of(rng, model, first, plan)
            turned = _turned(rng, fresh)
            at = center + rng.normal(0, _WANDER, 2) * plan.width_px
            keys.append(place(model, turned, camera, at, size_px * rng.uniform(0.95, 1.05)))
        movements.append(move(rng, keys, plan.n_frames).states)
    return held, movements


def _with_pose_of(rng: np.random.Generator, model: HandModel, state: HandState, plan: ClipPlan) -> HandState:
    """The hand with other fingers."""
    return replace(state, hand_pose=sample_state(rng, model, state.side, plan.view, person=plan.person).hand_pose)


def _turned(rng: np.random.Generator, state: HandState) -> HandState:
    turn = Rotation.from_rotvec(rng.normal(0, np.deg2rad(_TURN_DEG), 3))
    return replace(state, global_orient=(turn * Rotation.from_rotvec(state.global_orient)).as_rotvec())


def _head_path(rng: np.random.Generator, plan: ClipPlan) -> list[npt.NDArray[np.float64]]:
    """Affine maps (2, 3) from the wide background to each frame: slow looking around."""
    slack = (_MARGIN - 1) * np.array([plan.width_px, plan.height_px])
    knots = rng.uniform(0.15, 0.85, (max(2, plan.n_frames // 45 + 2), 2)) * slack
    at = np.linspace(0, len(knots) - 1, plan.n_frames)
    share = at - np.floor(at)
    eased = np.floor(at) + share * share * (3 - 2 * share)
    path = np.stack([np.interp(eased, np.arange(len(knots)), knots[:, k]) for k in range(2)], axis=1)
    return [np.array([[1, 0, -x], [0, 1, -y]]) for x, y in path]


def _object_box(things: tuple[Picture | Floats, ...], camera: Camera) -> Floats | None:
    if not things:
        return None
    box = clip_box(box_of_points(camera.project(np.asarray(things[0]))), camera.width_px, camera.height_px)
    return box if bool((box[2:] - box[:2] > 2).all()) else None
