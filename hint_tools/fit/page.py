"""The report of `hint fit`: figures of all fits, and pictures of some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.ids import order_key
from hint_tools.core.records import Consensus, Fit, Frame
from hint_tools.core.skeleton import JOINT_NAMES
from hint_tools.fit.overlay import fit_overlay
from hint_tools.mano.assets import HandModel
from hint_tools.media.images import read_image
from hint_tools.report.blocks import Block, Chart, Figure, Gallery, Section, Table, Text
from hint_tools.report.charts import bar_chart, histogram
from hint_tools.report.page import write_report
from hint_tools.store.project import Project

REPORT = "fit/report.html"
_GALLERY_SEED = 0


def chosen_for_pictures(fits: Sequence[Fit], count: int) -> list[Fit]:
    """Up to half of them fits that were not accepted, the rest accepted ones, both drawn by lot but always the same."""
    shuffled = sorted(fits, key=lambda f: order_key(_GALLERY_SEED, f.hand_id))
    refused = [f for f in shuffled if not f.accepted]
    accepted = [f for f in shuffled if f.accepted]
    shown_refused = refused[: max(count // 2, count - len(accepted))]
    return accepted[: count - len(shown_refused)] + shown_refused


def draw_fits(
    project: Project,
    fits: Sequence[Fit],
    consensus: Mapping[str, Consensus],
    frames: Mapping[str, Frame],
    model: HandModel,
) -> tuple[dict[str, Figure], dict[str, str]]:
    """A figure for each fit whose picture can be read, and why for each other one, by hand id.

    Args:
        project: where the pictures are.
        fits: the fits to draw.
        consensus: by hand id.
        frames: by hand id.
        model: the model of the fits.
    """
    figures, problems = {}, {}
    for fit in fits:
        try:
            image = read_image(project.path(frames[fit.hand_id].path))
        except DataError as error:
            problems[fit.hand_id] = error.message
            continue
        figures[fit.hand_id] = Figure(
            image=fit_overlay(image, fit, consensus[fit.hand_id], model),
            caption=_caption(fit),
            alt=f"Hand {fit.hand_id}: keypoints, fitted mesh over the picture, fitted mesh from the side",
        )
    return figures, problems


def write_page(
    path: Path, project_name: str, fits: Sequence[Fit], figures: Mapping[str, Figure], model: HandModel
) -> None:
    """`path` holds the report of these fits.

    Raises:
        EnvironmentFault: it could not be written.
    """
    accepted = [f for f in fits if f.accepted]
    residual = np.array([np.nanmedian(f.residual_px) for f in fits])
    facts = {
        "hands fitted": str(len(fits)),
        "accepted": f"{len(accepted)} ({len(accepted) / max(len(fits), 1):.0%})",
        "median residual": f"{np.median(residual):.1f} px" if len(fits) else "–",
        "median spread": f"{np.median([f.sd_mm[1:].mean() for f in fits]):.1f} mm" if len(fits) else "–",
        "hand model": model.name,
    }
    sections = [_model_section(model)] if model.is_open else []
    if fits:
        sections += [_figures_section(fits), *_gallery_sections(fits, figures)]
    write_report(path, f"MANO fits of {project_name}", "Hand parameters from the consensus keypoints", facts, sections)


def _model_section(model: HandModel) -> Section:
    words = Text(
        f"These hands were fitted with {model.name}, a freely licensed hand in MANO's format, but not MANO: "
        "joints, meshes and pictures are meaningful, the pose and shape numbers are not interchangeable with MANO's. "
        "Set `mano` to your licensed MANO_RIGHT.pkl and run the command again to get those."
    )
    return Section("Hand model", [words])


def _figures_section(fits: Sequence[Fit]) -> Section:
    spread = np.array([f.sd_mm for f in fits])
    residual = np.array([f.residual_px for f in fits])
    used = np.isfinite(residual)
    per_joint = [float(np.median(residual[used[:, j], j])) if used[:, j].any() else float("nan") for j in range(21)]
    blocks: list[Block] = [
        Chart(bar_chart(JOINT_NAMES, per_joint, unit="px", title="Median distance to the keypoint, by joint"),
              "Median distance between fitted and annotated joint."),
        Chart(bar_chart(JOINT_NAMES[1:], np.median(spread[:, 1:], axis=0).tolist(), unit="mm", title="Spread by joint"),
              "Median standard deviation of each joint relative to the wrist, along one axis."),
        Chart(histogram(spread[:, 1:].mean(axis=1).tolist(), unit="mm", title="Spread of hands"),
              "Mean standard deviation of a hand's joints."),
    ]  # fmt: skip
    refusals = Counter(
        part.split(" (")[0].rstrip("0123456789. ") for f in fits for part in f.reason.split("; ") if part
    )
    if refusals:
        kinds = Counter(_kind(part) for f in fits for part in f.reason.split("; ") if part)
        blocks.append(Table(("why not accepted", "hands"), tuple(kinds.most_common()), "A hand may be named twice."))
    return Section("All hands", blocks)


def _kind(reason: str) -> str:
    """The reason without its numbers."""
    for kind in (
        "keypoints missed",
        "uncertain",
        "another hand explains the keypoints",
        "improbable pose",
        "improbable shape",
    ):
        if reason.startswith(kind):
            return kind
    return reason


def _gallery_sections(fits: Sequence[Fit], figures: Mapping[str, Figure]) -> list[Section]:
    sections = []
    for title, wanted in (("Accepted", True), ("Not accepted", False)):
        shown = [figures[f.hand_id] for f in fits if f.accepted is wanted and f.hand_id in figures]
        if shown:
            intro = "Consensus keypoints, the fitted mesh over the picture, and the mesh from its side (far is right)."
            sections.append(Section(title, [Gallery(shown, columns=2)], intro))
    return sections


def _caption(fit: Fit) -> str:
    words = f"{fit.hand_id}, {fit.side}: {np.nanmedian(fit.residual_px):.1f} px, ±{fit.sd_mm[1:].mean():.1f} mm"
    return f"{words}. {fit.reason}" if fit.reason else words
