"""What several workers gain when frames are sampled, and what a remote root costs: same run, alternating.

    python benchmarks/engines.py [--films 6] [--seconds 20] [--rounds 2] [--ray]

Makes films of 1440 x 1080, samples a frame a second of each with one worker, with two, with Ray's two tasks, and from a
web server on this machine, and compares every byte. Wall time is the measure, so the machine should have nothing else
to do; CPU time of all processes is printed beside it.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "store"))
from file_server import Ranged, served

HINT = Path(sys.executable).with_name("hint")
GENERATED = "testsrc2=size=1440x1080:rate=30,noise=alls=6:allf=t"


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float
    driver_mib: float


def make_films(folder: Path, n: int, seconds: int) -> int:
    """Films of one content under several names; their bytes together."""
    folder.mkdir()
    first = folder / "film-00.mp4"
    command = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", GENERATED, "-t", str(seconds)]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-g", "60", "-pix_fmt", "yuv420p", first]
    subprocess.run(command, check=True)
    for number in range(1, n):
        shutil.copyfile(first, folder / f"film-{number:02}.mp4")
    return n * first.stat().st_size


def sample(project: Path, root: str, *more: str) -> Cost:
    """Sample into a fresh project."""
    subprocess.run([HINT, "init", project], check=True, stdout=subprocess.DEVNULL)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [HINT, "sample", "--project", project, "--source", "folder", "--root", root, *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        peak = [0.0]
        threading.Thread(target=watch, args=(child, peak), daemon=True).start()
        child.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - start, cpu, peak[0])


def watch(child: subprocess.Popen[bytes], peak: list[float]) -> None:
    """The most memory the first process took, in MiB."""
    while child.poll() is None:
        try:
            said = Path(f"/proc/{child.pid}/status").read_text()
        except OSError:
            return
        if found := re.search(r"VmHWM:\s+(\d+) kB", said):
            peak[0] = max(peak[0], int(found[1]) / 1024)
        time.sleep(0.2)


def same(one: Path, other: Path) -> bool:
    """Whether two projects hold the same tables and pictures."""
    files = [
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.suffix in (".parquet", ".jpg")}
        for root in (one, other)
    ]
    return files[0] == files[1]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ray", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        n_bytes = make_films(base / "films", chosen.films, chosen.seconds)
        print(f"{chosen.films} films of {chosen.seconds} s, {n_bytes / 1e6:.0f} MB, a frame a second")
        ways = {"1 worker": ("--workers", "1"), "2 workers": ("--workers", "2")}
        ways |= {"ray, 2 tasks": ("--workers", "2", "--engine", "ray")} if chosen.ray else {}
        best: dict[str, float] = {}
        for number in range(chosen.rounds):
            for name, more in ways.items():
                project = base / f"{number} {name}"
                cost = sample(project, str(base / "films"), *more)
                best[name] = min(best.get(name, cost.wall_s), cost.wall_s)
                equal = same(base / "0 1 worker", project)
                print(
                    f"{name:14} {cost.wall_s:6.1f} s  CPU {cost.cpu_s:6.1f} s  {cost.driver_mib:5.0f} MiB  same {equal}"
                )
        print(f"2 workers are {best['1 worker'] / best['2 workers']:.2f} times as fast as 1 (best of {chosen.rounds})")
        with served(base / "films") as server:
            for keep in ((), ("--keep",)):
                Ranged.sent = 0
                cost = sample(base / f"remote{len(keep)}", server.url, "--workers", "2", *keep)
                equal = same(base / "0 1 worker", base / f"remote{len(keep)}")
                fetched = f"fetched {Ranged.sent / n_bytes:.2f} times"
                print(f"remote {' '.join(keep):7} {cost.wall_s:6.1f} s  {fetched}  same {equal}", flush=True)


if __name__ == "__main__":
    main()
