"""Which hands a release takes, and why the others stay out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.geometry import box_size
from hint_tools.core.records import Consensus, Fit, Frame, Hand, Status, Visibility
from hint_tools.release.config import ReleaseBuildConfig
from hint_tools.store.project import Project
from hint_tools.store.tables import CONSENSUS, FITS, FRAMES

_EXAMPLES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """One hand that goes into the release.

    Args:
        fit: an accepted one; None without.
    """

    frame: Frame
    hand: Hand
    consensus: Consensus
    fit: Fit | None


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was chosen among the hands that have a consensus.

    Args:
        taken: sorted by the hand's id.
        dropped: reason -> number of hands.
        findings: for the reasons a person should look at.
    """

    taken: tuple[Taken, ...]
    dropped: dict[str, int]
    findings: tuple[Finding, ...]


_EXPLAINED = {
    "no_frame": "their frame or their row in the table of hands is gone",
    "no_image": "the stored picture of their frame is gone",
    "disagreed": "the annotators don't agree enough for a consensus",
    "not_finite": "no joint is placed, a keypoint, a covariance or the box is not finite, or the box has no extent",
}


_MENDED_BY = {"disagreed": "hint push --queue", "not_finite": "hint qc"}


def select(config: ReleaseBuildConfig, project: Project) -> Selection:
    """The hands a release of `project` takes.

    Raises:
        DataError: there is no consensus, nothing is left, or a video stands in two splits.
    """
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    hands = {h.hand_id: h for h in project.hands()}
    consensus = sorted(project.read(CONSENSUS), key=lambda c: c.hand_id)
    fits = {f.hand_id: f for f in project.read_if_any(FITS) if f.accepted} if config.fits else {}
    present = {i: project.path(f.path).is_file() for i, f in frames.items()}
    taken: list[Taken] = []
    dropped: dict[str, list[str]] = {}
    for row in consensus:
        hand = hands.get(row.hand_id)
        frame = frames.get(hand.frame_id) if hand else None
        reason = "repeat" if hand and hand.repeat_of else _reason(config, row, frame, present)
        if reason or hand is None or frame is None:
            dropped.setdefault(reason, []).append(row.hand_id)
        else:
            fit = fits.get(row.hand_id)
            taken.append(Taken(frame, hand, row, fit if fit and fit.side == row.side else None))
    if not taken:
        reasons = ", ".join(f"{k} {len(v)}" for k, v in sorted(dropped.items())) or "there is no consensus"
        raise DataError(f"{project.root}: no hand is left for the release ({reasons})", hint="hint qc")
    _check_splits(taken)
    findings = tuple(_finding(reason, dropped[reason]) for reason in _EXPLAINED if reason in dropped)
    return Selection(tuple(taken), {k: len(v) for k, v in sorted(dropped.items())}, findings)


def _reason(config: ReleaseBuildConfig, row: Consensus, frame: Frame | None, present: dict[str, bool]) -> str:
    """Why a hand stays out; empty when it is taken."""
    if frame is None:
        return "no_frame"
    if config.sources and frame.source not in config.sources:
        return "other_source"
    if row.rejected:
        return "rejected"
    if row.status == Status.DISAGREED:
        return "disagreed"
    if row.n_submissions < config.min_submissions:
        return "too_few_submissions"
    if not _sound(row):
        return "not_finite"
    return "" if present[frame.frame_id] else "no_image"


def _sound(row: Consensus) -> bool:
    known = row.visibility != Visibility.NOT_ANNOTATABLE
    numbers = (row.box, row.keypoints[known], row.covariance[known])
    sound = all(bool(np.isfinite(n).all()) for n in numbers) and bool((box_size(row.box) > 0).all())
    return sound and bool(known.any())


def _finding(reason: str, hands: list[str]) -> Finding:
    return Finding(
        code=f"release.{reason.replace('_', '-')}",
        severity=Severity.WARNING,
        message=f"{len(hands)} hands are left out: {_EXPLAINED[reason]}",
        suggestion=_MENDED_BY.get(reason, "extract the frames again: hint sample"),
        subjects=tuple(hands[:_EXAMPLES]),
        count=len(hands),
    )


def _check_splits(taken: list[Taken]) -> None:
    splits: dict[tuple[str, str], Counter[str]] = {}
    for one in taken:
        splits.setdefault((one.frame.source, one.frame.video), Counter())[one.frame.split] += 1
    torn = [(k, v) for k, v in sorted(splits.items()) if len(v) > 1]
    if torn:
        (source, video), counts = torn[0]
        told = ", ".join(f"{n} hands in {s}" for s, n in sorted(counts.items()))
        raise DataError(
            f"{len(torn)} videos stand in more than one split, such as {video} of {source} ({told}): a model tested "
            "on this release would have seen the test videos",
            hint="sample again with one seed and one set of splits: hint sample",
        )
