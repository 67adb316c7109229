"""A small project with frames, hands and predictions, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame, Hand, Prediction
from hint_tools.core.report import Report
from hint_tools.labelstudio.connection import credentials_name, stored
from hint_tools.media.images import encode_jpeg
from hint_tools.store.atomic import write_bytes
from hint_tools.store.credentials import save_credentials
from hint_tools.store.project import Project, create_project
from hint_tools.store.tables import FRAMES, HANDS, PREDICTIONS

SIZE = (320, 240)
MODEL = "toy-model@1"


def make_round(root: Path, n_hands: int = 6, seed: int = 0) -> Project:
    """A project whose hand k is `true_keypoints(k)`; predictions are off by about 2 px."""
    project = create_project(root, "test round")
    rng = np.random.default_rng(seed)
    frames, hands, predictions = [], [], []
    for k in range(n_hands):
        path = f"frames/toy/é {k}.jpg"  # annotators' pictures have all kinds of names
        pixels = rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        write_bytes(root / path, encode_jpeg(pixels))
        points = true_keypoints(k)
        hand_id = content_id("hand", k)
        frames.append(
            Frame(
                frame_id=content_id("frame", k), source="toy", video=f"v{k}", width_px=SIZE[0], height_px=SIZE[1],
                path=path, sha256="0" * 64, pixel_sha256="0" * 64, origin=path,
            )
        )  # fmt: skip
        box = np.concatenate([points.min(0) - 4, points.max(0) + 4])
        hands.append(Hand(hand_id=hand_id, frame_id=content_id("frame", k), side="left" if k % 2 else "right", box=box))
        predictions.append(predict(hand_id, points + rng.normal(0, 2, points.shape), MODEL))
    project.write(FRAMES, frames)
    project.write(HANDS, hands)
    project.write(PREDICTIONS, predictions)
    return project


def true_keypoints(k: int) -> np.ndarray:
    """21 points of hand `k`, spread like an open hand; px of the frame."""
    fingers = [np.array([np.cos(a), -np.sin(a)]) for a in np.linspace(0.3, 2.8, 5)]
    points = [np.zeros(2), *(f * 10.0 * (j + 2) for f in fingers for j in range(4))]
    return np.array(points) * 0.7 + np.array([150.0 + 3 * (k % 40), 150.0])


def predict(hand_id: str, points: np.ndarray, model: str) -> Prediction:
    return Prediction(
        prediction_id=content_id("prediction", hand_id, model), hand_id=hand_id, model=model, keypoints=points,
        confidence=np.full(21, 0.9), hand_confidence=0.95,
    )  # fmt: skip


@dataclass
class Site:
    """The server under test."""

    project: Project
    report: Report
    lookups: Path
    variables: Callable[[Path], dict[str, str]]
    made: int = 0

    def round(self, n_hands: int = 6) -> Project:
        """Another project on the same server."""
        self.made += 1
        project = make_round(self.project.root / f"other{self.made}", n_hands)
        values = {k: v for k, v in stored(self.project).items() if k != "name"}
        save_credentials(credentials_name(project), values)
        return project
