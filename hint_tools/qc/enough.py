"""Whether the answers agree enough for a consensus: "they don't" is an answer, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Status
from hint_tools.qc.panel import ABSENT, Pairs, Panel
from hint_tools.qc.votes import RejectionVote, SideVote

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Met:
    """How many joints of H hands can tell whether answers agree.

    Args:
        joints: (H) that two answers or more placed.
        contested: (H) those of which no two answers are near each other.
        placed: (H) those that the consensus has.
    """

    joints: Ints
    contested: Ints
    placed: Ints


def meet(
    panel: Panel, pairs: Pairs, sigma_px: Floats, excluded: Bools, consensus: Floats, seen: Ints, threshold: float
) -> Met:
    """Where answers meet.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
        excluded: (H, A, 21) joints that are known to carry a wrong name.
        consensus: (H, 21, 2) px.
        seen: (H, 21) `Visibility`.
        threshold: in standard deviations of the distance of two answers, per coordinate.
    """
    points = np.where(excluded[..., None], np.nan, panel.keypoints)
    first, second = ((pairs.hand, k) for k in (pairs.first, pairs.second))
    both = np.isfinite(points[first]).all(axis=-1) & np.isfinite(points[second]).all(axis=-1)
    squared = ((points[first] - points[second]) ** 2).sum(axis=-1) / (sigma_px[first] ** 2 + sigma_px[second] ** 2)
    compared, near = (np.zeros((len(panel.hand_ids), both.shape[1]), dtype=np.int64) for _ in range(2))
    np.add.at(compared, pairs.hand, both.astype(np.int64))
    np.add.at(near, pairs.hand, (squared < threshold**2).astype(np.int64))
    return Met(
        joints=np.asarray((compared > 0).sum(axis=1)),
        contested=np.asarray(((compared > 0) & (near == 0)).sum(axis=1)),
        placed=np.asarray((np.isfinite(consensus).all(axis=-1) & (seen > 0)).sum(axis=1)),
    )


def doubts(panel: Panel, met: Met, side: SideVote, rejection: RejectionVote, least: int) -> tuple[str, ...]:
    """Why there is no consensus on a hand, in words; empty where there is one.

    Args:
        panel: the answers.
        met: where they meet.
        side: the vote; a hand whose annotators name both sides and that nothing decides is disagreed on.
        rejection: the vote; as many for as against is disagreement.
        least: contested joints from which on a hand is disagreed on; all that were placed twice are enough, too.
    """
    given = [((panel.side == s) & ~panel.rejected).any(axis=1) for s in (0, 1)]
    kept = ~rejection.rejected
    why = {
        "as many reject the hand as annotate it": (2 * panel.rejected.sum(axis=1) == panel.answered.sum(axis=1))
        & panel.answered.any(axis=1),
        "no joint is left that most can place": kept & (met.placed == 0),
        "annotators differ on left and right": kept & (side.side == ABSENT) & given[0] & given[1],
        "no two annotators agree on enough joints": kept
        & ((met.contested >= least) | ((met.contested == met.joints) & (met.joints > 0))),
    }
    found = [""] * len(panel.hand_ids)
    for words, hands in why.items():
        for hand in np.flatnonzero(hands).tolist():
            found[hand] = found[hand] or words
    return tuple(found)


def statuses(
    panel: Panel, met: Met, rejection: RejectionVote, why: Sequence[str], several: Status
) -> tuple[Status, ...]:
    """What each hand's consensus is worth; where no joint was placed twice, one answer is confirmed by no other.

    Args:
        panel: the answers.
        met: where they meet.
        rejection: the vote.
        why: `doubts`.
        several: what agreement of these answers is called.
    """
    unconfirmed = (panel.answered.sum(axis=1) == 1) | ((met.joints == 0) & ~rejection.rejected)
    alone = unconfirmed & (several is Status.AGREED)
    return tuple(
        Status.DISAGREED if doubt else Status.SINGLE if single else several
        for doubt, single in zip(why, alone.tolist(), strict=True)
    )
