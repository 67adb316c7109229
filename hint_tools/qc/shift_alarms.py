"""From which gain on a shifted finger is believed: so that of clean hands hardly any is accused.

How often chance makes a clean finger look shifted depends on how precisely people work and on how long fingers are,
so it is computed for the round itself. By the definition of a likelihood ratio L, P(L > l as named) is the mean of 1/L
over answers with a shifted finger that have L > l. Such answers are drawn here, from what the rest says of real
fingers and what annotators err: a few thousand of them tell chances far smaller than one in as many.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.qc.finger_chain import Chains, diagonal, predicted
from hint_tools.qc.shift_evidence import WAYS, Fingers, gains_over, label_cases, move, moved_variance, rest_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LIMITS = (10.0, 25.0)
"""Of the threshold: e^5 = 150 to 1 is the least, however precisely people work."""
_OF_TWO = 0.7
"""Of two answers one is hardly ahead without the other being behind: their alarms are mostly the same hands."""


def alarm_threshold(fingers: Fingers, hands: int, usable: Bools, rate: float, seed: int) -> float:
    """Gain that a clean hand exceeds with a chance of at most `rate`: the chances of all answers and ways are added.

    Args:
        fingers: of some hands, all five of each.
        hands: how many those are.
        usable: (K, A) answers with the whole finger.
        rate: part of the hands.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    gains, chances = [], []
    share = np.where(usable.sum(axis=1) == 2, _OF_TWO, 1.0)
    for slot in range(fingers.points.shape[1]):
        chosen = np.flatnonzero(usable[:, slot])
        some = fingers.taken(chosen)
        rest, agreed = rest_of(some, slot)
        cases = label_cases(some, rest)
        for way in range(len(WAYS)):
            joints = _one_case(cases, rng)
            variance = moved_variance(some, slot, way, move(way) @ joints.mean)
            law = predicted(joints, move(way), diagonal(np.where(np.isfinite(variance), variance, 1.0)))
            drawn = law.mean + np.linalg.cholesky(law.covariance) @ rng.normal(size=law.mean.shape)
            gain = gains_over(some, slot, cases, agreed, drawn)[:, way]
            gains.append(gain)
            chances.append(np.where(np.isfinite(gain), np.exp(-gain / 2), 0.0) * share[chosen])
    gain, chance = np.concatenate(gains), np.concatenate(chances)
    order = np.argsort(-gain, kind="stable")
    exceeded = np.cumsum(chance[order]) / max(hands, 1)
    at = int(np.searchsorted(exceeded, rate))
    found = gain[order[min(at, len(order) - 1)]] if len(order) else LIMITS[0]
    return float(np.clip(found, *LIMITS))


def _one_case(cases: list[tuple[Floats, Chains]], rng: np.random.Generator) -> Chains:
    """Of each finger the joints in one of the cases, drawn by how probable it is (Gumbel's way)."""
    odds = np.stack([o for o, _ in cases])
    chosen, at = (odds + rng.gumbel(size=odds.shape)).argmax(axis=0), np.arange(odds.shape[1])
    return Chains(
        np.stack([c.mean for _, c in cases])[chosen, at], np.stack([c.covariance for _, c in cases])[chosen, at]
    )
