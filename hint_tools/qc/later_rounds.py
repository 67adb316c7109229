"""How far apart two people are who look again: agreement within each round of second looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hint_tools.qc.agreement import Agreement, measure_agreement, pair_distances
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import Panel, build_pairs
from hint_tools.qc.scale import Sizes
from hint_tools.qc.sigmas import Sigmas

GROUP = "round"


def agreement_by_round(
    first: Agreement,
    later: Mapping[int, Panel],
    hand_ids: Sequence[str],
    sizes: Sizes,
    sigmas: Sigmas,
    config: QcConfig,
) -> list[Agreement]:
    """One row for the first round and one for each later one in which two people answered a hand; else none at all.

    Args:
        first: agreement of all first answers.
        later: round beyond the first, from 1 on -> its answers.
        hand_ids: of all hands that later rounds answered, and maybe more.
        sizes: of those hands, as those who decided have them.
        sigmas: of the first round: few hands come again, and the hardest ones.
        config: with the resamples of each round's pictures.
    """
    place = {hand: k for k, hand in enumerate(hand_ids)}
    rows = [replace(first, group=GROUP, name="1")]
    for number, panel in later.items():
        pairs = build_pairs(panel)
        if not len(pairs.hand):
            continue
        at = np.array([place[h] for h in panel.hand_ids], dtype=np.int64)
        own = Sizes(sizes.box[at], sizes.scale[at], sizes.longer[at], sizes.palm[at])
        resampler = Resampler(panel.image, config.bootstrap, config.seed)
        distances = pair_distances(panel, pairs, sigmas.in_px(panel, own.scale, personal=False))
        everything, *_ = measure_agreement(panel, pairs, distances, own, resampler)
        rows.append(replace(everything, group=GROUP, name=str(number + 1)))
    return rows if len(rows) > 1 else []
