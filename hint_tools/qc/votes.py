"""What the answers say by vote: visible or occluded, which side, and whether it is a hand to annotate at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.qc.dawid_skene import VisibilityModel, estimate_visibility
from hint_tools.qc.finger_states import along_fingers
from hint_tools.qc.panel import ABSENT, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TIE = 1e-9
"""Rounding: nearer to one half than this is a tie."""


@dataclass(frozen=True, eq=False)
class VisibilityVote:
    """Visibility of H hands' joints.

    Args:
        state: (H, 21) `Visibility`.
        probability: (H, 21) of being visible; NaN where not annotatable.
        model: how well each annotator judges.
    """

    state: Ints
    probability: Floats
    model: VisibilityModel


def vote_visibility(panel: Panel) -> VisibilityVote:
    """Visible or occluded by Dawid and Skene's estimate, each joint with an eye on the rest of its finger.

    A joint is not annotatable when more than half of the answers say so. A tie counts as occluded: it claims less.
    """
    model = along_fingers(panel, estimate_visibility(panel))
    voted = (panel.visibility != ABSENT).sum(axis=1)
    unknowable = 2 * (panel.visibility == Visibility.NOT_ANNOTATABLE).sum(axis=1) > voted
    unknowable |= np.isnan(model.probability)
    nobody_says_occluded = ~(panel.visibility == Visibility.OCCLUDED).any(axis=1)
    visible = (np.nan_to_num(model.probability) > 0.5 + _TIE) | nobody_says_occluded
    state = np.where(visible, int(Visibility.VISIBLE), int(Visibility.OCCLUDED))
    state = np.where(unknowable, int(Visibility.NOT_ANNOTATABLE), state)
    return VisibilityVote(state, np.where(unknowable, np.nan, model.probability), model)


@dataclass(frozen=True, eq=False)
class SideVote:
    """Side of H hands: 0 left, 1 right, `ABSENT` where open; and the part of the answers that say so."""

    side: Ints
    agreement: Floats


def vote_side(panel: Panel, source_side: Ints) -> SideVote:
    """Side by majority; a tie is decided by what the source said (H), else left open.

    Args:
        panel: the answers.
        source_side: (H) 0 left, 1 right, `ABSENT` where the source does not say.
    """
    usable = ~panel.rejected
    left, right = (((panel.side == s) & usable).sum(axis=1) for s in (0, 1))
    side = np.where(left > right, 0, np.where(right > left, 1, source_side))
    chosen = np.where(side == 1, right, np.where(side == 0, left, 0))
    total = left + right
    agreement = np.divide(chosen, total, out=np.full(len(total), np.nan), where=total > 0)
    return SideVote(side, agreement)


@dataclass(frozen=True, eq=False)
class RejectionVote:
    """Which of H hands are rejected, which are split, and the commonest reason."""

    rejected: Bools
    split: Bools
    reason: tuple[str, ...]


def vote_rejection(panel: Panel) -> RejectionVote:
    """Rejected when more than half of the answers say so; split where they are not of one mind."""
    count, total = panel.rejected.sum(axis=1), panel.answered.sum(axis=1)
    reasons = []
    for row in panel.submissions:
        given = Counter(s.reject_reason for s in row if s is not None and s.rejected and s.reject_reason)
        reasons.append(min(given, key=lambda r: (-given[r], r)) if given else "")
    rejected = 2 * count > total
    shown = tuple(r if k else "" for r, k in zip(reasons, rejected.tolist(), strict=True))
    return RejectionVote(rejected, (count > 0) & (count < total), shown)
