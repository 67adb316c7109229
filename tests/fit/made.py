"""A project with hands whose truth is known: pictures of the model, keypoints of its joints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hint_tools.core.ids import content_id
from hint_tools.core.records import Consensus, Frame, Hand
from hint_tools.mano.anatomy import sample_hand_pose
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import MIRROR_AXIS_ANGLE, faces_of_side, pose_hand
from hint_tools.mano.shade import shade_mesh
from hint_tools.media.images import encode_jpeg, pixel_sha256
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import CONSENSUS, FRAMES, HANDS

WIDTH_PX, HEIGHT_PX, FOCAL_PX = 640, 480, 704.0


@dataclass(frozen=True)
class Truth:
    """What a hand really is: joints (21, 3) in the camera, and its consensus."""

    joints: np.ndarray
    vertices: np.ndarray
    consensus: Consensus
    focal_px: float


def make_truth(
    model: HandModel, seed: int, *, side: str = "right", noise_px: float = 0.0, focal_px: float = FOCAL_PX
) -> Truth:
    """A random hand about 200 px large near the middle of a 640 x 480 frame."""
    rng = np.random.default_rng(seed)
    betas = rng.standard_normal(10).clip(-2, 2)
    pose, root = sample_hand_pose(rng, model, betas), Rotation.random(random_state=rng).as_rotvec()
    if side == "left":
        pose = pose * np.tile(MIRROR_AXIS_ANGLE, 15)  # the sampler knows right hands
    at = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.03), 0.65 * focal_px / FOCAL_PX])
    flat = pose_hand(model, root, pose, betas, side=side)
    posed = pose_hand(model, root, pose, betas, at - flat.joints.mean(axis=0), side)
    camera = Camera.centered(focal_px, WIDTH_PX, HEIGHT_PX)
    keypoints = camera.project(posed.joints) + rng.standard_normal((21, 2)) * noise_px
    box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
    consensus = Consensus(
        hand_id=content_id("hand", f"made-{seed}-{side}"),
        keypoints=keypoints,
        covariance=np.tile(np.eye(2) * noise_px**2, (21, 1, 1)),
        visibility=np.full(21, 2),
        visible_probability=np.ones(21),
        side=side,
        side_agreement=1.0,
        box=box,
        scale_px=float(np.sqrt(np.prod(box[2:] - box[:2]))),
        n_submissions=3,
    )
    return Truth(posed.joints, posed.vertices, consensus, focal_px)


def make_project(root: Path, model: HandModel, truths: list[Truth]) -> Project:
    """A project whose frames show the hands of `truths`, one each."""
    project = create_project(root, "made")
    frames, hands = [], []
    camera = Camera.centered(FOCAL_PX, WIDTH_PX, HEIGHT_PX)
    for truth in truths:
        hand_id = truth.consensus.hand_id
        blank = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
        image = shade_mesh(blank, truth.vertices, faces_of_side(model, truth.consensus.side), camera)
        path = f"frames/made/{hand_id}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(encode_jpeg(image))
        frame_id = content_id("frame", hand_id)
        frames.append(
            Frame(
                frame_id=frame_id,
                source="made",
                video="made",
                width_px=WIDTH_PX,
                height_px=HEIGHT_PX,
                path=path,
                sha256="",
                pixel_sha256=pixel_sha256(image),
                origin="made",
            )
        )
        hands.append(Hand(hand_id=hand_id, frame_id=frame_id, side=truth.consensus.side, box=truth.consensus.box))
    project.write(FRAMES, frames)
    project.write(HANDS, hands)
    project.write(CONSENSUS, [t.consensus for t in truths])
    return project


def procrustes_error_mm(points: np.ndarray, target: np.ndarray) -> float:
    """Mean distance after the best similarity, mm."""
    a, b = points - points.mean(0), target - target.mean(0)
    rotation, strength = Rotation.align_vectors(b, a)[0].as_matrix(), None
    turned = a @ rotation.T
    strength = (turned * b).sum() / (turned**2).sum()
    return float(np.linalg.norm(strength * turned - b, axis=1).mean() * 1e3)
