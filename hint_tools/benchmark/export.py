"""The figures of a benchmark as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any, Final

from hint_tools.benchmark.breakdown import GroupScore
from hint_tools.benchmark.metrics import Pck
from hint_tools.benchmark.results import CURVE, SUBSET_WORDS, SourceScore, SubsetScore
from hint_tools.core.skeleton import JOINT_NAMES

FORMAT: Final = "hint-tools.benchmark"
VERSION: Final = 1
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_EVERY: Final = ("", "")
_HEAD: Final = (
    "source", "joints", "hands", "counted_joints", "joints_covered", "metric", "value", "low", "high", "by", "group",
)  # fmt: skip


def as_json(scores: Sequence[SourceScore], about: dict[str, Any]) -> dict[str, Any]:
    """The figures as plain values; NaN becomes null."""
    return {"format": FORMAT, "version": VERSION, **about, "sources": [_source_json(s) for s in scores]}


def _source_json(one: SourceScore) -> dict[str, Any]:
    document: dict[str, Any] = {
        "source": one.source,
        "hands": len(one.hands),
        "missing_images": one.hands.n_missing,
        "unanswered": one.unanswered,
        "subsets": [_subset_json(s, one.human.get(s.subset, {})) for s in one.subsets],
        "groups": [_group_json(g) for g in one.groups],
    }
    if one.pose is not None:
        document["pose"] = {
            "hands": one.pose.hands,
            "mpjpe_mm": plain(one.pose.mpjpe_mm),
            "pa_mpjpe_mm": plain(one.pose.pa_mpjpe_mm),
            "pa_mpjpe_reflections_allowed_mm": plain(one.pose.pa_mpjpe_reflected_mm),
            "pa_auc_reflections_allowed_0_50_mm": plain(one.pose.pa_auc),
        }
    if one.visibility is not None:
        document["mesh_visibility"] = one.visibility.as_json()
    if one.reference:
        document["reference"] = one.reference
    return document


def _subset_json(one: SubsetScore, human: dict[float, float]) -> dict[str, Any]:
    pck = _pck_json(one.pck)
    for p in one.pck:
        pck[f"{p.threshold:g}"]["per_joint"] = dict(zip(JOINT_NAMES, map(plain, p.per_joint.tolist()), strict=True))
        if p.threshold in human:
            pck[f"{p.threshold:g}"]["between_annotators"] = human[p.threshold]
    return {
        "joints": SUBSET_WORDS[one.subset],
        "hands": one.hands,
        "counted_joints": one.joints,
        "joints_covered": one.joints_covered,
        "pck": pck,
        "curve": {"thresholds": CURVE.round(6).tolist(), "pck": [plain(v) for v in one.curve.tolist()]},
        "auc": plain(one.area),
    }


def _group_json(one: GroupScore) -> dict[str, Any]:
    return {
        "by": one.by,
        "group": one.group,
        "joints": SUBSET_WORDS[one.subset],
        "hands": one.hands,
        "counted_joints": one.joints,
        "pck": _pck_json(one.pck),
    }


def _pck_json(pck: Sequence[Pck]) -> dict[str, Any]:
    return {f"{p.threshold:g}": {"mean": plain(p.mean), "low": plain(p.low), "high": plain(p.high)} for p in pck}


def plain(value: float) -> float | None:
    """`value`, or None where JSON has no word for it."""
    return value if math.isfinite(value) else None


def as_csv(scores: Sequence[SourceScore]) -> str:
    """One line a source, part, selection of joints and figure; safe to open in a spreadsheet."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(_HEAD)
    for one in scores:
        name = cell(one.source)
        for subset in one.subsets:
            words = [name, SUBSET_WORDS[subset.subset], subset.hands, subset.joints, subset.joints_covered]
            lines.writerows(_pck_lines(words, subset.pck, _EVERY))
            lines.writerow([*words, f"AUC 0-{CURVE[-1]:g}", number(subset.area), "", "", *_EVERY])
        for group in one.groups:
            words = [name, SUBSET_WORDS[group.subset], group.hands, group.joints, ""]
            lines.writerows(_pck_lines(words, group.pck, (group.by, group.group)))
        if one.pose is not None:
            words = [name, "all", one.pose.hands, one.pose.hands * len(JOINT_NAMES), len(JOINT_NAMES)]
            for figure in ("mpjpe_mm", "pa_mpjpe_mm", "pa_mpjpe_reflected_mm", "pa_auc"):
                lines.writerow([*words, figure, number(getattr(one.pose, figure)), "", "", *_EVERY])
        if one.visibility is not None:
            joints = one.visibility.visible + one.visibility.occluded
            words = [name, "all", one.visibility.hands, joints, len(JOINT_NAMES)]
            for figure, value in one.visibility.shares().items():
                lines.writerow([*words, f"mesh visibility: {figure}", number(value), "", "", *_EVERY])
    return out.getvalue()


def _pck_lines(words: list[Any], pck: Sequence[Pck], part: tuple[str, str]) -> list[list[Any]]:
    return [[*words, f"PCK@{p.threshold:g}", *map(number, (p.mean, p.low, p.high)), *part] for p in pck]


def number(value: float) -> str:
    """Six decimals, or nothing for NaN."""
    return f"{value:.6f}" if math.isfinite(value) else ""


def cell(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
