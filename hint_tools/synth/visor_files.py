"""VISOR's sparse annotations of rendered scenes: masks with forearms and sleeves as polygons, in the owners' layout."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.mano.camera import Camera
from hint_tools.mano.raster import Raster, rasterise
from hint_tools.synth.mesh import Mesh

Polygons = list[list[list[float]]]
CLASSES = {"left": 300, "right": 301}


def hand_polygons(mesh: Mesh, camera: Camera, owner: int, raster: Raster | None = None) -> Polygons:
    """Outlines of what is seen of one hand with its forearm, px from the outer corner of the top-left pixel.

    Args:
        mesh: the scene, camera frame.
        camera: of the picture.
        owner: number of the hand.
        raster: of the mesh where it is at hand.
    """
    seen = rasterise(mesh.vertices, mesh.faces, camera) if raster is None else raster
    mask: npt.NDArray[np.uint8] = ((seen.face_id >= 0) & (mesh.owner[seen.face_id] == owner)).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(outline[:, 0] + 0.5).tolist() for outline in outlines if len(outline) >= 3]


def visor_document(video: str, pictures: Mapping[int, Sequence[tuple[str, Polygons, str]]]) -> dict[str, Any]:
    """The content of `<video>.json`.

    Args:
        video: `P01_01`.
        pictures: by number, (side, polygons, name of the thing held or nothing) of each hand.
    """
    rows = [_picture(video, number, hands) for number, hands in sorted(pictures.items())]
    return {"info": {"description": "synthetic"}, "video_annotations": rows}


def picture_name(video: str, number: int) -> str:
    """The picture's file name."""
    return f"{video}_frame_{number:010d}.jpg"


def _picture(video: str, number: int, hands: Sequence[tuple[str, Polygons, str]]) -> dict[str, Any]:
    name, sequence = picture_name(video, number), f"{int(hashlib.sha256(video.encode()).hexdigest()[:4], 16) % 200:04d}"
    annotations = []
    for side, polygons, held in hands:
        thing = _id(name, side, "thing") if held else ""
        annotations.append(
            {
                "id": _id(name, side), "name": f"{side} hand", "class_id": CLASSES[side], "exhaustive": "y",
                "segments": polygons, "in_contact_object": thing or "hand-not-in-contact", "on_which_hand": None,
            }
        )  # fmt: skip
        if held:
            annotations.append({"id": thing, "name": held, "class_id": 13, "exhaustive": "y", "segments": polygons})
    path = f"{sequence}_{video}/{sequence}_{video}_seq_00001/{sequence}_{name}"
    image = {"image_path": path, "name": name, "subsequence": f"{video}_seq_00001", "video": video}
    return {"image": image, "annotations": annotations}


def _id(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]
