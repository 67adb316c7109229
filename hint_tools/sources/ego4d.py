"""Ego4D's hand-object benchmark: critical frames of narrated actions with both hands' boxes, from the owners' files.

Layout as the Ego4D download tool leaves it; `fho_main.json` as documented for version 2, or version 1's `fho_hands`
files. Where a clip is missing and its full-scale video is there, the video's own frame numbers are used. Frame numbers
count from 0. Boxes are x, y, width, height in px of the full frame, drawn from the outer corner of its top-left pixel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.sources.candidates import Candidate, HandBox, SourceReading, Tally
from hint_tools.sources.ego4d_metadata import FPS, Metadata, objects, read_metadata, without_people
from hint_tools.sources.ego4d_v1 import FILES, TYPES, read_v1
from hint_tools.store.atomic import read_json
from hint_tools.store.remote import SourcePath, below

LICENCE = "Ego4D licence"
FRAME_TYPES = TYPES
"""Ego4D's names for the moments of an action, in time order."""

_TYPE_NAMES = {**{t: t for t in FRAME_TYPES}, **{t.removesuffix("_frame"): t for t in FRAME_TYPES}}
_THINGS = ("object_of_change", "tool")
_SIDES = {"left_hand": "left", "right_hand": "right"}
_VERSIONS = ("v2", "v1")
_HALF_PIXEL = 0.5
_DOWNLOAD = "ego4d --output_directory {root} --version v2 --datasets annotations clips --benchmarks fho"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a download lie.

    Args:
        annotations: `fho_main.json`, or version 1's files of hands.
        clip_folders: where `<clip_uid>.mp4` is looked for, in this order.
        video_folders: where `<video_uid>.mp4` is looked for.
        metadata: `ego4d.json`; None when it is not there.
    """

    annotations: tuple[SourcePath, ...]
    clip_folders: tuple[SourcePath, ...]
    video_folders: tuple[SourcePath, ...]
    metadata: SourcePath | None


@dataclass(frozen=True, slots=True)
class _Clip:
    """What all frames of one annotated interval share; `in_video`: the file is the whole video."""

    uid: str
    video: str
    participant: str
    file: SourcePath
    origin: str
    size_px: tuple[int, int] | None
    in_video: bool
    split: str


def find_layout(root: SourcePath) -> Layout:
    """Where a download's parts lie: below `root/v2`, `root/v1` or `root` itself.

    Raises:
        DataError: no such folder, or no annotations or no folder of clips or videos below it.
    """
    hint = _DOWNLOAD.format(root=root)
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder with an Ego4D download, found none", hint=hint)
    bases = (*(root / v for v in _VERSIONS), root, *(root.parent / v for v in _VERSIONS if root.name in _VERSIONS))
    main = (b / "annotations" / "fho_main.json" for b in bases)
    found: list[tuple[SourcePath, ...]] = [(path,) for path in main if path.is_file()]
    older = (tuple(p for n in FILES if (p := b / "annotations" / n).is_file()) for b in bases)
    found += [paths for paths in older if paths]
    clips, videos = (tuple(b / n for b in bases if (b / n).is_dir()) for n in ("clips", "full_scale"))
    if not found:
        raise DataError(
            f"{root}: expected annotations/fho_main.json (or fho_hands_train.json) in v2/, v1/ or here", hint=hint
        )
    if not clips and not videos:
        raise DataError(f"{root}: expected a folder clips/ in v2/, v1/ or here, found none", hint=hint)
    described = [p / "ego4d.json" for p in (root, *bases, root.parent)]
    return Layout(found[0], clips, videos, next((d for d in described if d.is_file()), None))


def read_ego4d(root: SourcePath) -> SourceReading:
    """Every critical frame with a hand's box, of every action that is valid and whose clip is there.

    Raises:
        DataError: the layout is not a download's, a file is not what it should be, or no clip is there at all.
    """
    layout = find_layout(root)
    document, notes = _document(layout)
    known = read_metadata(layout.metadata)
    actions_skipped, boxes_skipped = Tally(), Tally()
    candidates: list[Candidate] = []
    n_actions = n_used = 0
    listed: set[tuple[str, Any]] = set()
    for video, interval in _intervals(document, boxes_skipped):
        actions = objects(interval.get("narrated_actions"), boxes_skipped, "narrated_actions")
        n_actions += len(actions)
        clip = _clip(root, layout, video, interval, known)
        obstacle = _interval_obstacle(interval, video, known, clip)
        for action in actions:
            name = f"{clip.video}/{action.get('uid') or '?'}"
            reason = obstacle or _action_obstacle(action, clip.in_video)
            if not reason and (clip.uid, action["uid"]) in listed:
                reason = "action listed twice"
            frames = [] if reason else list(_frames(clip, action, known, boxes_skipped))
            if frames:
                listed.add((clip.uid, action["uid"]))
                n_used += 1
                candidates.extend(frames)
            else:
                actions_skipped.add(reason or "no hand box in any critical frame", name)
    _expect_clips(layout, n_used, actions_skipped, n_actions)
    counts = {"actions": n_actions, "actions with candidates": n_used}
    counts |= {f"actions: {r}": n for r, n in actions_skipped.counts().items()}
    counts |= {f"boxes: {r}": n for r, n in boxes_skipped.counts().items()}
    findings = actions_skipped.findings("ego4d", "actions skipped") + boxes_skipped.findings("ego4d", "boxes skipped")
    candidates.sort(key=lambda c: (c.unit, c.frame_index, c.action, c.frame_type))
    notes += without_people(known, layout.metadata)
    return SourceReading(candidates=tuple(candidates), counts=counts, findings=(*notes, *findings))


def _document(layout: Layout) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The annotations in `fho_main.json`'s shape, and what to say of them."""
    if layout.annotations[0].name in FILES:
        document, order = read_v1(layout.annotations)
        how = f"read as {order}, the one reading that fits all" if order else "not used: their order can't be told"
        note = Finding("ego4d.version-1-boxes", Severity.INFO, f"the boxes of version 1's files are {how}")
        return document, (note,)
    document = read_json(layout.annotations[0])
    if not isinstance(document, dict) or not isinstance(document.get("videos"), list):
        raise DataError(f"{layout.annotations[0]}: expected an object with a list `videos`")
    return document, ()


