"""What ten pictures of a one-minute clip cost, against the official full decode, OpenCV and one seek a frame.

Run where FFmpeg 5.1 is installed: python benchmarks/extraction.py [--seconds 60] [--only vp9-128]

CPU seconds (user and system, all children, start of the interpreter included) are the measure; wall time depends on
who else uses the machine. Targets: at least 15 times less CPU than the official command, at most 1/100 of the bytes
written, never more CPU than the others, every picture with the official bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hint_tools.media.ffmpeg51 import Ffmpeg51, find_ffmpeg51
from hint_tools.media.images import encode_png
from hint_tools.media.official import Way, official_pictures

WANTED = (20, 128, 143, 158, 944, 959, 974, 989, 1003, 1311)
"""Frames of one clip in the access pattern of the published list: five-frame runs and single critical frames."""
CODECS = {
    "vp9-128": [
        "-c:v",
        "libvpx-vp9",
        "-g",
        "128",
        "-crf",
        "18",
        "-b:v",
        "0",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
    ],
    "h264-30": ["-c:v", "libx264", "-g", "30", "-crf", "20", "-preset", "veryfast", "-bf", "3"],
    "h264-250": ["-c:v", "libx264", "-g", "250", "-crf", "20", "-preset", "veryfast", "-bf", "3"],
}
WIDTH, HEIGHT, RATE = 1440, 1080, 30
NOISE = 2
"""Of the simulated sensor: a five-minute clip of Ego4D has 100 to 250 MB."""
TARGET_CPU, TARGET_BYTES = 15, 100


@dataclass(frozen=True)
class Cost:
    """What one way took, and how many of its pictures have the official bytes."""

    cpu_s: float
    wall_s: float
    bytes_written: int
    same: int


def make_clip(path: Path, codec: str, seconds: int) -> None:
    """A camera that sways and shakes over a detailed still; noise for about the bit rate of Ego4D's clips."""
    import cv2

    random = np.random.default_rng(1)
    picture = np.zeros((1500, 2000, 3), np.float32)
    for scale in (4, 12, 60, 300):
        small = random.uniform(0, 1, (1500 // scale + 2, 2000 // scale + 2, 3)).astype(np.float32)
        picture += cv2.resize(small, (2000, 1500), interpolation=cv2.INTER_CUBIC) * scale**0.4
    picture = ((picture - picture.min()) / np.ptp(picture) * 255).astype(np.uint8)
    still = path.with_suffix(".png")
    still.write_bytes(encode_png(picture))
    view = (
        f"crop={WIDTH}:{HEIGHT}:x='280+200*sin(n/40)+8*sin(n*1.3)':y='210+150*sin(n/55)+8*sin(n*1.7)',"
        f"noise=c0s={NOISE}:c0f=t:c1s={NOISE}:c1f=t:c2s={NOISE}:c2f=t,format=yuv420p"
    )
    source = ["-loop", "1", "-framerate", str(RATE), "-i", still, "-vf", view, "-t", str(seconds)]
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", *source, *CODECS[codec], path], check=True)


def measured(work: Callable[[Path], None], folder: Path, official: dict[int, str]) -> Cost:
    """What `work` costs; it writes `<number>.jpg` into a fresh folder."""
    folder.mkdir()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work(folder)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    files = list(folder.iterdir())
    same = sum(
        hashlib.sha256((folder / f"{n}.jpg").read_bytes()).hexdigest() == digest
        for n, digest in official.items()
        if (folder / f"{n}.jpg").is_file()
    )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, sum(f.stat().st_size for f in files), same)


def by_itself(way: str, clip: Path, folder: Path) -> None:
    """One of the ways below in a process of its own."""
    subprocess.run([sys.executable, __file__, "--way", way, "--clip", clip, "--out", folder], check=True)


def ours(clip: Path, folder: Path, ffmpeg: Ffmpeg51 | None) -> None:
    for picture in official_pictures(clip, WANTED, ffmpeg=ffmpeg, on_missing=lambda _n, why: sys.exit(why)):
        assert picture.way in (Way.GROUPS, Way.PIXELS)
        (folder / f"{picture.number}.jpg").write_bytes(picture.data)


def opencv_seek(clip: Path, folder: Path) -> None:
    import cv2

    video = cv2.VideoCapture(str(clip))
    for number in WANTED:
        video.set(cv2.CAP_PROP_POS_FRAMES, number)
        cv2.imwrite(str(folder / f"{number}.jpg"), video.read()[1], [cv2.IMWRITE_JPEG_QUALITY, 98])


def opencv_grab(clip: Path, folder: Path) -> None:
    import cv2

    video = cv2.VideoCapture(str(clip))
    for number in range(WANTED[-1] + 1):
        video.grab()
        if number in WANTED:
            cv2.imwrite(str(folder / f"{number}.jpg"), video.retrieve()[1], [cv2.IMWRITE_JPEG_QUALITY, 98])


def seek_each(clip: Path, folder: Path) -> None:
    for number in WANTED:
        place = ["-ss", f"{(number - 0.5) / RATE:.6f}", "-i", clip, "-frames:v", "1", "-qscale:v", "1"]
        subprocess.run(["ffmpeg", "-loglevel", "error", *place, folder / f"{number}.jpg"], check=True)


def official_command(clip: Path, folder: Path) -> None:
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", clip, "-qscale:v", "1", folder / "%10d.jpg"], check=True)


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "hint, with FFmpeg 5.1": lambda clip, folder: ours(clip, folder, find_ffmpeg51()),
    "hint, without": lambda clip, folder: ours(clip, folder, None),
    "OpenCV, seek": opencv_seek,
    "OpenCV, grab all": opencv_grab,
}


