"""How probable it is that an answer to a hand holds a mistake: Bayes' theorem over `hypotheses`.

Some hands are hard for everybody, blurred or small ones. So a hand's errors are σ times a factor of its own, whose
square follows an inverse gamma law about `Law.middle` with `Law.freedom` degrees of freedom; integrated out, the
answers to a hand follow Student's law in all their coordinates together (up to `_HARDEST`: no hand is so hard that
nothing in it could be a mistake). That law and how often each kind of mistake happens are estimated from the round
itself, by expectation maximisation with a prior of a few answers. Two mistakes in one hand are not weighed against each
other: either alone says that the hand holds one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.hypotheses import HYPOTHESES, Changes, changes_of_answer
from hint_tools.qc.identity import Renaming
from hint_tools.qc.panel import ABSENT, Panel
from hint_tools.qc.sigmas import UNTOUCHED_PX, Sigmas

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KINDS: tuple[str, ...] = tuple(dict.fromkeys(h.kind for h in HYPOTHESES))
_KIND = np.array([KINDS.index(h.kind) for h in HYPOTHESES])
_NAMINGS = 120 * 2**5
"""Of five fingers, each forward or reversed."""
_PLACES = np.where(np.array(KINDS) == "renamed", _NAMINGS, np.bincount(_KIND))
"""How many ways there are to make a mistake of each kind."""
_PRIOR_RATE, _PRIOR_ANSWERS = 0.001, 500.0
"""Before a round is seen: one mistake of each kind in 1,000 answers, which counts for 500 of them."""
_FREEDOMS = (3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0, 200.0, 1000.0)
_HARDEST = 4.0
"""Times σ that people err at most, on any hand."""
_STEPS = 5
"""Of rates and difficulty, one from the other; then neither moves any more."""
_RATE_STEPS = 20
_LEARNT_FROM = 6000
"""Hands, at most, that the law and the rates are estimated from, evenly spaced: ±25 % of a rate of 1 in 1,000."""
_CHUNK = 512
_LOG_GAMMA = np.vectorize(math.lgamma, otypes=[np.float64])


@dataclass(frozen=True, eq=False)
class Law:
    """How mistakes and difficulty are spread over a round.

    Args:
        rates: (len(KINDS)) chance that an answer holds a mistake of a kind.
        freedom: degrees of freedom of the hands' factors: many where all hands are equally hard.
        middle: square of the usual factor.
    """

    rates: Floats
    freedom: float
    middle: float

    def odds(self, kind: str) -> float:
        """Log odds of a mistake of a kind in one place of an answer, before the answer is seen."""
        at = KINDS.index(kind)
        return math.log(self.rates[at] / _PLACES[at]) - math.log(max(1 - float(self.rates.sum()), 0.5))


_BEFORE = Law(np.full(len(KINDS), _PRIOR_RATE), 12.0, 1.0)


@dataclass(frozen=True, eq=False)
class Chances:
    """What is to be thought of H hands.

    Args:
        log_odds: (H) of a mistake in any of its answers.
        slot: (H) the answer that holds the likeliest mistake.
        hypothesis: (H) which one of `HYPOTHESES`.
        share: (H) its part of that probability.
        law: of the round.
    """

    log_odds: Floats
    slot: Ints
    hypothesis: Ints
    share: Floats
    law: Law


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Of some hands: scatter (h) and freedom (h) without a mistake, changes (h, A, len(HYPOTHESES)), answers (h, A)."""

    scatter: Floats
    freedom: Floats
    changes: Changes
    there: Bools


def weigh(panel: Panel, sigmas: Sigmas, scale: Floats, renamings: Sequence[Renaming]) -> Chances:
    """The chance of a mistake in every hand.

    Args:
        panel: the answers.
        sigmas: measured from them.
        scale: (H) px.
        renamings: namings of fingers that would explain an answer; what is not among `HYPOTHESES` is taken from here.
    """
    number = len(panel.hand_ids)
    if not number:
        nothing = np.zeros(0, dtype=np.int64)
        return Chances(np.zeros(0), nothing, nothing, np.zeros(0), _BEFORE)
    sigma_px = sigmas.in_px(panel, scale, personal=False)
    read = partial(_evidence, panel, sigma_px, sigmas.factors, scale, _orders(panel, renamings))
    law = _learn(read(np.arange(0, number, math.ceil(number / _LEARNT_FROM))))
    parts = [_judged(read(np.arange(i, min(i + _CHUNK, number))), law) for i in range(0, number, _CHUNK)]
    log_odds, slot, which, share = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Chances(log_odds, slot, which, share, law)


