"""Ego4D's `annotations/fho_main.json` for clips of ours, in the documented schema.

Frame numbers count from 0 and come twice, in the parent video and in the clip; boxes are x, y, width, height.
The oddities of the real files are kept: rejected and invalid actions, actions without critical frames,
frames without boxes, redacted intervals, and a clip that was never downloaded.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import clip_box, scale_box
from hint_tools.core.ids import order_key
from hint_tools.synth.video import FPS

Floats = npt.NDArray[np.float64]

BEFORE_PRE = MappingProxyType({"pre_45": 45, "pre_30": 30, "pre_15": 15, "pre_frame": 0})
"""Frames before the pre-condition frame; `pre_45` is 1.5 s earlier."""
_AFTER_PRE = MappingProxyType({"contact_frame": 9, "pnr_frame": 18, "post_frame": 33})
ACTION_FRAMES = BEFORE_PRE["pre_45"] + _AFTER_PRE["post_frame"]
_BOX_MARGIN = (1.05, 1.3)
"""How much larger than the hand its annotators drew the box."""
_BOX_NOISE = 0.035
_VIDEO_PADDING_S = 8.0
_NOUNS = MappingProxyType(
    {
        "can": "can_(can,_canister,_tin)",
        "bottle": "bottle_(bottle,_flask)",
        "box": "container_(box,_can,_carton,_case,_casket,_container,_crate)",
        "ball": "ball_(ball,_baseball,_basketball)",
        "cup": "cup_(cup,_fishtank,_glass,_jug,_kettle,_measurement,_mug,_pitcher,_sachet,_tray,_tumbler)",
        "hammer": "hammer_(hammer,_mallet)",
        "screwdriver": "screwdriver",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilmedClip:
    """A clip that was made, and what its annotators could see in it.

    Args:
        clip_uid: names the file.
        video_uid: the long video it was cut from.
        participant: who wore the camera.
        start_frame: of the clip in that video.
        n_frames: its length.
        width_px: of the picture.
        height_px: of the picture.
        held: what is in a hand; empty for nothing.
        hand_boxes: for every frame, side -> box.
        object_boxes: for every frame, the thing's box or None.
    """

    clip_uid: str
    video_uid: str
    participant: int
    start_frame: int
    n_frames: int
    width_px: int
    height_px: int
    held: str
    hand_boxes: Sequence[Mapping[str, Floats]]
    object_boxes: Sequence[Floats | None]


def uid(seed: int, *parts: str | int) -> str:
    """A UUID that depends on nothing but its arguments, of version 4 as Ego4D's are."""
    return str(uuid.UUID(hex=order_key(seed, "uid", *parts)[:32], version=4))


def fho_main(seed: int, clips: Sequence[FilmedClip]) -> dict[str, Any]:
    """The content of `annotations/fho_main.json`.

    Args:
        seed: decides the noise of the boxes.
        clips: what was filmed.
    """
    videos = []
    for video_uid in sorted({c.video_uid for c in clips}):
        of_video = sorted((c for c in clips if c.video_uid == video_uid), key=lambda c: c.start_frame)
        intervals = [_interval(seed, number, clip) for number, clip in enumerate(of_video)]
        if video_uid == max(c.video_uid for c in clips):
            intervals.append(_redacted_interval(seed, of_video[-1]))
        videos.append(
            {"video_uid": video_uid, "annotated_intervals": intervals, "video_metadata": video_metadata(of_video)}
        )
    return {"version": "2.0", "date": "221024", "description": "FHO main, synthetic", "videos": videos}


def video_metadata(clips: Sequence[FilmedClip]) -> dict[str, Any]:
    """Size, rate and length of the long video that `clips` were cut from."""
    last = max(c.start_frame + c.n_frames for c in clips)
    frames = last + int(_VIDEO_PADDING_S * FPS)
    return {
        "fps": float(FPS),
        "num_frames": frames,
        "width": clips[0].width_px,
        "height": clips[0].height_px,
        "rotation": None,
        "duration_sec": frames / FPS,
    }


def _span(clip: FilmedClip, first: int, end: int) -> dict[str, float | int]:
    """Start and end in the clip's and the video's frames and seconds."""
    return {
        "start_sec": (clip.start_frame + first) / FPS,
        "end_sec": (clip.start_frame + end) / FPS,
        "start_frame": clip.start_frame + first,
        "end_frame": clip.start_frame + end,
        "clip_start_sec": first / FPS,
        "clip_end_sec": end / FPS,
        "clip_start_frame": first,
        "clip_end_frame": end,
    }


def _interval(seed: int, number: int, clip: FilmedClip) -> dict[str, Any]:
    whole = _span(clip, 0, clip.n_frames)
    actions = [_action(seed, clip, pre) for pre in pre_frames(clip.n_frames)]
    actions.append(_odd_action(seed, clip, rejected=number % 2 == 0))
    return {
        "clip_id": int(order_key(seed, "clip", clip.clip_uid)[:6], 16),
        "clip_uid": clip.clip_uid,
        "start_sec": whole["start_sec"],
        "end_sec": whole["end_sec"],
        "start_frame": whole["start_frame"],
        "end_frame": whole["end_frame"],
        "clip_parent_start_sec": whole["start_sec"],
        "clip_parent_end_sec": whole["end_sec"],
        "clip_parent_start_frame": whole["start_frame"],
        "clip_parent_end_frame": whole["end_frame"],
        "redacted": False,
        "narrated_actions": actions,
    }


