"""A drawn open hand, real enough for the embedded networks, with the joints it was drawn from."""

from __future__ import annotations

import cv2
import numpy as np

from hint_tools.core.geometry import Floats
from hint_tools.media.images import Rgb

SKIN = (205, 150, 125)
SHADE = (170, 115, 95)
BACKGROUND = (40, 60, 50)

JOINTS: Floats = np.array(
    [
        [200, 330],
        [165, 305], [135, 270], [112, 242], [92, 215],
        [170, 220], [160, 165], [154, 132], [149, 100],
        [200, 212], [199, 150], [198, 112], [197, 78],
        [228, 218], [236, 160], [241, 125], [245, 95],
        [253, 235], [270, 190], [280, 163], [289, 138],
    ],
    dtype=float,
)  # fmt: skip
"""(21, 2) px in the 400 px square picture; the networks see the palm of a left hand in it."""


def draw_hand() -> Rgb:
    """The picture, uint8 RGB (400, 400, 3)."""
    picture = np.full((400, 400, 3), BACKGROUND, np.uint8)
    picture = cv2.add(picture, np.random.default_rng(0).integers(0, 12, picture.shape, dtype=np.uint8))
    points = JOINTS.round().astype(int)
    cv2.line(picture, points[0].tolist(), (205, 400), SKIN, 62, cv2.LINE_AA)
    cv2.fillConvexPoly(picture, cv2.convexHull(points[[0, 1, 2, 5, 9, 13, 17]]), SKIN, cv2.LINE_AA)
    cv2.circle(picture, (212, 270), 58, SKIN, -1, cv2.LINE_AA)
    for finger in range(5):
        chain = [0, *range(1 + 4 * finger, 5 + 4 * finger)] if finger == 0 else range(1 + 4 * finger, 5 + 4 * finger)
        width = 30 if finger < 4 else 26
        cv2.polylines(picture, [points[list(chain)]], False, SHADE, width + 4, cv2.LINE_AA)
        cv2.polylines(picture, [points[list(chain)]], False, SKIN, width, cv2.LINE_AA)
    for joint in (3, 6, 7, 10, 11, 14, 15, 18, 19):
        cv2.circle(picture, points[joint].tolist(), 7, SHADE, 1, cv2.LINE_AA)
    for tip in (4, 8, 12, 16, 20):
        cv2.circle(picture, points[tip].tolist(), 7, (230, 190, 175), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


def scene(width_px: int, height_px: int, *places: tuple[int, int, float, bool]) -> tuple[Rgb, list[Floats]]:
    """A picture with hands in it, and the joints (21, 2) px of each.

    Args:
        width_px: of the picture.
        height_px: of the picture.
        places: for each hand x and y of its top-left corner, its scale, and whether it is mirrored.
    """
    picture = np.full((height_px, width_px, 3), BACKGROUND, np.uint8)
    joints = []
    for x, y, scale, mirrored in places:
        drawn, points = draw_hand(), JOINTS
        if mirrored:
            drawn, points = drawn[:, ::-1], np.stack([399 - JOINTS[:, 0], JOINTS[:, 1]], axis=1)
        side = round(400 * scale)
        picture[y : y + side, x : x + side] = cv2.resize(
            np.ascontiguousarray(drawn), (side, side), interpolation=cv2.INTER_AREA
        )
        joints.append((points + 0.5) * (side / 400) - 0.5 + [x, y])
    return picture, joints