def _learn(seen: _Evidence) -> Law:
    """Rates and difficulty by expectation maximisation."""
    law = _BEFORE
    for _ in range(_STEPS):
        of_kind = _of_kinds(_log_ratios(seen, law))
        most = np.maximum(of_kind.max(axis=1), 0.0)
        rates, clean = _rates(np.exp(of_kind - most[:, None]), np.exp(-most), int(seen.there.sum()), law.rates)
        freedom, middle = _difficulty(seen.scatter, seen.freedom, clean, law)
        law = Law(rates, freedom, middle)
    return law


def _of_kinds(log_ratios: Floats) -> Floats:
    """(h, len(KINDS)) log of the sum over all answers and places of each kind, at a rate of 1."""
    most = np.maximum(log_ratios.max(axis=(1, 2)), 0.0)
    odds = np.exp(log_ratios - most[:, None, None]).sum(axis=1)
    sums = np.stack([odds[:, k == _KIND].sum(axis=1) for k in range(len(KINDS))], axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(sums) + most[:, None])


def _rates(odds: Floats, clean: Floats, answers: int, rates: Floats) -> tuple[Floats, Floats]:
    """(len(KINDS)) how often each kind happens, and (h) the chance of no mistake.

    Args:
        odds: (h, len(KINDS)) likelihood of each kind, in any units of its hand.
        clean: (h) that of no mistake, in the same units.
        answers: how many there are.
        rates: to begin with.
    """
    for _ in range(_RATE_STEPS):
        none = clean * max(1 - float(rates.sum()), 0.5)
        weight = odds * rates
        total = none + weight.sum(axis=1)
        rates = ((weight / total[:, None]).sum(axis=0) + _PRIOR_RATE * _PRIOR_ANSWERS) / (answers + _PRIOR_ANSWERS)
    return rates, none / total


def _orders(panel: Panel, renamings: Sequence[Renaming]) -> Ints:
    """(H, A, 21) the naming proposed for each answer; the identity for none."""
    order = np.tile(np.arange(N_JOINTS), (*panel.annotator.shape, 1))
    for found in renamings:
        if min(found.order) >= 0:
            order[found.hand, found.slot] = found.order
    return order


def _evidence(panel: Panel, sigma_px: Floats, factors: Floats, scale: Floats, orders: Ints, hands: Ints) -> _Evidence:
    points = panel.keypoints[hands]
    placed = _opinions(points) & np.isfinite(sigma_px[hands])
    size = np.where(np.isfinite(scale[hands]), scale[hands], 1.0)
    factor = np.where(panel.annotator[hands] == ABSENT, 1.0, factors[np.maximum(panel.annotator[hands], 0)])
    square = _square(sigma_px[hands], placed)
    filled = np.where(placed[..., None], points, 0.0)
    precision = np.where(placed, 1 / factor[..., None] ** 2, 0.0)
    total, pulled = precision.sum(axis=1), (precision[..., None] * filled).sum(axis=1)
    mean = pulled / np.where(total > 0, total, 1.0)[..., None]
    away = filled - mean[:, None]
    scatter = np.einsum("haj,hajx,hajx,hj->h", precision, away, away, 1 / square)
    freedom = 2.0 * np.maximum(placed.sum(axis=1) - 1, 0).sum(axis=1)
    found = []
    for slot in range(points.shape[1]):
        rest = total - precision[:, slot]
        known = placed.sum(axis=1) - placed[:, slot] > 0
        safe = np.where(known, rest, 1.0)
        others = np.where(known[..., None], (pulled - (precision[..., None] * filled)[:, slot]) / safe[..., None], 0.0)
        variance = square * (factor[:, slot, None] ** 2 + 1 / safe)
        found.append(
            changes_of_answer(filled[:, slot], placed[:, slot], others, known, variance, size, orders[hands, slot])
        )
    stacked = Changes(*(np.stack([getattr(f, n) for f in found], axis=1) for n in ("scatter", "freedom", "density")))
    return _Evidence(scatter, freedom, stacked, np.asarray(placed.any(axis=-1)))


