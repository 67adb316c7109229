"""`hint predict` with its hands found by the backends of `hint prelabel`: stages never import one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hint_tools.core.report import Report
from hint_tools.predict.config import PredictConfig
from hint_tools.predict.hands import HandBox
from hint_tools.predict.run import run
from hint_tools.prelabel.backends import Backend, HandDetector, usable_boxes
from hint_tools.prelabel.choice import make_backend, make_detector
from hint_tools.prelabel.config import PrelabelConfig
from hint_tools.store.project import Project

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

SURE_SIDE = 0.5
"""Either side is a guess below; a mesh needs one, unlike an annotator's page."""


def run_predict(config: PredictConfig, project: Project | None = None) -> Report:
    """As `predict.run.run`, with the detector of the settings. Raises as it does, and as `make_detector`."""
    return run(config, project, None if config.detector == "none" or config.dry_run else _Reader(config))


@dataclass(slots=True)
class _Reader:
    """Networks of `prelabel`, loaded when they are first needed."""

    config: PredictConfig
    _detector: HandDetector | None = field(default=None, init=False)
    _backend: Backend | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """Names of the detector and of what tells sides; as the settings say where nothing is searched."""
        return self._load_detector().name if self.config.finds_hands() else self._settings().resolved_detector()

    def find(self, image: Image) -> list[HandBox]:
        """The hands in `image`."""
        detector = self._load_detector()
        return [
            HandBox(hand.box, _sure(hand.side, hand.side_confidence), detector.name, score=hand.score)
            for hand in detector.detect(image)
        ]

    def sides(self, image: Image, boxes: Floats) -> Sequence[str | None]:
        """The side of each hand, by the embedded landmark network."""
        if self._backend is None:
            self._backend = make_backend(PrelabelConfig(threads=self.config.threads))
        answers = self._backend.predict(image, usable_boxes(boxes), [None] * len(boxes))
        return [_sure(answer.side, answer.side_confidence) for answer in answers]

    def _load_detector(self) -> HandDetector:
        if self._detector is None:
            self._detector = make_detector(self._settings())
        if self._detector is None:
            raise AssertionError("settings without a detector have no reader")
        return self._detector

    def _settings(self) -> PrelabelConfig:
        chosen = self.config
        return PrelabelConfig(
            detector=chosen.detector,
            detector_config=chosen.detector_config,
            detector_checkpoint=chosen.detector_checkpoint,
            detection_threshold=chosen.detection_threshold,
            max_hands=chosen.max_hands,
            tiles=chosen.tiles,
            threads=chosen.threads,
        )


def _sure(side: str | None, confidence: float) -> str | None:
    """`side`, unless the network itself calls it unlikely."""
    return None if side is None or confidence < SURE_SIDE else side
