"""The whole analysis, from answers to conclusions, in memory: what `run` reads in and writes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Consensus, Hand, Prediction, QueueItem, Status
from hint_tools.qc.agreement import Agreement, measure_agreement, pair_distances, pck_curves
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.consensus import Positions, robust_positions
from hint_tools.qc.elsewhere import wrong_hands
from hint_tools.qc.enough import contested_joints, statuses
from hint_tools.qc.identity import Renaming, excluded_joints, find_renamings, pair_gains
from hint_tools.qc.mistakes import (
    KINDS,
    Mistake,
    missed_occlusions,
    renaming_mistakes,
    rubber_stamps,
    side_mistakes,
    source_sides,
    split_rejections,
)
from hint_tools.qc.occlusion import (
    CategoryAgreement,
    OcclusionHabit,
    category_agreement,
    occlusion_counts,
    occlusion_habits,
)
from hint_tools.qc.panel import ABSENT, SIDES, Pairs, Panel, build_pairs, build_panel
from hint_tools.qc.queue import build_queue, find_outliers
from hint_tools.qc.scale import Sizes, geometric_median, measure
from hint_tools.qc.shifted import find_shifted, merged
from hint_tools.qc.sigmas import Sigmas, measure_sigmas
from hint_tools.qc.votes import RejectionVote, SideVote, VisibilityVote, vote_rejection, vote_side, vote_visibility

Floats = npt.NDArray[np.float64]
_ROUNDS = 2
"""σ decides what a mistake is, and mistakes must not enter σ: the second round no longer moves either."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything `qc` concludes; `consensus` is sorted by hand and has those of `panel` and of `decided`."""

    panel: Panel
    sizes: Sizes
    sigmas: Sigmas
    agreement: tuple[Agreement, ...]
    curves: dict[str, list[tuple[float, float]]]
    occlusion: CategoryAgreement
    habits: tuple[OcclusionHabit, ...]
    mistakes: tuple[Mistake, ...]
    consensus: tuple[Consensus, ...]
    decided: Panel
    queue: tuple[QueueItem, ...]


@dataclass(frozen=True, eq=False)
class _Joints:
    pairs: Pairs
    sizes: Sizes
    sigmas: Sigmas
    renamings: list[Renaming]
    elsewhere: list[Mistake]
    positions: Positions


def analyse(
    panel: Panel,
    hands: Mapping[str, Hand],
    predictions: Mapping[str, Prediction],
    config: QcConfig,
    decided: Panel | None = None,
) -> Analysis:
    """Agreement, mistakes, consensus and queue of all answers.

    Args:
        panel: the answers.
        hands: by id; at least the panel's.
        predictions: by id; the pre-labels the answers began from.
        config: thresholds.
        decided: answers of later rounds and experts, which stand above `panel`'s.
    """
    above = build_panel((), (), ()) if decided is None else decided
    resampler = Resampler(panel.image, config.bootstrap, config.seed)
    joints = _analyse_joints(panel, hands, config, resampler)
    pairs, sizes = joints.pairs, joints.sizes
    side = vote_side(panel, source_sides(panel, hands))
    rejection = vote_rejection(panel)
    mistakes = [
        *renaming_mistakes(panel, joints.renamings),
        *side_mistakes(panel, side),
        *joints.elsewhere,
        *missed_occlusions(panel, config.missed_joints),
        *rubber_stamps(panel, predictions, config.rubber_stamp_px),
        *split_rejections(panel, rejection),
    ]
    order = list(KINDS)
    mistakes.sort(key=lambda m: (order.index(m.kind), m.hand, m.slots))
    common = joints.sigmas.in_px(panel, sizes.scale, personal=False)
    outliers = find_outliers(panel, pairs, common)
    excluded = excluded_joints(panel, joints.renamings)
    contested = contested_joints(panel, pairs, common, excluded, config.queue_z)
    worth = statuses(panel, contested, side, rejection, config.disagreed_joints, Status.AGREED)
    first = _records(panel, hands, joints.positions, sizes, vote_visibility(panel), side, rejection, worth)
    later = _decide(above, hands, joints.sigmas, config)
    consensus = {c.hand_id: c for c in (*first, *later)}
    distances = pair_distances(panel, pairs, common)
    return Analysis(
        panel=panel,
        sizes=sizes,
        sigmas=joints.sigmas,
        agreement=tuple(measure_agreement(panel, pairs, distances, sizes, resampler)),
        curves=pck_curves(pairs, distances, sizes),
        occlusion=category_agreement(occlusion_counts(panel).reshape(-1, 2)),
        habits=tuple(occlusion_habits(panel)),
        mistakes=tuple(mistakes),
        consensus=tuple(consensus[h] for h in sorted(consensus)),
        decided=above,
        queue=tuple(
            build_queue(
                panel,
                pairs,
                outliers,
                mistakes,
                config.queue_z,
                settled=frozenset(c.hand_id for c in later if c.status == Status.ADJUDICATED),
                unsettled=frozenset(c.hand_id for c in consensus.values() if c.status == Status.DISAGREED),
            )
        ),
    )


