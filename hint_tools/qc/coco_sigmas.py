"""COCO's σ of any skeleton from objects annotated twice: what COCO defines and has no public code for.

COCO's σ_i² is E[d_i² / s²], d the distance of one annotator to the truth and s² the object's area; k_i = 2 σ_i. With
two annotators d of the pair has twice that variance, so σ_i² = E[d²/s²] / 2: the figure `rms`. One gross slip in fifty
carries it away; the median does not move: under a normal law σ_i² = median(d²/s²) / (2 ln 2), the figure `sigma`.
Source of the definition: COCO's keypoint evaluation page and `cocoeval.py` (`computeOks`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import iou
from hint_tools.formats.coco_keypoints import CocoPose
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.scale import joint_boxes

Floats = npt.NDArray[np.float64]

SAME_OBJECT_APART = 0.2
"""Part of the smaller box up to which most joints of one object are apart, however far a few are."""
SAME_OBJECT_IOU = 0.5
"""Overlap of the boxes around the joints from which on two annotations are of one object. Any overlap will do where
nothing nearer is left and their ids are the same, or the picture has just one object of the category. Ids alone are no
proof: annotators' tools count their own."""
_SAME_PX = 1e-3
"""Nobody places every joint of an object this near to somebody else's: one annotation is a copy of the other."""
_LEAST = 1e-12
"""d²/s² of joints at one place, which whole pixels bring about: the smallest distances, not none."""
ROBUST_FACTOR = 2 * math.log(2)
STATES: Mapping[str, tuple[int, ...]] = {"labelled": (1, 2), "visible": (2,), "hidden": (1,)}


@dataclass(frozen=True, slots=True)
class CocoSigma:
    """σ of one joint in one state (both annotators agree on it): robust, with interval, and classic."""

    joint: str
    state: str
    sigma: Estimate
    rms: float


@dataclass(frozen=True, eq=False)
class DoubleAnnotations:
    """Pairs of annotations of one object by two annotators.

    Args:
        first, second: (P) poses.
        unmatched: annotations nobody else has.
        copies: pairs that were left out, since all their joints are the same.
        without_area: pairs whose area is that of the box around the joints, for want of one in the file.
    """

    first: tuple[CocoPose, ...]
    second: tuple[CocoPose, ...]
    unmatched: int
    copies: int
    without_area: int


def match_annotations(by_annotator: Mapping[str, Sequence[CocoPose]]) -> DoubleAnnotations:
    """Every two annotators' annotations of one object.

    Within a picture and category those are paired first whose joints are nearest to each other.

    Args:
        by_annotator: name -> poses, all with the same joints.
    """
    first: list[CocoPose] = []
    second: list[CocoPose] = []
    used: set[int] = set()
    copies = 0
    for one, other in itertools.combinations(sorted(by_annotator), 2):
        there: dict[tuple[str, str], list[CocoPose]] = {}
        for pose in by_annotator[other]:
            there.setdefault((pose.image, pose.category), []).append(pose)
        here: dict[tuple[str, str], list[CocoPose]] = {}
        for pose in by_annotator[one]:
            here.setdefault((pose.image, pose.category), []).append(pose)
        for place in sorted(here.keys() & there.keys()):
            for a, b in _paired(here[place], there[place]):
                used |= {id(a), id(b)}
                if _copied(a, b):
                    copies += 1
                else:
                    first.append(a)
                    second.append(b)
    everything = [p for poses in by_annotator.values() for p in poses]
    missing = sum(not math.isfinite(_area(a, b)) for a, b in zip(first, second, strict=True))
    unmatched = sum(id(p) not in used for p in everything)
    return DoubleAnnotations(tuple(first), tuple(second), unmatched, copies, missing)


