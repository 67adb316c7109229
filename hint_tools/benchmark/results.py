"""The figures of a benchmark, as records, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.evaluate import Answers
from hint_tools.benchmark.metrics import (
    THRESHOLDS,
    Pck,
    mpjpe_mm,
    pa_mpjpe_mm,
    pck,
    relative_distance,
)
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.data.evaluation import CONFIDENT, EvaluationSet

FORMAT: Final = "hint-tools.benchmark"
VERSION: Final = 1
SUBSET_WORDS: Final = {"all": "all", "vis": "visible", "occ": "occluded"}
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, eq=False)
class SubsetScore:
    """PCK of one source for one selection of joints.

    Args:
        subset: `all`, `vis` or `occ`.
        hands: hands with at least one counted joint.
        joints: counted joints of all of them.
        pck: one a threshold.
    """

    subset: str
    hands: int
    joints: int
    pck: tuple[Pck, ...]

    @property
    def joints_covered(self) -> int:
        """How many of the 21 joints are counted at all; below 21 HaMeR's own evaluation answers NaN."""
        return int((~np.isnan(self.pck[0].per_joint)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class PoseScore:
    """3D errors of the hands that have 3D joints, mm, means over hands.

    Args:
        pa_mpjpe_reflected_mm: with the alignment of FreiHAND's and HO-3D's official scripts, which may mirror.
    """

    hands: int
    mpjpe_mm: float
    pa_mpjpe_mm: float
    pa_mpjpe_reflected_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class SourceScore:
    """Everything about one source.

    Args:
        distance: (n, 21) in units of the hands' sizes.
        answers: the network's.
        human: subset -> threshold -> expected PCK of one annotator against another.
    """

    source: str
    hands: EvaluationSet
    answers: Answers
    distance: npt.NDArray[np.float64]
    subsets: tuple[SubsetScore, ...]
    pose: PoseScore | None
    human: dict[str, dict[float, float]] = field(default_factory=dict)


def score(
    hands: EvaluationSet,
    answers: Answers,
    *,
    resamplings: int,
    seed: int,
    human: dict[str, dict[float, float]] | None = None,
) -> SourceScore:
    """The figures of one source.

    Args:
        hands: the set.
        answers: in its order.
        resamplings: for the intervals.
        seed: of them.
        human: what people reach, where it is known.
    """
    distance = relative_distance(answers.keypoints_2d, hands.keypoints_2d, hands.sizes_px)
    _, images = np.unique(hands.hands.imgname[hands.rows], return_inverse=True)
    groups = images.astype(np.int64)
    subsets = []
    for subset in hands.subsets:
        scores = tuple(
            pck(distance, subset.counted, t, groups=groups, resamplings=resamplings, seed=seed) for t in THRESHOLDS
        )
        counted = int(subset.counted.sum())
        subsets.append(SubsetScore(subset.name, int(subset.counted.any(axis=1).sum()), counted, scores))
    return SourceScore(hands.name, hands, answers, distance, tuple(subsets), _pose(hands, answers), human or {})


def _pose(hands: EvaluationSet, answers: Answers) -> PoseScore | None:
    truth = hands.keypoints_3d
    if truth is None:
        return None
    known = (truth[..., 3] > CONFIDENT).all(axis=1)
    if not known.any():
        return None
    predicted, wanted = answers.keypoints_3d[known], truth[known, :, :3]
    return PoseScore(
        hands=int(known.sum()),
        mpjpe_mm=float(mpjpe_mm(predicted, wanted).mean()),
        pa_mpjpe_mm=float(pa_mpjpe_mm(predicted, wanted).mean()),
        pa_mpjpe_reflected_mm=float(pa_mpjpe_mm(predicted, wanted, reflections=True).mean()),
    )


def as_json(scores: Sequence[SourceScore], about: dict[str, Any]) -> dict[str, Any]:
    """The figures as plain values; NaN becomes null."""
    return {"format": FORMAT, "version": VERSION, **about, "sources": [_source_json(s) for s in scores]}


def _source_json(one: SourceScore) -> dict[str, Any]:
    document: dict[str, Any] = {
        "source": one.source,
        "hands": len(one.hands),
        "missing_images": one.hands.n_missing,
        "subsets": [_subset_json(s, one.human.get(s.subset, {})) for s in one.subsets],
    }
    if one.pose is not None:
        document["pose"] = {
            "hands": one.pose.hands,
            "mpjpe_mm": _plain(one.pose.mpjpe_mm),
            "pa_mpjpe_mm": _plain(one.pose.pa_mpjpe_mm),
            "pa_mpjpe_reflections_allowed_mm": _plain(one.pose.pa_mpjpe_reflected_mm),
        }
    return document


def _subset_json(one: SubsetScore, human: dict[float, float]) -> dict[str, Any]:
    return {
        "joints": SUBSET_WORDS[one.subset],
        "hands": one.hands,
        "counted_joints": one.joints,
        "joints_covered": one.joints_covered,
        "pck": {
            f"{p.threshold:g}": {
                "mean": _plain(p.mean),
                "low": _plain(p.low),
                "high": _plain(p.high),
                "per_joint": {name: _plain(v) for name, v in zip(JOINT_NAMES, p.per_joint.tolist(), strict=True)},
                **({"between_annotators": human[p.threshold]} if p.threshold in human else {}),
            }
            for p in one.pck
        },
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_csv(scores: Sequence[SourceScore]) -> str:
    """One line a source, selection of joints and threshold; safe to open in a spreadsheet."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["source", "joints", "hands", "counted_joints", "joints_covered", "metric", "value", "low", "high"])
    for one in scores:
        for subset in one.subsets:
            words = [_cell(one.source), SUBSET_WORDS[subset.subset], subset.hands, subset.joints, subset.joints_covered]
            for p in subset.pck:
                lines.writerow([*words, f"PCK@{p.threshold:g}", *(_number(v) for v in (p.mean, p.low, p.high))])
        if one.pose is not None:
            words = [_cell(one.source), "all", one.pose.hands, one.pose.hands * len(JOINT_NAMES), len(JOINT_NAMES)]
            for name in ("mpjpe_mm", "pa_mpjpe_mm", "pa_mpjpe_reflected_mm"):
                lines.writerow([*words, name, _number(getattr(one.pose, name)), "", ""])
    return out.getvalue()


def _number(value: float) -> str:
    return f"{value:.6f}" if math.isfinite(value) else ""


def _cell(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
