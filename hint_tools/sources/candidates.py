"""What a source offers: frames that could be taken, with the hands known in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hint_tools.core.findings import Finding, Severity
from hint_tools.store.remote import SourcePath

EXAMPLES = 5
"""How many subjects a finding names; its count tells of all."""
_EVERYWHERE = re.compile(r"P\d{2}_\d{2,3}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""Names of EPIC-KITCHENS' and Ego4D's videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBox:
    """One hand a source knows in a frame.

    Args:
        box: x0, y0, x1, y1 in px of the full frame; the centre of the top-left pixel is (0, 0).
        side: `left`, `right`, or None where the source does not say.
        origin: who drew it: `source` or `user`.
        contact: what the hand touches, in Hands23's words (`no_contact`, `object_contact`, ...); empty where unknown.
        attributes: the source's own annotation of this hand as JSON with sorted keys.
    """

    box: tuple[float, float, float, float]
    side: str | None = None
    origin: str = "source"
    contact: str = ""
    attributes: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One frame that could be taken.

    Args:
        file: absolute path or URL of the picture or video, or of the ZIP archive that holds the picture.
        origin: the same, relative to the source's root, with forward slashes.
        unit: what `frame_index` counts in, stable wherever the root lies: a clip's id or a relative path.
        video: groups frames that must share a split.
        clip: the source's id of the clip; may be empty.
        participant: the source's id of the person filmed; may be empty.
        frame_index: from 0 in presentation order; -1 for a still picture.
        time_s: of the frame in its video; NaN where that is not known.
        hands: known in this frame; empty where the source has no boxes.
        box_size_px: width and height of the picture the boxes were drawn on, where the source says so.
        action: the source's id of the action; may be empty.
        frame_type: the source's word for this moment of the action; may be empty.
        licence: of the picture.
        redistributable: whether the licence lets the picture be passed on.
        member: name of the picture within the archive; empty for a plain file.
        official_split: `train`, `val` or `test` where the source's owners say so.
        collection: where the source itself got the picture: `newdays`, `epick`, `coco` or `articulation` in Hands23,
            `ego4d`, `epic` or `folder`.
    """

    file: SourcePath
    origin: str
    unit: str
    video: str
    clip: str = ""
    participant: str = ""
    frame_index: int = -1
    time_s: float = float("nan")
    hands: tuple[HandBox, ...] = ()
    box_size_px: tuple[int, int] | None = None
    action: str = ""
    frame_type: str = ""
    licence: str = "unknown"
    redistributable: bool = False
    member: str = ""
    official_split: str = ""
    collection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """What reading a source gave.

    Args:
        candidates: in a fixed order.
        counts: of what was met, in reading order; everything skipped is counted under its reason.
        findings: one for each reason, with examples.
    """

    candidates: tuple[Candidate, ...]
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Tally:
    """Collects what is skipped: a reason, how often, and examples."""

    subjects: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, subject: str) -> None:
        """`subject` was skipped for `reason`."""
        self.subjects.setdefault(reason, []).append(subject)

    def counts(self) -> dict[str, int]:
        """How many subjects each reason has, by reason."""
        return {reason: len(self.subjects[reason]) for reason in sorted(self.subjects)}

    def findings(self, room: str, what: str, severity: Severity = Severity.WARNING) -> tuple[Finding, ...]:
        """One finding for each reason.

        Args:
            room: first part of the codes.
            what: the subjects, in the plural.
            severity: of all of them.
        """
        return tuple(
            Finding(
                code=f"{room}.{reason.replace(' ', '-')}",
                severity=severity,
                message=f"{len(subjects)} {what}: {reason} (such as {subjects[0]})",
                subjects=tuple(sorted(subjects)[:EXAMPLES]),
                count=len(subjects),
            )
            for reason, subjects in sorted(self.subjects.items())
        )


def by_unit(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """The candidates of each unit, units and frames in ascending order."""
    units: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda c: (c.unit, c.frame_index)):
        units.setdefault(candidate.unit, []).append(candidate)
    return units


def known_everywhere(video: str) -> bool:
    """Whether a video's name means the same video in every source: those of EPIC-KITCHENS and Ego4D do."""
    return _EVERYWHERE.fullmatch(video) is not None
