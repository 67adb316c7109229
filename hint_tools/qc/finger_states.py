"""What the rest of a finger says of a joint's visibility: fingers hide as wholes or from some joint on, not at random.

A finger's four joints are in one state of 16. The shares of the states are estimated by expectation maximisation from
all fingers, given what each annotator's word is worth (`dawid_skene`), and a joint's chance follows from its own words
and from those on its neighbours. People err on whole fingers, too; then four words are one. So a word counts for its
neighbours by 1 - ρ only, ρ the correlation of the annotator's errors within a finger: with ρ = 1 every joint stands
alone again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS
from hint_tools.qc.dawid_skene import VisibilityModel
from hint_tools.qc.panel import Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_JOINTS = np.array(list(FINGER_JOINTS.values()))
_STATES = np.array([[(state >> k) & 1 for k in range(4)] for state in range(16)], dtype=np.float64)
"""(16, 4) 1 where a joint is visible."""
PULL = 20.0
"""How many fingers' worth a finger's shares are pulled towards those of all, and these towards independent joints."""
_CERTAIN = 1e-9
_DECIMALS = 9
"""Evidence equal to so many is the same."""
_STEPS = 60
_DONE = 1e-4


@dataclass(frozen=True, eq=False)
class _Fingers:
    """Distinct fingers by the evidence of their words.

    Args:
        finger: (K) which.
        odds: (K, 4) log of the odds that words give for each joint being visible.
        heard: (K, 4) the same as far as it counts for neighbours.
        count: (K) how many there are that several people judged.
        of: (H, 5) index of each.
    """

    finger: Ints
    odds: Floats
    heard: Floats
    count: Floats
    of: Ints


def along_fingers(panel: Panel, model: VisibilityModel) -> VisibilityModel:
    """The model with chances that heed the rest of each finger; as it was where too little was judged twice.

    Where all who speak agree, the chance never falls on the other side.
    """
    words = np.where(panel.visibility == Visibility.VISIBLE, 1, 0) - (panel.visibility == Visibility.OCCLUDED)
    if model.one_coin.all():
        return model
    evidence = _evidence(words, panel, model)
    counts = np.append(1 - _errs_together(words, panel, model), 0.0)[panel.annotator][..., None]
    fingers = _fingers(evidence.sum(axis=1), (evidence * counts).sum(axis=1), words)
    alone = np.where(np.isnan(model.probability), model.prevalence, model.probability)[:, _JOINTS]
    shares = _state_shares(fingers, _independent(alone).sum(axis=0))
    visible = np.clip(_chances(fingers.finger, fingers.heard, shares) @ _STATES, _CERTAIN, 1 - _CERTAIN)
    odds = (np.log(visible / (1 - visible)) + fingers.odds - fingers.heard)[fingers.of]
    probability = model.probability.copy()
    probability[:, _JOINTS] = 1 / (1 + np.exp(-odds))
    lowest, highest = words.min(axis=1), words.max(axis=1)
    probability = np.where(lowest >= 0, np.maximum(probability, 0.5), probability)
    probability = np.where((highest <= 0) & (lowest < 0), np.minimum(probability, 0.5), probability)
    return replace(model, probability=np.where(np.isnan(model.probability), np.nan, probability))


def _evidence(words: Ints, panel: Panel, model: VisibilityModel) -> Floats:
    """(H, A, 21) log of the odds each word gives for its joint being visible."""
    visible = np.log(model.specificity / (1 - model.sensitivity))
    occluded = np.log(model.sensitivity / (1 - model.specificity))
    says_visible, says_occluded = (np.append(v, 0.0)[panel.annotator][..., None] for v in (visible, occluded))
    return np.where(words == 1, says_visible, np.where(words == -1, -says_occluded, 0.0))


def _errs_together(words: Ints, panel: Panel, model: VisibilityModel) -> Floats:
    """(n annotators) correlation of errors on two joints of a finger, 0 to 1; 1 for those who judged too few.

    An error is counted by its chance, and measured against how often this annotator errs on such a joint.
    """
    visible = model.probability[:, None]
    wrong = np.where(words == 1, 1 - visible, visible)
    missed, invented = (
        np.append(1 - v, 0.0)[panel.annotator][..., None] for v in (model.sensitivity, model.specificity)
    )
    usual = visible * invented + (1 - visible) * missed
    several = (words != 0).sum(axis=1, keepdims=True) >= 2
    rest = np.where((words != 0) & several, wrong - usual, 0.0)[:, :, _JOINTS]
    alone, pairs = (rest**2).sum(axis=(2, 3)), (rest.sum(axis=3) ** 2).sum(axis=2)
    n = len(model.one_coin)
    own, together = (np.bincount(panel.annotator.ravel() + 1, v.ravel(), minlength=n + 1)[1:] for v in (alone, pairs))
    found = np.divide(together - own, 3 * own, out=np.ones(n), where=own > 0)
    return np.where(model.one_coin, 1.0, np.clip(found, 0.0, 1.0))


def _fingers(odds: Floats, heard: Floats, words: Ints) -> _Fingers:
    n = len(_JOINTS)
    both = np.concatenate([odds[:, _JOINTS], heard[:, _JOINTS]], axis=2).reshape(-1, 8).round(_DECIMALS)
    rows = np.concatenate([np.tile(np.arange(n), len(odds))[:, None], both], axis=1)
    distinct, of = np.unique(rows, axis=0, return_inverse=True)
    several = ((words != 0).sum(axis=1) >= 2)[:, _JOINTS].any(axis=2).ravel()
    count = np.bincount(of.ravel()[several], minlength=len(distinct)).astype(np.float64)
    return _Fingers(distinct[:, 0].astype(np.int64), distinct[:, 1:5], distinct[:, 5:], count, of.reshape(len(odds), n))


def _state_shares(fingers: _Fingers, begin: Floats) -> Floats:
    """(5, 16) share of each state in each finger, begun with how many (5, 16) there are by every joint alone."""
    shares = _shares(begin)
    for _ in range(_STEPS):
        weight = (fingers.count[:, None] * _chances(fingers.finger, fingers.odds, shares)).T
        counts = np.stack([np.bincount(fingers.finger, w, minlength=len(_JOINTS)) for w in weight], axis=1)
        updated = _shares(counts.astype(np.float64))
        moved = float(np.abs(updated - shares).max())
        shares = updated
        if moved < _DONE:
            break
    return shares


def _shares(counts: Floats) -> Floats:
    """(5, 16) share of each state in each finger, from how many (5, 16) there are."""
    total = counts.sum(axis=0)
    alone = _independent((total @ _STATES) / total.sum())
    usual = (total + PULL * alone) / (total.sum() + PULL)
    return np.asarray((counts + PULL * usual) / (counts.sum(axis=1, keepdims=True) + PULL))


def _independent(visible: Floats) -> Floats:
    """(..., 16) share of each state of joints (..., 4) that are visible independently of each other."""
    return np.asarray(np.where(_STATES == 1, visible[..., None, :], 1 - visible[..., None, :]).prod(axis=-1))


def _chances(finger: Ints, odds: Floats, shares: Floats) -> Floats:
    """(K, 16) chance of each state of fingers (K), given the odds (K, 4) of each joint alone."""
    pooled = odds @ _STATES.T + np.log(shares)[finger]
    weight = np.exp(pooled - pooled.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
