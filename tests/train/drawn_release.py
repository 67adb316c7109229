"""A small release of drawn hands whose every number is consistent with every other."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from hint_tools.core.ids import content_id
from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import BONES
from hint_tools.data.annotations import ANNOTATIONS, ANNOTATIONS_FILE, Annotation, image_folder
from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import HandModel
from hint_tools.mano.layer import ManoLayer
from hint_tools.store.atomic import write_bytes
from hint_tools.store.manifests import write_checksums
from hint_tools.store.tables import write_table

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 320, 240, 400.0
MIRROR = np.array([1.0, -1.0, -1.0])


def make_release(root: Path, model: HandModel, *, count: int, fitted: bool = True) -> Path:
    folder = image_folder("train", "newdays")
    (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(5)
    rows = [draw_hand(root, folder, model, rng, i, fitted=fitted and i != 3) for i in range(count)]
    write_table(root / ANNOTATIONS_FILE, ANNOTATIONS, rows)
    write_checksums(root)
    return root


def draw_hand(
    root: Path, folder: str, model: HandModel, rng: np.random.Generator, i: int, *, fitted: bool
) -> Annotation:
    right = i % 2 == 0
    betas = rng.normal(0, 0.5, 10)
    pose = HandAnatomy.of(model, betas).draw(rng)
    orient = rng.normal(0, 0.4, 3) + np.array([1.2, 0.0, 0.0])
    transl = np.array([*rng.normal(0, 0.02, 2), 0.5])
    tensors = (torch.tensor(v[None], dtype=torch.float32) for v in (orient, pose, betas))
    joints = ManoLayer(model)(*tensors, pose2rot=True).joints[0].numpy().astype(np.float64)
    joints -= joints[9]
    if not right:
        joints[:, 0] *= -1
        orient, pose = orient * MIRROR, (pose.reshape(15, 3) * MIRROR).ravel()
    joints += transl
    keypoints = joints[:, :2] / joints[:, 2:] * FOCAL_PX + np.array([WIDTH_PX, HEIGHT_PX]) / 2
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 40, np.uint8)
    for a, b in BONES:
        colour = (80 + 35 * ((b - 1) // 4), 255 - 40 * ((b - 1) // 4), 200)
        cv2.line(image, *(tuple(int(v) for v in keypoints[k].round()) for k in (a, b)), colour, 6)
    stem = f"hand{i:03d}_{'r' if right else 'l'}"
    write_bytes(root / folder / f"{stem}.jpg", cv2.imencode(".png", image)[1].tobytes())
    fit = {
        "global_orient": orient, "hand_pose": pose, "betas": betas, "transl": transl,
        "camera": np.array([FOCAL_PX, WIDTH_PX / 2, HEIGHT_PX / 2]), "keypoints_fit": keypoints,
        "keypoints_3d": joints, "sd_mm": np.full(21, 2.0), "hand_model": model.identity,
    }  # fmt: skip
    return Annotation(
        hand_id=content_id("hand", stem), frame_id=content_id("frame", stem), source="newdays", split="train",
        image=f"{folder}/{stem}.jpg", image_included=True, image_sha256="", pixel_sha256="",
        width_px=WIDTH_PX, height_px=HEIGHT_PX, video=stem, clip="", participant="", frame_index=0, time_s=0.0,
        origin="", action="", frame_type="", licence="CC0", redistributable=True,
        side=(Side.RIGHT if right else Side.LEFT).value, side_agreement=1.0,
        box=np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)]), keypoints=keypoints,
        visibility=np.full(21, Visibility.VISIBLE), visible_probability=np.ones(21),
        covariance=np.tile(np.eye(2), (21, 1, 1)), weight=np.ones(21), n_submissions=2, disagreement=0.0,
        **(fit if fitted else {}),
    )  # fmt: skip
