"""Ego4D's own `ego4d.json` for clips of ours: every video and clip with its metadata, in the documented schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hint_tools.synth.fho_annotations import FilmedClip, video_metadata
from hint_tools.synth.video import FPS


def ego4d_json(clips: Sequence[FilmedClip]) -> dict[str, Any]:
    """The content of `ego4d.json`: every video and clip with its metadata."""
    videos = []
    for video_uid in sorted({c.video_uid for c in clips}):
        of_video = [c for c in clips if c.video_uid == video_uid]
        meta = video_metadata(of_video)
        videos.append(
            {
                "video_uid": video_uid,
                "duration_sec": meta["duration_sec"],
                "scenarios": ["Cooking"],
                "video_metadata": {
                    "fps": meta["fps"],
                    "num_frames": meta["num_frames"],
                    "video_codec": "h264",
                    "display_resolution_width": meta["width"],
                    "display_resolution_height": meta["height"],
                    "sample_resolution_width": meta["width"],
                    "sample_resolution_height": meta["height"],
                    "video_start_sec": 0.0,
                    "video_start_pts": 0,
                },
                "split_em": None,
                "split_av": None,
                "split_fho": "train",
                "video_source": "synthetic",
                "device": "none",
                "fb_participant_id": of_video[0].participant,
                "is_stereo": False,
                "has_redacted_regions": False,
                "redacted_intervals": [],
                "video_components": [],
            }
        )
    listed = [_clip_entry(c) for c in sorted(clips, key=lambda c: c.clip_uid)]
    return {"videos": videos, "clips": listed, "concurrent_video_sets": [], "physical_settings": [], "version": "v2"}


def _clip_entry(clip: FilmedClip) -> dict[str, Any]:
    end = clip.start_frame + clip.n_frames
    return {
        "clip_uid": clip.clip_uid,
        "video_uid": clip.video_uid,
        "video_start_sec": clip.start_frame / FPS,
        "video_end_sec": end / FPS,
        "video_start_frame": clip.start_frame,
        "video_end_frame": end,
        "clip_metadata": {
            "fps": float(FPS),
            "num_frames": clip.n_frames,
            "display_resolution_width": clip.width_px,
            "display_resolution_height": clip.height_px,
        },
        "s3_path": "",
    }
