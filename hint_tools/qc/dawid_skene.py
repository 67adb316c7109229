"""Who is right about what can be seen, when people differ and some are better judges than others.

Each joint is visible or occluded in truth; annotator k calls an occluded joint occluded with chance `sensitivity[k]`
and a visible one visible with chance `specificity[k]`. Truth and chances are estimated together by expectation
maximisation. Source: A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the
EM algorithm", Applied Statistics 28 (1979). The chances have a Beta prior, and whoever judged few joints gets one
chance for both kinds of error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.panel import Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ONE_COIN_BELOW = 50
"""Joints somebody must have judged of both kinds together before the two kinds of error are told apart."""
PRIOR_ACCURACY = 0.85
PRIOR_JOINTS = 10.0
"""Of how many judged joints the prior accuracy is worth."""
PREVALENCE_JOINTS = 20.0
"""How many joints' worth a joint's own share of visible ones is pulled towards that of all joints."""
_LIMITS = (0.02, 0.98)
"""Nobody is taken for certain, or for certainly wrong."""
_TOLD_APART = 3
"""People from whom on answers say who judges well. Two get one figure: any other split of their differences fits as
well, and costs 3 of 100 disputed joints."""
_STEPS = 200
_DONE = 1e-7
_LARGE = 2**40


@dataclass(frozen=True, eq=False)
class VisibilityModel:
    """Result of the estimation.

    Args:
        probability: (H, 21) of being visible; NaN where nobody says visible or occluded.
        sensitivity: (n annotators) chance to call an occluded joint occluded.
        specificity: (n annotators) chance to call a visible joint visible.
        one_coin: (n annotators) True where both are one figure, for want of judged joints.
        prevalence: (21) share of visible joints.
    """

    probability: Floats
    sensitivity: Floats
    specificity: Floats
    one_coin: npt.NDArray[np.bool_]
    prevalence: Floats


@dataclass(frozen=True, eq=False)
class _Patterns:
    """Distinct combinations of joint, annotators and their words, and how often each occurs.

    Args:
        joint: (K).
        annotator: (K, A) index, `ABSENT` where there is none.
        word: (K, A) 1 visible, -1 occluded, 0 no word.
        count: (K) of units.
        shared: (K) two or more have a word: only these teach anything about people.
        of: (H, 21) index of each unit's pattern.
    """

    joint: Ints
    annotator: Ints
    word: Ints
    count: Floats
    shared: npt.NDArray[np.bool_]
    of: Ints


def estimate_visibility(panel: Panel) -> VisibilityModel:
    """The chance that each joint is visible, and how well each annotator judges that.

    Where all who speak agree, the chance never falls on the other side: statistics don't overrule people.
    """
    seen = _patterns(panel)
    n = len(panel.annotators)
    judged = np.bincount(*_each(seen, n, seen.count, seen.shared), minlength=n + 1)[:n]
    one_coin = judged < ONE_COIN_BELOW
    flat = float(seen.count[seen.shared].sum()) < ONE_COIN_BELOW
    visible = 1 / (1 + np.exp(-np.log(PRIOR_ACCURACY / (1 - PRIOR_ACCURACY)) * seen.word.sum(axis=1)))
    chances, prevalence, visible = _maximised(seen, visible, one_coin, flat=flat)
    agreed_visible, agreed_occluded = seen.word.min(axis=1) >= 0, seen.word.max(axis=1) <= 0
    heard = np.where(
        agreed_visible, np.maximum(visible, 0.5), np.where(agreed_occluded, np.minimum(visible, 0.5), visible)
    )
    return VisibilityModel(
        probability=np.where((seen.word != 0).any(axis=1), heard, np.nan)[seen.of],
        sensitivity=chances[0],
        specificity=chances[1],
        one_coin=one_coin,
        prevalence=prevalence,
    )


def _maximised(
    seen: _Patterns, visible: Floats, one_coin: npt.NDArray[np.bool_], *, flat: bool
) -> tuple[Floats, Floats, Floats]:
    """Chances (2, n annotators), shares of visible joints (21) and chances of being visible (K), from a first guess."""
    chances: Floats = np.full((2, len(one_coin)), PRIOR_ACCURACY)
    for _ in range(_STEPS):
        prevalence = np.full(N_JOINTS, 0.5) if flat else _prevalence(seen, visible)
        updated = _chances(seen, visible, one_coin)
        moved = float(np.abs(updated - chances).max(initial=0.0))
        chances = updated
        visible = _posterior(seen, chances, prevalence)
        if moved < _DONE:
            break
    return chances, prevalence, visible


def without_folds(panel: Panel, model: VisibilityModel, fold: Ints, folds: int) -> Floats:
    """(folds, 2, n annotators) sensitivity and specificity estimated again without each fold of the hands.

    For intervals: what is true is as uncertain as who is right.

    Args:
        panel: the answers.
        model: estimated from all of them.
        fold: (H) which fold a hand is in.
        folds: how many there are.
    """
    seen = _patterns(panel)
    flat = float(seen.count[seen.shared].sum()) < ONE_COIN_BELOW
    visible = _posterior(seen, np.stack([model.sensitivity, model.specificity]), model.prevalence)
    found = []
    for k in range(folds):
        away = np.bincount(seen.of[fold == k].ravel(), minlength=len(seen.count))
        found.append(_maximised(replace(seen, count=seen.count - away), visible, model.one_coin, flat=flat)[0])
    return np.stack(found)


def judged_joints(panel: Panel, model: VisibilityModel) -> Floats:
    """(2, n annotators) occluded and visible joints each judged together with others, as now believed."""
    seen = _patterns(panel)
    n = len(model.one_coin)
    visible = _posterior(seen, np.stack([model.sensitivity, model.specificity]), model.prevalence)
    judged = [
        np.bincount(*_each(seen, n, seen.count * v, seen.shared), minlength=n + 1)[:n] for v in (1 - visible, visible)
    ]
    return np.stack(judged).astype(np.float64)


def _patterns(panel: Panel) -> _Patterns:
    words = np.where(panel.visibility == Visibility.VISIBLE, 1, 0) - (panel.visibility == Visibility.OCCLUDED)
    team = np.unique(panel.annotator, axis=0, return_inverse=True)[1].reshape(-1, 1)
    code = team * N_JOINTS + np.arange(N_JOINTS)
    for slot in range(words.shape[1]):
        code = 3 * code + words[:, slot] + 1
        if int(code.max(initial=0)) > _LARGE:  # many answers to one hand: numbered anew before the digits run out
            code = np.unique(code, return_inverse=True)[1].reshape(code.shape)
    _, first, of, count = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    hand, joint = np.divmod(first, N_JOINTS)
    word = words[hand, :, joint]
    return _Patterns(
        joint=joint,
        annotator=panel.annotator[hand],
        word=word,
        count=count.astype(np.float64),
        shared=(word != 0).sum(axis=1) >= 2,
        of=of.reshape(code.shape),
    )


def _each(
    seen: _Patterns, n: int, weight: Floats, chosen: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Annotator (`n` for nobody) and weight of each word of the chosen patterns, as `np.bincount` takes them."""
    spoke = (seen.word != 0) & chosen[:, None]
    return np.where(spoke, seen.annotator, n).ravel(), np.where(spoke, weight[:, None], 0.0).ravel()


