"""The report of a benchmark on FreiHAND or HO-3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hint_tools.benchmark.compare import Difference
from hint_tools.benchmark.compare_page import comparison_section
from hint_tools.benchmark.heatmap import skeleton_map
from hint_tools.benchmark.leaderboard import mesh_section
from hint_tools.benchmark.mesh_pictures import example_figures, painted_hand
from hint_tools.benchmark.spatial import MeshScore
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.data.mesh_sets import MeshSet
from hint_tools.report import charts
from hint_tools.report.page import Block, Chart, Gallery, Section, Table, write_report

WORDS: Final = {
    "mpjpe_mm": "MPJPE, wrists together, mm",
    "pa_mpjpe_mm": "PA-MPJPE, no mirroring, mm",
    "pa_mpjpe_reflected_mm": "PA-MPJPE, mirroring allowed, mm",
    "pa_mpvpe_mm": "PA-MPVPE, no mirroring, mm",
    "pa_mpvpe_reflected_mm": "PA-MPVPE, mirroring allowed, mm",
    "f_5": "F-score at 5 mm, aligned",
    "f_15": "F-score at 15 mm, aligned",
    "pa_mpvpe_visible_mm": "PA-MPVPE of vertices the camera sees, mirroring allowed, mm",
    "pa_mpvpe_hidden_mm": "PA-MPVPE of vertices the hand itself hides, mirroring allowed, mm",
    "visible_vertices_agree": "vertices seen or hidden as in truth, share",
}
_SHARES: Final = ("f_5", "f_15", "visible_vertices_agree")


def write_mesh_page(
    path: Path,
    hands: MeshSet,
    score: MeshScore,
    model: str,
    about: Mapping[str, Any],
    differences: Sequence[Difference],
    other: str,
) -> None:
    """Write the report.

    Args:
        path: `report.html`.
        hands: the set, for its images.
        score: the figures.
        model: what was scored.
        about: facts of the run.
        differences: from another model, if one was named.
        other: its name.

    Raises:
        DataError: an image to show can't be read.
        EnvironmentFault: it could not be written.
    """
    rows = [_row(WORDS[k], float(v.mean()), score.intervals.get(k), k in _SHARES) for k, v in score.errors.items()]
    if len(score.acceleration_mm):
        rows.append(_row("acceleration error, mm per frame²", float(score.acceleration_mm.mean()), None, False))
    caption = (
        "Means over hands with 95% intervals from resampling hands. The official scripts let the alignment mirror, "
        "so a hand of the wrong side scores 0 there; the published PA figures are of that kind."
    )
    ours = Section("Errors", [Table(["figure", "mean", "low", "high"], rows, caption)], str(about.get("boxes", "")))
    official: list[list[str | int | float]] = [[k, f"{v:.6f}"] for k, v in score.official.items()]
    table = Table(["score", "value"], official, "Under the names of the official script; means in cm.")
    thresholds, shares = score.curve
    line = {"joints": [(1000 * float(t), 100 * float(s)) for t, s in zip(thresholds, shares, strict=True)]}
    drawn = Chart(
        charts.line_chart(line, x_unit="mm", y_unit="%", title="Joints within a distance"),
        "Share of joints within a distance, aligned with mirroring allowed; its area is the AUC.",
    )
    own: dict[str, float | None] = {
        "pa_mpjpe_mm": float(score.errors["pa_mpjpe_reflected_mm"].mean()),
        "pa_mpvpe_mm": _mean(score, "pa_mpvpe_reflected_mm"),
        "f_5": _mean(score, "f_5"),
        "f_15": _mean(score, "f_15"),
        "auc_joints": score.official.get("xyz_procrustes_al_auc3d"),
        "auc_vertices": score.official.get("mesh_al_auc3d"),
    }
    sections = [ours, Section("Official scores", [table, drawn]), _places_section(score)]
    sections += _examples_section(hands, score)
    sections.append(mesh_section(score.name, own, model, whole=score.whole))
    if differences:
        sections.append(comparison_section(differences, model, other, WORDS))
    facts = {"model": model, "data": score.name, "hands": str(score.hands)}
    write_report(path, title=f"Benchmark of {model}", subtitle=f"On {score.name}", facts=facts, sections=sections)


def _places_section(score: MeshScore) -> Section:
    """Errors on the hand: by joint, and painted onto the mean hand."""
    surface = score.surface
    errors = surface.joint_mm.tolist()
    title = f"Mean error by joint, {score.name}"
    caption = "Mean distance to the true joint, mm, aligned with mirroring allowed."
    blocks: list[Block] = [
        Chart(skeleton_map(errors, title=f"{title}, on the hand", unit="mm", errors=True, digits=1), caption),
        Chart(charts.bar_chart(JOINT_NAMES, errors, unit="mm", title=title), caption),
    ]
    vertex_mm = surface.vertex_mm
    if vertex_mm is not None and surface.skin is not None:
        blocks.append(Gallery(painted_hand(vertex_mm, surface.skin), columns=2))
        intro = "Below, the mean error of each vertex on the mean hand."
    else:
        intro = "Nothing is said of the surface: there are no meshes, or the hand model at hand has other faces."
    return Section("Where on the hand", blocks, intro)


def _examples_section(hands: MeshSet, score: MeshScore) -> list[Section]:
    galleries: list[Block] = []
    for words, shown in (("Nearest", score.surface.best()), ("Farthest", score.surface.worst())):
        figures = example_figures(hands, shown, score.surface.skin, words)
        if figures:
            galleries.append(Gallery(figures, columns=3))
    if not galleries:
        return []
    intro = (
        "By mean joint error after alignment. Drawn where truth and model put them before the camera, and the "
        "prediction once more, aligned with the truth as for the score."
    )
    return [Section("Nearest and farthest hands", galleries, intro)]


def _row(words: str, mean: float, ends: tuple[float, float] | None, share: bool) -> list[str | int | float]:
    digits = 3 if share else 2
    low, high = ends or ("", "")
    return [words, f"{mean:.{digits}f}", *(v if isinstance(v, str) else f"{v:.{digits}f}" for v in (low, high))]


def _mean(score: MeshScore, name: str) -> float | None:
    return float(score.errors[name].mean()) if name in score.errors else None
