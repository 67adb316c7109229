"""Every number that is claimed for sampling, in one run.

    python benchmarks/sampling.py                                   # everything
    python benchmarks/sampling.py extraction difficult table plan   # some of its parts
    python benchmarks/sampling.py extraction --only vp9-128 --rounds 5 --peers /tmp/peers/bin/python

- extraction: ten pictures of a one-minute clip against the official full decode, decord, torchcodec, OpenCV and one
  seek a frame. decord and torchcodec are no part of this project: `--peers` names a Python that has them (and OpenCV).
- difficult: right frame and official bytes on the clips of `tests/media/difficult_clips.py`.
- table: a million candidates over 10,000 videos.
- plan: the published list planned, where it stands beside the checkout.
- remote: bytes fetched of a video in a bucket and at a web server (`sampling_remote.py`).

CPU seconds (user and system, all children, start of the interpreter included) are the measure, the minimum of several
rounds in which the ways take turns; wall time depends on who else uses the machine. FFmpeg 5.1 is compared with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sampling_clips import HEIGHT, PATTERNS, RATE, RECIPES, WIDTH, make_clip, must_decode
from sampling_table import NEAR
from sampling_ways import NEEDS, OURS, OURS_ALONE, WAYS

from hint_tools.media.ffmpeg51 import find_ffmpeg51
from hint_tools.media.images import decode_image, read_image
from hint_tools.media.official import official_pictures
from hint_tools.release.rebuild_plan import decode_work, read_plan

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT.parent / "shared" / "data" / "hint_release" / "ego4d_frame_names.json"
TARGET_CPU, TARGET_BYTES, PLAN_S = 15, 100, 5.0
PICTURE_BYTES = (220e3, 350e3)
"""Of an official picture of 1440 x 1080 to 1920 x 1080."""
NEEDS_FFMPEG = "FFmpeg 5.1 is needed to compare with: apt-get install ffmpeg on Debian 12"


@dataclass(frozen=True)
class Cost:
    """What one way took; `same` of its pictures have the official bytes, `right` show the right frame."""

    cpu_s: float
    start_s: float
    bytes_written: int
    same: int = 0
    right: int = 0


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(command: list[str], folder: Path) -> Cost:
    """What `command` costs, which writes into the fresh folder `folder`."""
    folder.mkdir()
    before = children_cpu_s()
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    cpu = children_cpu_s() - before
    told = said.stdout.split()
    return Cost(cpu, float(told[0]) if told else 0.0, sum(f.stat().st_size for f in folder.iterdir()))


def judged(cost: Cost, folder: Path, official: Path, wanted: tuple[int, ...]) -> Cost:
    """The same with how many pictures are right: nearer to the official one than to those before and after."""
    same = right = 0
    for number in wanted:
        made = folder / f"{number}.jpg"
        if not made.is_file():
            continue
        same += digest(made) == digest(official / f"{number + 1:010d}.jpg")
        pixels = read_image(made).astype(np.int16)
        beside = [n for n in (number, number - 1, number + 1) if (official / f"{n + 1:010d}.jpg").is_file()]
        far = [np.abs(read_image(official / f"{n + 1:010d}.jpg").astype(np.int16) - pixels).mean() for n in beside]
        right += int(np.argmin(far)) == 0
    return replace(cost, same=same, right=right)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ways_here(peers: str) -> dict[str, list[str]]:
    """How to call each way; those whose package is missing are named and left out."""
    found = {}
    for way in WAYS:
        python = peers if way in NEEDS else sys.executable
        if way in NEEDS:
            tried = subprocess.run([python, "-c", f"import {NEEDS[way]}"], capture_output=True, text=True, check=False)
            if tried.returncode:
                why = (tried.stderr.strip().splitlines() or ["no reason told"])[-1]
                print(f"not compared: {way}, it does not run in {python} ({why}); name a Python that has it: --peers")
                continue
        found[way] = [python, str(ROOT / "benchmarks" / "sampling_ways.py"), way]
    return found


def extraction(chosen: argparse.Namespace) -> bool:
    if find_ffmpeg51() is None:
        sys.exit(NEEDS_FFMPEG)
    ways = ways_here(chosen.peers)
    fine = True
    for name in [chosen.only] if chosen.only else RECIPES:
        with tempfile.TemporaryDirectory(dir=chosen.folder) as place:
            fine &= compare(name, chosen, ways, Path(place))
    return fine


def compare(name: str, chosen: argparse.Namespace, ways: dict[str, list[str]], place: Path) -> bool:
    """One clip: every way in turn, `rounds` times."""
    clip = (Path(chosen.folder) if chosen.folder else place) / f"{name}.mp4"
    if not clip.is_file():
        make_clip(clip, RECIPES[name], chosen.seconds)
    official_files = place / "official"
    whole = ["ffmpeg", "-loglevel", "error", "-i", str(clip), "-qscale:v", "1", f"{official_files}/%10d.jpg"]
    alone = ["ffmpeg", "-loglevel", "error", "-threads", "1", "-i", str(clip), "-f", "null", "-"]
    tries = {(p, way): c for p in PATTERNS for way, c in ways.items() if p == "runs" or way == OURS}
    official: list[Cost] = []
    decoding: list[float] = []
    costs: dict[tuple[str, str], list[Cost]] = {}
    for turn in range(chosen.rounds):
        if turn:
            for file in official_files.iterdir():
                file.unlink()
            official_files.rmdir()
        official.append(measured(whole, official_files))
        decoding.append(measured(alone, place / f"null-{turn}").cpu_s)
        for (pattern, way), command in tries.items():
            wanted, folder = PATTERNS[pattern], place / f"{pattern} {way} {turn}"
            cost = measured([*command, str(clip), str(folder), ",".join(map(str, wanted))], folder)
            costs.setdefault((pattern, way), []).append(judged(cost, folder, official_files, wanted))
    reference = min(official, key=lambda c: c.cpu_s)
    least = {key: min(c, key=lambda c: c.cpu_s) for key, c in costs.items()}
    bound = {p: _bound(clip, wanted, min(decoding)) for p, wanted in PATTERNS.items()}
    return _tell(name, clip, reference, least, bound)


def _bound(clip: Path, wanted: tuple[int, ...], decoding_s: float) -> tuple[int, int, float]:
    """(frames to decode, all frames, CPU of decoding just those at FFmpeg 5.1's mean cost of a frame)."""
    needed, of = must_decode(clip, wanted)
    return needed, of, decoding_s * needed / of


def _tell(
    name: str, clip: Path, official: Cost, costs: dict[tuple[str, str], Cost], bound: dict[str, tuple[int, int, float]]
) -> bool:
    megabits = clip.stat().st_size * 8e-6 * RATE / bound["runs"][1]
    print(f"\n{name}, {WIDTH} x {HEIGHT}, {bound['runs'][1]} frames, {megabits:.1f} Mbit/s, ten pictures")
    print(f"  {'':36}{'CPU s':>8}{'start':>7}{'ratio':>7}{'MB':>8}  right bytes")
    print(f"  {'official command':36}{official.cpu_s:8.2f}{'':7}{1:7.1f}{official.bytes_written / 1e6:8.1f}  all   all")
    for (pattern, way), cost in costs.items():
        label = way if pattern == "runs" else f"{way} ({pattern})"
        print(
            f"  {label:36}{cost.cpu_s:8.2f}{cost.start_s:7.2f}{official.cpu_s / cost.cpu_s:7.1f}"
            f"{cost.bytes_written / 1e6:8.2f}  {cost.right:5} {cost.same:5}"
        )
    for pattern, (needed, of, least_s) in bound.items():
        at_most = f"at least {least_s:.2f} CPU-s, at most {official.cpu_s / least_s:.1f} times less"
        print(f"  {pattern}: {needed} of {of} frames must be decoded: {at_most}")
    mine = costs["runs", OURS]
    others = [c for (p, w), c in costs.items() if p == "runs" and w not in (OURS, OURS_ALONE)]
    n = len(PATTERNS["runs"])
    reached = {
        f"at least {TARGET_CPU} times less CPU": official.cpu_s >= TARGET_CPU * mine.cpu_s,
        f"at most 1/{TARGET_BYTES} of the bytes": mine.bytes_written * TARGET_BYTES <= official.bytes_written,
        "the official bytes": all(costs[p, OURS].same == n for p in PATTERNS),
        "never more CPU than another way": all(mine.cpu_s <= other.cpu_s for other in others),
    }
    for target, good in reached.items():
        print(f"  {'reached' if good else 'MISSED'}: {target}")
    sys.stdout.flush()
    return all(reached.values())


def difficult(_: argparse.Namespace) -> bool:
    """Every picture of every difficult clip against the official command's files, with FFmpeg 5.1 and without."""
    sys.path.insert(0, str(ROOT / "tests" / "media"))
    from difficult_clips import IRREGULAR, REGULAR

    ffmpeg, fine = find_ffmpeg51(), True
    if ffmpeg is None:
        sys.exit(NEEDS_FFMPEG)
    print(f"\n{'difficult clip':20}{'pictures':>9}{'same bytes':>12}{'same pixels without':>21}  way")
    for name, make in {**REGULAR, **IRREGULAR}.items():
        with tempfile.TemporaryDirectory() as place:
            clip, folder = make(Path(place)), Path(place) / "official"
            folder.mkdir()
            command = ["ffmpeg", "-loglevel", "error", "-i", clip, "-qscale:v", "1", folder / "%10d.jpg"]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
            files = sorted(folder.iterdir())
            lost: dict[int, str] = {}
            made = list(official_pictures(clip, range(len(files)), ffmpeg=ffmpeg, on_missing=lost.__setitem__))
            same = sum(p.data == files[p.number].read_bytes() for p in made)
            alone = list(official_pictures(clip, range(len(files)), ffmpeg=None, on_missing=lost.__setitem__))
            equal = sum((decode_image(p.data, name) == read_image(files[p.number])).all() for p in alone)
            assert equal == len(alone)  # refused, or right
            said = "refused" if not alone else equal
            ways = ", ".join(sorted({p.way.value for p in made}))
            print(f"{name:20}{len(files):9}{same:12}{said:>21}  {ways}")
            fine &= same == len(files)
    print(f"{'reached' if fine else 'MISSED'}: right frame and official bytes on all of them", flush=True)
    return fine


def table(_: argparse.Namespace) -> bool:
    """A million candidates, in a process of its own: its peak memory is then its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / "sampling_table.py")]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(said.stdout)
    print(f"\n{told['rows']:,} candidates over {told['videos']:,} videos, {told['drawn']:,} drawn")
    print("  " + ", ".join(f"{part} {seconds:.1f} s" for part, seconds in told["seconds"].items()))
    sizes = told["near_duplicate_seconds_by_rows"] | {str(told["rows"]): told["seconds"][NEAR]}
    print("  near-duplicates among " + ", ".join(f"{int(n):,} hashes {s:.1f} s" for n, s in sizes.items()))
    good = "reached" if told["fine"] else "MISSED"
    size = f"{told['peak_gib']} GiB of {told['limit_gib']:.0f}"
    print(f"  {good}: {told['total_s']} s of {told['limit_s']:.0f}, {size}", flush=True)
    return bool(told["fine"])


def plan(_: argparse.Namespace) -> bool:
    """The published list, planned."""
    if not LIST.is_file():
        print(f"\nnot planned: {LIST} is not here")
        return True
    start = time.perf_counter()
    listed = read_plan(LIST)
    work = {distance: decode_work(listed, distance) for distance in (30, 128, 250)}
    spent = time.perf_counter() - start
    low, high = (listed.n_pictures * size / 1e9 for size in PICTURE_BYTES)
    size = f"{listed.n_pictures:,} pictures of {listed.n_frames:,} frames in {len(listed.clips)} clips"
    print(f"\nthe published list: {size}")
    for distance, (groups, frames) in work.items():
        print(f"  key frame in {distance}: {groups:,} groups, {frames:,} frames to decode")
    print(f"  {low:.1f} to {high:.1f} GB to write")
    print(f"  {'reached' if spent <= PLAN_S else 'MISSED'}: planned in {spent:.2f} s of {PLAN_S:.0f}", flush=True)
    return spent <= PLAN_S


def remote(chosen: argparse.Namespace) -> bool:
    """Bytes fetched of videos at a URL, in processes of its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / "sampling_remote.py")]
    command += ["--folder", chosen.folder] if chosen.folder else []
    return subprocess.run(command, check=False).returncode == 0


PARTS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "extraction": extraction, "difficult": difficult, "table": table, "plan": plan, "remote": remote,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all of them")
    parser.add_argument("--only", choices=sorted(RECIPES), help="one clip of the extraction")
    parser.add_argument("--seconds", type=int, default=60, help="length of the clips")
    parser.add_argument("--rounds", type=int, default=3, help="how often every way has its turn")
    parser.add_argument("--peers", default=sys.executable, help="a Python with decord, torchcodec and OpenCV")
    parser.add_argument("--folder", help="where clips are kept from run to run")
    chosen = parser.parse_args()
    results = [PARTS[part](chosen) for part in chosen.parts or PARTS]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
