"""Which triangle is seen at each pixel, exactly: a z-buffer on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.mano.camera import Camera
from hint_tools.mano.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR_M = 0.01
"""Triangles with a corner nearer than this are left out: no hand is 1 cm from a lens."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """What the camera sees, one entry a pixel.

    Args:
        depth: (h, w) float64, z in metres; infinite where nothing is hit.
        face_id: (h, w) int32 row of `faces`; -1 where nothing is hit.
        bary: (h, w, 3) float64 weights of the triangle's corners in space (perspective-correct).
    """

    depth: Floats
    face_id: npt.NDArray[np.int32]
    bary: Floats

    @property
    def hit(self) -> npt.NDArray[np.bool_]:
        """(h, w) whether anything is seen."""
        return self.face_id >= 0

    def interpolate(self, faces: Ints, values: Floats) -> Floats:
        """Values (n, k) at the n hit pixels, in row order, of per-vertex `values` (v, k)."""
        hit = self.hit
        corners = values[faces[self.face_id[hit]]]
        return np.asarray(np.einsum("nc,nck->nk", self.bary[hit], corners))


def rasterise(
    vertices: npt.ArrayLike, faces: npt.ArrayLike, camera: Camera, *, bounds: tuple[int, int, int, int] | None = None
) -> Raster:
    """The nearest triangle at every pixel centre, whichever way it faces.

    Args:
        vertices: (v, 3) in the camera's frame, metres, z forward.
        faces: (f, 3) vertex ids.
        camera: pinhole camera.
        bounds: x0, y0, x1, y1 of the pixels wanted (x0 <= x < x1, y0 <= y < y1), which may reach out of the
            image; the result then has shape (y1 - y0, x1 - x0). The whole image by default.
    """
    view = camera if bounds is None else camera.window(*bounds)
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    triangles = np.ascontiguousarray(faces, dtype=np.int64)
    z = np.where(points[:, 2] > NEAR_M, points[:, 2], 0.0)
    safe = np.where(z > 0, z, 1.0)
    pixels = points[:, :2] / safe[:, None] * view.focal_px + np.array([view.cx, view.cy])
    shape = (view.height_px, view.width_px)
    depth = np.full(shape, np.inf)
    face_id = np.full(shape, -1, dtype=np.int32)
    bary = np.zeros((*shape, 3))
    _fill(np.ascontiguousarray(pixels), z, triangles, depth, face_id, bary)
    return Raster(depth=depth, face_id=face_id, bary=bary)


@compiled
def _fill(pixels: Floats, z: Floats, faces: Ints, depth: Floats, face_id: npt.NDArray[np.int32], bary: Floats) -> None:
    """Walk every triangle's pixel box; 1/z is linear in the image, so the depth test is exact."""
    height, width = depth.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if z[a] <= 0.0 or z[b] <= 0.0 or z[c] <= 0.0:
            continue
        ax, ay, bx, by, cx, cy = pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1], pixels[c, 0], pixels[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        left, right = max(0.0, np.ceil(min(ax, bx, cx))), min(width - 1.0, np.floor(max(ax, bx, cx)))
        top, bottom = max(0.0, np.ceil(min(ay, by, cy))), min(height - 1.0, np.floor(max(ay, by, cy)))
        for y in range(int(top), int(bottom) + 1):
            for x in range(int(left), int(right) + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                inverse = wa / z[a] + wb / z[b] + wc / z[c]
                here = 1.0 / inverse
                if here < depth[y, x]:
                    depth[y, x] = here
                    face_id[y, x] = f
                    bary[y, x, 0] = wa / z[a] * here
                    bary[y, x, 1] = wb / z[b] * here
                    bary[y, x, 2] = wc / z[c] * here
