"""Hands and things in front of a camera: how they are posed, placed and held, and what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from hint_tools.core.records import Side
from hint_tools.mano.anatomy import sample_hand_pose
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import MIRROR_AXIS_ANGLE, PosedHand, pose_hand, pose_hands, rodrigues
from hint_tools.synth.hands import Look, hand_mesh, sample_look
from hint_tools.synth.mesh import Mesh, join
from hint_tools.synth.objects import make_object, moved

Floats = npt.NDArray[np.float64]

_BACK = np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])
"""Flat hand (fingers -x, back +y, thumb +z) to camera: fingers up, back of the hand towards the camera."""
_PALM = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
"""The same with the palm towards the camera."""
FLAT_HAND_M = 0.181
"""Wrist to middle fingertip of the mean hand."""
_KNUCKLES = (5, 9, 13, 17)
_GRIP_JOINTS = (3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20)
_GRIP_CANDIDATES = 48
_SKIN_OVER_BONE_M = 0.008
_PALM_OVER_BONE_M = 0.012
HELD = ("can", "bottle", "box", "ball", "hammer", "screwdriver", "cup")
_GRIP_AT_M = {"hammer": 0.04, "screwdriver": 0.025}
"""Where along a tool the hand closes, behind its origin."""


@dataclass(frozen=True, slots=True, eq=False)
class HandState:
    """One hand at one moment, by its parameters (those of its own side's model).

    Args:
        side: left or right.
        global_orient: `(3,)` axis-angle, rad, camera frame.
        hand_pose: `(45,)` axis-angle, rad, relative to the flat hand.
        betas: `(10,)` shape.
        transl: `(3,)` m.
        look: colours and sleeve.
        wrist_bend: `(3,)`, how the forearm leaves the hand.
    """

    side: Side
    global_orient: Floats
    hand_pose: Floats
    betas: Floats
    transl: Floats
    look: Look
    wrist_bend: Floats

    def posed(self, model: HandModel) -> PosedHand:
        """Vertices and joints, m, camera frame."""
        return pose_hand(model, self.global_orient, self.hand_pose, self.betas, self.transl, self.side)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A thing in a hand: it moves as the wrist moves.

    Args:
        mesh: about its own origin.
        hand: number of the hand that holds it.
        rotation: `(3, 3)` of the thing in the wrist's frame.
        offset: `(3,)` m from the wrist joint, in the wrist's frame.
    """

    mesh: Mesh
    hand: int
    rotation: Floats
    offset: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A scene as triangles, with its posed hands.

    Args:
        mesh: hands with arms and all things.
        hands: posed hands, in the order of the states.
        things: `(k, n_i, 3)` vertices of each thing, for boxes around them.
    """

    mesh: Mesh
    hands: tuple[PosedHand, ...]
    things: tuple[Floats, ...]


def compose(model: HandModel, states: Sequence[HandState], held: Sequence[Held], free: Sequence[Mesh]) -> Composed:
    """The scene's triangles: hands, what they hold, and things that stand by themselves (camera frame)."""
    posed = tuple(s.posed(model) for s in states)
    meshes = [
        hand_mesh(model, p.vertices, rodrigues(s.global_orient), s.side, s.look, number, wrist_bend=s.wrist_bend)
        for number, (s, p) in enumerate(zip(states, posed, strict=True))
    ]
    things = [_in_hand(item, states[item.hand], posed[item.hand]) for item in held] + list(free)
    return Composed(mesh=join(meshes + things), hands=posed, things=tuple(t.vertices for t in things))


def _in_hand(item: Held, state: HandState, posed: PosedHand) -> Mesh:
    root = rodrigues(state.global_orient)
    return moved(item.mesh, root @ item.rotation, posed.joints[0] + root @ item.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Whose hands they are: both have one shape, one skin and one kind of sleeve."""

    betas: Floats
    look: Look


def sample_person(rng: np.random.Generator) -> Person:
    """Somebody: hand shape within two standard deviations, any skin tone."""
    return Person(np.clip(rng.normal(size=10), -2, 2), sample_look(rng))


def view_rotation(rng: np.random.Generator, view: str) -> Floats:
    """Rotation `(3, 3)` of a right hand's wrist for a kind of view.

    Args:
        rng: decides.
        view: `upright` (a hand held up to a camera, palm or back) or `egocentric` (one's own hand from
            above: fingers away from the body, back of the hand up, turned towards the middle).

    Raises:
        ValueError: another view.
    """
    if view == "upright":
        turn = Rotation.from_euler("zyx", rng.normal(0, [28, 25, 20]), degrees=True).as_matrix()
        return np.asarray(turn @ (_BACK if rng.random() < 0.5 else _PALM))
    if view != "egocentric":
        raise ValueError(f"expected view upright or egocentric, got {view!r}")
    roll = rng.normal(-15, 30)
    turn = Rotation.from_euler("zxy", [rng.normal(-28, 16), rng.normal(-28, 14), roll], degrees=True).as_matrix()
    return np.asarray(turn @ _BACK)


def sample_state(
    rng: np.random.Generator,
    model: HandModel,
    side: Side,
    view: str,
    *,
    person: Person | None = None,
    hand_pose: Floats | None = None,
) -> HandState:
    """A hand of random person, pose and view, its wrist at the origin; `place` puts it before the camera.

    Args:
        rng: decides.
        model: hand model.
        side: left hands are right ones seen in a mirror.
        view: see `view_rotation`.
        person: whose hand it is; somebody new by default.
        hand_pose: `(45,)` of a right hand, in place of a random one.
    """
    owner = sample_person(rng) if person is None else person
    pose = sample_hand_pose(rng, model, owner.betas) if hand_pose is None else hand_pose
    root = Rotation.from_matrix(view_rotation(rng, view)).as_rotvec()
    bend = np.array([0.0, rng.normal(0, 0.25), rng.normal(0, 0.18)])
    state = HandState(Side.RIGHT, root, pose, owner.betas, np.zeros(3), owner.look, bend)
    return state if side is Side.RIGHT else mirrored(state)


def mirrored(state: HandState) -> HandState:
    """The other side's hand as a mirror in x shows it."""
    other = Side.LEFT if state.side is Side.RIGHT else Side.RIGHT
    return HandState(
        side=other,
        global_orient=state.global_orient * MIRROR_AXIS_ANGLE,
        hand_pose=(state.hand_pose.reshape(15, 3) * MIRROR_AXIS_ANGLE).ravel(),
        betas=state.betas,
        transl=state.transl * np.array([-1.0, 1, 1]),
        look=state.look,
        wrist_bend=state.wrist_bend,
    )


def place(model: HandModel, state: HandState, camera: Camera, center_px: Floats, size_px: float) -> HandState:
    """The hand moved so that the middle of its joints is seen at `center_px` (2,).

    Its distance is the one at which a flat hand of middle size would be `size_px` long.
    """
    joints = state.posed(model).joints - state.transl
    depth = camera.focal_px * FLAT_HAND_M / size_px
    middle = (joints.max(axis=0) + joints.min(axis=0)) / 2
    at = np.array([*(center_px - np.array([camera.cx, camera.cy])) / camera.focal_px * depth, depth])
    return replace(state, transl=at - middle)


def hold(rng: np.random.Generator, model: HandModel, name: str) -> tuple[Floats, Held]:
    """A grip `(45,)` of a right hand around a thing, and the thing in it.

    Of many natural poses the one is taken whose fingers lie closest to the thing's surface.

    Raises:
        KeyError: no such thing.
    """
    thing = make_object(rng, name)
    radius = float(np.sort(np.ptp(thing.vertices, axis=0))[:2].mean()) / 2
    if name in _GRIP_AT_M:
        radius = 0.014
    poses = np.stack([sample_hand_pose(rng, model, np.zeros(10)) for _ in range(_GRIP_CANDIDATES)])
    zeros = np.zeros((_GRIP_CANDIDATES, 3))
    joints = pose_hands(model, zeros, poses, np.zeros((_GRIP_CANDIDATES, 10))).joints
    axis = joints[0, 5] - joints[0, 17]
    axis = axis / np.linalg.norm(axis)
    palm = np.array([0.0, -1, 0])
    palm = palm - axis * (palm @ axis)
    palm /= np.linalg.norm(palm)
    knuckles = joints[0, list(_KNUCKLES)].mean(axis=0)
    center = knuckles + palm * (radius + _PALM_OVER_BONE_M)
    offset = joints[:, list(_GRIP_JOINTS)] - center
    across = np.linalg.norm(offset - (offset @ axis)[..., None] * axis, axis=2)
    misfit = np.abs(across - radius - _SKIN_OVER_BONE_M).mean(axis=1)
    best = int(np.argmin(misfit))
    spin = Rotation.from_rotvec(axis * rng.uniform(0, 2 * np.pi) * (name != "box")).as_matrix()
    frame = np.stack([axis, palm, np.cross(axis, palm)], axis=1)
    start = center + axis * _GRIP_AT_M.get(name, float(rng.uniform(-0.01, 0.01)))
    return poses[best], Held(thing, 0, spin @ frame, start - joints[best, 0])


def held_by(item: Held, hand: int, side: Side) -> Held:
    """The thing given to hand number `hand`; for a left hand, grip and place are mirrored."""
    if side is Side.RIGHT:
        return Held(item.mesh, hand, item.rotation, item.offset)
    mirror = np.diag([-1.0, 1, 1])
    # the thing itself is not mirrored (it would turn inside out): its frame is, and one of its axes turned back
    return Held(item.mesh, hand, mirror @ item.rotation @ np.diag([1.0, 1, -1]), mirror @ item.offset)


def in_front(
    rng: np.random.Generator, camera: Camera, posed: PosedHand, name: str, *, near: float = 0.75, reach: float = 0.9
) -> Mesh:
    """A thing between camera and hand that hides some of it.

    Args:
        rng: decides.
        camera: the camera.
        posed: the hand it hides.
        name: which thing.
        near: its distance, as a share of the hand's.
        reach: how far from the hand's middle it may be, in half hand sizes.
    """
    low, high = posed.joints.min(axis=0), posed.joints.max(axis=0)
    aim = (low + high) / 2 + rng.uniform(-reach, reach, 3) * (high - low) / 2
    rotation = Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix()
    return moved(make_object(rng, name), rotation, aim * near)
