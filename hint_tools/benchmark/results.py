"""The figures of a benchmark on annotated images, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.breakdown import GroupScore, group_scores
from hint_tools.benchmark.evaluate import Answers
from hint_tools.benchmark.metrics import Pck, curve, mean_over_joints, pck_at, relative_distance
from hint_tools.benchmark.official import OfficialScores, area_under
from hint_tools.benchmark.reference import reference_figures
from hint_tools.benchmark.visibility import VisibilityScore, visibility_score
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.data.evaluation_rows import CONFIDENT

Floats = npt.NDArray[np.float64]

SUBSET_WORDS: Final = {"all": "all", "vis": "visible", "occ": "occluded"}
CURVE: Final[Floats] = np.linspace(0, 0.15, 31, dtype=np.float64)
"""Thresholds of the curve, in units of the hands' sizes; its area is divided by their range."""


@dataclass(frozen=True, slots=True, eq=False)
class SubsetScore:
    """PCK of one source for one selection of joints.

    Args:
        subset: `all`, `vis` or `occ`.
        hands: hands with at least one counted joint.
        joints: counted joints of all of them.
        pck: one a threshold.
        curve: (31,) mean PCK at the thresholds of `CURVE`.
    """

    subset: str
    hands: int
    joints: int
    pck: tuple[Pck, ...]
    curve: Floats

    @property
    def area(self) -> float:
        """Area under the curve, 1 for a perfect one."""
        return float(area_under(self.curve, CURVE))

    @property
    def joints_covered(self) -> int:
        """How many of the 21 joints are counted at all; below 21 HaMeR's own evaluation answers NaN."""
        return int((~np.isnan(self.pck[0].per_joint)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class PoseScore:
    """3D errors of the hands that have 3D joints, mm, means over hands.

    Args:
        pa_mpjpe_reflected_mm: with the alignment of FreiHAND's and HO-3D's official scripts, which may mirror.
        pa_auc: area under the curve of joints aligned that way, 0 to 50 mm.
    """

    hands: int
    mpjpe_mm: float
    pa_mpjpe_mm: float
    pa_mpjpe_reflected_mm: float
    pa_auc: float


@dataclass(frozen=True, slots=True, eq=False)
class SourceScore:
    """Everything about one source.

    Args:
        distance: (n, 21) in units of the hands' sizes.
        answers: the network's.
        groups: the parts of the source.
        unanswered: hands that were left out because no answer came.
        human: subset -> threshold -> expected PCK of one annotator against another.
        reference: what HaMeR's own evaluation would print, where that was asked for.
        visibility: what the meshes say of the annotated flags, where that was asked for.
    """

    source: str
    hands: EvaluationSet
    answers: Answers
    distance: Floats
    subsets: tuple[SubsetScore, ...]
    pose: PoseScore | None
    groups: tuple[GroupScore, ...] = ()
    unanswered: int = 0
    human: dict[str, dict[float, float]] = field(default_factory=dict)
    reference: dict[str, Any] = field(default_factory=dict)
    visibility: VisibilityScore | None = None

    @property
    def left_out(self) -> int:
        """Hands of the source that no figure counts."""
        return self.hands.n_missing + self.unanswered


def image_numbers(hands: EvaluationSet) -> npt.NDArray[np.int64]:
    """(n,) number of each hand's image; hands of one image are resampled together."""
    _, images = np.unique(hands.names, return_inverse=True)
    return images.astype(np.int64)


def score(
    hands: EvaluationSet,
    answers: Answers,
    *,
    resamplings: int,
    seed: int,
    human: dict[str, dict[float, float]] | None = None,
    unanswered: int = 0,
    as_reference: bool = False,
) -> SourceScore:
    """The figures of one source.

    Args:
        hands: the set.
        answers: in its order.
        resamplings: for the intervals.
        seed: of them.
        human: what people reach, where it is known.
        unanswered: hands that were left out.
        as_reference: add what HaMeR's own evaluation would print.
    """
    distance = relative_distance(answers.keypoints_2d, hands.keypoints_2d, hands.sizes_px)
    images = image_numbers(hands)
    subsets = []
    for subset in hands.subsets:
        counted = subset.counted
        pck = pck_at(distance, counted, groups=images, resamplings=resamplings, seed=seed)
        line = mean_over_joints(curve(distance, counted, CURVE.tolist()))
        subsets.append(SubsetScore(subset.name, int(counted.any(axis=1).sum()), int(counted.sum()), pck, line))
    return SourceScore(
        source=hands.name,
        hands=hands,
        answers=answers,
        distance=distance,
        subsets=tuple(subsets),
        pose=_pose(hands, answers),
        groups=group_scores(hands, distance, images, resamplings=resamplings, seed=seed),
        unanswered=unanswered,
        human=human or {},
        reference=reference_figures(hands, answers.keypoints_2d, subsets[0].pck) if as_reference else {},
        visibility=visibility_score(hands, answers.states) if answers.states is not None else None,
    )


def _pose(hands: EvaluationSet, answers: Answers) -> PoseScore | None:
    truth = hands.keypoints_3d
    if truth is None or not answers.spatial:
        return None
    known = (truth[..., 3] > CONFIDENT).all(axis=1)
    if not known.any():
        return None
    gathered = OfficialScores()
    errors = gathered.add(answers.keypoints_3d[known], truth[known, :, :3])
    return PoseScore(
        hands=int(known.sum()),
        mpjpe_mm=float(errors.mpjpe_mm.mean()),
        pa_mpjpe_mm=float(errors.pa_mpjpe_mm.mean()),
        pa_mpjpe_reflected_mm=float(errors.pa_mpjpe_reflected_mm.mean()),
        pa_auc=gathered.curves["xyz_al"].area,
    )