def _intervals(document: dict[str, Any], skipped: Tally) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for video in objects(document["videos"], skipped, "videos"):
        for interval in objects(video.get("annotated_intervals"), skipped, "annotated_intervals"):
            yield video, interval


def _clip(root: SourcePath, layout: Layout, video: dict[str, Any], interval: dict[str, Any], known: Metadata) -> _Clip:
    uid = _plain_name(interval.get("clip_uid"))
    video_uid = _plain_name(video.get("video_uid")) or known.video_of.get(uid, "")
    places = [(folder / f"{uid}.mp4", False) for folder in layout.clip_folders if uid]
    places += [(folder / f"{video_uid}.mp4", True) for folder in layout.video_folders if video_uid]
    file, in_video = next((p for p in places if p[0].is_file()), places[0] if places else (root, False))
    return _Clip(
        uid=uid,
        video=video_uid or uid,
        participant=known.people.get(video_uid, ""),
        file=file,
        origin=below(file, root) or below(file, root.parent) or "",
        size_px=_size(video.get("video_metadata")),
        in_video=in_video,
        split=known.splits.get(video_uid, ""),
    )


def _plain_name(value: Any) -> str:
    """`value` where it can be a file's name; empty otherwise."""
    return value if isinstance(value, str) and value and not {"/", "\\", "\0"} & set(value) else ""


def _size(value: Any) -> tuple[int, int] | None:
    """Width and height an object states; None when it does not."""
    if not isinstance(value, dict):
        return None
    width, height = value.get("width"), value.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return int(width), int(height)
    return None


def _interval_obstacle(interval: dict[str, Any], video: dict[str, Any], known: Metadata, clip: _Clip) -> str:
    """Why no action of this interval can be used; empty when they can."""
    if interval.get("redacted"):
        return "redacted interval"
    if not clip.uid and not clip.in_video:
        return "interval without a clip"
    if video.get("is_stereo") or clip.video in known.stereo:
        return "stereo video"
    return "" if clip.file.is_file() else "clip file missing"


def _action_obstacle(action: dict[str, Any], in_video: bool) -> str:
    """Why this action can't be used; empty when it can."""
    if not isinstance(action.get("uid"), str) or not action["uid"]:
        return "action without an id"
    if action.get("is_rejected"):
        return "rejected action"
    if action.get("is_invalid_annotation"):
        return "invalid annotation"
    if action.get("is_valid_action") is False:
        return "not a valid action"
    if not isinstance(action.get("critical_frames" if in_video else "clip_critical_frames"), dict):
        return "no critical frames"
    return "" if objects(action.get("frames")) else "no boxes annotated"


