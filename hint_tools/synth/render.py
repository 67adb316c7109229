"""A scene becomes a picture: raster, light, shadow on the background, and what a sensor adds."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.mano.camera import Camera
from hint_tools.mano.raster import Raster, rasterise
from hint_tools.mano.shade import vertex_normals
from hint_tools.synth.background import Picture
from hint_tools.synth.mesh import OBJECT, Mesh
from hint_tools.synth.shading import shade

Floats = npt.NDArray[np.float64]
Rgb = npt.NDArray[np.uint8]

_LIGHT_DISTANCE_M = 3.0
_SHADOW_MARGIN = 1.05
_CAST_SHADOW = 0.42
"""How much of the background's light the hand takes away where its shadow is deepest."""


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the light from everywhere.

    Args:
        to_light: `(3,)` unit vector from the scene, camera frame.
        ambient: strength of the light from everywhere, in [0, 1].
    """

    to_light: Floats
    ambient: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How much work a picture is worth.

    Args:
        samples: rays along each side of a pixel.
        shadow_px: side of the light's own picture.
    """

    samples: int = 2
    shadow_px: int = 256


STILL = Quality(samples=2, shadow_px=256)
MOVING = Quality(samples=1, shadow_px=160)


def sample_light(rng: np.random.Generator) -> Light:
    """A lamp above and in front of the hands."""
    direction = np.array([rng.uniform(-0.8, 0.8), -rng.uniform(0.4, 1.0), -rng.uniform(0.4, 1.0)])
    return Light(direction / np.linalg.norm(direction), float(rng.uniform(0.32, 0.5)))


def render(mesh: Mesh, camera: Camera, light: Light, background: Picture, quality: Quality) -> tuple[Picture, Raster]:
    """The picture `(height, width, 3)` sRGB in [0, 1], and the raster at one ray a pixel for exact visibility.

    Args:
        mesh: everything in the scene, camera frame.
        camera: the pinhole camera.
        light: its light.
        background: `(height, width, 3)`, what is behind.
        quality: rays a pixel.
    """
    centers = rasterise(mesh.vertices, mesh.faces, camera)
    fine = centers if quality.samples == 1 else rasterise(mesh.vertices, mesh.faces, camera.scaled(quality.samples))
    depth, view, texel_m = _shadow_map(mesh, light, quality.shadow_px)
    layer = shade(
        fine.face_id,
        fine.bary,
        mesh.faces,
        mesh.vertices,
        vertex_normals(mesh.vertices, mesh.faces),
        mesh.colours,
        mesh.nail,
        mesh.gloss,
        mesh.owner != OBJECT,
        light.to_light,
        light.ambient,
        depth,
        view,
        2.5 * texel_m,
    )
    layer = _reduced(layer, camera, quality)
    behind = background * _cast(layer[..., 3], light)[..., None]
    return layer[..., :3] + behind * (1 - layer[..., 3:]), centers


def _reduced(layer: npt.NDArray[np.float32], camera: Camera, quality: Quality) -> npt.NDArray[np.float32]:
    """The layer at the camera's size, its edges softened."""
    if quality.samples > 1:
        smaller = cv2.resize(layer, (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA)
        return np.asarray(smaller, np.float32)
    return np.asarray(0.5 * cv2.blur(layer, (2, 2)) + 0.5 * layer, np.float32)


def _shadow_map(mesh: Mesh, light: Light, side_px: int) -> tuple[Floats, Floats, float]:
    """Depth from the lamp, the matrix into its picture (3, 4), and a texel's size in m."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    forward = -light.to_light
    helper = np.array([0.0, 1, 0]) if abs(forward[1]) < 0.9 else np.array([1.0, 0, 0])
    right = np.cross(helper, forward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    lamp = middle + light.to_light * _LIGHT_DISTANCE_M
    focal = side_px * (_LIGHT_DISTANCE_M - reach) / (2 * reach * _SHADOW_MARGIN)
    half = (side_px - 1) / 2
    camera = Camera(focal_px=focal, cx=half, cy=half, width_px=side_px, height_px=side_px)
    raster = rasterise((mesh.vertices - lamp) @ rotation.T, mesh.faces, camera)
    intrinsics = np.array([[focal, 0, half], [0, focal, half], [0, 0, 1]])
    view = intrinsics @ np.concatenate([rotation, -(rotation @ lamp)[:, None]], axis=1)
    return np.asarray(raster.depth, np.float64), view, _LIGHT_DISTANCE_M / focal


def _cast(coverage: npt.NDArray[np.float32], light: Light) -> npt.NDArray[np.float32]:
    """How much light is left on the background: the hands' outline, moved away from the lamp and blurred."""
    height, width = coverage.shape
    small = cv2.resize(coverage, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    move = np.array([[1, 0, -light.to_light[0] * 6], [0, 1, -light.to_light[1] * 6]], np.float64)
    moved = cv2.warpAffine(small, move, (small.shape[1], small.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), 2.5)
    return np.asarray(1 - _CAST_SHADOW * cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a camera adds.

    Args:
        noise: standard deviation at full brightness, share of full scale.
        blur_px: length of the smear of a moving camera.
        blur_angle_rad: its direction.
        vignette: loss of light in the corners.
    """

    noise: float
    blur_px: float
    blur_angle_rad: float
    vignette: float


def sample_sensor(rng: np.random.Generator) -> Sensor:
    """An ordinary camera; one in three moves while it exposes."""
    smear = rng.uniform(1.5, 4) if rng.random() < 1 / 3 else 0.0
    noise, angle = float(rng.uniform(0.004, 0.018)), float(rng.uniform(0, np.pi))
    return Sensor(noise, float(smear), angle, float(rng.uniform(0, 0.25)))


def expose(picture: Picture, sensor: Sensor, rng: np.random.Generator) -> Rgb:
    """The picture as 8-bit RGB with the sensor's smear, vignette and noise."""
    height, width = picture.shape[:2]
    seen = picture
    if sensor.blur_px > 0:
        kernel = _smear(sensor.blur_px, sensor.blur_angle_rad)
        seen = np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] ** 2
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    seen = np.asarray(seen * (1 - sensor.vignette * (x + y) / 2)[..., None], np.float32)
    tile = rng.standard_normal((height // 2, width // 2, 3), dtype=np.float32)
    grain = cv2.resize(tile, (width, height), interpolation=cv2.INTER_NEAREST)
    grain = np.roll(grain, 1, axis=1) * 0.5 + grain * 0.7
    noisy = seen + grain * np.float32(sensor.noise) * (0.4 + 0.6 * np.sqrt(np.maximum(seen, 0)))
    return np.asarray(np.clip(noisy * 255 + 0.5, 0, 255), np.uint8)


def _smear(length_px: float, angle_rad: float) -> npt.NDArray[np.float32]:
    """A line of `length_px` as a convolution kernel of unit sum."""
    side = int(np.ceil(length_px)) | 1
    steps = np.linspace(-length_px / 2, length_px / 2, 33)
    kernel = np.zeros((side + 2, side + 2), np.float32)
    middle = (side + 1) / 2
    columns = np.rint(middle + steps * np.cos(angle_rad)).astype(int)
    rows = np.rint(middle + steps * np.sin(angle_rad)).astype(int)
    np.add.at(kernel, (rows, columns), 1 / len(steps))
    return kernel
