"""The analysis as JSON: `qc/qc.json` with everything, `qc/sigmas.json` with σ alone. The same input, the same bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hint_tools.core.records import Submission, Visibility
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.qc.advice import advice_to
from hint_tools.qc.agreement import OKS_CEILING, PALM_THRESHOLD, PCK_THRESHOLDS, Agreement
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.gates import Gate
from hint_tools.qc.mistakes import Mistake, name_of
from hint_tools.qc.occlusion import agreement_by_joint
from hint_tools.qc.panel import ABSENT, Panel, count_answers
from hint_tools.qc.profiles import Profile
from hint_tools.qc.round_changes import Comparison, rounds_json
from hint_tools.qc.round_figures import RoundFigures, ends, figures_json
from hint_tools.qc.sigmas import Sigma, Sigmas

RESULTS = "qc/qc.json"
QC_VERSION = 2
"""Of qc.json's layout."""
SIGMAS_VERSION = 1
"""Of sigmas.json's layout."""


def qc_json(
    analysis: Analysis,
    counts: dict[str, int | float | str],
    gates: Sequence[Gate] = (),
    this: RoundFigures | None = None,
    rounds: Comparison | None = None,
) -> dict[str, Any]:
    """Everything the analysis found, as plain values; NaN becomes null.

    Args:
        analysis: everything.
        counts: of what was read and found.
        gates: those that are set.
        this: figures that later rounds are compared by.
        rounds: how it compares with earlier rounds, where some were given.
    """
    panel, occlusion = analysis.panel, analysis.occlusion
    document = {
        "format": "hint-qc",
        "version": QC_VERSION,
        "counts": counts,
        "answers_per_hand": {str(k): n for k, n in count_answers(panel).items()},
        "units": {
            "distance": "sqrt(width * height) of the box around the consensus joints",
            "pck": f"of max(width, height) of that box, at {', '.join(map(str, PCK_THRESHOLDS))}",
            "oks_of_ceiling": f"object keypoint similarity with the measured sigmas, over {OKS_CEILING}",
            "palm": f"part within {PALM_THRESHOLD} of wrist to middle MCP",
        },
        "gates": [{"asks": g.asks, "expected": g.expected, "got": g.got, "passed": g.passed} for g in gates],
        "agreement": [_agreement(a) for a in analysis.agreement],
        "pck_curves_percent": {name: [list(point) for point in curve] for name, curve in analysis.curves.items()},
        "occlusion": {
            "raw": occlusion.raw,
            "prevalence_occluded": occlusion.prevalence[0],
            "gwet_ac1": occlusion.ac1,
            "krippendorff_alpha": occlusion.alpha,
            "fleiss_kappa": occlusion.kappa,
            "joints": occlusion.n_units,
            "intervals": {
                "raw": ends(analysis.occlusion_intervals.raw),
                "gwet_ac1": ends(analysis.occlusion_intervals.ac1),
            },
            "raw_by_joint": dict(zip(JOINT_NAMES, agreement_by_joint(panel).tolist(), strict=True)),
        },
        **({"figures": figures_json(this)} if this else {}),
        "rounds": rounds_json(rounds) if rounds else {"earlier": [], "compared": []},
        "annotators": [_annotator(analysis, p) for p in analysis.profiles],
        **_of_people(analysis),
        "mistakes": [_mistake(panel, m) for m in analysis.mistakes],
        "queue": [{"hand": q.hand_id, "rank": q.rank, "score": q.score, "reason": q.reason} for q in analysis.queue],
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def _of_people(analysis: Analysis) -> dict[str, Any]:
    """Gold hands, errors over time and repeats."""
    panel = analysis.panel
    return {
        "gold": [
            {
                "annotator": panel.annotators[t.annotator],
                "hands": t.hands,
                "failures": ends(t.failures),
                "verdict": t.verdict,
                "decided_after": t.decided_after,
            }
            for t in analysis.gold
        ],
        "periods": [
            {
                "from": p.period,
                "hands": p.hands,
                "error": ends(p.error),
                "gwet_ac1": p.ac1,
                "annotators": {panel.annotators[k]: ends(e) for k, e in p.annotators.items()},
            }
            for p in analysis.periods
        ],
        "changes": [
            {
                "annotator": panel.annotators[c.annotator],
                "since": c.since,
                "before": c.before,
                "after": c.after,
                "statistic": c.statistic,
            }
            for c in analysis.changes
        ],
        "repeats": [
            {
                "annotator": r.annotator,
                "hands": r.hands,
                "error": ends(r.error),
                "same_state": ends(r.same_state),
            }
            for r in analysis.repeats
        ],
    }


def sigmas_json(sigmas: Sigmas) -> dict[str, Any]:
    """σ of every joint and state, with units, interval, and where each came from."""
    document = {
        "format": "hint-sigmas",
        "version": SIGMAS_VERSION,
        "unit": "standard deviation of one coordinate of one annotator / sqrt(width * height) of the joints' box",
        "coco_factor": math.sqrt(2),
        "joints": list(JOINT_NAMES),
        "cells": [_sigma(c) for c in sigmas.cells],
        "by_source": [{"source": c.source, **_sigma(c)} for c in sigmas.by_source],
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def _sigma(cell: Sigma) -> dict[str, Any]:
    return {
        "joint": cell.joint,
        "state": cell.state,
        "sigma": cell.estimate.value,
        "low": cell.estimate.low,
        "high": cell.estimate.high,
        "pairs": cell.estimate.n,
        "rms": cell.rms,
        "level": f"{cell.level} of all sources" if cell.borrowed else cell.level,
    }


def _annotator(analysis: Analysis, profile: Profile) -> dict[str, Any]:
    habit = analysis.habits[profile.annotator]
    return {
        "annotator": analysis.panel.annotators[profile.annotator],
        "answers": profile.answers,
        "error": ends(profile.error),
        "identity_rate": ends(profile.identity_rate),
        "mistakes": dict(profile.mistakes),
        "sensitivity": ends(profile.sensitivity),
        "specificity": ends(profile.specificity),
        "one_coin": profile.one_coin,
        "untouched": ends(profile.untouched),
        "seconds": ends(profile.seconds),
        "occluded_found": habit.found,
        "occluded_joints": habit.n_occluded,
        "visible_called_occluded": habit.invented,
        "visible_joints": habit.n_visible,
        "advice": list(advice_to(analysis, profile)),
        "bias": [
            {
                "joint": b.joint,
                "direction": b.direction,
                "answers": b.measured.n,
                "measured": ends(b.measured),
                "shrunk": ends(b.shrunk),
                "told": b.told,
            }
            for b in profile.biases
        ],
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "group": found.group,
        "name": found.name,
        "pairs": found.distance.n,
        "distance": ends(found.distance),
        "pck": {str(t): ends(e) for t, e in zip(PCK_THRESHOLDS, found.pck, strict=True)},
        "palm": ends(found.palm),
        "oks_of_ceiling": ends(found.oks),
    }


def _mistake(panel: Panel, mistake: Mistake) -> dict[str, Any]:
    return {
        "code": f"qc.{mistake.kind}",
        "hand": panel.hand_ids[mistake.hand],
        "annotators": [name_of(panel, mistake.hand, k) for k in mistake.slots],
        "submissions": [_submission(panel, mistake.hand, k).submission_id for k in mistake.slots],
        "message": mistake.message,
        "certain": mistake.certain,
        "gain": mistake.gain,
        "proposal": _proposal(panel, mistake),
    }


def _proposal(panel: Panel, mistake: Mistake) -> dict[str, Any] | None:
    """The mended answer, where the mistake says how; the answer itself is never touched."""
    if mistake.side:
        return {"side": mistake.side}
    if mistake.other_hand:
        return {"hand": mistake.other_hand}
    if not mistake.joint_order:
        return None
    order = list(mistake.joint_order)
    points, states = (x[mistake.hand] for x in (panel.keypoints, panel.visibility))
    slot = mistake.slots[0]
    keypoints, visibility = points[slot][order], states[slot][order]
    for joint, x, y in mistake.anew:
        keypoints[joint] = x, y
        said = np.delete(states[:, joint], slot)
        visibility[joint] = max(Visibility.OCCLUDED, int(said.max(initial=ABSENT)))
    return {
        "joint_order": order,
        "keypoints": keypoints.tolist(),
        "visibility": visibility.tolist(),
        "placed_anew": [JOINT_NAMES[joint] for joint, _, _ in mistake.anew],
    }


def _submission(panel: Panel, hand: int, slot: int) -> Submission:
    answer = panel.submissions[hand][slot]
    if answer is None:
        raise IndexError(f"hand {panel.hand_ids[hand]} has no answer {slot}")
    return answer


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
