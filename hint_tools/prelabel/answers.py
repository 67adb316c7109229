"""What a run has worked out so far, in the stage's journal: one entry a frame, found again by what it depends on.

A key names everything an answer follows from (model, picture, hand, box), so an answer is taken up again
exactly when asking once more would give the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from hint_tools.core.ids import content_id
from hint_tools.core.records import Frame, Hand
from hint_tools.prelabel.backends import DetectedHand, HandAnswer

Entry = dict[str, Any]


def answer_key(model: str, frame: Frame, hand: Hand) -> str:
    """Names the answer of `model` for `hand` in this very picture and box."""
    return content_id("answer", model, frame.pixel_sha256, hand.hand_id, *hand.box.tolist(), hand.side or "")


def detection_key(detector: str, frame: Frame) -> str:
    """Names what `detector` finds in this very picture."""
    return content_id("detection", detector, frame.pixel_sha256)


class KnownAnswers:
    """Answers and detections by key.

    Args:
        entries: of the journal.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._answers: dict[str, Entry] = {}
        self._detections: dict[str, list[Entry]] = {}
        for entry in entries:
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """Know what `entry` holds."""
        self._answers.update(entry.get("answers", {}))
        self._detections.update(entry.get("detections", {}))

    def answer(self, key: str) -> HandAnswer | None:
        """The answer of that key; None when it was never worked out."""
        stored = self._answers.get(key)
        return None if stored is None else _answer(stored)

    def detections(self, key: str) -> list[DetectedHand] | None:
        """The hands found under that key; None when it was never looked."""
        stored = self._detections.get(key)
        return None if stored is None else [_detection(s) for s in stored]


def answer_entry(answer: HandAnswer) -> Entry:
    """The answer as JSON; read back, its numbers are the same to the last bit."""
    return {
        "keypoints": answer.keypoints.tolist(),
        "confidence": answer.confidence.tolist(),
        "hand": answer.hand_confidence,
        "side": answer.side,
        "side_confidence": _number(answer.side_confidence),
    }


def detection_entry(hand: DetectedHand) -> Entry:
    """The found hand as JSON, without its joints: those are predicted like any other hand's."""
    return {
        "box": hand.box.tolist(),
        "score": hand.score,
        "side": hand.side,
        "side_confidence": _number(hand.side_confidence),
    }


def _answer(stored: Entry) -> HandAnswer:
    return HandAnswer(
        keypoints=np.array(stored["keypoints"], dtype=np.float64),
        confidence=np.array(stored["confidence"], dtype=np.float64),
        hand_confidence=float(stored["hand"]),
        side=stored["side"],
        side_confidence=_float(stored["side_confidence"]),
    )


def _detection(stored: Entry) -> DetectedHand:
    return DetectedHand(
        box=np.array(stored["box"], dtype=np.float64),
        score=float(stored["score"]),
        side=stored["side"],
        side_confidence=_float(stored["side_confidence"]),
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)
