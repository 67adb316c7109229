"""What the stages concluded, held against the truth. Pure figures; nothing here reads or writes files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import box_size
from hint_tools.core.records import Visibility
from hint_tools.synth.truth import TruthHand

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int8]

PCK_AT = (0.05, 0.10, 0.15)
"""Thresholds in hand sizes, those of HInt's benchmark."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a stage says of one hand.

    Args:
        truth: the hand it is.
        keypoints: `(21, 2)` px of the frame; NaN where the stage does not say.
        visibility: `(21,)`, or None where the stage does not say.
        side: left, right, or None where the stage does not say.
    """

    truth: TruthHand
    keypoints: Floats
    visibility: Ints | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How near to the truth a stage came. Distances in hand sizes (square root of the true box's area).

    Args:
        hands: how many.
        placed: share of annotatable joints that the stage placed at all; the distances are of these.
        median: of all annotatable joints' distances.
        mean: of the same.
        median_px: of the same, px.
        visible_median: of visible joints alone.
        occluded_median: of occluded joints alone.
        pck: share of joints within each of `PCK_AT`.
        visibility_accuracy: share of annotatable joints whose visible or occluded is right; NaN where not said.
        side_accuracy: share of hands whose side is right; NaN where not said.
    """

    hands: int
    placed: float
    median: float
    mean: float
    median_px: float
    visible_median: float
    occluded_median: float
    pck: tuple[float, ...]
    visibility_accuracy: float
    side_accuracy: float


def score(claims: Sequence[Claim]) -> Score:
    """The score of a stage's claims; NaN where there is nothing to measure.

    Joints outside the picture take no part: nobody could place them.
    """
    annotatable = [c.truth.visibility != Visibility.NOT_ANNOTATABLE for c in claims]
    placed: list[npt.NDArray[np.bool_]] = [np.asarray(np.isfinite(c.keypoints).all(axis=1)) for c in claims]
    counted = [a & p for a, p in zip(annotatable, placed, strict=True)]
    distance_px = [
        np.linalg.norm(c.keypoints - c.truth.keypoints, axis=1)[k] for c, k in zip(claims, counted, strict=True)
    ]
    relative = [d / hand_size(c.truth) for d, c in zip(distance_px, claims, strict=True)]
    visible = [(c.truth.visibility == Visibility.VISIBLE)[k] for c, k in zip(claims, counted, strict=True)]
    px, all_relative, seen = _joined(distance_px), _joined(relative), _joined(visible).astype(bool)
    said = [
        (c.visibility == c.truth.visibility)[k]
        for c, k in zip(claims, annotatable, strict=True)
        if c.visibility is not None
    ]
    sides = [float(c.side == c.truth.side) for c in claims if c.side is not None]
    return Score(
        hands=len(claims),
        placed=_mean(_joined([p[k] for p, k in zip(placed, annotatable, strict=True)])),
        median=_median(all_relative),
        mean=_mean(all_relative),
        median_px=_median(px),
        visible_median=_median(all_relative[seen]),
        occluded_median=_median(all_relative[~seen]),
        pck=tuple(_mean(all_relative <= t) for t in PCK_AT),
        visibility_accuracy=_mean(_joined(said)),
        side_accuracy=_mean(np.array(sides)),
    )


def hand_size(truth: TruthHand) -> float:
    """Square root of the area of the hand's true box, px."""
    return float(np.sqrt(box_size(truth.box).prod()))


def _joined(parts: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.asarray(p, np.float64) for p in parts]) if parts else np.zeros(0)


def _median(values: npt.NDArray[np.generic]) -> float:
    return float(np.median(np.asarray(values, np.float64))) if values.size else float("nan")


def _mean(values: npt.NDArray[np.generic]) -> float:
    return float(np.mean(np.asarray(values, np.float64))) if values.size else float("nan")


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """A mistake in one annotator's answer to one hand.

    Args:
        kind: of `annotators.MISTAKES`.
        hand_id: of the hand.
        annotator: who.
    """

    kind: str
    hand_id: str
    annotator: str


@dataclass(frozen=True, slots=True)
class Detection:
    """How well one kind of mistake was found.

    Args:
        kind: of mistake.
        planted: how many were made.
        found: of these, how many were named in the right answer.
        false_alarms: how many were named in answers without it.
    """

    kind: str
    planted: int
    found: int
    false_alarms: int

    @property
    def recall(self) -> float:
        """Share of the planted ones that were found; NaN where there were none."""
        return self.found / self.planted if self.planted else float("nan")


def detections(planted: Iterable[Named], named: Iterable[Named], kinds: Sequence[str]) -> list[Detection]:
    """For each kind, how many planted mistakes were named, and how many named ones were not planted."""
    made, said = set(planted), set(named)
    results = []
    for kind in kinds:
        true, claimed = {m for m in made if m.kind == kind}, {m for m in said if m.kind == kind}
        results.append(Detection(kind, len(true), len(true & claimed), len(claimed - true)))
    return results
