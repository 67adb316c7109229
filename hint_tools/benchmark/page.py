"""The report of a benchmark on annotated images: tables, curves, a coloured hand, best and worst hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.compare import Difference
from hint_tools.benchmark.compare_page import comparison_section
from hint_tools.benchmark.heatmap import skeleton_map
from hint_tools.benchmark.leaderboard import hint_section
from hint_tools.benchmark.metrics import THRESHOLDS
from hint_tools.benchmark.results import CURVE, SUBSET_WORDS, SourceScore
from hint_tools.core.geometry import apply_affine
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.media.crops import crop_affine, crop_side, cut
from hint_tools.media.draw import draw_hand, draw_label, side_by_side
from hint_tools.media.images import read_image
from hint_tools.report import charts
from hint_tools.report.page import Chart, Figure, Gallery, Section, Table, write_report

_MIN_JOINTS: Final = 5
"""A hand is shown as best or worst only when this many of its joints count."""


def write_page(
    path: Path,
    scores: Sequence[SourceScore],
    facts: Mapping[str, str],
    *,
    model: str,
    examples: int,
    truth_3d: str,
    differences: Sequence[Difference] = (),
    other: str = "",
    whole: bool = False,
) -> None:
    """Write the report.

    Args:
        path: `report.html`.
        scores: one a source.
        facts: label -> value, for the top.
        model: what was scored.
        examples: best and worst hands a source.
        truth_3d: where 3D truth comes from: `fit`, or anything else.
        differences: from another model, if one was named.
        other: its name.
        whole: the hands are HInt's own test hands, all of them.

    Raises:
        DataError: a picture to show can't be read.
        EnvironmentFault: it could not be written.
    """
    sections = [_pck_section(scores)]
    left_out = [f"{s.source}: {s.left_out} of {s.left_out + len(s.hands)}" for s in scores if s.left_out]
    if left_out:
        words = f"Hands that were left out, so that these figures compare with nothing: {', '.join(left_out)}."
        sections[0] = Section(sections[0].title, sections[0].blocks, words)
    if differences:
        sections.append(comparison_section(differences, model, other))
    if any(s.pose for s in scores):
        sections.append(_pose_section(scores, truth_3d))
    if any(s.visibility for s in scores):
        sections.append(_visibility_section(scores))
    sections.extend(_source_section(s, examples) for s in scores)
    sections.append(_groups_section(scores))
    board = hint_section(list(scores), model, whole=whole)
    sections += [board] if board else []
    if any(s.reference for s in scores):
        sections.append(_reference_section(scores))
    subtitle = "PCK as HaMeR's evaluation defines it"
    write_report(path, title=f"Benchmark of {model}", subtitle=subtitle, facts=facts, sections=sections)


def _pck_section(scores: Sequence[SourceScore]) -> Section:
    head = ["source", "joints", "hands", "counted", "covered"]
    head += [text for t in THRESHOLDS for text in (f"PCK@{t:g}", "95% interval")] + ["AUC"]
    rows: list[list[str | int | float]] = []
    for one in scores:
        for subset in one.subsets:
            cells: list[str | int | float] = [one.source, SUBSET_WORDS[subset.subset], subset.hands, subset.joints]
            cells.append(f"{subset.joints_covered} of {len(JOINT_NAMES)}")
            for p in subset.pck:
                cells += [_percent(p.mean), f"{_percent(p.low)} – {_percent(p.high)}"]
            rows.append([*cells, _percent(subset.area)])
            if subset.subset in one.human:
                expected = one.human[subset.subset]
                cells = [one.source, f"{SUBSET_WORDS[subset.subset]}, two annotators", subset.hands, subset.joints, ""]
                rows.append([*cells, *(text for t in THRESHOLDS for text in (_percent(expected[t]), "")), ""])
    caption = (
        "Per cent. Distances are divided by the longer side of the annotated box; per joint, hits over counted joints; "
        f"then the mean over joints. Intervals from resampling images. AUC: area under the curve to {CURVE[-1]:g}. "
        "“Two annotators” is what one person reaches against another, expected from the deviations in sigmas.json."
    )
    return Section("Correct keypoints", [Table(head, rows, caption)])


def _pose_section(scores: Sequence[SourceScore], truth: str) -> Section:
    rows: list[list[str | int | float]] = [
        [s.source, s.pose.hands, s.pose.mpjpe_mm, s.pose.pa_mpjpe_mm, s.pose.pa_mpjpe_reflected_mm, s.pose.pa_auc]
        for s in scores
        if s.pose is not None
    ]
    head = ["source", "hands", "MPJPE, mm", "PA-MPJPE, mm", "PA-MPJPE, mirroring allowed, mm", "AUC, 0–50 mm"]
    caption = (
        "Mirroring is allowed in FreiHAND's and HO-3D's official scripts; a hand of the wrong side scores 0 there."
    )
    fitted = "The truth is a fit of MANO to annotated 2D joints, not a measurement." if truth == "fit" else ""
    return Section("3D joints", [Table(head, rows, caption)], fitted)


def _visibility_section(scores: Sequence[SourceScore]) -> Section:
    rows: list[list[str | int | float]] = []
    for one in scores:
        found = one.visibility
        if found is not None:
            shares = [_percent(v) for v in found.shares().values()]
            rows.append([one.source, found.hands, found.left_out, found.visible, found.occluded, *shares])
    head = ["source", "hands", "behind the camera", "joints visible", "joints occluded"]
    head += ["agreement", "visible joints shown", "occluded joints hidden", "mean of both"]
    caption = (
        "Per cent. A mesh knows of its own hand alone, so joints that objects or other hands cover can't be hidden by "
        "it. Two people agree on 90.5% of HInt's flags (Pavlakos et al., 2024)."
    )
    intro = "Whether the predicted mesh hides the joints that annotators marked as occluded, and shows the others."
    return Section("Visibility by the mesh", [Table(head, rows, caption)], intro)


def _groups_section(scores: Sequence[SourceScore]) -> Section:
    rows: list[list[str | int | float]] = []
    for one in scores:
        for group in one.groups:
            cells: list[str | int | float] = [one.source, group.by, group.group, SUBSET_WORDS[group.subset]]
            cells += [group.hands, group.joints]
            cells += [f"{_percent(p.mean)} ({_percent(p.low)} – {_percent(p.high)})" for p in group.pck]
            rows.append(cells)
    head = ["source", "by", "part", "joints", "hands", "counted", *(f"PCK@{t:g}" for t in THRESHOLDS)]
    caption = "Per cent, with 95% intervals. Size: the longer side of the annotated box."
    return Section("Parts: side, size, kind of frame", [Table(head, rows, caption)])


def _reference_section(scores: Sequence[SourceScore]) -> Section:
    rows: list[list[str | int | float]] = [
        [s.source, name, "NaN" if value is None else f"{value:.6f}"]
        for s in scores
        for name, value in s.reference.items()
    ]
    intro = (
        "For comparing with numbers made by HaMeR's own evaluation. Its mode_kpl2 compares left hands mirrored with "
        "left hands not mirrored, and its averages are NaN as soon as one joint is never counted."
    )
    return Section("As HaMeR's own evaluation prints it", [Table(["source", "figure", "value"], rows)], intro)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f}"


def _source_section(one: SourceScore, examples: int) -> Section:
    subset = one.subsets[0]
    blocks: list[Chart | Gallery] = [_curves(one)]
    for p in subset.pck[:1]:
        title = f"PCK@{p.threshold:g} by joint, {one.source}"
        words = f"PCK@{p.threshold:g} of {SUBSET_WORDS[subset.subset]} joints, per cent."
        values = (100 * p.per_joint).tolist()
        blocks.append(Chart(skeleton_map(values, title=f"{title}, on the hand"), words))
        blocks.append(Chart(charts.bar_chart(JOINT_NAMES, values, unit="%", title=title), words))
    error = _mean_distance(one)
    order = np.argsort(error, kind="stable")[: int(np.isfinite(error).sum())]
    galleries = 0
    if examples and len(order):
        for words, chosen in (("Nearest", order), ("Farthest", order[examples:][::-1])):
            figures = [_figure(one, int(i), f"{words}: {error[i]:.1%}") for i in chosen[:examples]]
            if figures:
                blocks.append(Gallery(figures, columns=4))
                galleries += 1
    intro = (
        "Below, the nearest and the farthest hands by mean distance in parts of the hand's size: left as annotated, "
        "right as predicted."
    )
    return Section(one.source, blocks, intro if galleries else "")


def _curves(one: SourceScore) -> Chart:
    lines = {
        SUBSET_WORDS[s.subset]: [(float(t), 100 * float(v)) for t, v in zip(CURVE, s.curve, strict=True)]
        for s in one.subsets
    }
    drawn = charts.line_chart(lines, x_unit="of the hand's size", y_unit="%", title=f"PCK curve, {one.source}")
    return Chart(drawn, "PCK, per cent, over the threshold.")


def _mean_distance(one: SourceScore) -> npt.NDArray[np.float64]:
    """(n,) mean relative distance of the counted joints; inf where there are too few."""
    counted = one.hands.subsets[0].counted
    count = counted.sum(axis=1)
    total = np.where(counted, one.distance, 0.0).sum(axis=1)
    return np.where(count >= _MIN_JOINTS, total / np.maximum(count, 1), np.inf)


def _figure(one: SourceScore, i: int, words: str) -> Figure:
    row = int(one.hands.rows[i])
    truth = one.hands.truth(row)
    image = read_image(one.hands.images / str(one.hands.hands.imgname[row]))
    matrix = crop_affine(truth.center, crop_side(truth.size, factor=one.hands.rescale, rule=one.hands.rule))
    crop = cut(image, matrix)
    counted = one.hands.subsets[0].counted[i]
    pictures = [
        draw_hand(crop, apply_affine(matrix, points), np.where(counted, 2, 0))
        for points in (truth.keypoints_2d[:, :2], one.answers.keypoints_2d[i])
    ]
    pictures = [draw_label(p, text) for p, text in zip(pictures, ("annotated", "predicted"), strict=True)]
    name = str(one.hands.hands.imgname[row])
    return Figure(side_by_side(pictures), caption=f"{words}, {name}")
