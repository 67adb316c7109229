"""The hands to look at again, those that most probably hold a mistake first, and why.

A second look costs the same at every hand, and one wrong hand spoils a data set as much as another: so hands are ranked
by the chance that a look finds a mistake, and by how many joints it puts right only where that is about the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import QueueItem
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.chances import Chances
from hint_tools.qc.config import QcConfig
from hint_tools.qc.hypotheses import HYPOTHESES
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.mistakes import Mistake, named
from hint_tools.qc.occlusion import occlusion_counts
from hint_tools.qc.panel import Pairs, Panel
from hint_tools.qc.shifted import SHIFTED
from hint_tools.qc.wording import spoken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_FAR = 30
"""Standard deviations beyond which a number says no more."""
_WORTH_SAYING = 0.2
"""Chance of a mistake from which on the likeliest one is told."""
_JOINTS_OF = np.array([h.joints for h in HYPOTHESES])


@dataclass(frozen=True, eq=False)
class Outliers:
    """The joint at which two answers to each hand are farthest apart in units of σ.

    Args:
        z: (H) the standardised distance; NaN with fewer than two answers.
        joint: (H) index of the joint.
        first, second: (H) the two answers.
    """

    z: Floats
    joint: Ints
    first: Ints
    second: Ints


def find_outliers(panel: Panel, pairs: Pairs, sigma_px: Floats) -> Outliers:
    """The worst joint of every hand; under clean answers z² is χ² with two degrees of freedom.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
    """
    first, second = ((pairs.hand, k) for k in (pairs.first, pairs.second))
    apart = np.linalg.norm(panel.keypoints[first] - panel.keypoints[second], axis=-1)
    z = np.nan_to_num(apart / np.sqrt(sigma_px[first] ** 2 + sigma_px[second] ** 2), nan=-1.0)
    n = len(panel.hand_ids)
    worst = np.full(n, np.nan)
    joint, one, other = (np.zeros(n, dtype=np.int64) for _ in range(3))
    if len(z):
        at = z.argmax(axis=1)
        largest = z.max(axis=1)
        order = np.lexsort((-np.arange(len(z)), largest))  # the last one written to a hand is its largest
        hand = pairs.hand[order]
        worst[hand], joint[hand] = largest[order], at[order]
        one[hand], other[hand] = pairs.first[order], pairs.second[order]
    worst[worst < 0] = np.nan
    return Outliers(worst, joint, one, other)


def occlusion_disagreement(panel: Panel) -> Floats:
    """(H) part of the joints with two or more votes on which they are not of one mind; 0 without any."""
    counts = occlusion_counts(panel)
    voted = counts.sum(axis=2) >= 2
    split = voted & (counts > 0).all(axis=2)
    total = voted.sum(axis=1)
    return np.asarray(np.divide(split.sum(axis=1), total, out=np.zeros(len(total)), where=total > 0))


def asked_again(mistake: Mistake) -> bool:
    """Whether a hand with this mistake is looked at again; others are for talking about."""
    return KINDS[mistake.kind].least_odds is not None or mistake.gain > 0


def hand_odds(panel: Panel, chances: Chances, mistakes: Sequence[Mistake]) -> Floats:
    """(H) log odds that an answer holds a mistake, with what `chances` does not see.

    Those are sides, rejections, other hands and joints where none can be, and what palm and pre-label say of shifted
    fingers: the gain of such a finding is twice the log of its likelihood ratio, on a hand as hard as this one.

    A joint that looks wrong by itself counts where all answers have it so; else the others have said how wrong it is.

    Args:
        panel: the answers.
        chances: what the joints say.
        mistakes: found in the hands.
    """
    odds = chances.log_odds.copy()
    answers = panel.has_joints.sum(axis=1)
    alike = Counter((m.hand, m.kind) for m in mistakes)
    for mistake in mistakes:
        kind = KINDS[mistake.kind]
        if kind.of_all and alike[mistake.hand, mistake.kind] < answers[mistake.hand]:
            continue
        if kind.least_odds is not None:
            odds[mistake.hand] = max(odds[mistake.hand], kind.least_odds)
        elif mistake.kind == SHIFTED:
            odds[mistake.hand] = max(odds[mistake.hand], mistake.gain / 2 + chances.law.odds("shifted"))
    return odds


def joints_at_stake(chances: Chances, mistakes: Sequence[Mistake]) -> Ints:
    """(H) how many joints a second look would put right, if the likeliest mistake of each hand is one.

    Args:
        chances: what the joints say.
        mistakes: found in the hands; a whole hand is at stake with its side, or whether it is one.
    """
    joints = _JOINTS_OF[chances.hypothesis]
    for mistake in mistakes:
        if KINDS[mistake.kind].whole_hand:
            joints[mistake.hand] = N_JOINTS
    return np.asarray(joints, dtype=np.int64)


def _chance(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.maximum(log_odds, -700.0))))


def likely_alike(log_odds: Floats) -> Ints:
    """(H) a number for hands of like probability, the larger the likelier: odds within 10^¼, and all above 99 %."""
    return np.asarray(np.floor(np.clip(log_odds / math.log(10), -300, 2) * 4), dtype=np.int64)


def rank_hands(log_odds: Floats, joints: Ints, split: Floats, clip: Ints) -> Ints:
    """Hands, most worth a look first: the likelier before the less likely, and clips take turns.

    Clips take turns among hands of like probability only: what is nearly certain never waits for what is doubtful, and
    no clip can fill a part of the queue while another clip has a hand as likely.

    Args:
        log_odds: (H) of a mistake.
        joints: (H) how many a second look would put right: decides within a turn.
        split: (H) disagreement on occlusion; decides between equals.
        clip: (H) index.
    """
    alike = likely_alike(log_odds)
    gain = joints * _chance(log_odds)
    index = np.arange(len(log_odds))
    order = np.lexsort((index, -split, -gain, clip, -alike))
    turn = np.zeros(len(index), dtype=np.int64)
    if len(index):
        begins = np.append(True, (np.diff(alike[order]) != 0) | (np.diff(clip[order]) != 0))
        turn[order] = index - np.maximum.accumulate(np.where(begins, index, 0))
    return np.asarray(np.lexsort((index, -split, -gain, turn, -alike)), dtype=np.int64)


def worth_a_look(
    panel: Panel,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    chances: Chances,
    config: QcConfig,
    unsettled: Mapping[str, str],
) -> Bools:
    """(H) a named mistake, a chance of one of `config.queue_chance`, answers `config.queue_z` apart, or no consensus.

    Args:
        panel: the answers.
        outliers: of the panel.
        mistakes: found in it.
        chances: of a mistake, from its joints.
        config: thresholds.
        unsettled: hands without enough agreement, and why.
    """
    chosen = _chance(hand_odds(panel, chances, mistakes)) >= config.queue_chance
    chosen |= np.nan_to_num(outliers.z) >= config.queue_z
    chosen[[m.hand for m in mistakes if asked_again(m)]] = True
    chosen |= np.array([h in unsettled for h in panel.hand_ids], dtype=np.bool_)
    return np.asarray(chosen, dtype=np.bool_)


def build_queue(
    panel: Panel,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    chances: Chances,
    config: QcConfig,
    *,
    settled: frozenset[str] = frozenset(),
    unsettled: Mapping[str, str] = MappingProxyType({}),
) -> list[QueueItem]:
    """Hands worth a second look, in the order of `rank_hands`; names in their reasons are quoted.

    They are those that are `worth_a_look` and not settled.

    Args:
        panel: the answers.
        outliers: of the panel.
        mistakes: found in it.
        chances: of a mistake, from its joints.
        config: thresholds.
        settled: hands a later round or an expert has decided: they stay out.
        unsettled: hands without enough agreement, and why: they are in, whatever their chance.
    """
    of_hand: dict[int, list[Mistake]] = {}
    for mistake in mistakes:
        of_hand.setdefault(mistake.hand, []).append(mistake)
    odds = hand_odds(panel, chances, mistakes)
    score = _chance(odds)
    chosen = worth_a_look(panel, outliers, mistakes, chances, config, unsettled)
    index = np.flatnonzero(chosen & np.array([h not in settled for h in panel.hand_ids], dtype=np.bool_))
    joints, split = joints_at_stake(chances, mistakes), occlusion_disagreement(panel)
    order = index[rank_hands(odds[index], joints[index], split[index], panel.clip[index])]
    return [
        QueueItem(
            hand_id=panel.hand_ids[hand],
            rank=rank,
            score=float(score[hand]),
            reason=_reason(
                panel,
                outliers,
                of_hand.get(hand, []),
                chances,
                hand,
                config.queue_z,
                unsettled.get(panel.hand_ids[hand], ""),
            ),
        )
        for rank, hand in enumerate(order.tolist(), start=1)
    ]


def _reason(
    panel: Panel,
    outliers: Outliers,
    mistakes: Sequence[Mistake],
    chances: Chances,
    hand: int,
    threshold: float,
    doubt: str,
) -> str:
    """What was named, how far answers are apart, what is likeliest where neither says it, why nothing is concluded."""
    order = list(KINDS)
    parts = [m.told for m in sorted(mistakes, key=lambda m: (order.index(m.kind), m.slots))]
    explained = any(asked_again(m) for m in mistakes)
    far = bool(outliers.z[hand] >= threshold)
    likeliest = HYPOTHESES[chances.hypothesis[hand]]
    same = far and likeliest.kind == "astray" and likeliest.first == outliers.joint[hand]
    if not explained and not same and _chance(chances.log_odds[hand]) >= _WORTH_SAYING:
        parts.append(_suspicion(panel, chances, hand))
    if far:
        who = " and ".join(named(panel, hand, int(slots[hand])) for slots in (outliers.first, outliers.second))
        z, joint = float(outliers.z[hand]), spoken(int(outliers.joint[hand]))
        apart = f"{z:.1f}" if z < _FAR else f"more than {_FAR}"
        parts.append(f"{who} are {apart} standard deviations apart at {joint}")
    return "; ".join([*parts, *([doubt] if doubt else [])])


def _suspicion(panel: Panel, chances: Chances, hand: int) -> str:
    """The likeliest mistake in words; of two answers either may hold it."""
    answers = np.flatnonzero(panel.has_joints[hand]).tolist()
    who = answers if len(answers) == 2 else [int(chances.slot[hand])]
    share = chances.share[hand] * _chance(chances.log_odds[hand]) * len(who)
    word = "probably" if share > 0.5 else "perhaps"
    return f"{' or '.join(named(panel, hand, k) for k in who)} {word} {HYPOTHESES[chances.hypothesis[hand]].words}"
