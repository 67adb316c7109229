"""The demo's project held against the truth: what every stage got right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.metrics import mpjpe_mm, pa_mpjpe_mm
from hint_tools.core.records import Fit, Floats, Frame, Ints
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.store.atomic import read_json
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, DETECTED_HANDS, FITS, FRAMES, PREDICTIONS, SUBMISSIONS
from hint_tools.synth.annotators import MISTAKES
from hint_tools.synth.compare import (
    Claim,
    Detection,
    Named,
    Score,
    detections,
    score,
)
from hint_tools.synth.truth import Truth, TruthHand

PRELABEL, CONSENSUS_ROW, FIT_ROW = "pre-label", "consensus", "MANO fit (reprojected)"
QC_JSON = "qc/qc.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitScore:
    """How near the fitted hands are to the true ones in space.

    Args:
        hands: fits of a known true hand.
        accepted: of these, how many `hint fit` accepted.
        pa_mm: PA-MPJPE of the accepted ones, mean, mm.
        pa_median_mm: median of the same.
        root_mm: mean distance with wrists at one place, mm.
        rejected_pa_mm: PA-MPJPE of those that were not accepted, mean, mm.
    """

    hands: int
    accepted: int
    pa_mm: float
    pa_median_mm: float
    root_mm: float
    rejected_pa_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything the demo's report says about right and wrong.

    Args:
        hands: sampled and detected hands.
        false_hands: hands that are none, or whose box is on no true hand.
        searched: true hands in the frames that were searched by the detector.
        detected: of these, how many it found.
        scores: row name -> score, in the order of the stages.
        mistakes: how well qc named what the annotators did wrong.
        fits: the fitted hands in space.
        matched: hand id -> its true hand.
    """

    hands: int
    false_hands: int
    searched: int
    detected: int
    scores: Mapping[str, Score]
    mistakes: tuple[Detection, ...]
    fits: FitScore
    matched: Mapping[str, TruthHand]


def compare(project: Project, truth: Truth, planted: Iterable[Named]) -> Comparison:
    """The project's tables against the truth.

    Args:
        project: a round that ran up to `hint fit`.
        truth: of the world it was run on.
        planted: mistakes the annotators made.

    Raises:
        DataError: a table or `qc/qc.json` is missing.
    """
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    hands = project.hands()
    found = {h.hand_id: truth.match(frames[h.frame_id], h) for h in hands}
    matched = {hand_id: true for hand_id, true in found.items() if true is not None}
    searched, detected = _detected(project, frames, truth)
    answered = {s.hand_id for s in project.read(SUBMISSIONS) if s.valid and not s.superseded and not s.rejected}
    known = {k: v for k, v in matched.items() if k in answered}
    return Comparison(
        hands=len(hands),
        false_hands=len(found) - len(matched),
        searched=searched,
        detected=detected,
        scores=_scores(project, known),
        mistakes=tuple(detections(planted, _named(project), MISTAKES)),
        fits=_fit_score(project, matched),
        matched=matched,
    )


def _detected(project: Project, frames: Mapping[str, Frame], truth: Truth) -> tuple[int, int]:
    """True hands in frames without given boxes, and how many of them a detected box is on."""
    boxes: dict[str, list[Floats]] = {}
    given = {h.frame_id for h in project.hands() if h.box_origin != "detector"}
    for hand in project.read_if_any(DETECTED_HANDS):
        boxes.setdefault(hand.frame_id, []).append(hand.box)
    total = hit = 0
    for frame_id, frame in frames.items():
        if frame_id in given:
            continue
        total += len(truth.in_frame(frame))
        hits = (truth.match_box(frame, box) for box in boxes.get(frame_id, []))
        hit += len({t.truth_id for t in hits if t is not None})
    return total, hit


def _scores(project: Project, matched: Mapping[str, TruthHand]) -> dict[str, Score]:
    """One row a stage, all over the same hands where the stage speaks of them."""
    rows: dict[str, list[Claim]] = {PRELABEL: []}
    for guess in project.read(PREDICTIONS):
        _add(rows[PRELABEL], matched, guess.hand_id, guess.keypoints, None, guess.side)
    for given in sorted(project.read(SUBMISSIONS), key=lambda s: s.annotator):
        if given.valid and not given.superseded and not given.rejected and given.keypoints is not None:
            who = rows.setdefault(given.annotator, [])
            _add(who, matched, given.hand_id, given.keypoints, given.visibility, given.side)
    rows[CONSENSUS_ROW] = []
    for row in project.read(CONSENSUS):
        if not row.rejected:
            _add(rows[CONSENSUS_ROW], matched, row.hand_id, row.keypoints, row.visibility, row.side)
    rows[FIT_ROW] = []
    for fit in project.read(FITS):
        if fit.accepted:
            _add(rows[FIT_ROW], matched, fit.hand_id, fit.keypoints, None, fit.side)
    return {name: score(claims) for name, claims in rows.items()}


def _add(
    claims: list[Claim],
    matched: Mapping[str, TruthHand],
    hand_id: str,
    keypoints: Floats,
    visibility: Ints | None,
    side: str | None,
) -> None:
    true = matched.get(hand_id)
    if true is not None:
        claims.append(Claim(true, keypoints, visibility, side))


def _fit_score(project: Project, matched: Mapping[str, TruthHand]) -> FitScore:
    fits = [(f, matched[f.hand_id]) for f in project.read(FITS) if f.hand_id in matched]
    good = _joints([(f, t) for f, t in fits if f.accepted])
    others = _joints([(f, t) for f, t in fits if not f.accepted])
    errors = pa_mpjpe_mm(*good)
    return FitScore(
        hands=len(fits),
        accepted=len(errors),
        pa_mm=_mean(errors),
        pa_median_mm=float(np.median(errors)) if errors.size else float("nan"),
        root_mm=_mean(mpjpe_mm(*good)),
        rejected_pa_mm=_mean(pa_mpjpe_mm(*others)),
    )


def _joints(pairs: Sequence[tuple[Fit, TruthHand]]) -> tuple[Floats, Floats]:
    """Fitted and true joints, each (n, 21, 3) m."""
    fitted = np.array([f.keypoints_3d for f, _ in pairs]).reshape(-1, N_JOINTS, 3)
    return fitted, np.array([t.keypoints_3d for _, t in pairs]).reshape(-1, N_JOINTS, 3)


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _named(project: Project) -> set[Named]:
    """The mistakes `hint qc` named, by kind, hand and annotator."""
    content = read_json(project.path(QC_JSON))
    return {
        Named(str(m["code"]).removeprefix("qc."), str(m["hand"]), str(name))
        for m in content["mistakes"]
        for name in m["annotators"]
    }