def _redacted_interval(seed: int, clip: FilmedClip) -> dict[str, Any]:
    """An interval of the test set: its actions and its clip are withheld."""
    first = clip.start_frame + clip.n_frames + FPS
    return {
        "clip_id": int(order_key(seed, "redacted", clip.video_uid)[:6], 16),
        "clip_uid": None,
        "start_sec": first / FPS,
        "end_sec": (first + 60) / FPS,
        "start_frame": first,
        "end_frame": first + 60,
        "clip_parent_start_sec": None,
        "clip_parent_end_sec": None,
        "clip_parent_start_frame": None,
        "clip_parent_end_frame": None,
        "redacted": True,
        "narrated_actions": [],
    }


def pre_frames(n_frames: int) -> list[int]:
    """The pre-condition frames of a clip's actions: one action after the other, as many as fit."""
    first = BEFORE_PRE["pre_45"] + 2
    step = _AFTER_PRE["post_frame"] + 12
    return list(range(first, n_frames - _AFTER_PRE["post_frame"], step))


def _action(seed: int, clip: FilmedClip, pre: int) -> dict[str, Any]:
    at = {kind: pre - before for kind, before in BEFORE_PRE.items()} | {k: pre + n for k, n in _AFTER_PRE.items()}
    if clip.held:  # what is held already has no frame of first contact
        del at["contact_frame"]
    rng = np.random.default_rng(int(order_key(seed, "boxes", clip.clip_uid, pre)[:16], 16))
    noun = _NOUNS.get(clip.held)
    frames = [_frame(rng, clip, kind, index, noun) for kind, index in at.items()]
    if len(frames) > 6:
        frames[2]["boxes"] = []  # seen in the real files: a frame nobody boxed
    return {
        **_common(seed, clip, f"action-{pre}", at["pre_45"], at["post_frame"]),
        "narration_text": f"#C C moves the {clip.held or 'hand'}",
        "structured_verb": "move_(transfer,_pass,_exchange)",
        "freeform_verb": None,
        "state_transition": "other",
        "is_valid_action": True,
        "is_partial": False,
        "is_rejected": False,
        "is_invalid_annotation": False,
        "reject_reason": None,
        "critical_frames": {kind: clip.start_frame + index for kind, index in at.items()},
        "clip_critical_frames": dict(at),
        "frames": frames,
    }


def _odd_action(seed: int, clip: FilmedClip, *, rejected: bool) -> dict[str, Any]:
    """An action that is of no use: rejected by its annotators, or never given critical frames."""
    return {
        **_common(seed, clip, "odd", 0, min(clip.n_frames, 40)),
        "narration_text": "#C C looks around",
        "structured_verb": None,
        "freeform_verb": None,
        "state_transition": None,
        "is_valid_action": not rejected,
        "is_partial": False,
        "is_rejected": rejected,
        "is_invalid_annotation": rejected,
        "reject_reason": "no hand-object interaction" if rejected else None,
        "critical_frames": None,
        "clip_critical_frames": None,
        "frames": None,
    }


def _common(seed: int, clip: FilmedClip, name: str, first: int, end: int) -> dict[str, Any]:
    return {
        "uid": uid(seed, clip.clip_uid, name),
        **_span(clip, first, end),
        "narration_annotation_uid": uid(seed, clip.clip_uid, name, "narration"),
        "narration_timestamp_sec": (clip.start_frame + (first + end) / 2) / FPS,
        "stage": "multi_frame",
        "warnings": [],
    }


def _frame(rng: np.random.Generator, clip: FilmedClip, kind: str, index: int, noun: str | None) -> dict[str, Any]:
    boxes = [_box(rng, clip, f"{side}_hand", box, None) for side, box in sorted(clip.hand_boxes[index].items())]
    thing = clip.object_boxes[index]
    if thing is not None:
        boxes.append(_box(rng, clip, "object_of_change", thing, noun))
    return {
        "frame_number": clip.start_frame + index,
        "frame_type": kind,
        "width": clip.width_px,
        "height": clip.height_px,
        "boxes": boxes,
    }


def _box(rng: np.random.Generator, clip: FilmedClip, kind: str, box: Floats, noun: str | None) -> dict[str, Any]:
    larger = scale_box(box, float(rng.uniform(*_BOX_MARGIN)))
    noisy = larger + rng.normal(0, _BOX_NOISE, 4) * float(np.sqrt(np.prod(box[2:] - box[:2])))
    x0, y0, x1, y1 = np.round(clip_box(noisy, clip.width_px, clip.height_px) + 0.5, 2).tolist()
    return {
        "object_type": kind,
        "structured_noun": noun,
        "instance_number": 1,
        "bbox": {"x": x0, "y": y0, "width": round(x1 - x0, 2), "height": round(y1 - y0, 2)},
    }