def _decide(panel: Panel, hands: Mapping[str, Hand], sigmas: Sigmas, config: QcConfig) -> list[Consensus]:
    """Consensus of answers that stand above the first ones, with the σ those were measured to have."""
    pairs = build_pairs(panel)
    nobody = np.zeros(panel.visibility.shape, dtype=np.bool_)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)), panel.keypoints)
    expected = sigmas.in_px(panel, sizes.scale, personal=False)
    positions = robust_positions(panel.keypoints, expected, nobody)
    side, rejection = vote_side(panel, source_sides(panel, hands)), vote_rejection(panel)
    contested = contested_joints(panel, pairs, expected, nobody, config.queue_z)
    worth = statuses(panel, contested, side, rejection, config.disagreed_joints, Status.ADJUDICATED)
    return _records(panel, hands, positions, sizes, vote_visibility(panel), side, rejection, worth)


def _analyse_joints(panel: Panel, hands: Mapping[str, Hand], config: QcConfig, resampler: Resampler) -> _Joints:
    """σ, wrong names and positions, each from the others, `_ROUNDS` times."""
    pairs = build_pairs(panel)
    first = geometric_median(panel.keypoints.swapaxes(1, 2))
    sizes = measure(first, panel.keypoints)
    elsewhere = wrong_hands(panel, first, sizes, hands)
    away = np.zeros(panel.visibility.shape, dtype=np.bool_)
    for mistake in elsewhere:
        away[mistake.hand, list(mistake.slots)] = True
    excluded = away
    for _ in range(_ROUNDS):
        sigmas = measure_sigmas(panel, pairs, sizes.scale, excluded, resampler)
        personal = sigmas.in_px(panel, sizes.scale, personal=True)
        renamings = merged(
            find_renamings(panel, pairs, pair_gains(panel, pairs, personal, config.identity_gain)),
            find_shifted(panel, pairs, personal, config.identity_gain),
        )
        excluded = away | excluded_joints(panel, renamings)
        positions = robust_positions(panel.keypoints, personal, excluded)
        sizes = measure(positions.mean, panel.keypoints)
    return _Joints(pairs, sizes, sigmas, renamings, elsewhere, positions)


def _records(
    panel: Panel,
    hands: Mapping[str, Hand],
    positions: Positions,
    sizes: Sizes,
    seen: VisibilityVote,
    side: SideVote,
    rejection: RejectionVote,
    worth: Sequence[Status],
) -> list[Consensus]:
    spread = _spread(panel, positions.mean, sizes.scale)
    count = panel.answered.sum(axis=1)
    measured = np.isfinite(sizes.scale)
    return [
        Consensus(
            hand_id=hand_id,
            keypoints=positions.mean[i],
            covariance=positions.covariance[i],
            visibility=seen.state[i],
            visible_probability=seen.probability[i],
            side="" if side.side[i] == ABSENT else SIDES[side.side[i]],
            side_agreement=float(side.agreement[i]),
            box=sizes.box[i] if measured[i] else hands[hand_id].box,
            scale_px=float(sizes.scale[i]),
            n_submissions=int(count[i]),
            rejected=bool(rejection.rejected[i]),
            reject_reason=rejection.reason[i],
            disagreement=float(spread[i]),
            status=worth[i],
        )
        for i, hand_id in enumerate(panel.hand_ids)
    ]


def _spread(panel: Panel, mean: Floats, scale: Floats) -> Floats:
    """(H) the largest root mean square distance of the answers to the consensus, over joints; NaN for one answer."""
    squared = ((panel.keypoints - mean[:, None]) ** 2).sum(axis=-1)
    count = (squared >= 0).sum(axis=1)
    total = np.nansum(squared, axis=1)
    root = np.sqrt(np.divide(total, count, out=np.zeros_like(total), where=count >= 2))
    return np.where(count.max(axis=1) >= 2, root.max(axis=1) / scale, np.nan)
