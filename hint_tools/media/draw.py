"""Hands drawn into pictures: skeletons, boxes, labels, and the crops they are shown in.

Every function takes and returns RGB uint8 pictures and leaves its input as it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import BONES, FINGER_JOINTS, FINGERS, N_JOINTS

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

FINGER_COLOURS: Final = MappingProxyType(
    {
        "thumb": (213, 94, 0),
        "index": (240, 228, 66),
        "middle": (0, 158, 115),
        "ring": (86, 180, 233),
        "pinky": (204, 121, 167),
    }
)
"""RGB of each finger: Okabe and Ito's palette, told apart under the common colour-vision deficiencies."""
WRIST_COLOUR: Final[Colour] = (245, 245, 245)
OUTLINE_COLOUR: Final[Colour] = (20, 20, 20)
"""Drawn under bones and joints, so that they stand out on skin and on bright backgrounds alike."""
BACKGROUND_COLOUR: Final[Colour] = (128, 128, 128)
"""Of crops where they reach out of the picture."""

_JOINT_COLOURS: Final[tuple[Colour, ...]] = (
    WRIST_COLOUR,
    *(FINGER_COLOURS[f] for f in FINGERS for _ in FINGER_JOINTS[f]),
)
_SHIFT: Final = 4
"""Fractional bits of cv2's drawing coordinates: joints are placed to 1/16 px."""
_FARTHEST_PX: Final = 100_000.0
"""Joints farther out are left out: cv2's fixed-point coordinates would overflow."""
_DASH_IN_WIDTHS: Final = 4.5


def draw_hand(
    image: Image,
    keypoints: Floats,
    visibility: npt.NDArray[np.integer] | None = None,
    *,
    width_px: float | None = None,
    alpha: float = 1.0,
) -> Image:
    """A copy of `image` with the skeleton of a hand drawn in.

    Bones have the colour of their finger. Occluded joints are hollow and the bones that touch them
    thin and dashed; joints that are not annotatable, or not finite, are left out with their bones.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (21, 2) px of this picture; the centre of its top-left pixel is (0, 0).
        visibility: (21,) `Visibility`; None draws every joint as visible.
        width_px: of the bones; None takes one that suits the size of the drawn hand.
        alpha: opacity of the drawing, 0 to 1.

    Raises:
        ValueError: a shape or `alpha` is wrong.
    """
    _check_image(image)
    if keypoints.shape != (N_JOINTS, 2):
        raise ValueError(f"keypoints: expected shape ({N_JOINTS}, 2), got {keypoints.shape}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha: expected 0 to 1, got {alpha}")
    states = np.full(N_JOINTS, int(Visibility.VISIBLE)) if visibility is None else np.asarray(visibility)
    if states.shape != (N_JOINTS,):
        raise ValueError(f"visibility: expected shape ({N_JOINTS},), got {states.shape}")
    with np.errstate(invalid="ignore"):
        near = (np.abs(keypoints) < _FARTHEST_PX).all(axis=1)
    drawn = near & (states != Visibility.NOT_ANNOTATABLE)
    if not drawn.any():
        return image.copy()
    hidden = states == Visibility.OCCLUDED
    width = _suitable_width(keypoints[drawn]) if width_px is None else width_px
    canvas = image.copy()
    for parent, child in BONES:
        if drawn[parent] and drawn[child]:
            ends = _outside_rings(keypoints[[parent, child]], hidden[[parent, child]], _radius(width))
            _bone(canvas, ends, _JOINT_COLOURS[child], width, dashed=bool(hidden[parent] or hidden[child]))
    for joint in np.flatnonzero(drawn):
        _joint(canvas, keypoints[joint], _JOINT_COLOURS[joint], width, hollow=bool(hidden[joint]))
    return canvas if alpha == 1 else _blend(image, canvas, alpha)


def draw_box(image: Image, box: Floats, colour: Colour = (255, 255, 255), *, width_px: float = 2.0) -> Image:
    """A copy of `image` with the outline of `box` (x0, y0, x1, y1 px) drawn in.

    Raises:
        ValueError: a shape is wrong, or the box is not finite.
    """
    _check_image(image)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(f"box: expected four finite numbers, got {box!r}")
    canvas = image.copy()
    x0, y0, x1, y1 = np.clip(box, -_FARTHEST_PX, _FARTHEST_PX)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    outline = [_fixed(corners)]
    cv2.polylines(canvas, outline, True, OUTLINE_COLOUR, _thick(width_px + 2), cv2.LINE_AA, _SHIFT)
    cv2.polylines(canvas, outline, True, colour, _thick(width_px), cv2.LINE_AA, _SHIFT)
    return canvas


