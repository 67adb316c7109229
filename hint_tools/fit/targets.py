"""What is to be fitted: a hand's consensus, the camera of its frame, and how far each keypoint is trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Consensus, Frame, Visibility
from hint_tools.fit.config import FitConfig
from hint_tools.mano.camera import Camera

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One hand to fit: its consensus and the camera of its frame."""

    consensus: Consensus
    frame: Frame
    camera: Camera
    used: Bools
    """(21,) keypoints that take part."""


def camera_of(frame: Frame, config: FitConfig) -> Camera:
    """The camera a frame is taken to have: no distortion, axis through its middle."""
    focal = config.focal_px or config.focal_factor * max(frame.width_px, frame.height_px)
    return Camera.centered(focal, frame.width_px, frame.height_px)


def usable(consensus: Consensus) -> Bools:
    """Keypoints (21,) that are annotatable, with a finite position and covariance."""
    finite = np.isfinite(consensus.keypoints).all(axis=1) & np.isfinite(consensus.covariance).all(axis=(1, 2))
    return np.asarray(finite & (consensus.visibility != Visibility.NOT_ANNOTATABLE))


def whitening(consensus: Consensus, used: Bools, config: FitConfig) -> Floats:
    """Inverse Cholesky factors (21, 2, 2) of the keypoints' covariances, 1/px; zero where not used.

    A keypoint's covariance is the annotators' own plus a floor: they may agree and all be off, and the
    model's joints are not quite where people put them.
    """
    hidden = consensus.visibility == Visibility.OCCLUDED
    floor_px = np.where(hidden, config.sigma_occluded, config.sigma_visible) * consensus.scale_px
    own = np.where(used[:, None, None], consensus.covariance, 0.0)
    own = (own + np.swapaxes(own, 1, 2)) / 2
    values, vectors = np.linalg.eigh(own)  # a sampled covariance may have a slightly negative eigenvalue
    safe = (vectors * np.maximum(values, 0)[:, None]) @ np.swapaxes(vectors, 1, 2)
    factor = np.linalg.cholesky(safe + np.eye(2) * (floor_px**2)[:, None, None])
    return np.asarray(np.where(used[:, None, None], np.linalg.inv(factor), 0.0))