def compare(name: str, seconds: int, root: Path) -> bool:
    clip = root / f"{name}.mp4"
    make_clip(clip, name, seconds)
    print(f"\n{name}, {WIDTH} x {HEIGHT}, {seconds} s, {clip.stat().st_size / 1e6:.0f} MB, {len(WANTED)} pictures")
    folder = root / f"{name}-official"
    reference = measured(lambda f: official_command(clip, f), folder, {})
    files = {n: folder / f"{n + 1:010d}.jpg" for n in WANTED}
    digests = {n: hashlib.sha256(f.read_bytes()).hexdigest() for n, f in files.items()}
    rows = {"official command": reference}
    for place, way in enumerate(WAYS):
        rows[way] = measured(lambda f, way=way: by_itself(way, clip, f), root / f"{name}-{place}", digests)
    rows["ffmpeg -ss, one a frame"] = measured(lambda f: seek_each(clip, f), root / f"{name}-ss", digests)
    print(f"  {'':26}{'CPU s':>8}{'ratio':>8}{'wall s':>8}{'MB':>8}  same bytes")
    for way, cost in rows.items():
        same = "all" if cost is reference else f"{cost.same} of {len(WANTED)}"
        ratio = reference.cpu_s / cost.cpu_s
        print(f"  {way:26}{cost.cpu_s:8.2f}{ratio:8.1f}{cost.wall_s:8.1f}{cost.bytes_written / 1e6:8.1f}  {same}")
    mine, others = rows["hint, with FFmpeg 5.1"], [rows[w] for w in rows if not w.startswith("hint")]
    reached = {
        f"at least {TARGET_CPU} times less CPU": reference.cpu_s >= TARGET_CPU * mine.cpu_s,
        f"at most 1/{TARGET_BYTES} of the bytes": mine.bytes_written * TARGET_BYTES <= reference.bytes_written,
        "the official bytes": mine.same == len(WANTED),
        "least CPU of all": all(mine.cpu_s <= other.cpu_s for other in others),
    }
    for target, good in reached.items():
        print(f"  {'reached' if good else 'MISSED'}: {target}")
    return all(reached.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=sorted(CODECS))
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        WAYS[chosen.way](chosen.clip, chosen.out)
        return
    if find_ffmpeg51() is None:
        sys.exit("FFmpeg 5.1 is needed to compare with: apt-get install ffmpeg on Debian 12")
    with tempfile.TemporaryDirectory() as folder:
        results = [compare(name, chosen.seconds, Path(folder)) for name in ([chosen.only] if chosen.only else CODECS)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
