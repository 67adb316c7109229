"""Ways to get some frames of a video as JPEGs, each to be run as a process of its own by `sampling.py`.

    python benchmarks/sampling_ways.py WAY CLIP FOLDER 20,128,143

Writes `FOLDER/<number>.jpg`; prints the CPU seconds that went by until the imports were done. Nothing is imported here
that a way does not need.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

RATE = 30
_QUALITY = 98
"""OpenCV's JPEGs are then about as large as the official ones."""


def _ready() -> None:
    print(f"{time.process_time():.3f}", flush=True)


def _ours(clip: Path, folder: Path, wanted: list[int], *, with_ffmpeg: bool) -> None:
    from hint_tools.media.ffmpeg51 import find_ffmpeg51
    from hint_tools.media.official import Way, official_pictures

    _ready()
    ffmpeg = find_ffmpeg51() if with_ffmpeg else None
    for picture in official_pictures(clip, wanted, ffmpeg=ffmpeg, on_missing=lambda _n, why: sys.exit(why)):
        assert picture.way in (Way.GROUPS, Way.PIXELS)
        (folder / f"{picture.number}.jpg").write_bytes(picture.data)


def _with_ffmpeg(clip: Path, folder: Path, wanted: list[int]) -> None:
    _ours(clip, folder, wanted, with_ffmpeg=True)


def _without_ffmpeg(clip: Path, folder: Path, wanted: list[int]) -> None:
    _ours(clip, folder, wanted, with_ffmpeg=False)


def _opencv_seek(clip: Path, folder: Path, wanted: list[int]) -> None:
    import cv2

    _ready()
    video = cv2.VideoCapture(str(clip))
    for number in wanted:
        video.set(cv2.CAP_PROP_POS_FRAMES, number)
        cv2.imwrite(str(folder / f"{number}.jpg"), video.read()[1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _opencv_grab(clip: Path, folder: Path, wanted: list[int]) -> None:
    import cv2

    _ready()
    video = cv2.VideoCapture(str(clip))
    for number in range(wanted[-1] + 1):
        video.grab()
        if number in wanted:
            cv2.imwrite(str(folder / f"{number}.jpg"), video.retrieve()[1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _decord(clip: Path, folder: Path, wanted: list[int]) -> None:
    import cv2
    import decord

    _ready()
    reader = decord.VideoReader(str(clip), num_threads=1)
    for number, rgb in zip(wanted, reader.get_batch(wanted).asnumpy(), strict=True):
        cv2.imwrite(str(folder / f"{number}.jpg"), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _torchcodec(clip: Path, folder: Path, wanted: list[int], mode: str = "exact") -> None:
    import cv2
    from torchcodec.decoders import VideoDecoder

    _ready()
    decoder = VideoDecoder(str(clip), dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode=mode)
    for number, rgb in zip(wanted, decoder.get_frames_at(wanted).data.numpy(), strict=True):
        cv2.imwrite(str(folder / f"{number}.jpg"), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _torchcodec_approximate(clip: Path, folder: Path, wanted: list[int]) -> None:
    _torchcodec(clip, folder, wanted, "approximate")


def _seek_each(clip: Path, folder: Path, wanted: list[int]) -> None:
    _ready()
    for number in wanted:
        place = ["-ss", f"{(number - 0.5) / RATE:.6f}", "-i", clip, "-frames:v", "1", "-qscale:v", "1"]
        subprocess.run(["ffmpeg", "-loglevel", "error", *place, folder / f"{number}.jpg"], check=True)


OURS, OURS_ALONE = "hint, with FFmpeg 5.1", "hint, without"
WAYS: dict[str, Callable[[Path, Path, list[int]], None]] = {
    OURS: _with_ffmpeg,
    OURS_ALONE: _without_ffmpeg,
    "decord": _decord,
    "torchcodec": _torchcodec,
    "torchcodec, approximate": _torchcodec_approximate,
    "OpenCV, seeking": _opencv_seek,
    "OpenCV, grabbing all": _opencv_grab,
    "ffmpeg -ss, one a frame": _seek_each,
}
NEEDS = {"decord": "decord", "torchcodec": "torchcodec", "torchcodec, approximate": "torchcodec.decoders"}
"""Packages that are no part of this project."""

if __name__ == "__main__":
    way, clip_path, out, numbers = sys.argv[1:]
    WAYS[way](Path(clip_path), Path(out), [int(n) for n in numbers.split(",")])