def _prevalence(seen: _Patterns, visible: Floats) -> Floats:
    weight = np.where(seen.shared, seen.count, 0.0)
    total = np.bincount(seen.joint, weight, minlength=N_JOINTS)
    of_visible = np.bincount(seen.joint, weight * visible, minlength=N_JOINTS)
    overall = of_visible.sum() / total.sum()
    return np.asarray((of_visible + PREVALENCE_JOINTS * overall) / (total + PREVALENCE_JOINTS))


def _chances(seen: _Patterns, visible: Floats, one_coin: npt.NDArray[np.bool_]) -> Floats:
    """(2, n annotators) sensitivity and specificity that fit the truth as now believed."""
    n = len(one_coin)
    right, total = np.zeros((2, n)), np.zeros((2, n))
    for kind, (truth, word) in enumerate(((1 - visible, -1), (visible, 1))):
        total[kind] = np.bincount(*_each(seen, n, seen.count * truth, seen.shared), minlength=n + 1)[:n]
        spoke = (seen.word == word) & seen.shared[:, None]
        weight = np.where(spoke, (seen.count * truth)[:, None], 0.0)
        right[kind] = np.bincount(np.where(spoke, seen.annotator, n).ravel(), weight.ravel(), minlength=n + 1)[:n]
    judged, well = total.sum(axis=0), right.sum(axis=0)
    if np.count_nonzero(judged) < _TOLD_APART:
        alike = (well.sum() + PRIOR_JOINTS * PRIOR_ACCURACY) / (judged.sum() + PRIOR_JOINTS)
        return np.clip(np.full((2, n), alike), *_LIMITS)
    both = (well + PRIOR_JOINTS * PRIOR_ACCURACY) / (judged + PRIOR_JOINTS)
    # each kind of error is pulled towards the annotator's own overall accuracy
    apart = (right + PRIOR_JOINTS * both) / (total + PRIOR_JOINTS)
    return np.asarray(np.clip(np.where(one_coin, both, apart), *_LIMITS))


def _posterior(seen: _Patterns, chances: Floats, prevalence: Floats) -> Floats:
    sensitivity, specificity = chances
    padded = [
        np.append(np.log(x / y), 0.0) for x, y in ((specificity, 1 - sensitivity), (sensitivity, 1 - specificity))
    ]
    says_visible, says_occluded = (p[seen.annotator] for p in padded)
    odds = np.where(seen.word == 1, says_visible, 0.0) - np.where(seen.word == -1, says_occluded, 0.0)
    prior = np.log(prevalence / (1 - prevalence))[seen.joint]
    pooled = odds.sum(axis=1) + prior
    return np.asarray(1 / (1 + np.exp(-pooled)))
