"""The figures rounds are compared by: of all people together, and of each annotator.

Second looks and fits must not move them, or a round would look better than one that nobody looked at again. So hands
worth a second look are counted by the first answers alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.influence import linear_error
from hint_tools.qc.profiles import Profile
from hint_tools.qc.sigmas import STATES, Sigmas

_UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)
_STANDS_IN = "population"


class Scale(Enum):
    """On which scale two values of a figure are held against each other."""

    SHARE = "share"
    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Args:
        key: in `qc.json`.
        title: in tables.
        scale: on which it is compared.
        falls: words for a smaller value, for a sentence that says since when.
        rises: words for a larger one.
        better: whether less (-1) or more (1) is better; 0 where neither is.
        decimals, factor: as it is shown.
        same_answers: it grows with the number of answers a hand has, which tell more of each other.
    """

    key: str
    title: str
    scale: Scale
    falls: str
    rises: str
    better: int
    decimals: int
    factor: float = 1.0
    same_answers: bool = False


ROUND_FIGURES = (
    Figure("distance", "distance of two people, hand sizes", Scale.RATIO,
           "two people are nearer to each other", "two people are farther from each other", -1, 3),
    Figure("within_quarter_palm", "visible joints within ¼ palm, %", Scale.SHARE,
           "fewer visible joints are within ¼ palm", "more visible joints are within ¼ palm", 1, 1, 100),
    Figure("within_0.05", "joints within 0.05, %", Scale.SHARE,
           "fewer joints are within 0.05", "more joints are within 0.05", 1, 1, 100),
    Figure("raw_occlusion", "same answer on visible or occluded, %", Scale.SHARE,
           "people agree less often on what is hidden", "people agree more often on what is hidden", 1, 1, 100),
    Figure("gwet_ac1", "the same beyond chance, AC1", Scale.DIFFERENCE,
           "they agree less on it beyond chance", "they agree more on it beyond chance", 1, 2),
    Figure("sigma_visible", "σ of a visible joint, hand sizes", Scale.RATIO,
           "visible joints are placed more precisely", "visible joints are placed less precisely", -1, 4),
    Figure("sigma_occluded", "σ of an occluded joint, hand sizes", Scale.RATIO,
           "occluded joints are placed more precisely", "occluded joints are placed less precisely", -1, 4),
    Figure("queued", "hands worth a second look, %", Scale.SHARE,
           "fewer hands are worth a second look", "more hands are worth a second look", -1, 1, 100, True),
    Figure("mistaken", "answers with a certain mistake, %", Scale.SHARE,
           "fewer answers hold a certain mistake", "more answers hold a certain mistake", -1, 1, 100, True),
)  # fmt: skip
"""Of all people together. Mistakes are counted as answers that hold one: two in one answer are no two cases."""
PERSON_FIGURES = (
    Figure("sigma", "own σ of a visible joint, hand sizes", Scale.RATIO,
           "places joints more precisely", "places joints less precisely", -1, 4),
    Figure("identity_rate", "wrong names, %", Scale.SHARE,
           "gives fewer wrong names", "gives more wrong names", -1, 1, 100, True),
    Figure("sensitivity", "occluded called so, %", Scale.SHARE,
           "calls fewer occluded joints so", "calls more occluded joints so", 1, 1, 100),
    Figure("specificity", "visible called so, %", Scale.SHARE,
           "calls fewer visible joints so", "calls more visible joints so", 1, 1, 100),
    Figure("seconds", "median time, s", Scale.RATIO, "is faster", "is slower", 0, 1),
)  # fmt: skip
"""Of each annotator."""


@dataclass(frozen=True, eq=False)
class RoundFigures:
    """Figures of one round.

    Args:
        name: of the round.
        pictures: how many intervals are over.
        answers_per_hand: mean over hands answered twice or more; NaN without any.
        figures: key of `ROUND_FIGURES` -> figure.
        people: annotator -> key of `PERSON_FIGURES` -> figure.
    """

    name: str
    pictures: int
    answers_per_hand: float
    figures: Mapping[str, Estimate]
    people: Mapping[str, Mapping[str, Estimate]]


