"""Colour of every pixel a mesh covers: soft key light with shadow, sky light, skin's red rim of light, nails."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hint_tools.mano.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WRAP = 0.28
"""How far light creeps around the edge of flesh, as a share of the cosine."""
_HIGHLIGHT = 28.0
"""Blinn-Phong exponent of dry skin and matt plastic."""


@compiled
def _light_share(p0: float, p1: float, p2: float, depth: npt.NDArray[np.float64], view: Floats, bias_m: float) -> float:
    """Share of a 3 x 3 patch of the light's picture in which the point is not behind something."""
    q2 = view[2, 0] * p0 + view[2, 1] * p1 + view[2, 2] * p2 + view[2, 3]
    q0 = (view[0, 0] * p0 + view[0, 1] * p1 + view[0, 2] * p2 + view[0, 3]) / q2
    q1 = (view[1, 0] * p0 + view[1, 1] * p1 + view[1, 2] * p2 + view[1, 3]) / q2
    rows, columns = depth.shape
    cx, cy = int(q0 + 0.5), int(q1 + 0.5)
    free = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            u = min(columns - 1, max(0, cx + dx))
            v = min(rows - 1, max(0, cy + dy))
            if q2 < depth[v, u] + bias_m:
                free += 1.0
    return free / 9.0


@compiled
def shade(
    face_id: npt.NDArray[np.int32],
    bary: npt.NDArray[np.float64],
    faces: Ints,
    vertices: Floats,
    normals: Floats,
    colours: Floats,
    nail: Floats,
    gloss: Floats,
    is_skin: npt.NDArray[np.bool_],
    to_light: Floats,
    ambient: float,
    shadow_depth: npt.NDArray[np.float64],
    shadow_view: Floats,
    shadow_bias_m: float,
) -> npt.NDArray[np.float32]:
    """Colour and coverage `(height, width, 4)` of a raster, sRGB in [0, 1].

    Args:
        face_id: `(height, width)`, -1 where nothing is hit.
        bary: `(height, width, 3)` weights of the face's corners.
        faces: `(m, 3)`.
        vertices: `(n, 3)` m, camera frame.
        normals: `(n, 3)` unit.
        colours: `(n, 3)`.
        nail: `(n,)` nail field, positive on nails.
        gloss: `(m,)`.
        is_skin: `(m,)`; flesh lets light through, other things do not.
        to_light: `(3,)` unit vector.
        ambient: light from everywhere, in [0, 1].
        shadow_depth: `(r, r)` m, the scene's depth as the light sees it.
        shadow_view: `(3, 4)`: camera frame to (column, row, 1) * depth of the light's picture.
        shadow_bias_m: how much nearer something must be to throw a shadow.
    """
    height, width = face_id.shape
    out = np.zeros((height, width, 4), np.float32)
    for y in range(height):
        for x in range(width):
            f = face_id[y, x]
            if f < 0:
                continue
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            a, b, c = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            n0 = normals[i, 0] * a + normals[j, 0] * b + normals[k, 0] * c
            n1 = normals[i, 1] * a + normals[j, 1] * b + normals[k, 1] * c
            n2 = normals[i, 2] * a + normals[j, 2] * b + normals[k, 2] * c
            p0 = vertices[i, 0] * a + vertices[j, 0] * b + vertices[k, 0] * c
            p1 = vertices[i, 1] * a + vertices[j, 1] * b + vertices[k, 1] * c
            p2 = vertices[i, 2] * a + vertices[j, 2] * b + vertices[k, 2] * c
            scale = 1.0 / max(1e-12, math.sqrt(n0 * n0 + n1 * n1 + n2 * n2))
            far = 1.0 / math.sqrt(p0 * p0 + p1 * p1 + p2 * p2)
            v0, v1, v2 = -p0 * far, -p1 * far, -p2 * far
            facing = (n0 * v0 + n1 * v1 + n2 * v2) * scale
            if facing < 0:
                scale, facing = -scale, -facing
            n0, n1, n2 = n0 * scale, n1 * scale, n2 * scale
            lit = n0 * to_light[0] + n1 * to_light[1] + n2 * to_light[2]
            seen = _light_share(p0, p1, p2, shadow_depth, shadow_view, shadow_bias_m * (2.0 - max(0.0, lit)))
            wrap = _WRAP if is_skin[f] else 0.05
            key = max(0.0, (lit + wrap) / (1.0 + wrap)) * (0.25 + 0.75 * seen)
            sky = ambient * (0.82 - 0.18 * n1)
            h0, h1, h2 = to_light[0] + v0, to_light[1] + v1, to_light[2] + v2
            half = max(0.0, (n0 * h0 + n1 * h1 + n2 * h2) / max(1e-9, math.sqrt(h0 * h0 + h1 * h1 + h2 * h2)))
            on_nail = min(1.0, max(0.0, (nail[i] * a + nail[j] * b + nail[k] * c) * 6.0))
            shine = (gloss[f] + 0.2 * on_nail) * half**_HIGHLIGHT * seen
            rim = 0.07 * (1.0 - facing) ** 3 if is_skin[f] else 0.0
            bleed = 0.10 * max(0.0, 1.0 - abs(lit) * 3.0) * seen if is_skin[f] else 0.0
            for ch in range(3):
                base = colours[i, ch] * a + colours[j, ch] * b + colours[k, ch] * c
                if on_nail > 0.0:
                    base = base * (1.0 - 0.45 * on_nail) + 0.45 * on_nail * (0.88, 0.70, 0.66)[ch]
                warm = (1.0, 0.965, 0.93)[ch]
                red = (1.0, 0.35, 0.2)[ch]
                value = base * (sky + 0.78 * key * warm) + shine + rim * (1.0, 0.55, 0.45)[ch] + base * bleed * red
                out[y, x, ch] = min(1.0, value)
            out[y, x, 3] = 1.0
    return out
