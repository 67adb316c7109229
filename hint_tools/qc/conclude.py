"""The rows of the consensus table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Consensus, Hand, Status, Visibility
from hint_tools.qc.config import QcConfig
from hint_tools.qc.consensus import Positions, robust_positions
from hint_tools.qc.elsewhere import asked_boxes
from hint_tools.qc.enough import doubts, meet, statuses
from hint_tools.qc.joints import Joints
from hint_tools.qc.mistakes import source_sides
from hint_tools.qc.panel import ABSENT, SIDES, Panel, build_pairs
from hint_tools.qc.scale import Sizes, geometric_median, measure
from hint_tools.qc.sigmas import Sigmas
from hint_tools.qc.votes import RejectionVote, SideVote, VisibilityVote, vote_rejection, vote_side, vote_visibility

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Concluded:
    """Consensus of some hands, why there is none on some of them (hand id -> words), and their sizes."""

    records: list[Consensus]
    doubts: Mapping[str, str]
    sizes: Sizes


def conclude(
    panel: Panel,
    hands: Mapping[str, Hand],
    joints: Joints,
    seen: VisibilityVote,
    side: SideVote,
    rejection: RejectionVote,
    config: QcConfig,
) -> Concluded:
    """Consensus of the first answers to each hand.

    Args:
        panel: the answers.
        hands: by id.
        joints: of the panel.
        seen: the vote on visibility.
        side: the vote on sides.
        rejection: the vote on rejection.
        config: thresholds.
    """
    common = joints.sigmas.in_px(panel, joints.sizes.scale, personal=False)
    mean = joints.positions.mean
    met = meet(panel, joints.pairs, common, joints.excluded, mean, seen.state, config.queue_z)
    why = doubts(panel, met, side, rejection, config.disagreed_joints)
    worth = statuses(panel, met, rejection, why, Status.AGREED)
    records = _records(panel, hands, joints.positions, joints.sizes, seen, side, rejection, worth)
    return Concluded(records, _by_hand(panel, why), joints.sizes)


def decide(panel: Panel, hands: Mapping[str, Hand], sigmas: Sigmas, config: QcConfig) -> Concluded:
    """Consensus of answers that stand above the first ones, with the σ those were measured to have.

    Args:
        panel: those answers.
        hands: by id.
        sigmas: measured from the first answers.
        config: thresholds.
    """
    pairs = build_pairs(panel)
    nobody = np.zeros(panel.visibility.shape, dtype=np.bool_)
    asked = asked_boxes(panel, hands)
    sizes = measure(geometric_median(panel.keypoints.swapaxes(1, 2)), panel.keypoints, asked)
    expected = sigmas.in_px(panel, sizes.scale, personal=False)
    positions = robust_positions(panel.keypoints, expected, nobody)
    sizes = measure(positions.mean, panel.keypoints, asked)
    side, rejection = vote_side(panel, source_sides(panel, hands)), vote_rejection(panel)
    seen = vote_visibility(panel)
    met = meet(panel, pairs, expected, nobody, positions.mean, seen.state, config.queue_z)
    why = doubts(panel, met, side, rejection, config.disagreed_joints)
    worth = statuses(panel, met, rejection, why, Status.ADJUDICATED)
    records = _records(panel, hands, positions, sizes, seen, side, rejection, worth)
    return Concluded(records, _by_hand(panel, why), sizes)


def _by_hand(panel: Panel, why: Sequence[str]) -> dict[str, str]:
    return {hand: words for hand, words in zip(panel.hand_ids, why, strict=True) if words}


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
    nowhere = ~np.isfinite(positions.mean).all(axis=-1)
    state = np.where(nowhere, int(Visibility.NOT_ANNOTATABLE), seen.state)
    probability = np.where(nowhere, np.nan, seen.probability)
    return [
        Consensus(
            hand_id=hand_id,
            keypoints=positions.mean[i],
            covariance=positions.covariance[i],
            visibility=state[i],
            visible_probability=probability[i],
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
