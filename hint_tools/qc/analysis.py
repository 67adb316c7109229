"""The whole analysis, from answers to conclusions, in memory: what `run` reads in and writes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hint_tools.core.quoted_names import plain
from hint_tools.core.records import Consensus, Fit, Frame, Hand, Prediction, QueueItem, Status, Submission
from hint_tools.qc.agreement import Agreement, measure_agreement, pair_distances, pck_curves
from hint_tools.qc.bias import in_hand_frame, measure_bias
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.chances import Chances, weigh
from hint_tools.qc.conclude import Concluded, conclude, decide
from hint_tools.qc.config import QcConfig
from hint_tools.qc.drift import Change, PeriodFigures, find_changes, measure_periods
from hint_tools.qc.gold import GoldTest, gold_tests
from hint_tools.qc.joints import Joints, analyse_joints
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.later_rounds import agreement_by_round
from hint_tools.qc.mistakes import (
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
    occlusion_agreement,
    occlusion_counts,
    occlusion_habits,
)
from hint_tools.qc.occlusion_intervals import OcclusionEstimates, occlusion_estimates
from hint_tools.qc.panel import Panel, build_panel
from hint_tools.qc.plausible import AFTER_A_FIT, implausible
from hint_tools.qc.prelabels import untouched_answers
from hint_tools.qc.profiles import Profile, build_profiles
from hint_tools.qc.queue import Outliers, build_queue, find_outliers, worth_a_look
from hint_tools.qc.repeats import Repeats, measure_repeats
from hint_tools.qc.scale import Sizes
from hint_tools.qc.shared_mistakes import mirrored_by_all
from hint_tools.qc.sigmas import Sigmas
from hint_tools.qc.votes import RejectionVote, SideVote, vote_rejection, vote_side, vote_visibility

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Beside:
    """What there may be beside the first answers.

    Args:
        decided: answers of later rounds and experts, which stand above the first ones.
        repeats: (first, second) answers of one annotator to one hand.
        frames: by id.
        fits: of an earlier consensus, by hand.
        later: round beyond the first -> answers of it that are compared with each other, to hands of `decided`.
    """

    decided: Panel = field(default_factory=lambda: build_panel((), (), ()))
    repeats: Sequence[tuple[Submission, Submission]] = ()
    frames: Mapping[str, Frame] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=dict)
    later: Mapping[int, Panel] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything `qc` concludes; `consensus` is sorted by hand and has those of `panel` and of `decided`.

    In the reasons of `quoted_queue` names are quoted (`core.quoted_names`).
    `overruled` has what the first answers to a decided hand say alone, by hand. `worth_a_look` are the hands that would
    be in the queue by the first answers alone: no second look, expert or fit has a word.
    """

    panel: Panel
    sizes: Sizes
    sigmas: Sigmas
    agreement: tuple[Agreement, ...]
    curves: dict[str, list[tuple[float, float]]]
    occlusion: CategoryAgreement
    occlusion_intervals: OcclusionEstimates
    habits: tuple[OcclusionHabit, ...]
    mistakes: tuple[Mistake, ...]
    consensus: tuple[Consensus, ...]
    overruled: Mapping[str, Consensus]
    chances: Chances
    quoted_queue: tuple[QueueItem, ...]
    worth_a_look: frozenset[str]
    profiles: tuple[Profile, ...]
    gold: tuple[GoldTest, ...]
    periods: tuple[PeriodFigures, ...]
    changes: tuple[Change, ...]
    repeats: tuple[Repeats, ...]

    @cached_property
    def queue(self) -> tuple[QueueItem, ...]:
        """Hands worth a second look, with reasons as people read them."""
        return tuple(replace(q, reason=plain(q.reason)) for q in self.quoted_queue)