def _opinions(points: Floats) -> Bools:
    """(h, A, 21) joints that an answer has, and has of its own: two left where the pre-label was are one opinion."""
    placed: Bools = np.asarray(np.isfinite(points).all(axis=-1))
    for slot in range(1, points.shape[1]):
        apart = points[:, :slot] - points[:, slot, None]
        placed[:, slot] &= ~(np.einsum("hajx,hajx->haj", apart, apart) < UNTOUCHED_PX**2).any(axis=1)
    return placed


def _square(sigma_px: Floats, placed: Bools) -> Floats:
    """(h, 21) mean of the answers' σ²: people who differ on whether a joint is hidden saw the same joint."""
    count = placed.sum(axis=1)
    total = np.where(placed, sigma_px**2, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.ones_like(total), where=count > 0))


def _log_law(scatter: Floats, freedom: Floats, law: Law) -> Floats:
    """Log density of coordinates whose Σ d²/σ² is `scatter`, up to what all hypotheses share.

    Student's law: Γ((ν + n)/2) (π ν m)^(-n/2) (1 + Q/(ν m))^(-(ν + n)/2), with ν m in place of ν as the middle is m;
    beyond n m `_HARDEST`² it falls as a normal law of that factor.
    """
    nu, base = law.freedom, law.freedom * law.middle
    most = freedom * law.middle * _HARDEST**2
    within = np.minimum(scatter, most)
    half = (nu + freedom) / 2
    table = _LOG_GAMMA((nu + np.arange(int(freedom.max(initial=0.0)) + 1)) / 2)
    value = table[freedom.astype(np.int64)] - half * np.log((base + within) / 2) - freedom / 2 * math.log(2 * math.pi)
    return np.asarray(value - half / (base + most) * (scatter - within))


def _log_ratios(seen: _Evidence, law: Law) -> Floats:
    """(h, A, len(HYPOTHESES)) log of the likelihood of a hypothesis over that of no mistake; places share a kind."""
    changes = seen.changes
    scatter = np.maximum(seen.scatter[:, None, None] + changes.scatter, 0.0)
    freedom = seen.freedom[:, None, None] + changes.freedom
    clean = _log_law(seen.scatter, seen.freedom, law)
    ratio = _log_law(scatter, freedom, law) - clean[:, None, None] + changes.density - np.log(_PLACES)[_KIND]
    return np.where(seen.there[..., None], ratio, -np.inf)


def _difficulty(scatter: Floats, freedom: Floats, clean: Floats, law: Law) -> tuple[float, float]:
    """Degrees of freedom and middle that make the scatter of the hands without a mistake likeliest.

    E[1/t²] of a hand's factor t, given its answers, is (ν + n) / (ν m + Q); its mean is 1/m.
    """
    used = freedom > 0
    if not clean[used].any():
        return law.freedom, law.middle
    q, n, w = scatter[used], freedom[used], clean[used]
    best = (-math.inf, law.freedom, law.middle)
    for nu in _FREEDOMS:
        middle = law.middle
        for _ in range(3):
            middle = 1 / float(np.average((nu + n) / (nu * middle + q), weights=w))
        table = _LOG_GAMMA((nu + np.arange(int(n.max()) + 1)) / 2)[n.astype(np.int64)]
        likely = table - math.lgamma(nu / 2) + nu / 2 * math.log(nu * middle) - (nu + n) / 2 * np.log(nu * middle + q)
        best = max(best, (float((w * likely).sum()), nu, middle))
    return best[1], best[2]


def _judged(seen: _Evidence, law: Law) -> tuple[Floats, Ints, Ints, Floats]:
    """Log odds, slot, hypothesis and its share of each hand."""
    prior = np.array([law.odds(k) for k in KINDS]) + np.log(_PLACES)
    ratio = _log_ratios(seen, law) + prior[_KIND]
    flat = ratio.reshape(len(ratio), -1)
    at = flat.argmax(axis=1)
    most = np.take_along_axis(flat, at[:, None], axis=1)[:, 0]
    top = np.where(np.isfinite(most), most, 0.0)
    total = np.exp(flat - top[:, None]).sum(axis=1)
    with np.errstate(divide="ignore"):
        log_odds = top + np.log(total)
    slot, which = np.divmod(at, len(HYPOTHESES))
    return log_odds, slot, which, np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
