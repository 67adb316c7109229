"""One frame: its picture read at most once, its hands found and answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.records import Frame, Hand
from hint_tools.media.images import read_image
from hint_tools.prelabel.answers import (
    Entry,
    KnownAnswers,
    answer_entry,
    answer_key,
    detection_entry,
    detection_key,
)
from hint_tools.prelabel.backends import Backend, HandAnswer, HandDetector
from hint_tools.prelabel.found import found_rows
from hint_tools.prelabel.roi import Rgb
from hint_tools.store.project import Project


@dataclass(slots=True)
class FrameResult:
    """What came of one frame.

    Args:
        found: rows of hands found in it now.
        answers: each answered hand with its answer.
        unanswered: hands without one, and why: `image` (can't be read) or `box` (not finite).
        problem: what is wrong with the picture; empty when nothing is.
        fresh: how many of the answers were worked out now.
        entry: for the journal; empty when nothing was worked out.
    """

    found: list[Hand] = field(default_factory=list)
    answers: list[tuple[Hand, HandAnswer]] = field(default_factory=list)
    unanswered: list[tuple[Hand, str]] = field(default_factory=list)
    problem: str = ""
    fresh: int = 0
    entry: Entry = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrameWorker:
    """Finds and answers the hands of one frame after another.

    Args:
        project: where the pictures are.
        backend: reads the joints.
        detector: finds hands; None where nothing is searched.
        known: what earlier runs worked out.
    """

    project: Project
    backend: Backend
    detector: HandDetector | None
    known: KnownAnswers

    def work(self, frame: Frame, hands: list[Hand], kept: list[Hand], *, search: bool) -> FrameResult:
        """The frame's hands, found and answered.

        Args:
            frame: the frame.
            hands: its sampled hands.
            kept: hands found in it by earlier runs.
            search: look for hands in it.
        """
        result = FrameResult()
        picture = _Picture(self.project, frame)
        try:
            if search and self.detector is not None:
                self._search(self.detector, frame, kept, picture, result)
        except DataError as error:
            if not picture.broken:
                raise
            result.problem = error.message
        self._answer([*hands, *kept, *result.found], frame, picture, result)
        return result

    def _search(
        self, detector: HandDetector, frame: Frame, kept: list[Hand], picture: _Picture, result: FrameResult
    ) -> None:
        key = detection_key(detector.name, frame)
        found = self.known.detections(key)
        if found is None:
            found = detector.detect(picture.pixels())
            result.entry["detections"] = {key: [detection_entry(hand) for hand in found]}
        result.found = found_rows(frame, found, kept, detector.name)

    def _answer(self, hands: list[Hand], frame: Frame, picture: _Picture, result: FrameResult) -> None:
        usable = [hand for hand in hands if np.isfinite(hand.box).all()]
        result.unanswered = [(hand, "box") for hand in hands if not np.isfinite(hand.box).all()]
        keys = {hand.hand_id: answer_key(self.backend.name, frame, hand) for hand in usable}
        answers = {hand.hand_id: self.known.answer(keys[hand.hand_id]) for hand in usable}
        missing = [hand for hand in usable if answers[hand.hand_id] is None]
        if missing:
            try:
                fresh = self._predict(picture.pixels(), missing)
            except DataError as error:
                if not picture.broken:
                    raise
                result.problem = error.message
                fresh = {}
                result.unanswered += [(hand, "image") for hand in missing]
            answers.update(fresh)
            result.fresh = len(fresh)
            if fresh:
                result.entry["answers"] = {keys[hand_id]: answer_entry(answer) for hand_id, answer in fresh.items()}
        for hand in usable:
            answer = answers[hand.hand_id]
            if answer is not None:
                result.answers.append((hand, answer))

    def _predict(self, image: Rgb, hands: list[Hand]) -> dict[str, HandAnswer]:
        boxes = np.stack([hand.box for hand in hands])
        answers = self.backend.predict(image, boxes, [hand.side for hand in hands])
        return {hand.hand_id: answer for hand, answer in zip(hands, answers, strict=True)}


class _Picture:
    """A frame's picture, read when it is first asked for."""

    def __init__(self, project: Project, frame: Frame) -> None:
        self._project = project
        self._frame = frame
        self._pixels: Rgb | None = None
        self.broken = False

    def pixels(self) -> Rgb:
        """The picture.

        Raises:
            DataError: it can't be read, or has another size than its row says.
        """
        if self._pixels is None:
            self.broken = True
            path = self._project.path(self._frame.path)
            pixels = read_image(path)
            expected = (self._frame.height_px, self._frame.width_px)
            if pixels.shape[:2] != expected:
                raise DataError(f"{path}: expected height and width {expected}, got {pixels.shape[:2]}")
            self._pixels = pixels
            self.broken = False
        return self._pixels
