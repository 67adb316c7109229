"""The stage: MANO parameters for every hand that has a consensus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hint_tools.core.errors import EnvironmentFault
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.records import Consensus, Fit, Frame, Side, Status
from hint_tools.core.report import Report
from hint_tools.fit.config import FitConfig
from hint_tools.fit.targets import Target, camera_of, usable
from hint_tools.mano.assets import HandModel, load_hand_model
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, DETECTED_HANDS, FITS, FRAMES, HANDS

MAX_EXAMPLES = 20
"""Hands a finding names; the rest are counted."""


@dataclass
class _Sorted:
    """Consensus rows by what becomes of them."""

    targets: list[Target] = field(default_factory=list)
    dropped: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, reason: str, hand_id: str) -> None:
        self.dropped.setdefault(reason, []).append(hand_id)


_DROPS = {
    "rejected": (Severity.INFO, "rejected by the annotators", ""),
    "disagreed": (Severity.WARNING, "on which the annotators don't agree enough", "hint push --queue"),
    "no-frame": (Severity.WARNING, "without a frame or hand of that id", "hint sample"),
    "no-side": (Severity.WARNING, "neither left nor right", "correct the side and run: hint pull, hint qc"),
    "bad-scale": (Severity.WARNING, "whose size is zero or not finite", "hint qc"),
    "too-few-joints": (Severity.WARNING, "with too few usable keypoints", "lower --min-joints to fit them anyway"),
    "diverged": (Severity.WARNING, "whose fit is not finite", "look at their keypoints: hint view"),
}
"""Why a hand is not fitted: how much it matters, words, what to do."""


def run(config: FitConfig, project: Project) -> Report:
    """Fit every hand of the consensus; writes the table `fits` and `fit/report.html`.

    Raises:
        DataError: there is no consensus yet, or the MANO file is not one.
        EnvironmentFault: torch or numba is missing, or the project can't be written.
    """
    model = load_hand_model(config.mano)
    consensus = project.read(CONSENSUS)
    frames = _frames_by_hand(project)
    taken = _sort(consensus, frames, config)
    if config.dry_run:
        return _report(config, taken, [], len(consensus), model, [], written=False)
    fits = _fit_all(taken, model, config)
    with project.lock():
        project.write(FITS, fits)
        picture_problems = _write_report(project, fits, consensus, frames, model, config)
        project.stamp("fit", reads=(CONSENSUS, FRAMES, HANDS, DETECTED_HANDS), writes=(FITS,))
    return _report(config, taken, fits, len(consensus), model, picture_problems, written=True)


def _frames_by_hand(project: Project) -> dict[str, Frame]:
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    return {h.hand_id: frames[h.frame_id] for h in project.hands() if h.frame_id in frames}


def _sort(consensus: Sequence[Consensus], frames: dict[str, Frame], config: FitConfig) -> _Sorted:
    taken = _Sorted()
    for row in consensus:
        used = usable(row)
        if row.rejected:
            taken.drop("rejected", row.hand_id)
        elif row.status == Status.DISAGREED:
            taken.drop("disagreed", row.hand_id)
        elif row.hand_id not in frames:
            taken.drop("no-frame", row.hand_id)
        elif row.side not in (Side.LEFT, Side.RIGHT):
            taken.drop("no-side", row.hand_id)
        elif not 0 < row.scale_px < float("inf"):
            taken.drop("bad-scale", row.hand_id)
        elif used.sum() < config.min_joints:
            taken.drop("too-few-joints", row.hand_id)
        else:
            frame = frames[row.hand_id]
            taken.targets.append(Target(row, frame, camera_of(frame, config), used))
    return taken


def _fit_all(taken: _Sorted, model: HandModel, config: FitConfig) -> list[Fit]:
    """Fits of all targets; what diverges is dropped."""
    if not taken.targets:
        return []
    try:
        from hint_tools.fit.batches import fit_targets
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"fitting needs {error.name}, which is not installed", hint="pip install 'hint-tools[train]'"
        ) from error
    fits, diverged = fit_targets(taken.targets, model, config)
    for hand_id in diverged:
        taken.drop("diverged", hand_id)
    return fits


def _write_report(
    project: Project,
    fits: list[Fit],
    consensus: Sequence[Consensus],
    frames: dict[str, Frame],
    model: HandModel,
    config: FitConfig,
) -> list[Finding]:
    from hint_tools.fit.page import REPORT, chosen_for_pictures, draw_fits, write_page

    by_hand = {c.hand_id: c for c in consensus}
    figures, problems = draw_fits(project, chosen_for_pictures(fits, config.report_hands), by_hand, frames, model)
    write_page(project.path(REPORT), project.name, fits, figures, model)
    if not problems:
        return []
    first = next(iter(problems.values()))
    return [
        Finding(
            code="fit.picture-unreadable",
            severity=Severity.WARNING,
            message=f"{len(problems)} fitted hands are not shown in the report, their picture can't be read: {first}",
            suggestion="hint sample",
            subjects=tuple(problems)[:MAX_EXAMPLES],
            count=len(problems),
        )
    ]


def _report(
    config: FitConfig,
    taken: _Sorted,
    fits: list[Fit],
    candidates: int,
    model: HandModel,
    findings: list[Finding],
    *,
    written: bool,
) -> Report:
    accepted = sum(f.accepted for f in fits)
    counts: dict[str, int | float | str] = {"hands": candidates}
    if written:
        counts |= {"fitted": len(fits), "accepted": accepted, "not accepted": len(fits) - accepted}
    else:
        counts["to fit"] = len(taken.targets)
    counts |= {reason.replace("-", " "): len(hands) for reason, hands in taken.dropped.items()}
    counts["hand model"] = model.identity
    return Report(
        stage="fit",
        counts=counts,
        findings=(*_drop_findings(taken, config), *_doubt_findings(fits), *_model_findings(model), *findings),
        outputs=("tables/fits.parquet", "fit/report.html") if written else (),
        next_command="hint release build NAME" if written else "hint fit",
    )


def _drop_findings(taken: _Sorted, config: FitConfig) -> list[Finding]:
    findings = []
    for reason, (severity, words, suggestion) in _DROPS.items():
        hands = taken.dropped.get(reason, [])
        if hands:
            limit = f" (fewer than {config.min_joints})" if reason == "too-few-joints" else ""
            message = f"{len(hands)} hands not fitted: {words}{limit}"
            examples = tuple(hands[:MAX_EXAMPLES])
            findings.append(Finding(f"fit.{reason}", severity, message, suggestion, examples, len(hands)))
    return findings


def _doubt_findings(fits: list[Fit]) -> list[Finding]:
    refused = [f.hand_id for f in fits if not f.accepted]
    if not refused:
        return []
    message = f"{len(refused)} of {len(fits)} fits are not accepted; each says why in the table and in the report"
    examples = tuple(refused[:MAX_EXAMPLES])
    return [Finding("fit.not-accepted", Severity.INFO, message, "look at fit/report.html", examples, len(refused))]


def _model_findings(model: HandModel) -> list[Finding]:
    if not model.is_open:
        return []
    message = f"fitted with {model.name}: pose and shape numbers are not MANO's"
    return [Finding("fit.open-hand", Severity.INFO, message, "set `mano` to your licensed MANO_RIGHT.pkl")]
