"""Pictures of the answers: meshes over the picture, and each hand from the front and its side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import apply_affine, box_of_points
from hint_tools.core.records import Side
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.shade import shade_mesh
from hint_tools.mano.side_view import closed_faces, side_view
from hint_tools.media.draw import draw_hand, draw_label, grid, hand_crop, side_by_side
from hint_tools.predict.placing import PlacedHand

Image = npt.NDArray[np.uint8]

COLOURS = {Side.RIGHT.value: (0.62, 0.78, 0.95), Side.LEFT.value: (0.95, 0.78, 0.62)}
"""Right hands are blue, left ones orange."""
ALPHA = 0.85
VIEW_PX = 256


def overlay(image: Image, hands: Sequence[PlacedHand], model: HandModel, camera: Camera) -> Image:
    """The picture with all hands drawn over it, nearer ones before farther ones.

    Args:
        image: (H, W, 3) RGB.
        hands: in its camera.
        model: whose faces they have.
        camera: of the picture.
    """
    vertices = np.concatenate([hand.vertices for hand in hands])
    colours = np.concatenate([np.tile(COLOURS[h.parameters.side], (len(h.vertices), 1)) for h in hands])
    first = np.cumsum([0, *(len(hand.vertices) for hand in hands[:-1])])
    faces = [closed_faces(model, h.parameters.side) + offset for h, offset in zip(hands, first, strict=True)]
    return shade_mesh(image, vertices, np.concatenate(faces), camera, colour=colours, alpha=ALPHA)


def views(image: Image, hands: Sequence[PlacedHand], model: HandModel, camera: Camera) -> Image:
    """A row a hand: its keypoints, its mesh over the picture, and its mesh from the side, depth to the right.

    Args:
        image: (H, W, 3) RGB.
        hands: in its camera.
        model: whose faces they have.
        camera: of the picture.
    """
    return grid([_row(image, hand, model, camera, number) for number, hand in enumerate(hands)], 1)


def _row(image: Image, hand: PlacedHand, model: HandModel, camera: Camera, number: int) -> Image:
    crop, affine = hand_crop(image, box_of_points(hand.keypoints), size_px=VIEW_PX)
    marked = draw_hand(crop, apply_affine(affine, hand.keypoints))
    side = hand.parameters.side
    faces, scale = closed_faces(model, side), float(affine[0, 0])
    axis = apply_affine(affine, np.array([camera.cx, camera.cy]))
    view = Camera(camera.focal_px * scale, float(axis[0]), float(axis[1]), VIEW_PX, VIEW_PX)
    covered = shade_mesh(crop, hand.vertices, faces, view, colour=COLOURS[side], alpha=ALPHA)
    turned = side_view(hand.vertices, faces, VIEW_PX, COLOURS[side])
    return side_by_side([draw_label(marked, f"{number} {side}"), covered, turned])
