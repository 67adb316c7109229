"""Scenes: things are closed and right side out, left is right in a mirror, grips hold, movements pass their keys."""

import numpy as np
import pytest

from hint_tools.core.records import Side
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.camera import Camera
from hint_tools.synth.background import PLACES, paint_background
from hint_tools.synth.hands import hand_mesh, sample_look
from hint_tools.synth.motion import move
from hint_tools.synth.objects import MAKERS, make_object
from hint_tools.synth.scene import HELD, compose, held_by, hold, mirrored, place, sample_state
from hint_tools.synth.stills import seeded

CAMERA = Camera.centered(600.0, 640, 480)
MIRROR = np.array([-1.0, 1, 1])


def volume(mesh):
    """Signed volume by the divergence theorem: positive when faces look outwards."""
    corners = mesh.vertices[mesh.faces]
    return np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_things_are_right_side_out_and_of_a_size_to_hold(name):
    for seed in range(5):
        thing = make_object(np.random.default_rng(seed), name)
        assert 1e-5 < volume(thing) < 1e-3  # 10 ml to 1 l
        assert np.ptp(thing.vertices, axis=0).max() < 0.3


@pytest.mark.parametrize("side", list(Side))
def test_the_hand_and_its_arm_are_right_side_out(side):
    model = load_hand_model()
    state = place(model, sample_state(seeded(1, "s"), model, side, "upright"), CAMERA, np.array([320.0, 240]), 250)
    scene = compose(model, [state], [], [])
    corners = scene.mesh.vertices[scene.mesh.faces[:1538]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(axis=(0, 1))
    assert (np.einsum("ij,ij->i", normal, corners.mean(axis=1) - middle) > 0).mean() > 0.6


def test_a_mirrored_state_is_the_hand_in_a_mirror():
    model = load_hand_model()
    right = sample_state(seeded(2, "s"), model, Side.RIGHT, "egocentric")
    left = mirrored(right)
    np.testing.assert_allclose(left.posed(model).joints, right.posed(model).joints * MIRROR, atol=1e-12)
    assert left.side is Side.LEFT
    np.testing.assert_array_equal(mirrored(left).global_orient, right.global_orient)


def test_a_hand_is_placed_where_it_was_asked_for():
    model = load_hand_model()
    for number in range(5):
        state = sample_state(seeded(3, number), model, Side.LEFT, "egocentric")
        keypoints = CAMERA.project(place(model, state, CAMERA, np.array([200.0, 150.0]), 200.0).posed(model).joints)
        middle = (keypoints.max(axis=0) + keypoints.min(axis=0)) / 2
        np.testing.assert_allclose(middle, [200, 150], atol=20)  # perspective moves the middle a little
        assert np.ptp(keypoints, axis=0).max() < 260


@pytest.mark.parametrize("side", list(Side))
def test_a_held_thing_is_in_the_palm_of_the_hand_that_holds_it(side):
    model = load_hand_model()
    for number, name in enumerate(HELD):
        pose, item = hold(seeded(4, number), model, name)
        state = sample_state(seeded(4, number, "s"), model, side, "egocentric", hand_pose=pose)
        scene = compose(model, [state], [held_by(item, 0, side)], [])
        joints = scene.hands[0].joints
        nearest = np.linalg.norm(scene.things[0][:, None] - joints[[5, 9, 13, 17]], axis=2).min()
        assert nearest < 0.06
        fingers = joints[[8, 12, 16, 20]].mean(axis=0) - joints[[5, 9, 13, 17]].mean(axis=0)
        towards = scene.things[0].mean(axis=0) - joints[[5, 9, 13, 17]].mean(axis=0)
        if name in ("can", "ball"):  # about their own middle: they lie where the fingers close
            assert fingers @ towards > -2e-4


def test_a_movement_starts_and_ends_at_its_keys_and_never_jumps():
    model = load_hand_model()
    first = sample_state(seeded(5, "a"), model, Side.RIGHT, "egocentric")
    keys = [place(model, first, CAMERA, np.array([x, 240.0]), 200.0) for x in (250.0, 350.0, 300.0)]
    states = move(seeded(5, "m"), keys, 90).states
    assert len(states) == 90
    np.testing.assert_allclose(states[0].transl, keys[0].transl, atol=0.006)
    np.testing.assert_allclose(states[-1].transl, keys[-1].transl, atol=0.006)
    steps = np.linalg.norm(np.diff([s.transl for s in states], axis=0), axis=1)
    assert steps.max() < 0.01
    with pytest.raises(ValueError, match="two key poses"):
        move(seeded(5, "m"), keys[:1], 10)


def test_rotations_between_keys_go_the_shortest_way():
    from scipy.spatial.transform import Rotation

    model = load_hand_model()
    first = sample_state(seeded(6, "a"), model, Side.RIGHT, "upright")
    from dataclasses import replace

    turned = Rotation.from_rotvec([0, 0, np.deg2rad(80)]) * Rotation.from_rotvec(first.global_orient)
    states = move(seeded(6, "m"), [first, replace(first, global_orient=turned.as_rotvec())], 60).states
    roots = Rotation.from_rotvec([s.global_orient for s in states])
    travelled = np.rad2deg((roots[1:] * roots[:-1].inv()).magnitude().sum())
    assert travelled == pytest.approx(80, abs=1)


@pytest.mark.parametrize("where", sorted(PLACES))
def test_places_are_pictures_that_differ_by_seed_alone(where):
    one, again, other = (paint_background(seeded(s, where), where, 160, 120) for s in (1, 1, 2))
    assert one.shape == (120, 160, 3)
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 0.01


def test_skin_covers_the_whole_range_of_tones():
    brightness = [sample_look(seeded(7, n)).skin.mean() for n in range(300)]
    assert np.quantile(brightness, 0.05) < 0.25
    assert np.quantile(brightness, 0.95) > 0.7


def test_the_arm_belongs_to_the_wrist_of_its_hand():
    model = load_hand_model()
    state = sample_state(seeded(8, "s"), model, Side.RIGHT, "upright")
    posed = state.posed(model)
    mesh = hand_mesh(model, posed.vertices, np.eye(3), Side.RIGHT, state.look, 3, wrist_bend=np.zeros(3))
    assert set(mesh.owner.tolist()) == {3}
    assert set(mesh.part[1538:].tolist()) == {0}
    assert (mesh.nail > 0).sum() >= 10
