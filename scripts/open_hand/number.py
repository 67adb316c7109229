"""Vertex numbers: fingertips and the wrist loop where MANO-format code expects them, the rest by bone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGERS
from hint_tools.mano.topology import N_VERTICES, TIP_VERTICES, WRIST_LOOP

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TIP_COMPANIONS = {"thumb": (745,), "index": (317,), "middle": (444, 445), "ring": (555, 556), "pinky": (672, 673)}
"""Other ids that other tools take for fingertips: neighbours of the tip."""
_THUMB_SIDE = np.array([0.0, 0.3, 1.0])


def numbering(
    vertices: Floats, triangles: Ints, dominant: Ints, tips: dict[str, int], loop: list[int], along: dict[str, Floats]
) -> Ints:
    """For each new number, the vertex that gets it (778,).

    Args:
        vertices: (778, 3) at rest, m.
        triangles: (1538, 3).
        dominant: (778,) joint that moves each vertex most.
        tips: fingertip vertices by finger.
        loop: vertices of the wrist loop, in order.
        along: direction of each finger's last bone.
    """
    chosen: dict[int, int] = {}
    for finger, number in zip(FINGERS, TIP_VERTICES, strict=True):
        chosen[number] = tips[finger]
        around = {int(v) for t in triangles if tips[finger] in t for v in t} - {tips[finger]}
        farthest = sorted(around, key=lambda v: (-float(vertices[v] @ along[finger]), v))
        chosen |= dict(zip(_TIP_COMPANIONS[finger], farthest, strict=False))
    chosen |= dict(zip(WRIST_LOOP, _turned_loop(vertices, loop), strict=True))
    taken = set(chosen.values())
    rest = sorted((v for v in range(N_VERTICES) if v not in taken), key=lambda v: (int(dominant[v]), v))
    free = [n for n in range(N_VERTICES) if n not in chosen]
    chosen |= dict(zip(free, rest, strict=True))
    return np.array([chosen[n] for n in range(N_VERTICES)])


def _turned_loop(vertices: Floats, loop: list[int]) -> list[int]:
    """The loop begun at the thumb's side and run so that the faces that close it look out of the arm (+x)."""
    from_center = vertices[loop] - vertices[loop].mean(axis=0)
    start = int(np.argmax(from_center @ _THUMB_SIDE))
    turned = loop[start:] + loop[:start]
    corners = vertices[[turned[0], turned[1], turned[-1]]]
    facing = np.cross(corners[1] - corners[0], corners[2] - corners[0])[0]
    return turned if facing > 0 else [turned[0], *turned[:0:-1]]
