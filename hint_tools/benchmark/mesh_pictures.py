"""Pictures of a benchmark on meshes: errors painted onto a hand, and hands over the images they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.official import align_officially
from hint_tools.benchmark.surface import Shown
from hint_tools.core.geometry import apply_affine, box_of_points
from hint_tools.data.mesh_sets import MeshSet, cameras_of
from hint_tools.mano.camera import Camera
from hint_tools.mano.seen import Skin, view_of
from hint_tools.mano.shade import shade_mesh
from hint_tools.media.draw import draw_hand, draw_label, hand_crop, side_by_side
from hint_tools.media.images import read_image
from hint_tools.report.blocks import Figure

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

_NEAR: Final = np.array([0.10, 0.30, 0.75])
_FAR: Final = np.array([0.90, 0.35, 0.05])
"""Linear RGB of the least and the largest error."""
_LARGEST: Final = 0.98
"""Quantile of the errors that has the full colour: one bad vertex must not make the rest look alike."""
_BACKDROP: Final = 46
_AWAY_M: Final = 0.8
_SIZE_PX: Final = 256
_TRUE, _OWN = (0.75, 0.75, 0.70), (0.62, 0.78, 0.95)
_ALPHA: Final = 0.85


def painted_hand(vertex_mm: Floats, skin: Skin) -> list[Figure]:
    """The mean hand from both sides, each vertex in the colour of its error.

    Args:
        vertex_mm: (778,) mean errors.
        skin: of the meshes.
    """
    low, high = float(vertex_mm.min()), float(np.quantile(vertex_mm, _LARGEST))
    share = np.clip((vertex_mm - low) / max(high - low, 1e-9), 0, 1)[:, None]
    colours = _NEAR + share * (_FAR - _NEAR)
    figures = []
    for name, turn in (("one side", 1.0), ("the other side", -1.0)):
        # the mean hand lies flat in x and z: a quarter turn about x shows the palm or the back
        centred = skin.rest - skin.rest.mean(axis=0)
        turned = centred[:, [0, 2, 1]] * [1.0, -turn, turn] + np.array([0, 0, _AWAY_M])
        camera = view_of(turned)
        if camera is not None:
            ground = np.full((camera.height_px, camera.width_px, 3), _BACKDROP, dtype=np.uint8)
            words = f"{name}: blue {low:.1f} mm, orange {high:.1f} mm and more"
            figures.append(Figure(shade_mesh(ground, turned, skin.faces, camera, colour=colours, ambient=0.6), words))
    return figures


def example_figures(hands: MeshSet, shown: Sequence[Shown], skin: Skin | None, words: str) -> list[Figure]:
    """Each hand three times over its image: as it is, as it was predicted, and that aligned with the first one.

    Empty where images or cameras are not there.

    Args:
        hands: the set, with its truth.
        shown: hands of it.
        skin: of the meshes; joints are drawn without it.
        words: what they are, for the captions.

    Raises:
        DataError: an image or a camera can't be read.
    """
    if hands.joints is None or not all((hands.root / str(hands.keys[s.index])).is_file() for s in shown):
        return []
    cameras = cameras_of(hands, [s.index for s in shown]) if shown else None
    if cameras is None:
        return []
    return [
        _figure(hands, hands.joints[s.index], s, matrix, skin, words) for s, matrix in zip(shown, cameras, strict=True)
    ]


def _figure(hands: MeshSet, truth: Floats, one: Shown, matrix: Floats, skin: Skin | None, words: str) -> Figure:
    name = str(hands.keys[one.index])
    image = read_image(hands.root / name)
    crop, affine = hand_crop(image, box_of_points(_seen(truth, matrix)), size_px=_SIZE_PX)
    pictures = []
    aligned = None
    if one.mesh is not None and one.true_mesh is not None:
        aligned = align_officially(one.mesh[None], one.true_mesh[None])[0]
    for joints, mesh, colour, label in (
        (truth, one.true_mesh, _TRUE, "true"),
        (one.joints, one.mesh, _OWN, "predicted"),
        (align_officially(one.joints[None], truth[None])[0], aligned, _OWN, "aligned"),
    ):
        if skin is not None and mesh is not None:
            drawn = shade_mesh(crop, mesh, skin.faces, _in_crop(matrix, affine), colour=colour, alpha=_ALPHA)
        else:
            drawn = draw_hand(crop, apply_affine(affine, _seen(joints, matrix)))
        pictures.append(draw_label(drawn, label))
    return Figure(side_by_side(pictures), caption=f"{words}: {one.error_mm:.1f} mm, {name}")


def _seen(points: Floats, matrix: Floats) -> Floats:
    """(n, 2) px of points (n, 3) m; those behind the camera are drawn nowhere."""
    rays = points @ matrix.T
    depth = np.where(rays[:, 2:] > 0, rays[:, 2:], np.nan)
    pixels: Floats = rays[:, :2] / depth
    return pixels


def _in_crop(matrix: Floats, affine: Floats) -> Camera:
    scale = float(affine[0, 0])
    x, y = apply_affine(affine, matrix[:2, 2])
    return Camera(float(matrix[0, 0] + matrix[1, 1]) / 2 * scale, float(x), float(y), _SIZE_PX, _SIZE_PX)