def analyse(
    panel: Panel,
    hands: Mapping[str, Hand],
    predictions: Mapping[str, Prediction],
    config: QcConfig,
    beside: Beside | None = None,
) -> Analysis:
    """Agreement, mistakes, consensus and queue of all answers.

    Args:
        panel: the first answers.
        hands: by id; at least the panel's.
        predictions: by id; the pre-labels the answers began from.
        config: thresholds.
        beside: what else there is.
    """
    more = Beside() if beside is None else beside
    resampler = Resampler(panel.image, config.bootstrap, config.seed)
    joints = analyse_joints(panel, hands, predictions, config, resampler)
    pairs, sizes, sigmas = joints.pairs, joints.sizes, joints.sigmas
    side, rejection = vote_side(panel, source_sides(panel, hands)), vote_rejection(panel)
    seen = vote_visibility(panel)
    common = sigmas.in_px(panel, sizes.scale, personal=False)
    untouched = untouched_answers(panel, predictions, config.rubber_stamp_px)
    mistakes = _mistakes(panel, hands, predictions, more, joints, common, untouched, side, rejection, config)
    first = conclude(panel, hands, joints, seen, side, rejection, config)
    later = decide(more.decided, hands, sigmas, config)
    consensus = {c.hand_id: c for c in (*first.records, *later.records)}
    chances = weigh(panel, sigmas, sizes.scale, joints.renamings)
    outliers = find_outliers(panel, pairs, common)
    distances = pair_distances(panel, pairs, common)
    placed = in_hand_frame(panel, joints.positions.mean, sizes.scale, common, joints.excluded)
    bias = measure_bias(panel, placed, resampler)
    agreement = measure_agreement(panel, pairs, distances, sizes, resampler, sigmas.influence, joints.left)
    agreement += agreement_by_round(agreement[0], more.later, more.decided.hand_ids, later.sizes, sigmas, config)
    return Analysis(
        panel=panel,
        sizes=sizes,
        sigmas=sigmas,
        agreement=tuple(agreement),
        curves=pck_curves(pairs, distances, sizes),
        occlusion=occlusion_agreement(occlusion_counts(panel)),
        occlusion_intervals=occlusion_estimates(occlusion_counts(panel), resampler),
        habits=tuple(occlusion_habits(panel)),
        mistakes=tuple(mistakes),
        consensus=tuple(consensus[h] for h in sorted(consensus)),
        overruled={c.hand_id: c for c in first.records if consensus[c.hand_id] is not c},
        chances=chances,
        quoted_queue=tuple(_queue(panel, outliers, mistakes, chances, first, later, config)),
        worth_a_look=_by_first_answers(panel, outliers, mistakes, chances, first, config),
        profiles=tuple(
            build_profiles(panel, pairs, sigmas, bias, mistakes, seen.model, untouched, resampler, joints.left)
        ),
        gold=tuple(gold_tests(panel, more.decided, config.experts, common, config.queue_z)),
        periods=tuple(measure_periods(panel, pairs, sigmas.relative, resampler)) if len(panel.periods) > 1 else (),
        changes=tuple(find_changes(panel, pairs, sigmas.relative)),
        repeats=tuple(
            measure_repeats(
                more.repeats,
                sigmas,
                config.bootstrap,
                config.seed,
                dict(zip(panel.hand_ids, sizes.scale.tolist(), strict=True)),
                {h: panel.sources[k] for h, k in zip(panel.hand_ids, panel.source.tolist(), strict=True)},
            )
        ),
    )


def _mistakes(
    panel: Panel,
    hands: Mapping[str, Hand],
    predictions: Mapping[str, Prediction],
    more: Beside,
    joints: Joints,
    sigma_px: Floats,
    untouched: Ints,
    side: SideVote,
    rejection: RejectionVote,
    config: QcConfig,
) -> list[Mistake]:
    found = [
        *renaming_mistakes(panel, joints.renamings),
        *side_mistakes(panel, side),
        *joints.elsewhere,
        *missed_occlusions(panel, config.missed_joints),
        *rubber_stamps(panel, untouched),
        *split_rejections(panel, rejection),
        *mirrored_by_all(panel, joints, config.identity_gain),
        *implausible(panel, joints.sizes.scale, hands, more.frames, predictions, more.fits, untouched, sigma_px),
    ]
    # what has a name already needs no second one
    explained = {(m.hand, s) for m in joints.elsewhere for s in m.slots} | {(r.hand, r.slot) for r in joints.renamings}
    found = [m for m in found if not KINDS[m.kind].explainable or (m.hand, m.slots[0]) not in explained]
    order = list(KINDS)
    return sorted(found, key=lambda m: (order.index(m.kind), m.hand, m.slots))


def _queue(
    panel: Panel,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    chances: Chances,
    first: Concluded,
    later: Concluded,
    config: QcConfig,
) -> list[QueueItem]:
    settled = frozenset(c.hand_id for c in later.records if c.status == Status.ADJUDICATED)
    unsettled = {**first.doubts, **{hand: f"after another look: {words}" for hand, words in later.doubts.items()}}
    return build_queue(panel, outliers, mistakes, chances, config, settled=settled, unsettled=unsettled)


def _by_first_answers(
    panel: Panel,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    chances: Chances,
    first: Concluded,
    config: QcConfig,
) -> frozenset[str]:
    """Ids of the hands that the first answers alone make worth a second look."""
    unfitted = [m for m in mistakes if m.kind != AFTER_A_FIT]
    chosen = worth_a_look(panel, outliers, unfitted, chances, config, first.doubts)
    return frozenset(hand for hand, worth in zip(panel.hand_ids, chosen.tolist(), strict=True) if worth)
