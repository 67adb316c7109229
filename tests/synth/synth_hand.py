"""A hand whose truth is simple enough to compute with."""

import numpy as np

from hint_tools.core.records import Visibility
from hint_tools.synth.truth import TruthHand


def hand(n_occluded=6):
    """A wide open hand of 100 px, its last joints hidden."""
    fans = [np.array([0.0, 0.0])]
    for finger in range(5):
        angle = np.deg2rad(-150 + 30 * finger)
        fans += [np.array([np.cos(angle), np.sin(angle)]) * r for r in (25, 45, 60, 70)]
    keypoints = np.stack(fans) + 200
    visibility = np.full(21, Visibility.VISIBLE)
    visibility[21 - n_occluded :] = Visibility.OCCLUDED
    return TruthHand(
        truth_id="t",
        file="a.jpg",
        frame_index=-1,
        side="right",
        box=np.array([150.0, 150, 250, 250]),
        keypoints=keypoints,
        visibility=visibility,
        keypoints_3d=np.zeros((21, 3)),
        global_orient=np.zeros(3),
        hand_pose=np.zeros(45),
        betas=np.zeros(10),
        transl=np.zeros(3),
        focal_px=500.0,
        principal_point=np.zeros(2),
        hand_model="m",
    )
