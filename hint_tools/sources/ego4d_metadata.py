"""`ego4d.json`: who was filmed in each video, how, and what of it is redacted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hint_tools.core.findings import Finding, Severity
from hint_tools.sources.candidates import Tally
from hint_tools.store.atomic import read_json
from hint_tools.store.remote import SourcePath

FPS = 30.0
"""Canonical clips and the numbering of their videos have a constant rate (Ego4D documentation, data/videos)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of videos, by their uid.

    Args:
        people: participant of each video that names one.
        stereo: videos filmed in stereo.
        splits: of the hand-object benchmark, where stated.
        redacted: (start, end) of each redacted part, s of the video.
        video_of: the video each clip was cut from, by the clip's uid.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    stereo: frozenset[str] = frozenset()
    splits: Mapping[str, str] = field(default_factory=dict)
    redacted: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    video_of: Mapping[str, str] = field(default_factory=dict)

    def is_redacted(self, video: str, time_s: float) -> bool:
        """Whether a moment of a video lies in a redacted part."""
        return any(start <= time_s <= end for start, end in self.redacted.get(video, ()))


def objects(value: Any, skipped: Tally | None = None, subject: str = "") -> list[dict[str, Any]]:
    """The objects in a list that may be missing, null, or hold other things, which are counted in `skipped`."""
    entries = value if isinstance(value, list) else []
    for entry in entries:
        if skipped is not None and not isinstance(entry, dict):
            skipped.add("no object where one is expected", subject)
    return [v for v in entries if isinstance(v, dict)]


def without_people(known: Metadata, path: SourcePath | None) -> tuple[Finding, ...]:
    """One finding where nobody is named, so that splits can keep videos apart but not people."""
    if known.people:
        return ()
    what = f"{path}: it names no participants" if path else "ego4d.json is not there"
    message = f"{what}: who was filmed is unknown, and one person may be in two splits; stereo and redacted parts too"
    return (Finding("ego4d.participants-unknown", Severity.WARNING, message, suggestion="download ego4d.json too"),)


def read_metadata(path: SourcePath | None) -> Metadata:
    """What `path` says; nothing where it is None.

    Raises:
        DataError: the file is not JSON.
    """
    document = read_json(path) if path else {}
    videos = objects(document.get("videos") if isinstance(document, dict) else None)
    clips = objects(document.get("clips") if isinstance(document, dict) else None)
    named = {str(v.get("video_uid")): v for v in videos}
    return Metadata(
        people={u: str(v["fb_participant_id"]) for u, v in named.items() if v.get("fb_participant_id") is not None},
        stereo=frozenset(u for u, v in named.items() if v.get("is_stereo")),
        splits={u: str(v["split_fho"]) for u, v in named.items() if isinstance(v.get("split_fho"), str)},
        redacted={u: parts for u, v in named.items() if (parts := _parts(v.get("redacted_intervals")))},
        video_of={str(c.get("clip_uid")): str(c["video_uid"]) for c in clips if isinstance(c.get("video_uid"), str)},
    )


def _parts(value: Any) -> tuple[tuple[float, float], ...]:
    """Redacted parts; one without an end reaches to the video's end, one without a beginning from its start."""
    found = []
    for part in objects(value):
        start, end = part.get("start_sec"), part.get("end_sec")
        low = float(start) if isinstance(start, int | float) else -math.inf
        found.append((low, float(end) if isinstance(end, int | float) else math.inf))
    return tuple(found)
