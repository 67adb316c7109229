"""Chance-corrected agreement on categories, with any number of raters and gaps.

Two coefficients side by side, because each is misled where the other is not: Krippendorff's alpha
falls to nothing when nearly all joints are visible however well people agree; Gwet's AC1 does not.

Sources: K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high
agreement", Br. J. Math. Stat. Psychol. 61 (2008); K. Krippendorff, "Computing Krippendorff's
Alpha-Reliability" (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.records import Visibility
from hint_tools.qc.bootstrap import wilson
from hint_tools.qc.panel import Panel
from hint_tools.qc.wording import percent

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLEARLY_FEWER = 0.1
"""Of the occluded joints; smaller differences are a matter of taste."""


@dataclass(frozen=True, slots=True)
class CategoryAgreement:
    """Agreement of raters on categories.

    Args:
        raw: chance that two raters of one unit agree.
        prevalence: part of all ratings in each category.
        ac1: Gwet's AC1; NaN without a unit rated twice.
        alpha: Krippendorff's alpha, nominal; NaN where only one category occurs.
        n_units: units rated at least twice.
        kappa: Fleiss' kappa over those units (generalised to gaps); NaN where only one category occurs.
    """

    raw: float
    prevalence: tuple[float, ...]
    ac1: float
    alpha: float
    n_units: int
    kappa: float


def category_agreement(counts: Ints) -> CategoryAgreement:
    """Agreement from how many raters put each unit into each category.

    Args:
        counts: (units, categories); units without a rating are ignored.
    """
    units = counts[counts.sum(axis=1) > 0].astype(np.float64)
    rated = units.sum(axis=1)
    if not (rated >= 2).any():
        return CategoryAgreement(float("nan"), tuple(_part(units)), float("nan"), float("nan"), 0, float("nan"))
    twice, n = units[rated >= 2], rated[rated >= 2]
    agreeing = (twice * (twice - 1)).sum(axis=1)
    raw = float((agreeing / (n * (n - 1))).mean())
    share = (units / rated[:, None]).mean(axis=0)
    chance = float((share * (1 - share)).sum() / (len(share) - 1))
    margins = (twice / n[:, None]).mean(axis=0)
    by_margins = float((margins**2).sum())
    kappa = (raw - by_margins) / (1 - by_margins) if by_margins < 1 else float("nan")
    return CategoryAgreement(
        raw, tuple(_part(units)), (raw - chance) / (1 - chance), _alpha(twice, n, agreeing), len(n), kappa
    )


def _alpha(counts: Floats, rated: Floats, agreeing: Floats) -> float:
    """1 - observed / expected disagreement, from the coincidence matrix's diagonal and margins."""
    total = rated.sum()
    observed = 1 - (agreeing / (rated - 1)).sum() / total
    margins = counts.sum(axis=0)
    expected = 1 - (margins * (margins - 1)).sum() / (total * (total - 1))
    return float(1 - observed / expected) if expected > 0 else float("nan")


def _part(counts: Floats) -> list[float]:
    total = counts.sum()
    return [float(c / total) if total else float("nan") for c in counts.sum(axis=0)]


def occlusion_counts(panel: Panel) -> Ints:
    """How many answers call each joint occluded and visible: (H, 21, 2); not annotatable ones don't vote."""
    states = (Visibility.OCCLUDED, Visibility.VISIBLE)
    return np.stack([(panel.visibility == int(s)).sum(axis=1) for s in states], axis=-1)


def occlusion_agreement(counts: Ints) -> CategoryAgreement:
    """Agreement on occlusion over the joints judged twice or more.

    Gwet's chance agreement may be read as of all ratings, those of joints judged once among them; then hands that one
    person answered alone would move a figure of how well people agree.

    Args:
        counts: (..., 2) of `occlusion_counts`.
    """
    units = counts.reshape(-1, counts.shape[-1])
    twice = units[units.sum(axis=1) >= 2]
    return category_agreement(twice if len(twice) else units)


def agreement_by_joint(panel: Panel) -> Floats:
    """(21) chance that two people give a joint the same state; NaN where nobody judged it twice."""
    counts = occlusion_counts(panel)
    return np.array([occlusion_agreement(counts[:, joint]).raw for joint in range(counts.shape[1])])


@dataclass(frozen=True, slots=True)
class OcclusionHabit:
    """How one annotator calls joints that all others, at least one, agree on.

    Args:
        annotator: index.
        found: of joints the others call occluded, the part this one does, too.
        n_occluded: how many there were.
        invented: of joints the others call visible, the part this one calls occluded.
        n_visible: how many there were.
    """

    annotator: int
    found: float
    n_occluded: int
    invented: float
    n_visible: int


def occlusion_habits(panel: Panel) -> list[OcclusionHabit]:
    """Each annotator against all the others of one mind."""
    counts = occlusion_counts(panel)
    habits = []
    for k in range(len(panel.annotators)):
        mine = (panel.annotator == k)[..., None]
        occluded, visible = (mine & (panel.visibility == int(s)) for s in (Visibility.OCCLUDED, Visibility.VISIBLE))
        others = counts[:, None] - np.stack([occluded, visible], axis=-1)
        judged = occluded | visible
        hidden = judged & (others[..., 0] > 0) & (others[..., 1] == 0)
        seen = judged & (others[..., 1] > 0) & (others[..., 0] == 0)
        habits.append(
            OcclusionHabit(k, _share(occluded, hidden), int(hidden.sum()), _share(occluded, seen), int(seen.sum()))
        )
    return habits


def occlusion_findings(panel: Panel, habits: Sequence[OcclusionHabit]) -> list[Finding]:
    """Annotators who find clearly fewer of the occluded joints than the rest do.

    Clearly: the upper end of their 95 % interval (Wilson's) lies more than `CLEARLY_FEWER` below the rest's rate.
    """
    found = []
    for own in habits:
        rest = [h for h in habits if h.annotator != own.annotator and h.n_occluded]
        total = sum(h.n_occluded for h in rest)
        if not (own.n_occluded and total):
            continue
        rate = sum(h.found * h.n_occluded for h in rest) / total
        if wilson(round(own.found * own.n_occluded), own.n_occluded).high < rate - CLEARLY_FEWER:
            found.append(
                Finding(
                    code="qc.occlusion-habit",
                    severity=Severity.WARNING,
                    message=f"{shortened(panel.annotators[own.annotator])} calls occluded {percent(own.found)} of "
                    f"{own.n_occluded} joints that the others call so; the rest reach {percent(rate)}",
                    suggestion="go through the instructions on hidden joints together",
                    subjects=(panel.annotators[own.annotator],),
                )
            )
    return found


def _share(said: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    total = int(among.sum())
    return float((said & among).sum() / total) if total else float("nan")
