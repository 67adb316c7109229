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
_WRAP_THING = 0.05
_NAIL = (0.88, 0.70, 0.66)
_LAMP = (1.0, 0.965, 0.93)
_BLOOD = (1.0, 0.35, 0.2)
_RIM = (1.0, 0.55, 0.45)
"""Colours of nails, of lamp light, of light that went through flesh, and of skin seen at its edge."""
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
def _blend(values: Floats, corners: Ints, weights: Floats) -> tuple[float, float, float]:
    """The three numbers of a face's corners, weighted."""
    i, j, k = corners[0], corners[1], corners[2]
    a, b, c = weights[0], weights[1], weights[2]
    return (
        values[i, 0] * a + values[j, 0] * b + values[k, 0] * c,
        values[i, 1] * a + values[j, 1] * b + values[k, 1] * c,
        values[i, 2] * a + values[j, 2] * b + values[k, 2] * c,
    )


@compiled
def _towards_eye(
    normal: tuple[float, float, float], place: tuple[float, float, float]
) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """Unit normal turned to the camera, unit direction to the camera, and the cosine between them."""
    scale = 1.0 / max(1e-12, math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2))
    far = -1.0 / math.sqrt(place[0] ** 2 + place[1] ** 2 + place[2] ** 2)
    eye = (place[0] * far, place[1] * far, place[2] * far)
    facing = (normal[0] * eye[0] + normal[1] * eye[1] + normal[2] * eye[2]) * scale
    if facing < 0:
        scale, facing = -scale, -facing
    return (normal[0] * scale, normal[1] * scale, normal[2] * scale), eye, facing


@compiled
def _half_cosine(normal: tuple[float, float, float], to_eye: tuple[float, float, float], to_light: Floats) -> float:
    """Cosine between the normal and the direction half-way between eye and lamp (Blinn 1977)."""
    h0, h1, h2 = to_light[0] + to_eye[0], to_light[1] + to_eye[1], to_light[2] + to_eye[2]
    length = max(1e-9, math.sqrt(h0 * h0 + h1 * h1 + h2 * h2))
    cosine: float = (normal[0] * h0 + normal[1] * h1 + normal[2] * h2) / length
    return max(0.0, cosine)


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
            corners, weights = faces[f], bary[y, x]
            place = _blend(vertices, corners, weights)
            normal, to_eye, facing = _towards_eye(_blend(normals, corners, weights), place)
            base = _blend(colours, corners, weights)
            lit = normal[0] * to_light[0] + normal[1] * to_light[1] + normal[2] * to_light[2]
            bias_m = shadow_bias_m * (2.0 - max(0.0, lit))
            seen = _light_share(place[0], place[1], place[2], shadow_depth, shadow_view, bias_m)
            wrap = _WRAP if is_skin[f] else _WRAP_THING
            key = max(0.0, (lit + wrap) / (1.0 + wrap)) * (0.25 + 0.75 * seen)
            sky = ambient * (0.82 - 0.18 * normal[1])
            field = nail[corners[0]] * weights[0] + nail[corners[1]] * weights[1] + nail[corners[2]] * weights[2]
            on_nail = min(1.0, max(0.0, field * 6.0))
            shine = (gloss[f] + 0.2 * on_nail) * _half_cosine(normal, to_eye, to_light) ** _HIGHLIGHT * seen
            rim = 0.07 * (1.0 - facing) ** 3 if is_skin[f] else 0.0
            bleed = 0.10 * max(0.0, 1.0 - abs(lit) * 3.0) * seen if is_skin[f] else 0.0
            for c in range(3):
                tone = base[c] * (1.0 - 0.45 * on_nail) + 0.45 * on_nail * _NAIL[c]
                light = sky + 0.78 * key * _LAMP[c] + bleed * _BLOOD[c]
                out[y, x, c] = min(1.0, tone * light + shine + rim * _RIM[c])
            out[y, x, 3] = 1.0
    return out
