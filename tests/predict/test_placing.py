"""True hands through the output path: whatever is wrong with frame, side or camera shows here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from perfect_network import perfect_answer
from scipy.optimize import least_squares

from hint_tools.core.records import Side
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import pose_hand
from hint_tools.mano.raster import rasterise
from hint_tools.mano.side_view import closed_faces
from hint_tools.predict.draw import overlay
from hint_tools.predict.placing import place


def placed_hands(scene, model, *, known):
    for still in scene.stills.values():
        for hand in still.hands:
            camera = Camera.centered(hand.focal_px, still.picture.shape[1], still.picture.shape[0])
            answer, center, side_px = perfect_answer(model, hand, camera)
            yield still, hand, camera, place(answer, hand.side, center, side_px, camera, known=known)


@pytest.mark.parametrize("known", [True, False])
def test_true_hands_come_back_where_they_are(scene, model, known) -> None:
    sides = set()
    for _, hand, camera, placed in placed_hands(scene, model, known=known):
        np.testing.assert_allclose(placed.joints, hand.keypoints_3d, rtol=0, atol=1e-9)
        np.testing.assert_allclose(camera.project(placed.joints), hand.keypoints, rtol=0, atol=1e-6)
        np.testing.assert_allclose(placed.parameters.transl, hand.transl, rtol=0, atol=1e-9)
        np.testing.assert_allclose(placed.parameters.global_orient, hand.global_orient, rtol=0, atol=1e-9)
        np.testing.assert_allclose(placed.parameters.hand_pose, hand.hand_pose, rtol=0, atol=1e-9)
        assert placed.reprojection_px < 1e-6
        sides.add(hand.side)
    assert sides == {"left", "right"}


def test_the_parameters_pose_the_mesh(scene, model) -> None:
    for _, _, _, placed in placed_hands(scene, model, known=True):
        own = placed.parameters
        posed = pose_hand(model, own.global_orient, own.hand_pose, own.betas, own.transl, own.side)
        np.testing.assert_allclose(placed.vertices, posed.vertices, rtol=0, atol=1e-9)
        np.testing.assert_allclose(placed.joints, posed.joints, rtol=0, atol=1e-9)


def test_the_overlay_covers_the_hand_and_nothing_else(scene, model) -> None:
    """Against the z-buffer of the true mesh."""
    for still, hand, camera, placed in placed_hands(scene, model, known=True):
        drawn = overlay(still.picture, [placed], model, camera)
        changed = (drawn != still.picture).any(axis=2)
        truth = pose_hand(model, hand.global_orient, hand.hand_pose, hand.betas, hand.transl, hand.side)
        hit = rasterise(truth.vertices, closed_faces(model, hand.side), camera).hit
        assert (changed & hit).sum() / (changed | hit).sum() > 0.93


def test_outsides_face_the_viewer(scene, model) -> None:
    """Faces of a mirrored hand must be turned over: a closed mesh wound right has a positive volume."""
    for _, hand, _, placed in placed_hands(scene, model, known=True):
        corners = placed.vertices[closed_faces(model, hand.side)]
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert 5e-5 < volume < 1e-3  # 0.05 to 1 litre


def test_a_guess_is_placed_as_hamer_places_it(scene, model) -> None:
    """z = 2 f / (side s), and the shift of the box's centre: `cam_crop_to_full` by hand."""
    still = next(iter(scene.stills.values()))
    hand = still.hands[0]
    camera = Camera.centered(5000.0, still.picture.shape[1], still.picture.shape[0])
    answer, center, side_px = perfect_answer(model, hand, Camera.centered(hand.focal_px, 320, 240))
    placed = place(answer, hand.side, center, side_px, camera, known=False)
    scale = answer.camera[0]
    mirror = -1 if hand.side == Side.LEFT else 1
    x = mirror * answer.camera[1] + 2 * (center[0] - 159.5) / (side_px * scale)
    y = answer.camera[2] + 2 * (center[1] - 119.5) / (side_px * scale)
    np.testing.assert_allclose(placed.parameters.transl, [x, y, 2 * 5000 / (side_px * scale)], rtol=1e-7)


def seen_in_crop(answer, camera_numbers):
    """The answer with the crop's nearly parallel camera, and the keypoints it sees."""
    scale, x, y = camera_numbers
    moved = answer.joints + np.array([x, y, 2 * 5000 / (256 * scale)])
    seen = moved[:, :2] / moved[:, 2:] * 5000 / 256
    return replace(answer, camera=np.asarray(camera_numbers), keypoints=seen)


def test_a_known_camera_puts_hands_to_the_millimetre(scene, model) -> None:
    """A network that learnt from 2D gives the crop camera that fits best; HaMeR's formula is centimetres off then."""
    for _, hand, camera, _ in placed_hands(scene, model, known=True):
        answer, center, side_px = perfect_answer(model, hand, camera)
        best = least_squares(lambda q, a=answer: (seen_in_crop(a, q).keypoints - a.keypoints).ravel(), [4.0, 0, 0]).x
        learnt = seen_in_crop(answer, best)
        fitted, formula = (place(learnt, hand.side, center, side_px, camera, known=k) for k in (True, False))
        apart = [np.linalg.norm((p.joints - hand.keypoints_3d).mean(axis=0)) for p in (fitted, formula)]
        pixels = [np.linalg.norm(camera.project(p.joints) - hand.keypoints, axis=1).mean() for p in (fitted, formula)]
        assert apart[0] < 0.006
        assert apart[1] > 3 * apart[0]
        assert pixels[0] < 1.0
        assert pixels[1] > 3 * pixels[0]


def test_keypoints_that_no_hand_in_front_could_show_fall_back(scene, model) -> None:
    still = next(iter(scene.stills.values()))
    hand = still.hands[0]
    camera = Camera.centered(hand.focal_px, 320, 240)
    answer, center, side_px = perfect_answer(model, hand, camera)
    turned = replace(answer, keypoints=-answer.keypoints)  # a hand behind the camera would be seen so
    known, guessed = (place(turned, hand.side, center, side_px, camera, known=k) for k in (True, False))
    assert (known.joints[:, 2] > 0).all()
    np.testing.assert_array_equal(known.joints, guessed.joints)
