"""A hand read from a given box: no palm has to be found, so every box gets an answer.

The landmark network wants the hand upright and filling a known part of its square. A box says neither, so
the square around it is read in several rotations, the reading most sure of a hand is kept, and the hand is
looked at again in the square that reading suggests.

Confidence of a joint. The network gives none. Here the final square is turned, scaled and moved a little,
and read again; a joint the network knows stays where it is. With s the root mean square distance of a
joint's readings to the answer, divided by the longer side of the box, and p the mean presence::

    confidence = p / (1 + (s / SPREAD_SCALE)²)

It falls strictly with s. `SPREAD_SCALE` was chosen such that the figure is about the chance that the joint
is within a tenth of the box of the truth, on 13 hands with ground truth (240 joints; rank correlation of
1 - confidence with the error: 0.82 over all of them, 0.63 within well-seen hands). So few hands carry about 10
points of uncertainty: use it to rank joints, not as a probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hint_tools.core.geometry import Floats, box_center, box_size, clip_box, scale_box
from hint_tools.core.records import Side
from hint_tools.prelabel.backends import HandAnswer
from hint_tools.prelabel.landmarks import LandmarkReader, Readings, hand_region
from hint_tools.prelabel.roi import Rgb, Roi, shifted

METHOD = "topdown-1"
"""Raised when anything here moves an answer."""
BOX_SCALE = 1.6
"""Side of the first square over the box's longer side; 1.3 and 2.0 measure worse or the same."""
ROTATIONS = 8
"""Enough for the network, which was trained on nearly upright hands: none is turned by more than 22.5 degrees."""
REFINEMENTS = 2
SIZE_LIMITS = (0.3, 4.0)
"""Of the next square over the box: outside them the reading has lost the hand."""
PRESENCE_SLACK = 0.05
"""A refined reading may be this much less sure than the one before."""
SPREAD_SCALE = 0.043

_TURNS_RAD = (-math.pi / 6, math.pi / 6)
_ZOOMS = (0.8, 1.25)
_SHIFTS = ((0.1, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.0, -0.1))


@dataclass(frozen=True, slots=True)
class _Reading:
    """One answer of the network: keypoints (21, 2), presence, right, and the square it was read in."""

    keypoints: Floats
    presence: float
    right: float
    region: Roi


def read_box(reader: LandmarkReader, image: Rgb, box: Floats) -> HandAnswer:
    """The hand in `box`.

    Args:
        reader: the landmark network.
        image: uint8 RGB (H, W, 3).
        box: (4,) px, finite, not empty.
    """
    best = _refined(reader, image, box, _first_look(reader, image, box))
    around = reader.read(image, nearby_regions(best.region))
    side_px = float(box_size(box).max())
    spread = np.sqrt(((around.keypoints - best.keypoints) ** 2).sum(axis=2).mean(axis=0)) / side_px
    presence = float(np.mean([best.presence, *around.presence]))
    right = float(np.mean([best.right, *around.right]))
    return HandAnswer(
        keypoints=best.keypoints,
        confidence=joint_confidence(spread, presence),
        hand_confidence=presence,
        side=Side.RIGHT if right >= 0.5 else Side.LEFT,
        side_confidence=max(right, 1 - right),
    )


def joint_confidence(spread: Floats, presence: float) -> Floats:
    """Confidence (21,) in [0, 1] from each joint's spread (21,) in box sizes, and the hand's presence."""
    confidence: Floats = np.clip(presence, 0.0, 1.0) / (1 + (spread / SPREAD_SCALE) ** 2)
    return confidence


def nearby_regions(region: Roi) -> list[Roi]:
    """The eight squares a little turned, scaled and moved from `region`."""
    turned = [Roi(region.center, region.size_px, region.rotation_rad + turn) for turn in _TURNS_RAD]
    zoomed = [Roi(region.center, region.size_px * zoom, region.rotation_rad) for zoom in _ZOOMS]
    return [*turned, *zoomed, *(shifted(region, across, down) for across, down in _SHIFTS)]


def box_around(keypoints: Floats, width_px: int, height_px: int, enlarge: float = 1.24) -> Floats:
    """The box (4,) of a hand's joints (21, 2), enlarged to hold its skin too, clipped to the image."""
    tight = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
    return clip_box(scale_box(tight, enlarge), width_px, height_px)


def _first_look(reader: LandmarkReader, image: Rgb, box: Floats) -> _Reading:
    side_px = float(box_size(box).max()) * BOX_SCALE
    regions = [Roi(box_center(box), side_px, 2 * math.pi * k / ROTATIONS) for k in range(ROTATIONS)]
    return _best(reader.read(image, regions), regions)


def _best(readings: Readings, regions: list[Roi]) -> _Reading:
    k = int(np.argmax(readings.presence))
    return _Reading(readings.keypoints[k], float(readings.presence[k]), float(readings.right[k]), regions[k])


def _refined(reader: LandmarkReader, image: Rgb, box: Floats, first: _Reading) -> _Reading:
    best = first
    for _ in range(REFINEMENTS):
        region = hand_region(best.keypoints)
        if not _plausible(region, box):
            break
        again = _best(reader.read(image, [region]), [region])
        if again.presence < best.presence - PRESENCE_SLACK:
            break
        best = again
    return best


def _plausible(region: Roi, box: Floats) -> bool:
    """Whether the square still shows the hand of this box, not another one and not nothing."""
    side_px = float(box_size(box).max())
    low, high = (limit * side_px for limit in SIZE_LIMITS)
    away = np.abs(region.center - box_center(box)).max()
    return bool(low < region.size_px < high and away < BOX_SCALE * side_px / 2)
