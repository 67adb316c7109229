"""Sources for `hint sample`: a folder of anything, and an Ego4D download with really encoded clips."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from coded_video import HEIGHT, WIDTH, write_video
from PIL import Image

from hint_tools.media.images import encode_jpeg, encode_png
from hint_tools.store.project import Project, create_project

CLIPS = {f"clip-{v}{k}": f"video-{v}" for v in "abcd" for k in (1, 2)}
KINDS = {"pre_45": 5, "pre_30": 20, "pre_15": 35, "pre_frame": 50, "pnr_frame": 55, "post_frame": 70}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create_project(tmp_path / "project", "round1")


def photo(number: int) -> np.ndarray:
    y, x = np.mgrid[0:60, 0:80]
    return np.stack([x * 3, y * 4, np.full_like(x, number * 40 % 256)], axis=2).astype(np.uint8)


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good pictures of several kinds, two films, one corrupt JPEG, one film cut off, one text file."""
    root = tmp_path_factory.mktemp("footage")
    for place in ("a/1.jpg", "a/2.png", "b/c/3.jpg", "b/turned.jpg", "b/corrupt.jpg"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / "a" / "1.jpg").write_bytes(encode_jpeg(photo(1), quality=77))
    (root / "a" / "2.png").write_bytes(encode_png(photo(2)))
    (root / "b" / "c" / "3.jpg").write_bytes(encode_jpeg(photo(3)))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(4)).save(root / "b" / "turned.jpg", quality=95, exif=exif)
    (root / "b" / "corrupt.jpg").write_bytes(encode_jpeg(photo(5))[:700])
    (root / "notes.txt").write_text("not a picture")
    (root / "films").mkdir()
    write_video(root / "films" / "one.mp4", 120)
    write_video(root / "films" / "two.mkv", 90, options={"bf": "3", "g": "30"})
    cut = write_video(root / "films" / "cut.mp4", 120, options={"bf": "3", "g": "30"}, fast_start=True)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    return root


def narrated(clip: str, number: int) -> dict[str, Any]:
    start = 12 * number
    in_clip = {kind: start + offset for kind, offset in KINDS.items()}
    boxes = [
        {"object_type": side, "bbox": {"x": x + number, "y": 40.0, "width": 50.5, "height": 44.0}}
        for side, x in (("left_hand", 10.0), ("right_hand", 100.0))
    ]
    frames = [
        {"frame_number": n + 500, "frame_type": kind, "width": WIDTH, "height": HEIGHT, "boxes": boxes}
        for kind, n in in_clip.items()
    ]
    return {
        "uid": f"{clip}-act{number}",
        "is_valid_action": True,
        "is_rejected": False,
        "is_invalid_annotation": False,
        "critical_frames": {k: n + 500 for k, n in in_clip.items()},
        "clip_critical_frames": in_clip,
        "frames": frames,
    }


@pytest.fixture(scope="session")
def ego4d(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos of two clips each, five actions a clip; two videos show the same person."""
    root = tmp_path_factory.mktemp("ego4d_data")
    (root / "v2" / "clips").mkdir(parents=True)
    (root / "v2" / "annotations").mkdir()
    for clip in CLIPS:
        write_video(root / "v2" / "clips" / f"{clip}.mp4", 130, options={"bf": "3", "g": "50"})
    videos = [
        {
            "video_uid": video,
            "video_metadata": {"fps": 30.0, "width": WIDTH, "height": HEIGHT},
            "annotated_intervals": [
                {"clip_uid": c, "redacted": False, "narrated_actions": [narrated(c, k) for k in range(5)]}
                for c, v in CLIPS.items()
                if v == video
            ],
        }
        for video in sorted(set(CLIPS.values()))
    ]
    (root / "v2" / "annotations" / "fho_main.json").write_text(json.dumps({"version": "2.0", "videos": videos}))
    people = [{"video_uid": f"video-{v}", "fb_participant_id": {"a": 1, "b": 1, "c": 2}.get(v)} for v in "abcd"]
    (root / "ego4d.json").write_text(json.dumps({"videos": people, "clips": []}))
    return root
