"""The z-buffer's visibility against rays shot by an independent ray/triangle test."""

import numpy as np
import pytest

from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.camera import Camera
from hint_tools.mano.joint_visibility import BEHIND_M, MAX_FLESH_M, OWN_PARTS, visibility
from hint_tools.mano.raster import rasterise
from hint_tools.synth.mesh import join, plain_mesh
from hint_tools.synth.objects import box, moved
from hint_tools.synth.scene import compose, in_front, place, sample_state
from hint_tools.synth.stills import seeded

CAMERA = Camera.centered(500.0, 320, 240)


def first_hits(mesh, direction):
    """All hits of a ray from the camera, by Moeller and Trumbore's test: nearest (distance along z, face)."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    edge1, edge2 = b - a, c - a
    h = np.cross(direction, edge2)
    det = (edge1 * h).sum(axis=1)
    ok = np.abs(det) > 1e-18
    inv = np.where(ok, 1 / np.where(ok, det, 1), 0)
    u = (-a * h).sum(axis=1) * inv
    q = np.cross(-a, edge1)
    v = (q @ direction) * inv
    t = (edge2 * q).sum(axis=1) * inv
    hit = ok & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
    if not hit.any():
        return None
    face = int(np.flatnonzero(hit)[np.argmin(t[hit])])
    return float(t[face] * direction[2]), face


def by_rays(mesh, hand, keypoints, joints):
    states = np.zeros(21, int)
    for j, (point, at) in enumerate(zip(keypoints, joints, strict=True)):
        x, y = (int(n) for n in np.rint(point))
        if not (0 <= x < CAMERA.width_px and 0 <= y < CAMERA.height_px):
            continue
        votes = []
        for px in range(max(0, x - 1), min(CAMERA.width_px, x + 2)):
            for py in range(max(0, y - 1), min(CAMERA.height_px, y + 2)):
                ray = np.array([(px - CAMERA.cx) / CAMERA.focal_px, (py - CAMERA.cy) / CAMERA.focal_px, 1.0])
                hit = first_hits(mesh, ray)
                if hit is None or hit[0] > at[2] + BEHIND_M:
                    votes.append(False)
                    continue
                own = mesh.owner[hit[1]] == hand and mesh.part[hit[1]] in OWN_PARTS[j]
                votes.append(not (own and at[2] - hit[0] < MAX_FLESH_M))
        states[j] = Visibility.OCCLUDED if np.mean(votes) > 0.5 else Visibility.VISIBLE
    return states


@pytest.mark.parametrize("number", range(4))
def test_agrees_with_an_independent_ray_caster(number):
    rng = seeded(3, "visibility", number)
    model = load_hand_model()
    sides = (Side.LEFT, Side.RIGHT)
    states = [
        place(model, sample_state(rng, model, s, "egocentric"), CAMERA, np.array([x, 120.0]), 150.0)
        for s, x in zip(sides, (120.0, 200.0), strict=True)
    ]
    free = [in_front(rng, CAMERA, states[0].posed(model), "can")]
    scene = compose(model, states, [], free)
    raster = rasterise(scene.mesh.vertices, scene.mesh.faces, CAMERA)
    for hand, posed in enumerate(scene.hands):
        keypoints = CAMERA.project(posed.joints)
        ours = visibility(raster, scene.mesh.owner, scene.mesh.part, hand, keypoints, posed.joints)
        np.testing.assert_array_equal(ours, by_rays(scene.mesh, hand, keypoints, posed.joints))


def open_hand():
    """A flat right hand, its back to the camera, in the middle of the picture."""
    from scipy.spatial.transform import Rotation

    from hint_tools.synth.hands import sample_look
    from hint_tools.synth.scene import HandState

    root = Rotation.from_matrix([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]).as_rotvec()
    look = sample_look(np.random.default_rng(0))
    state = HandState(Side.RIGHT, root, np.zeros(45), np.zeros(10), np.zeros(3), look, np.zeros(3))
    return place(load_hand_model(), state, CAMERA, np.array([160.0, 120.0]), 140.0)


def states_of(state, *things):
    scene = compose(load_hand_model(), [state], [], list(things))
    raster = rasterise(scene.mesh.vertices, scene.mesh.faces, CAMERA)
    joints = scene.hands[0].joints
    return visibility(raster, scene.mesh.owner, scene.mesh.part, 0, CAMERA.project(joints), joints), joints


def test_a_flat_hand_shows_all_its_joints():
    states, _ = states_of(open_hand())
    assert (states == Visibility.VISIBLE).all()


def test_a_thing_before_the_fingertips_hides_exactly_what_is_behind_it():
    _, joints = states_of(open_hand())
    tip = joints[JOINT_INDEX["middle_tip"]]
    near = moved(box(np.array([0.03, 0.03, 0.01]), np.full(3, 0.5)), np.eye(3), tip * 0.8)
    states, _ = states_of(open_hand(), near)
    assert states[JOINT_INDEX["middle_tip"]] == Visibility.OCCLUDED
    for joint in ("wrist", "thumb_tip", "pinky_tip", "middle_mcp"):
        assert states[JOINT_INDEX[joint]] == Visibility.VISIBLE


def test_a_thing_behind_the_hand_hides_nothing():
    _, joints = states_of(open_hand())
    wall = box(np.array([1.0, 1.0, 0.01]), np.full(3, 0.5))
    behind = moved(wall, np.eye(3), joints.mean(axis=0) + np.array([0, 0, 0.06]))
    states, _ = states_of(open_hand(), behind)
    assert (states == Visibility.VISIBLE).all()


def test_a_joint_outside_the_picture_is_not_annotatable():
    state = place(load_hand_model(), open_hand(), CAMERA, np.array([160.0, 0.0]), 140.0)
    states, joints = states_of(state)
    outside = CAMERA.project(joints)[:, 1] < -0.5
    assert outside.any()
    assert (states[outside] == Visibility.NOT_ANNOTATABLE).all()
    assert (states[~outside] != Visibility.NOT_ANNOTATABLE).all()


def test_the_palm_hides_fingers_curled_behind_it():
    from dataclasses import replace

    fist = np.zeros((15, 3))
    fist[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 2] = np.deg2rad(80)  # flexion of the four fingers
    states, _ = states_of(replace(open_hand(), hand_pose=fist.ravel()))
    assert (states[[8, 12, 16]] == Visibility.OCCLUDED).all()
    assert states[JOINT_INDEX["wrist"]] == Visibility.VISIBLE


def test_join_keeps_owners_apart():
    thing = plain_mesh(np.eye(3), np.array([[0, 1, 2]]), np.full(3, 0.5), 0.1)
    both = join([thing, thing])
    assert both.faces.tolist() == [[0, 1, 2], [3, 4, 5]]