def _frames(clip: _Clip, action: dict[str, Any], known: Metadata, skipped: Tally) -> Iterator[Candidate]:
    """The critical frames of one action that have a hand's box, or whose boxes can't be read for what they are."""
    in_video = action.get("critical_frames")
    whole = in_video if isinstance(in_video, dict) else {}
    numbers = whole if clip.in_video else action["clip_critical_frames"]
    seen = set()
    for frame in objects(action["frames"], skipped, f"{clip.uid}/{action['uid']}"):
        kind = _TYPE_NAMES.get(str(frame.get("frame_type")), "")
        subject = f"{clip.uid}/{action['uid']}/{kind or frame.get('frame_type')}"
        hands = _hands(frame, subject, skipped)
        if not hands and not frame.get("without_boxes"):
            continue
        number = numbers.get(kind)
        reason = _number_obstacle(kind, number, frame, whole)
        at = whole.get(kind)
        if not reason and kind in seen:
            reason = "frame listed twice in one action"
        if not reason and isinstance(at, int) and known.is_redacted(clip.video, at / FPS):
            reason = "in a redacted part of the video"
        if reason or number is None:
            for _ in hands or (None,):
                skipped.add(reason, subject)
            continue
        seen.add(kind)
        yield Candidate(
            file=clip.file, origin=clip.origin, unit=clip.video if clip.in_video else clip.uid, video=clip.video,
            clip="" if clip.in_video else clip.uid, participant=clip.participant, frame_index=number,
            time_s=number / FPS, hands=hands, box_size_px=_size(frame) or clip.size_px, action=action["uid"],
            frame_type=kind, licence=LICENCE, official_split=clip.split, collection="ego4d",
        )  # fmt: skip


def _number_obstacle(kind: str, number: Any, frame: dict[str, Any], in_video: dict[str, Any]) -> str:
    """Why this frame's place in the clip is not known for sure; empty when it is."""
    if not kind:
        return "unknown frame type"
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        return "no frame number in the clip"
    stated, expected = frame.get("frame_number"), in_video.get(kind)
    if isinstance(stated, int) and isinstance(expected, int) and stated != expected:
        return "frame number disagrees with critical_frames"
    return ""


def _hands(frame: dict[str, Any], subject: str, skipped: Tally) -> tuple[HandBox, ...]:
    """The first good box of each side, left before right."""
    found: dict[str, HandBox] = {}
    for entry in objects(frame.get("boxes"), skipped, subject):
        side = _SIDES.get(str(entry.get("object_type")))
        if side is None:
            if entry.get("object_type") not in _THINGS:
                skipped.add("unknown object type", f"{subject}: {entry.get('object_type')}")
            continue
        box = _box(entry.get("bbox"))
        if box is None:
            skipped.add("box without four finite numbers and a size", subject)
        elif side in found:
            skipped.add("second box for one side", subject)
        else:
            extra = {k: v for k, v in entry.items() if k not in ("object_type", "bbox") and v is not None}
            found[side] = HandBox(box=box, side=side, attributes=json.dumps(extra, sort_keys=True))
    return tuple(found[side] for side in sorted(found))


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, dict):
        return None
    parts = [value.get(k) for k in ("x", "y", "width", "height")]
    numbers = [float(p) for p in parts if isinstance(p, int | float) and not isinstance(p, bool) and math.isfinite(p)]
    if len(numbers) != 4 or numbers[2] <= 0 or numbers[3] <= 0:
        return None
    x, y, width, height = numbers
    return (x - _HALF_PIXEL, y - _HALF_PIXEL, x + width - _HALF_PIXEL, y + height - _HALF_PIXEL)


def _expect_clips(layout: Layout, n_used: int, skipped: Tally, n_actions: int) -> None:
    missing = skipped.counts().get("clip file missing", 0)
    if not n_used and missing:
        raise DataError(
            f"{(*layout.clip_folders, *layout.video_folders)[0]}: none of the clips that "
            f"{layout.annotations[0].name} names is here ({missing} of {n_actions} actions wait for one)",
            hint="download the clips: " + _DOWNLOAD.format(root=layout.annotations[0].parent.parent.parent),
        )
