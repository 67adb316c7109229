"""A fit to look at: keypoints, the mesh over the picture, and the mesh from the side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import apply_affine
from hint_tools.core.records import Consensus, Fit
from hint_tools.mano.assets import HandModel
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import pose_hand
from hint_tools.mano.shade import shade_mesh
from hint_tools.mano.side_view import closed_faces, side_view
from hint_tools.media.draw import draw_hand, hand_crop, side_by_side

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

CROP_PX = 224
MESH_COLOUR = (0.62, 0.78, 0.95)


def fit_overlay(image: Image, fit: Fit, consensus: Consensus, model: HandModel) -> Image:
    """Three views (224, 3 * 224 + gaps, 3): crop with the consensus, crop with the fitted mesh, mesh from its side.

    Args:
        image: the frame, (h, w, 3) RGB.
        fit: of the hand.
        consensus: what was fitted.
        model: the model it was fitted with.
    """
    crop, affine = hand_crop(image, _square(consensus, fit), size_px=CROP_PX)
    marked = draw_hand(crop, apply_affine(affine, consensus.keypoints), consensus.visibility)
    vertices, faces = fitted_mesh(fit, model)
    scale = float(affine[0, 0])
    center = apply_affine(affine, fit.principal_point)
    camera = Camera(fit.focal_px * scale, float(center[0]), float(center[1]), CROP_PX, CROP_PX)
    covered = shade_mesh(crop, vertices, faces, camera, colour=MESH_COLOUR, alpha=0.85)
    return side_by_side([marked, covered, side_view(vertices, faces, CROP_PX, MESH_COLOUR)])


def fitted_mesh(fit: Fit, model: HandModel) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Vertices (778, 3) in the camera, m, and faces (1552, 3), closed at the wrist."""
    posed = pose_hand(model, fit.global_orient, fit.hand_pose, fit.betas, fit.transl, fit.side)
    return posed.vertices, closed_faces(model, fit.side)


def _square(consensus: Consensus, fit: Fit) -> Floats:
    """The consensus box, or the fitted joints' where there is no usable box."""
    box = consensus.box
    if np.isfinite(box).all() and (box[2:] > box[:2]).all():
        return box
    return np.concatenate([fit.keypoints.min(axis=0), fit.keypoints.max(axis=0)])
