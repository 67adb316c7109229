"""The folder of one picture: `hands.json`, meshes, overlays; whole or not there at all."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.formats.gltf import View, encode_glb
from hint_tools.formats.meshes import NamedMesh
from hint_tools.formats.wavefront import encode_obj
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.side_view import closed_faces
from hint_tools.media.images import encode_png
from hint_tools.predict.draw import COLOURS, overlay, views
from hint_tools.predict.hands import HandBox
from hint_tools.predict.placing import PlacedHand
from hint_tools.store.atomic import read_json, write_bytes, write_folder, write_json

Image = npt.NDArray[np.uint8]

SCHEMA: Final = "hint.prediction/1"
HANDS, SCENE, OVERLAY, SIDE = "hands.json", "hands.glb", "overlay.png", "side.png"
BAD_BOX, NOT_FINITE = "box unusable", "answer not finite"
"""Why a hand was left out."""
_FRAME = "hint-tools: metres in the camera of the picture, x right, y down, z forward"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """All that is known of one picture.

    Args:
        image: (H, W, 3) RGB.
        camera: of the picture.
        focal_known: it was given, not guessed.
        boxes: of the hands.
        hands: as many.
        model: whose meshes they are.
        about: what made them: file and checkpoint, for `hands.json`.
        left_out: name of the box and the reason, of the hands that are not among them.
    """

    image: Image
    camera: Camera
    focal_known: bool
    boxes: Sequence[HandBox]
    hands: Sequence[PlacedHand]
    model: HandModel
    about: dict[str, Any]
    left_out: Sequence[tuple[str, str]] = ()


def key_of(facts: dict[str, Any]) -> str:
    """What a folder's content depends on, as one word: the same word, the same files."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def is_done(folder: Path, key: str) -> bool:
    """Whether `folder` holds the files that `key` stands for, all of them."""
    if not (folder / HANDS).is_file():
        return False
    try:
        kept = read_json(folder / HANDS)
    except DataError:
        return False
    if not isinstance(kept, dict) or kept.get("key") != key or not isinstance(kept.get("files"), list):
        return False
    return all((folder / str(name)).is_file() for name in kept["files"])


def write_result(folder: Path, result: Result, key: str, *, obj: bool, glb: bool, pictures: bool) -> None:
    """Write the folder; an older one is replaced.

    Args:
        folder: of this picture.
        result: what to write.
        key: of `key_of`.
        obj: a Wavefront file a hand.
        glb: all hands and the camera as binary glTF.
        pictures: overlay and side views.

    Raises:
        EnvironmentFault: it could not be written; the old folder is untouched.
    """
    files = _files(result, obj=obj, glb=glb, pictures=pictures)
    document = {**as_json(result, obj=obj), "key": key, "files": sorted(files)}

    def fill(staging: Path) -> None:
        for name, data in files.items():
            write_bytes(staging / name, data)
        write_json(staging / HANDS, document)

    write_folder(folder, fill)


def mesh_name(number: int, hand: PlacedHand) -> str:
    """`hand_00_left`: what a hand is called in the mesh files."""
    return f"hand_{number:02d}_{hand.parameters.side}"


def as_json(result: Result, *, obj: bool) -> dict[str, Any]:
    """What `hands.json` says, but for its key."""
    camera = result.camera
    return {
        "schema": SCHEMA,
        **result.about,
        "camera": {
            "focal_px": camera.focal_px,
            "focal": "given" if result.focal_known else "assumed",
            "principal_point_px": [camera.cx, camera.cy],
            "width_px": camera.width_px,
            "height_px": camera.height_px,
            "frame": "x right, y down, z forward, metres",
        },
        "hands": [
            _hand_json(number, box, hand, obj=obj)
            for number, (box, hand) in enumerate(zip(result.boxes, result.hands, strict=True))
        ],
        "left_out": [{"box_name": name, "reason": reason} for name, reason in result.left_out],
    }


def _hand_json(number: int, box: HandBox, hand: PlacedHand, *, obj: bool) -> dict[str, Any]:
    parameters = hand.parameters
    name = mesh_name(number, hand)
    return {
        "name": name,
        "side": parameters.side,
        "side_from": box.side_from or box.origin,
        "box": box.box.tolist(),
        "box_from": box.origin,
        "box_name": box.name,
        "score": None if math.isnan(box.score) else box.score,
        "keypoints_px": hand.keypoints.tolist(),
        "keypoints_m": hand.joints.tolist(),
        "mano": {
            "global_orient": parameters.global_orient.tolist(),
            "hand_pose": parameters.hand_pose.tolist(),
            "betas": parameters.betas.tolist(),
            "transl": parameters.transl.tolist(),
            "flat_hand_mean": True,
        },
        "crop_camera": hand.crop_camera.tolist(),
        "reprojection_px": hand.reprojection_px,
        "obj": f"{name}.obj" if obj else None,
    }


def _files(result: Result, *, obj: bool, glb: bool, pictures: bool) -> dict[str, bytes]:
    meshes = [
        NamedMesh(
            mesh_name(number, hand),
            hand.vertices,
            closed_faces(result.model, hand.parameters.side),
            COLOURS[hand.parameters.side],
        )
        for number, hand in enumerate(result.hands)
    ]
    files: dict[str, bytes] = {}
    if not meshes:
        return files
    camera = result.camera
    if obj:
        files |= {f"{mesh.name}.obj": encode_obj([mesh], comment=_FRAME) for mesh in meshes}
    if glb:
        files[SCENE] = encode_glb(meshes, View(camera.focal_px, camera.width_px, camera.height_px))
    if pictures:
        files[OVERLAY] = encode_png(overlay(result.image, result.hands, result.model, camera))
        files[SIDE] = encode_png(views(result.image, result.hands, result.model, camera))
    return files
