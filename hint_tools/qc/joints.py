"""σ, wrong names and positions, each of which needs the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Hand, Prediction
from hint_tools.qc.accused import find_renamings
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.consensus import Positions, robust_positions
from hint_tools.qc.elsewhere import asked_boxes, wrong_hands
from hint_tools.qc.identity import TRUNCATE, Renaming, excluded_joints, pair_gains
from hint_tools.qc.label_error import Labels, apart_from_labels, measure_labels
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.panel import Pairs, Panel, build_pairs
from hint_tools.qc.prelabels import untouched_joints
from hint_tools.qc.scale import Sizes, geometric_median, measure
from hint_tools.qc.shifted import find_shifted, merged
from hint_tools.qc.sigmas import Sigmas, measure_sigmas

Bools = npt.NDArray[np.bool_]

_ROUNDS = 2
"""σ decides what a mistake is, and mistakes must not enter σ: after the second round hardly a hand changes sides."""


@dataclass(frozen=True, eq=False)
class Joints:
    """What is known of a panel's joints.

    Args:
        pairs: of answers.
        sizes: of the hands.
        sigmas: of annotators.
        renamings: answers with wrong names of joints.
        elsewhere: answers to another hand.
        excluded: (H, A, 21) joints that took no part because of the last two.
        positions: the consensus.
        labels: the pre-labels and their error, where there are enough.
        left: (H, A, 21) joints left where the pre-label had them.
    """

    pairs: Pairs
    sizes: Sizes
    sigmas: Sigmas
    renamings: list[Renaming]
    elsewhere: list[Mistake]
    excluded: Bools
    positions: Positions
    labels: Labels | None
    left: Bools


def analyse_joints(
    panel: Panel,
    hands: Mapping[str, Hand],
    predictions: Mapping[str, Prediction],
    config: QcConfig,
    resampler: Resampler,
) -> Joints:
    """σ, wrong names and positions, each from the others, `_ROUNDS` times.

    Args:
        panel: the answers.
        hands: all of the project, by id.
        predictions: by id; the pre-labels, which have a word on shifted fingers.
        config: thresholds.
        resampler: of the panel's pictures.
    """
    pairs = build_pairs(panel)
    first = geometric_median(panel.keypoints.swapaxes(1, 2))
    asked = asked_boxes(panel, hands)
    sizes = measure(first, panel.keypoints, asked)
    elsewhere = wrong_hands(panel, first, sizes, hands)
    away = np.zeros(panel.visibility.shape, dtype=np.bool_)
    for mistake in elsewhere:
        away[mistake.hand, list(mistake.slots)] = True
    excluded, labels = away, None
    left, _ = untouched_joints(panel, predictions, config.rubber_stamp_px)
    for number in range(_ROUNDS):
        sigmas = measure_sigmas(panel, pairs, sizes.scale, excluded, left=left)
        personal = sigmas.in_px(panel, sizes.scale, personal=True)
        if number + 1 == _ROUNDS:
            labels = measure_labels(panel, predictions, personal, away, sizes.scale, config.rubber_stamp_px)
        apart = None if labels is None else apart_from_labels(panel, labels, personal, TRUNCATE)
        named = find_renamings(panel, pairs, pair_gains(panel, pairs, personal, config.identity_gain), apart)
        known = away | excluded_joints(panel, named)
        shifted = find_shifted(
            panel, sizes.scale, personal, sigmas.factors, known, labels, config.shift_alarms, config.seed
        )
        renamings = merged(named, shifted)
        excluded = away | excluded_joints(panel, renamings)
        positions = robust_positions(panel.keypoints, personal, excluded)
        sizes = measure(positions.mean, panel.keypoints, asked)
    sigmas = measure_sigmas(panel, pairs, sizes.scale, excluded, resampler, left)
    return Joints(pairs, sizes, sigmas, renamings, elsewhere, excluded, positions, labels, left)
