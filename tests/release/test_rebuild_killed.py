"""Rebuilds killed at any moment: the same command ends with the same tree, and nothing torn or strange in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from published_world import GOLDEN, OFFICIAL, World, make_world

from hint_tools.media.images import pixel_sha256, read_image

HINT = Path(sys.executable).with_name("hint")
N_CLIPS, FRAMES = 24, (0, 17, 59)


def many_clips(root: Path) -> World:
    world = make_world(root)
    names = []
    for number in range(N_CLIPS):
        uid = f"{number:08x}-1111-4111-8111-111111111111"
        shutil.copyfile(GOLDEN / "clip.mp4", world.clips / f"{uid}.mp4")
        names += [f"{uid}_{uid}_{frame}_pre_frame_l.jpg" for frame in FRAMES]
    world.frames.write_text(json.dumps({"TRAIN_ego4d_img": names}))
    return world


@pytest.mark.slow
def test_a_rebuild_killed_again_and_again_ends_with_the_same_tree(tmp_path: Path) -> None:
    world = many_clips(tmp_path)
    command = [HINT, "release", "rebuild", "--partial", world.tree, "--frames", world.frames, "--clips", world.clips]
    command += ["--workers", "1", "--json"]
    environment = os.environ | {"HINT_FFMPEG": "/bin/false"}  # with or without FFmpeg 5.1, the same on every machine
    half_done = set()
    for _ in range(3):
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            before, deadline = len(list(world.tree.rglob("*.jpg"))), time.monotonic() + 60
            while len(list(world.tree.rglob("*.jpg"))) < before + 7 and time.monotonic() < deadline:
                time.sleep(0.002)
            process.kill()
        half_done.add(len(list(world.tree.rglob("*.jpg"))))
    assert all(7 < n < N_CLIPS * len(FRAMES) for n in half_done)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)["counts"]
    assert told["in the tree now"] == N_CLIPS * len(FRAMES)
    assert told["written by this run"] < N_CLIPS * len(FRAMES) - 3 * 6
    for path in world.tree.glob("TRAIN_ego4d_img/*_pre_frame_l.jpg"):
        assert pixel_sha256(read_image(path)) == OFFICIAL[int(path.name.split("_")[2])]["pixel_sha256"]
    assert not [p for p in world.tree.rglob("*") if p.name.startswith(".")]