def _paired(one: Sequence[CocoPose], other: Sequence[CocoPose]) -> list[tuple[CocoPose, CocoPose]]:
    points = [np.stack([p.keypoints for p in poses]) for poses in (one, other)]
    boxes = [joint_boxes(p) for p in points]
    overlap = iou(boxes[0][:, None], boxes[1][None])
    sizes = [np.sqrt((b[:, 2:] - b[:, :2]).prod(axis=1)) for b in boxes]
    apart = np.array([[_apart(a, b) for b in points[1]] for a in points[0]])
    # one joint far off makes a box overlap little, and is what rms is to count
    same = (overlap > SAME_OBJECT_IOU) | (apart < SAME_OBJECT_APART * np.minimum(sizes[0][:, None], sizes[1]))
    alone = len(one) == len(other) == 1
    candidates = [
        (not same[i, j], float(apart[i, j]), i, j)
        for i, a in enumerate(one)
        for j, b in enumerate(other)
        if same[i, j] or (overlap[i, j] > 0 and (alone or a.annotation_id == b.annotation_id))
    ]
    taken: tuple[set[int], set[int]] = (set(), set())
    found = []
    for *_, i, j in sorted(candidates):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            found.append((one[i], other[j]))
    return found


def _apart(one: Floats, other: Floats) -> float:
    """Median distance of the joints both have, px; infinite where they have none in common."""
    distance = np.linalg.norm(one - other, axis=1)
    known = np.isfinite(distance)
    return float(np.median(distance[known])) if known.any() else math.inf


def _copied(one: CocoPose, other: CocoPose) -> bool:
    """Whether all joints lie where the other has them."""
    same = np.isnan(one.keypoints) & np.isnan(other.keypoints) | (np.abs(one.keypoints - other.keypoints) < _SAME_PX)
    return bool(same.all())


def _area(one: CocoPose, other: CocoPose) -> float:
    """Mean of the areas the two give; NaN without any."""
    given = [p.area_px2 for p in (one, other) if math.isfinite(p.area_px2)]
    return sum(given) / len(given) if given else math.nan


def measure_coco_sigmas(
    pairs: DoubleAnnotations, joints: Sequence[str], resamples: int, seed: int, *, of_box_alone: bool = False
) -> list[CocoSigma]:
    """σ of every joint in every state of `STATES`; NaN where nobody placed it twice.

    Args:
        pairs: of annotations.
        joints: names.
        resamples: of pictures, for the intervals.
        seed: of the resamples.
        of_box_alone: s² is the area of the box around the joints, whatever area the files give.
    """
    if not pairs.first:
        return []
    points = [np.stack([p.keypoints for p in poses]) for poses in (pairs.first, pairs.second)]
    states = [np.stack([p.visibility for p in poses]) for poses in (pairs.first, pairs.second)]
    boxes = joint_boxes(np.concatenate(points, axis=1))
    of_box = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    given = np.array([_area(a, b) for a, b in zip(pairs.first, pairs.second, strict=True)])
    box_area = np.where(of_box > 0, of_box, np.nan)
    area = box_area if of_box_alone else np.where(np.isfinite(given), given, box_area)
    squared = np.maximum(((points[0] - points[1]) ** 2).sum(axis=-1) / area[:, None], _LEAST)
    image = np.unique([p.image for p in pairs.first], return_inverse=True)[1].astype(np.int64)
    resampler, each = Resampler(image, resamples, seed), np.arange(len(image), dtype=np.int64)
    found = []
    for state, codes in STATES.items():
        agreed = np.isin(states[0], codes) & np.isin(states[1], codes)
        for k, name in enumerate(joints):
            values = np.where(agreed[:, k], squared[:, k], np.nan)
            robust = resampler.median(values, each)
            value, low, high = (math.sqrt(v / ROBUST_FACTOR) for v in (robust.value, robust.low, robust.high))
            known = values[np.isfinite(values)]
            rms = math.sqrt(float(known.mean()) / 2) if len(known) else math.nan
            found.append(CocoSigma(name, state, Estimate(value, low, high, robust.n), rms))
    return found
