"""Annotators tested on gold hands: those an expert answered, too.

A gold hand is failed when side or rejection differ from the expert's, more than a quarter of the expert's joints are
not placed, or any joint is farther off than a threshold; where several experts answered, by most of their words. Wald's
sequential probability ratio test decides as early as the counts allow between a failure rate of `GOOD` and of `BAD`,
wrong in 5 % of cases either way. Source: A. Wald, "Sequential tests of statistical hypotheses", Ann. Math. Statist. 16
(1945).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from hint_tools.core.findings import Finding, Severity
from hint_tools.core.printable import shortened
from hint_tools.core.times import NEVER, moment
from hint_tools.qc.bootstrap import Estimate, wilson
from hint_tools.qc.panel import ABSENT, Panel
from hint_tools.qc.wording import percent

Floats = npt.NDArray[np.float64]

GOOD, BAD = 0.05, 0.20
"""Failure rates the test tells apart."""
MISSING = 0.25
"""Part of the joints an expert placed; whether one joint more or less can be placed is a matter of opinion."""
_FAILED_WEIGHT = math.log(BAD / GOOD)
_PASSED_WEIGHT = math.log((1 - BAD) / (1 - GOOD))
_BOUND = math.log((1 - 0.05) / 0.05)
PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"


@dataclass(frozen=True, slots=True)
class GoldTest:
    """How one annotator did.

    Args:
        annotator: index.
        hands: gold hands answered.
        failures: part of them failed, with Wilson's interval.
        verdict: `PASSED`, `FAILED` or `UNDECIDED`.
        decided_after: gold hands the decision took; 0 without one.
    """

    annotator: int
    hands: int
    failures: Estimate
    verdict: str
    decided_after: int


def gold_tests(
    panel: Panel, decided: Panel, experts: Iterable[str], sigma_px: Floats, threshold: float
) -> list[GoldTest]:
    """One test for each annotator who answered gold hands, in the order of their answers.

    Args:
        panel: first answers.
        decided: answers that stand above them, the experts' among them.
        experts: names.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
        threshold: in standard deviations of the distance of two answers, per coordinate.
    """
    expert = {decided.annotators.index(e) for e in experts if e in decided.annotators}
    place = {h: i for i, h in enumerate(decided.hand_ids)}
    sequence: dict[int, list[tuple[datetime, str, bool]]] = {}
    for hand, hand_id in enumerate(panel.hand_ids):
        at = place.get(hand_id, -1)
        slots = [k for k, a in enumerate(decided.annotator[at].tolist()) if a in expert] if at >= 0 else []
        if not slots:
            continue
        for k in np.flatnonzero(panel.answered[hand]).tolist():
            answer = panel.submissions[hand][k]
            against = [_failed(panel, hand, k, decided, at, slot, sigma_px[hand, k], threshold) for slot in slots]
            failed = 2 * sum(against) > len(against)
            when = NEVER if answer is None else moment(answer.updated_at)
            sequence.setdefault(int(panel.annotator[hand, k]), []).append((when, hand_id, failed))
    return [_test(k, [failed for *_, failed in sorted(sequence[k])]) for k in sorted(sequence)]


def _failed(
    panel: Panel, hand: int, slot: int, decided: Panel, at: int, expert: int, sigma_px: Floats, threshold: float
) -> bool:
    """Another word on rejection or side, too many joints not placed, or one too far from the expert's."""
    if panel.rejected[hand, slot] or decided.rejected[at, expert]:
        return bool(panel.rejected[hand, slot] != decided.rejected[at, expert])
    sides = panel.side[hand, slot], decided.side[at, expert]
    if ABSENT not in sides and sides[0] != sides[1]:
        return True
    placed, of = (np.isfinite(p).all(axis=1) for p in (panel.keypoints[hand, slot], decided.keypoints[at, expert]))
    if (of & ~placed).sum() > MISSING * of.sum():
        return True
    apart = np.linalg.norm(panel.keypoints[hand, slot] - decided.keypoints[at, expert], axis=1)
    z = apart / (math.sqrt(2) * sigma_px)
    return bool((z[np.isfinite(z)] > threshold).any())


def _test(annotator: int, failed: Sequence[bool]) -> GoldTest:
    total, verdict, after = 0.0, UNDECIDED, 0
    for number, wrong in enumerate(failed, start=1):
        total += _FAILED_WEIGHT if wrong else _PASSED_WEIGHT
        if abs(total) >= _BOUND:
            verdict, after = (FAILED if total > 0 else PASSED), number
            break
    return GoldTest(annotator, len(failed), wilson(sum(failed), len(failed)), verdict, after)


def gold_findings(panel: Panel, tests: Sequence[GoldTest]) -> list[Finding]:
    """One finding for each annotator who failed."""
    return [
        Finding(
            code="qc.gold-failed",
            severity=Severity.WARNING,
            message=f"{shortened(panel.annotators[t.annotator])} failed the test on gold hands after "
            f"{t.decided_after} of them: {percent(t.failures.value)} wrong of {t.hands} "
            f"(95 %: {percent(t.failures.low)} to {percent(t.failures.high)})",
            suggestion="go through the failed gold hands together before the next round",
            subjects=(panel.annotators[t.annotator],),
        )
        for t in tests
        if t.verdict == FAILED
    ]
