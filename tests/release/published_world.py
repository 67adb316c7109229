"""A little HInt as its authors hand it out, and the Ego4D clips its missing pictures come from.

Every clip is the golden clip of tests/media, so what FFmpeg 5.1 makes of each frame is known on every machine.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hint_tools.core.records import Visibility
from hint_tools.formats import hint_json
from hint_tools.media.images import encode_jpeg

GOLDEN = Path(__file__).parents[1] / "media" / "golden"
OFFICIAL = {int(k): v for k, v in json.loads((GOLDEN / "official.json").read_text()).items()}
WIDTH, HEIGHT = 192, 112
UIDS = tuple(f"{n:08x}-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
ACTION = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
LIST = {
    "TRAIN_ego4d_img": [
        f"{UIDS[0]}_{ACTION}_0_pre_45_l.jpg",
        f"{UIDS[0]}_{ACTION}_17_pnr_frame_r.jpg",
        f"{UIDS[1]}_{ACTION}_59_post_frame_r.jpg",
    ],
    "TEST_ego4d_img": [f"{UIDS[2]}_{ACTION}_31_contact_frame_l.jpg"],
    "TEST_ego4d_seq": [f"{UIDS[2]}_{ACTION}_31_pre_frame_l.jpg", f"{UIDS[2]}_{ACTION}_1_pre_15_r.jpg"],
}
EXPECTED = {"TRAIN_ego4d_img": 3, "TEST_ego4d_img": 1, "TEST_ego4d_seq": 2, "TRAIN_newdays_img": 1}


@dataclass(frozen=True)
class World:
    tree: Path
    frames: Path
    clips: Path

    @property
    def work(self) -> Path:
        return self.tree.with_name(self.tree.name + ".rebuild")


def frame_of(name: str) -> int:
    """The number a file's name holds."""
    return int(name.split("_")[2])


def hand() -> bytes:
    return hint_json.encode(
        hint_json.HintAnnotation(
            box=np.array([10.0, 10, 60, 50]),
            keypoints=np.tile([20.0, 30], (21, 1)),
            visibility=np.full(21, int(Visibility.VISIBLE)),
        )
    )


def make_world(root: Path) -> World:
    world = World(root / "HInt_annotation_partial", root / "ego4d_frame_names.json", root / "ego4d" / "v1" / "clips")
    for folder, names in LIST.items():
        (world.tree / folder).mkdir(parents=True)
        for name in names:
            (world.tree / folder / name).with_suffix(".json").write_bytes(hand())
    newdays = world.tree / "TRAIN_newdays_img"
    newdays.mkdir()
    (newdays / "ND__xGfgKCYT7A_frame005751_l.json").write_bytes(hand())
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    (newdays / "ND__xGfgKCYT7A_frame005751_l.jpg").write_bytes(encode_jpeg(grey))
    world.frames.write_text(json.dumps(LIST))
    world.clips.mkdir(parents=True)
    for uid in UIDS:
        shutil.copyfile(GOLDEN / "clip.mp4", world.clips / f"{uid}.mp4")
    return world