def draw_label(
    image: Image,
    text: str,
    at: tuple[float, float] = (6.0, 6.0),
    colour: Colour = (255, 255, 255),
    *,
    height_px: float = 11.0,
) -> Image:
    """A copy of `image` with `text` on a dark plate whose top-left corner is `at` (x, y px).

    The stroke font knows ASCII only; other characters are shown as a question mark.

    Raises:
        ValueError: not an RGB picture.
    """
    _check_image(image)
    plain = text.encode("ascii", "replace").decode("ascii")
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = cv2.getFontScaleFromHeight(font, round(height_px), 1)
    (width, height), baseline = cv2.getTextSize(plain, font, scale, 1)
    pad = max(2, round(height_px / 3))
    left, top = round(at[0]), round(at[1])
    canvas = image.copy()
    plate = canvas[max(top, 0) : max(top + height + baseline + pad, 0), max(left, 0) : max(left + width + 2 * pad, 0)]
    plate[:] = plate // 4
    cv2.putText(canvas, plain, (left + pad, top + pad // 2 + height), font, scale, colour, 1, cv2.LINE_AA)
    return canvas


def hand_crop(image: Image, box: Floats, *, size_px: int = 256, context: float = 1.6) -> tuple[Image, Floats]:
    """The square around a box, scaled to `size_px`, and the affine map that leads there.

    The square has side `context * max(width, height)` about the centre of the box. Edges of pixels map to
    edges of pixels: frame [x - 0.5, x + 0.5] of the square's left edge becomes -0.5 of the crop.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: x0, y0, x1, y1 px of the frame.
        size_px: side of the crop.
        context: side of the square over the longer side of the box.

    Returns:
        The crop (size_px, size_px, 3), grey where it reaches out of the picture, and the (2, 3) affine
        map from px of the frame to px of the crop (for `core.geometry.apply_affine`).

    Raises:
        ValueError: the box is empty or not finite, or an argument is not positive.
    """
    _check_image(image)
    side = context * float(max(box[2] - box[0], box[3] - box[1])) if box.shape == (4,) else math.nan
    if not (math.isfinite(side) and side > 0 and size_px > 0 and np.isfinite(box).all()):
        raise ValueError(f"expected a box with an area and positive sizes, got {box!r}, {size_px=}, {context=}")
    scale = size_px / side
    corner = (box[:2] + box[2:]) / 2 - side / 2
    affine = np.concatenate([np.eye(2) * scale, (-corner * scale - 0.5)[:, None]], axis=1)
    smooth = image if scale >= 1 else cv2.GaussianBlur(image, (0, 0), 0.5 * (1 / scale - 1) + 1e-3)
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(
        smooth, affine, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=BACKGROUND_COLOUR
    )
    return np.asarray(crop, np.uint8), affine


def grid(images: Sequence[Image], columns: int, *, gap_px: int = 4, background: Colour = (255, 255, 255)) -> Image:
    """One picture with all `images` in rows of `columns`, each centred in a cell of the largest one's size.

    Raises:
        ValueError: no picture, or no column.
    """
    if not images or columns < 1:
        raise ValueError(f"expected at least one picture and one column, got {len(images)} and {columns}")
    for image in images:
        _check_image(image)
    height, width = (max(i.shape[axis] for i in images) for axis in (0, 1))
    across = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = np.empty((rows * (height + gap_px) - gap_px, across * (width + gap_px) - gap_px, 3), np.uint8)
    sheet[:] = background
    for place, image in enumerate(images):
        top = place // columns * (height + gap_px) + (height - image.shape[0]) // 2
        left = place % columns * (width + gap_px) + (width - image.shape[1]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def side_by_side(images: Sequence[Image], *, gap_px: int = 4) -> Image:
    """One picture with all `images` in one row. Raises as `grid`."""
    return grid(images, max(len(images), 1), gap_px=gap_px)


def _outside_rings(ends: Floats, hollow: npt.NDArray[np.bool_], radius: float) -> Floats:
    """A bone's ends (2, 2), moved out of the rings of hollow joints."""
    along = ends[1] - ends[0]
    length = float(np.linalg.norm(along))
    cut = min(radius / length, 0.5) if length > 0 else 0.0
    return ends + np.outer(hollow * np.array([cut, -cut]), along)


def _bone(canvas: Image, ends: Floats, colour: Colour, width: float, *, dashed: bool) -> None:
    width = width * 0.6 if dashed else width
    parts = _dashes(ends[0], ends[1], max(width, 1.0) * _DASH_IN_WIDTHS) if dashed else [ends]
    for under, shade in ((1.6, OUTLINE_COLOUR), (0.0, colour)):
        for part in parts:
            first, last = _fixed(part)
            cv2.line(canvas, first.tolist(), last.tolist(), shade, _thick(width + under), cv2.LINE_AA, _SHIFT)


def _dashes(start: Floats, end: Floats, dash_px: float) -> list[Floats]:
    """The drawn pieces of a dashed line: it begins and ends with one, gaps as long as the pieces."""
    length = float(np.linalg.norm(end - start))
    count = min(max(1, round((length / dash_px + 1) / 2)), 200)
    cuts = np.linspace(0, 1, 2 * count)
    at = start + cuts[:, None] * (end - start)
    return [at[2 * i : 2 * i + 2] for i in range(count)]


def _joint(canvas: Image, at: Floats, colour: Colour, width: float, *, hollow: bool) -> None:
    center = _fixed(at).tolist()
    radius = _radius(width)
    if hollow:
        ring = max(width * 0.5, 1.0)
        _circle(canvas, center, radius, OUTLINE_COLOUR, _thick(ring + 1.6))
        _circle(canvas, center, radius, colour, _thick(ring))
    else:
        _circle(canvas, center, radius + 0.8, OUTLINE_COLOUR, cv2.FILLED)
        _circle(canvas, center, radius, colour, cv2.FILLED)


def _radius(width: float) -> float:
    return max(width * 1.1, 1.5)


def _circle(canvas: Image, center: list[int], radius: float, colour: Colour, thickness: int) -> None:
    cv2.circle(canvas, center, round(radius * (1 << _SHIFT)), colour, thickness, cv2.LINE_AA, _SHIFT)


def _suitable_width(keypoints: Floats) -> float:
    """A bone width of about one per cent of the hand's extent, never hairline, never clumsy."""
    return float(np.clip(np.ptp(keypoints, axis=0).max() * 0.012, 1.2, 8.0))


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _thick(width: float) -> int:
    return max(1, round(width))


def _blend(below: Image, above: Image, alpha: float) -> Image:
    return np.asarray(cv2.addWeighted(above, alpha, below, 1 - alpha, 0), np.uint8)


def _check_image(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image: expected (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}")