def round_figures(analysis: Analysis, config: QcConfig, name: str = "this round") -> RoundFigures:
    """The figures of an analysis, NaN where something can't be measured.

    Args:
        analysis: everything.
        config: with the resamples.
        name: of the round.
    """
    panel, states = analysis.panel, analysis.occlusion_intervals
    found = {(a.group, a.name): a for a in analysis.agreement}
    queued, mistaken = _second_looks(analysis, Resampler(panel.image, config.bootstrap, config.seed))
    figures = {
        "distance": found["all", "all joints"].distance,
        "within_quarter_palm": found["state", "both visible"].palm,
        "within_0.05": found["all", "all joints"].pck[0],
        "raw_occlusion": states.raw,
        "gwet_ac1": states.ac1,
        "sigma_visible": typical_sigma(analysis.sigmas, "visible"),
        "sigma_occluded": typical_sigma(analysis.sigmas, "occluded"),
        "queued": queued,
        "mistaken": mistaken,
    }
    people = {
        panel.annotators[p.annotator]: {
            "sigma": personal_sigma(analysis.sigmas, p),
            "identity_rate": p.identity_rate,
            "sensitivity": p.sensitivity,
            "specificity": p.specificity,
            "seconds": p.seconds,
        }
        for p in analysis.profiles
    }
    answers = panel.answered.sum(axis=1)
    several = answers[answers >= 2]
    pictures = len(np.unique(panel.image))
    return RoundFigures(name, pictures, float(several.mean()) if len(several) else math.nan, figures, people)


def figures_json(found: RoundFigures) -> dict[str, Any]:
    """The figures as `qc.json` has them: [value, low, high] each, NaN where something can't be measured."""
    return {
        "pictures": found.pictures,
        "answers_per_hand": found.answers_per_hand,
        "all": {key: ends(e) for key, e in found.figures.items()},
        "annotators": {name: {key: ends(e) for key, e in own.items()} for name, own in found.people.items()},
    }


def ends(estimate: Estimate) -> list[float]:
    """Value, low, high."""
    return [estimate.value, estimate.low, estimate.high]


def typical_sigma(sigmas: Sigmas, state: str) -> Estimate:
    """Geometric mean over all joints of σ in a state, with its linearised interval; NaN where something stands in."""
    cells = [c for c in sigmas.cells if c.state == state]
    if not cells or any(c.level == _STANDS_IN for c in cells):
        return _UNKNOWN
    middle = float(np.mean([math.log(c.estimate.value) for c in cells]))
    error, t = linear_error(sigmas.influence[0, :, STATES[state]].mean(axis=1) / 2)
    ends = (math.exp(middle - t * error), math.exp(middle + t * error))
    return Estimate(math.exp(middle), *ends, sum(c.estimate.n for c in cells))


def personal_sigma(sigmas: Sigmas, profile: Profile) -> Estimate:
    """σ of one annotator's visible joints: their factor times the typical σ.

    The interval is that of a product whose factors err apart from each other (Zou and Donner 2008). A person's own
    errors enlarge either, but of the factors the mean is 1 whatever σ is: over all people these cancel.
    """
    typical, factor = typical_sigma(sigmas, "visible"), profile.error
    value = factor.value * typical.value
    if not (factor.low > 0 and typical.low > 0):
        return Estimate(value, math.nan, math.nan, profile.answers)
    down = math.hypot(math.log(factor.value / factor.low), math.log(typical.value / typical.low))
    up = math.hypot(math.log(factor.high / factor.value), math.log(typical.high / typical.value))
    return Estimate(value, value * math.exp(-down), value * math.exp(up), profile.answers)


def _second_looks(analysis: Analysis, resampler: Resampler) -> tuple[Estimate, Estimate]:
    """Parts of the hands worth a second look and of the answers with a certain mistake, where two people answered."""
    panel = analysis.panel
    several = panel.answered & (panel.answered.sum(axis=1) >= 2)[:, None]
    hands = np.flatnonzero(several.any(axis=1))
    worth = np.array([panel.hand_ids[h] in analysis.worth_a_look for h in hands.tolist()], dtype=np.float64)
    wrong = np.zeros(several.shape)
    for mistake in analysis.mistakes:
        if mistake.certain:
            wrong[mistake.hand, list(mistake.slots)] = 1.0
    hand, slot = np.nonzero(several)
    return resampler.share(worth, hands), resampler.share(wrong[hand, slot], hand)
