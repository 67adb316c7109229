"""Meshes drawn over pictures: smooth normals, one lamp, a little ambient light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.mano.camera import Camera
from hint_tools.mano.raster import Raster, rasterise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Image = npt.NDArray[np.uint8]

LAMP = (-0.4, -0.7, -0.6)
"""Direction to the lamp in the camera's frame: above, left of and behind the viewer."""
AMBIENT = 0.35
_WRAP = 0.25
"""How far light reaches round the terminator; soft tissue scatters."""
_SUPERSAMPLING = 2


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals (v, 3), the area-weighted mean of the faces around each vertex."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, faces[:, corner], normal)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.asarray(summed / np.maximum(length, np.finfo(float).tiny))


def light_at_hits(
    raster: Raster, vertices: Floats, faces: Ints, *, lamp: tuple[float, float, float] = LAMP, ambient: float = AMBIENT
) -> Floats:
    """Brightness (n,) in [0, 1] of the n hit pixels, in row order: wrapped Lambert light plus `ambient`.

    Args:
        raster: of these vertices and faces.
        vertices: (v, 3) in the camera's frame, m.
        faces: (f, 3).
        lamp: direction to the lamp, camera frame, any length.
        ambient: brightness without the lamp.
    """
    normal = raster.interpolate(faces, vertex_normals(vertices, faces))
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)
    normal *= _facing(vertices, faces)[raster.face_id[raster.hit], None]
    direction = np.asarray(lamp, dtype=np.float64) / np.linalg.norm(lamp)
    diffuse = np.clip((normal @ direction + _WRAP) / (1 + _WRAP), 0, 1)
    return np.asarray(np.clip(ambient + (1 - ambient) * diffuse, 0, 1))


def _facing(vertices: Floats, faces: Ints) -> Floats:
    """1 for each face (f,) whose outside looks at the camera, -1 where its inside does."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.where((normal * corners[:, 0]).sum(axis=1) <= 0, 1.0, -1.0)


def shade_mesh(
    image: Image,
    vertices: Floats,
    faces: Ints,
    camera: Camera,
    *,
    colour: npt.ArrayLike = (0.80, 0.72, 0.66),
    alpha: float = 1.0,
    lamp: tuple[float, float, float] = LAMP,
    ambient: float = AMBIENT,
) -> Image:
    """A copy of `image` with the mesh drawn over it, edges smoothed.

    Args:
        image: (h, w, 3) RGB, as large as the camera's image.
        vertices: (v, 3) in the camera's frame, m.
        faces: (f, 3).
        camera: of the image.
        colour: (3,) or one a vertex (v, 3), linear RGB in [0, 1].
        alpha: opacity of the mesh.
        lamp: direction to the lamp, camera frame.
        ambient: brightness without the lamp.

    Raises:
        ValueError: image and camera differ in size.
    """
    if image.shape[:2] != (camera.height_px, camera.width_px):
        raise ValueError(f"camera is {camera.width_px}x{camera.height_px}, image {image.shape[1]}x{image.shape[0]}")
    out = image.copy()
    bounds = mesh_bounds(vertices, camera)
    if bounds is None:
        return out
    x0, y0, x1, y1 = bounds
    fine = camera.window(x0, y0, x1, y1).scaled(_SUPERSAMPLING)
    raster = rasterise(vertices, faces, fine)
    hit = raster.hit
    colours = np.broadcast_to(np.asarray(colour, dtype=np.float64), vertices.shape)
    brightness = light_at_hits(raster, vertices, faces, lamp=lamp, ambient=ambient)
    layer = np.zeros((*hit.shape, 4))
    layer[hit, :3] = raster.interpolate(faces, colours) * brightness[:, None]
    layer[hit, 3] = 1.0
    layer = _shrunk(layer, _SUPERSAMPLING) * alpha
    below = out[y0:y1, x0:x1].astype(np.float64) / 255
    blended = layer[..., :3] + below * (1 - layer[..., 3:])
    out[y0:y1, x0:x1] = np.rint(np.clip(blended, 0, 1) * 255).astype(np.uint8)
    return out


def mesh_bounds(vertices: Floats, camera: Camera) -> tuple[int, int, int, int] | None:
    """Pixels x0, y0, x1, y1 of the image the mesh can touch (half open), or None when it is out of view."""
    front = vertices[vertices[:, 2] > 0]
    if len(front) == 0:
        return None
    pixels = camera.project(front)
    limit = np.array([camera.width_px, camera.height_px])
    low = np.clip(np.floor(pixels.min(axis=0)), 0, limit).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, limit).astype(int)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _shrunk(image: Floats, factor: int) -> Floats:
    """Means of `factor` x `factor` blocks."""
    height, width, depth = image.shape
    return np.asarray(image.reshape(height // factor, factor, width // factor, factor, depth).mean(axis=(1, 3)))
