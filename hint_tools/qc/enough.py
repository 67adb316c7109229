"""Whether the answers agree enough for a consensus: "they don't" is an answer, too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Status
from hint_tools.qc.panel import ABSENT, Pairs, Panel
from hint_tools.qc.votes import RejectionVote, SideVote

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def contested_joints(panel: Panel, pairs: Pairs, sigma_px: Floats, excluded: Bools, threshold: float) -> Ints:
    """(H) number of joints that two or more placed and no two of them within `threshold` of each other.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
        excluded: (H, A, 21) joints that are known to carry a wrong name.
        threshold: in standard deviations of the distance of two answers, per coordinate.
    """
    points = np.where(excluded[..., None], np.nan, panel.keypoints)
    first, second = ((pairs.hand, k) for k in (pairs.first, pairs.second))
    squared = ((points[first] - points[second]) ** 2).sum(axis=-1) / (sigma_px[first] ** 2 + sigma_px[second] ** 2)
    compared, near = (np.zeros((len(panel.hand_ids), squared.shape[1]), dtype=np.int64) for _ in range(2))
    np.add.at(compared, pairs.hand, np.isfinite(squared).astype(np.int64))
    np.add.at(near, pairs.hand, (squared < threshold**2).astype(np.int64))
    return np.asarray(((compared > 0) & (near == 0)).sum(axis=1))


def statuses(
    panel: Panel, contested: Ints, side: SideVote, rejection: RejectionVote, least: int, several: Status
) -> tuple[Status, ...]:
    """What each hand's consensus is worth; a hand on which nobody placed a joint, and which is not rejected, nothing.

    Args:
        panel: the answers.
        contested: (H) joints on which no two agree.
        side: the vote; a hand whose annotators name both sides and that nothing decides is disagreed on.
        rejection: the vote; as many for as against is disagreement.
        least: contested joints from which on a hand is disagreed on.
        several: what agreement of these answers is called.
    """
    count = panel.answered.sum(axis=1)
    given = [((panel.side == s) & ~panel.rejected).any(axis=1) for s in (0, 1)]
    open_side = (side.side == ABSENT) & given[0] & given[1]
    tied = (2 * panel.rejected.sum(axis=1) == count) & (count > 0)
    nowhere = ~np.isfinite(panel.keypoints).any(axis=(1, 2, 3))
    bad = (((contested >= least) | open_side | nowhere) & ~rejection.rejected) | tied
    alone = (count == 1) & (several is Status.AGREED)
    return tuple(
        Status.DISAGREED if b else Status.SINGLE if a else several
        for b, a in zip(bad.tolist(), alone.tolist(), strict=True)
    )
