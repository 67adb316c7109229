"""The clips `sampling.py` measures on, which frames of them are wanted, and how many must be decoded for that.

Ten frames of one minute. `runs` is a stretch of the published list (five-frame runs and single critical frames): 150,
192 and 465 frames to decode with a key frame in 30, 128 and 250, where ten neighbours of the list within a minute take
126, 278 and 399 in the median. `scattered` is drawn evenly from the whole minute: the hardest that ten frames can be.
"""

from __future__ import annotations

import bisect
import subprocess
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from hint_tools.media.images import encode_png

WIDTH, HEIGHT, RATE = 1440, 1080, 30
PATTERNS = {
    "runs": (20, 128, 143, 158, 944, 959, 974, 989, 1003, 1311),
    "scattered": (92, 281, 448, 573, 819, 907, 1156, 1279, 1499, 1730),
}
_VP9 = "-c:v libvpx-vp9 -g 128 -crf 18 -b:v 0 -deadline realtime -cpu-used 8"
_H264 = "-c:v libx264 -crf 20 -preset veryfast -bf 3"


@dataclass(frozen=True)
class Recipe:
    """How a clip is coded; `noise` is that of the simulated sensor, and decides the bit rate."""

    codec: str
    noise: int = 2


RECIPES = {
    "vp9-128": Recipe(_VP9),
    "h264-30": Recipe(f"{_H264} -g 30"),
    "h264-250": Recipe(f"{_H264} -g 250"),
    "vp9-128-noisy": Recipe(_VP9, 5),
}
"""Five minutes of Ego4D have 100 to 250 MB: 3 to 7 Mbit/s; these have 4.2, 2.7, 1.2, and the last 34."""


def make_clip(path: Path, recipe: Recipe, seconds: int) -> None:
    """A camera that sways and shakes over a detailed still, with sensor noise."""
    import cv2

    random = np.random.default_rng(1)
    picture = np.zeros((1500, 2000, 3), np.float32)
    for scale in (4, 12, 60, 300):
        small = random.uniform(0, 1, (1500 // scale + 2, 2000 // scale + 2, 3)).astype(np.float32)
        picture += cv2.resize(small, (2000, 1500), interpolation=cv2.INTER_CUBIC) * scale**0.4
    picture = ((picture - picture.min()) / np.ptp(picture) * 255).astype(np.uint8)
    still = path.with_suffix(".png")
    still.write_bytes(encode_png(picture))
    noise = ":".join(f"c{plane}s={recipe.noise}:c{plane}f=t" for plane in range(3))
    view = (
        f"loop=-1:1,crop={WIDTH}:{HEIGHT}:x='280+200*sin(n/40)+8*sin(n*1.3)':y='210+150*sin(n/55)+8*sin(n*1.7)',"
        f"noise={noise},format=yuv420p"
    )
    source = ["-framerate", str(RATE), "-i", str(still), "-vf", view, "-t", str(seconds)]
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", *source, *recipe.codec.split(), str(path)], check=True)
    still.unlink()


def must_decode(clip: Path, wanted: tuple[int, ...]) -> tuple[int, int]:
    """(frames nobody can do without, all frames).

    That is each key-frame group in decoding order up to its last wanted frame, without those of H.264 that are not
    wanted and that nothing refers to (7.4.1: nal_ref_idc equal to 0).
    """
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        h264 = stream.codec_context.name == "h264"
        packets = [(p.pts, p.is_keyframe, h264 and not bytes(p)[4] >> 5 & 3) for p in container.demux(stream) if p.size]
    shown = sorted(p[0] for p in packets)
    wanted_pts = {shown[n] for n in wanted}
    starts = [i for i, p in enumerate(packets) if p[1]]
    places = [i for i, p in enumerate(packets) if p[0] in wanted_pts]
    last = {bisect.bisect_right(starts, i) - 1: i for i in places}
    needed = sum(
        not unreferenced or pts in wanted_pts
        for group, end in last.items()
        for pts, _, unreferenced in packets[starts[group] : end + 1]
    )
    return needed, len(packets)
