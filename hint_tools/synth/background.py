"""Places a hand could be in: desks, kitchens, rooms, benches and gardens, drawn from simple shapes.

They need not fool anybody; they must vary in colour, light and clutter the way indoor pictures do, so that
a detector and a network meet edges, gradients and skin-like colours that are not hands.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
"""`(height, width, 3)`, sRGB in [0, 1]."""
Colour = npt.NDArray[np.float64]


def _muted(rng: np.random.Generator, low: float, high: float, strength: float = 0.22) -> Colour:
    """An indoor colour: brightness in [low, high], little saturation."""
    tint = rng.uniform(-0.5, 0.5, 3)
    return np.asarray(np.clip(rng.uniform(low, high) + strength * (tint - tint.mean()), 0.02, 0.98))


def _wooden(rng: np.random.Generator) -> Colour:
    """A wood tone, from pale birch to walnut; the greyest ones pass for laminate."""
    t = rng.uniform(0, 1)
    wood = np.array([0.80, 0.68, 0.52]) * (1 - t) + np.array([0.33, 0.23, 0.16]) * t
    grey = rng.uniform(0, 0.9)
    return np.asarray(wood * (1 - grey) + wood.mean() * grey)


def _noise(rng: np.random.Generator, width: int, height: int, cells_x: int, cells_y: int) -> Picture:
    """Smooth noise of unit variance at the knots, `(height, width, 1)`."""
    knots = rng.normal(size=(max(2, cells_y), max(2, cells_x))).astype(np.float32)
    return np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)[..., None]


def _gradient(rng: np.random.Generator, width: int, height: int, base: Colour, swing: float) -> Picture:
    """`base` with a soft light that falls off towards a corner."""
    corners = base + rng.uniform(-swing, swing, (4, 1)) + rng.uniform(-swing / 5, swing / 5, (4, 3))
    small = corners.reshape(2, 2, 3).astype(np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _rgb(colour: Colour) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


def _slab(picture: Picture, center: Colour, size: Colour, angle_deg: float, colour: Colour) -> None:
    """A turned rectangle with a soft contact shadow beside it."""
    corners = cv2.boxPoints(((float(center[0]), float(center[1])), (float(size[0]), float(size[1])), angle_deg))
    shadow = picture.copy()
    cv2.fillPoly(shadow, [(corners + 5).astype(np.int32)], _rgb(picture.mean(axis=(0, 1)) * 0.45), lineType=cv2.LINE_AA)
    cv2.addWeighted(cv2.GaussianBlur(shadow, (0, 0), 4), 0.5, picture, 0.5, 0, dst=picture)
    cv2.fillPoly(picture, [corners.astype(np.int32)], _rgb(colour), lineType=cv2.LINE_AA)


def _disc(picture: Picture, center: Colour, radius: float, squash: float, colour: Colour) -> None:
    """A plate or a cup from above: a disc with a rim and a darker inside."""
    at = (int(center[0]), int(center[1]))
    for scale, shade in ((1.06, 0.75), (1.0, 1.0), (0.8, 0.9)):
        axes = (max(1, int(radius * scale)), max(1, int(radius * scale * squash)))
        cv2.ellipse(picture, at, axes, 0, 0, 360, _rgb(np.clip(colour * shade, 0, 1)), -1, cv2.LINE_AA)


def _surface(rng: np.random.Generator, picture: Picture, top: int, colour: Colour, *, grain: bool) -> None:
    """A table top from row `top` down: wood grain along the table, or speckled stone."""
    height, width = picture.shape[0] - top, picture.shape[1]
    plane = _gradient(rng, width, height, colour, 0.10)
    if grain:
        plane += 0.025 * _noise(rng, width, height, 6, height // 5) + 0.015 * _noise(
            rng, width, height, 14, height // 2
        )
    else:
        plane += 0.02 * _noise(rng, width, height, width // 3, height // 3) + 0.03 * _noise(rng, width, height, 9, 7)
    picture[top:] = plane
    picture[max(0, top - 3) : top] *= 0.6


def _desk(rng: np.random.Generator, width: int, height: int) -> Picture:
    picture = _gradient(rng, width, height, _muted(rng, 0.45, 0.85, 0.2), 0.12)
    top = int(height * rng.uniform(0.02, 0.35))
    _surface(rng, picture, top, _wooden(rng), grain=bool(rng.random() < 0.8))
    for _ in range(rng.integers(2, 6)):
        center = rng.uniform([0, top], [width, height])
        paper = rng.random() < 0.5
        size = rng.uniform(0.12, 0.45, 2) * width if paper else np.array([rng.uniform(0.2, 0.4), 0.012]) * width
        colour = _muted(rng, 0.7, 0.97, 0.1) if paper else _muted(rng, 0.05, 0.6, 0.8)
        _slab(picture, center, size, float(rng.uniform(-60, 60)), colour)
    if rng.random() < 0.6:
        _disc(
            picture, rng.uniform([0, top], [width, height]), width * rng.uniform(0.04, 0.09), 0.7, _muted(rng, 0.3, 0.9)
        )
    return picture


def _kitchen(rng: np.random.Generator, width: int, height: int) -> Picture:
    picture = _gradient(rng, width, height, _muted(rng, 0.5, 0.9, 0.15), 0.1)
    top = int(height * rng.uniform(0.15, 0.45))
    step = int(width * rng.uniform(0.06, 0.14))
    joint = _rgb(_muted(rng, 0.3, 0.6, 0.05))
    for x in range(0, width, step):
        cv2.line(picture, (x, 0), (x, top), joint, 2, cv2.LINE_AA)
    for y in range(0, top, max(4, step // 2)):
        cv2.line(picture, (0, y), (width, y), joint, 2, cv2.LINE_AA)
    _surface(rng, picture, top, _muted(rng, 0.2, 0.8, 0.1), grain=bool(rng.random() < 0.3))
    board = rng.uniform([0.1 * width, top + 0.2 * height], [0.9 * width, height])
    _slab(picture, board, rng.uniform([0.3, 0.2], [0.6, 0.35]) * width, float(rng.uniform(-25, 25)), _wooden(rng))
    for _ in range(rng.integers(1, 4)):
        _disc(
            picture,
            rng.uniform([0, top], [width, height]),
            width * rng.uniform(0.05, 0.15),
            0.55,
            _muted(rng, 0.4, 0.95),
        )
    return picture


def _room(rng: np.random.Generator, width: int, height: int) -> Picture:
    picture = _gradient(rng, width, height, _muted(rng, 0.35, 0.85, 0.12), 0.2)
    if rng.random() < 0.6:
        _surface(rng, picture, int(height * rng.uniform(0.65, 0.9)), _wooden(rng), grain=True)
    for _ in range(rng.integers(2, 7)):
        _slab(
            picture,
            rng.uniform([0, 0], [width, height]),
            rng.uniform(0.08, 0.45, 2) * width,
            0.0,
            _muted(rng, 0.1, 0.9),
        )
    if rng.random() < 0.4:
        pane = rng.uniform([0, 0], [width, 0.5 * height])
        _slab(picture, pane, rng.uniform([0.2, 0.3], [0.35, 0.5]) * width, 0.0, np.array([0.95, 0.97, 0.98]))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(4, 10) * width / 640), np.float32)


def _bench(rng: np.random.Generator, width: int, height: int) -> Picture:
    picture = _gradient(rng, width, height, _muted(rng, 0.2, 0.6, 0.2), 0.12)
    picture += 0.02 * _noise(rng, width, height, 40, 30)
    for _ in range(rng.integers(4, 9)):
        center, angle = rng.uniform([0, 0], [width, height]), float(rng.uniform(-90, 90))
        _slab(picture, center, rng.uniform([0.15, 0.015], [0.4, 0.05]) * width, angle, _muted(rng, 0.05, 0.7, 0.4))
    return picture


def _garden(rng: np.random.Generator, width: int, height: int) -> Picture:
    base = np.array([0.31, 0.36, 0.23]) * rng.uniform(0.6, 1.4) + rng.uniform(-0.06, 0.06, 3)
    picture = _gradient(rng, width, height, base, 0.12)
    for cells, strength in ((8, 0.08), (25, 0.06), (90, 0.04)):
        picture += strength * _noise(rng, width, height, cells, cells * height // width)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(2, 6) * width / 640), np.float32)


PLACES: MappingProxyType[str, Callable[[np.random.Generator, int, int], Picture]] = MappingProxyType(
    {"desk": _desk, "kitchen": _kitchen, "room": _room, "bench": _bench, "garden": _garden}
)
"""Name -> painter of a sharp or blurred place."""


def paint_background(rng: np.random.Generator, place: str, width_px: int, height_px: int) -> Picture:
    """A picture `(height_px, width_px, 3)` of a place, sRGB in [0, 1].

    Args:
        rng: decides everything.
        place: one of `PLACES`.
        width_px: width.
        height_px: height.

    Raises:
        KeyError: no such place.
    """
    picture = PLACES[place](rng, width_px, height_px)
    focus = rng.uniform(0.5, 3.0) * width_px / 640
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), focus), np.float32)
    exposure = rng.uniform(0.75, 1.15)
    white_balance = 1 + rng.normal(0, 0.035, 3)
    return np.clip(picture * np.asarray(exposure * white_balance, np.float32), 0, 1)
