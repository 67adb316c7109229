"""What is fetched of a video in a bucket for some of its frames: parts of it, against the whole file.

    python benchmarks/sampling_remote.py [--folder CLIPS] [--rounds 2]

A real S3 server (moto's) and a plain web server, both on the loopback address, reached through a proxy that counts
bytes and requests. The clip has five minutes: the one-minute clip of `sampling_clips.py`, five times. Each way is a
process of its own: `parts` as hint-tools reads remote videos, `whole` fetches all of it and reads every packet. Every
frame is compared with the local file's.
Needs s3fs and moto (`pip install "hint-tools[s3]" "moto[server]"`).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import logging
import os
import resource
import select
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import fmean

from sampling_clips import PATTERNS, RATE, RECIPES, make_clip

MINUTES = 5
WANTED = {
    "ten of one minute, in runs": PATTERNS["runs"],
    "ten of five minutes": tuple(MINUTES * n for n in PATTERNS["scattered"]),
    "one every ten seconds": tuple(range(RATE * 4, MINUTES * 60 * RATE, RATE * 10)),
    "none, counted only": (),
}
WAYS = ("parts", "whole")
LISTED, MEASURED = ["vp9-128", "h264-30", "h264-250"], ["vp9-128", "h264-30"]
MOST_HELD = 3
"""Pictures the decoder of these clips holds back."""
ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT.parent / "shared" / "data" / "hint_release" / "ego4d_frame_names.json"
_BLOCK = 1 << 16


class Proxy(socketserver.ThreadingTCPServer):
    """Passes connections on to a server and counts what it sends back."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = target
        self.received = self.requests = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, data: bytes, *, answer: bool) -> None:
        """These bytes went by, to the server or as its answer."""
        with self.lock:
            if answer:
                self.received += len(data)
            else:
                self.requests += data.startswith((b"GET ", b"HEAD "))


class _Passing(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as far:
            ends = {self.request: far, far: self.request}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(_BLOCK)
                    if not data:
                        return
                    self.server.count(data, answer=end is far)
                    ends[end].sendall(data)


def one_way(way: str, url: str, wanted: list[int]) -> dict[str, object]:
    """What a process of its own does: the frames' digests, wall and CPU seconds."""
    from hint_tools.media.video import probe, read_frames
    from hint_tools.media.video_decode import decoded_frames, open_video
    from hint_tools.store.fetch import Cache, local_file, ranged_file
    from hint_tools.store.remote import RemotePath, source_path

    start, found = time.perf_counter(), {}
    with tempfile.TemporaryDirectory() as place:
        file = source_path(url, Path(place))
        cache = Cache(Path(place), 1 << 40)
        if way == "parts":
            with ranged_file(file, cache) as video:
                frames = read_frames(video, wanted) if wanted else iter(())
                count = 0 if wanted else probe(video).n_frames
                found = {n: hashlib.sha256(rgb.tobytes()).hexdigest() for n, rgb in frames}
        else:
            with local_file(file, cache) as path, open_video(path, by_tables=False) as opened:
                count = 0 if wanted else len(opened.index.pts)
                for n, frame in decoded_frames(opened, wanted, lambda _n, why: sys.exit(why)):
                    found[n] = hashlib.sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest()
        remote = isinstance(file, RemotePath)
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.perf_counter() - start
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "frames": found, "count": count, "remote": remote}


def run_way(way: str, url: str, wanted: tuple[int, ...]) -> dict[str, object]:
    command = [sys.executable, __file__, "--way", way, url, ",".join(map(str, wanted))]
    told: dict[str, object] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def long_clip(name: str, folder: Path) -> Path:
    """A clip of `MINUTES` minutes."""
    minute, path = folder / f"{name}.mp4", folder / f"{name}-{MINUTES}-minutes.mp4"
    if not minute.is_file():
        make_clip(minute, RECIPES[name], 60)
    if not path.is_file():
        listed = path.with_suffix(".txt")
        listed.write_text(f"file '{minute}'\n" * MINUTES)
        copy = ["-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(path)]
        subprocess.run(["ffmpeg", "-loglevel", "error", *copy], check=True)
        listed.unlink()
    return path


def compare(clip: Path, server: str, url: str, proxy: Proxy, rounds: int) -> bool:
    fine, size = True, clip.stat().st_size
    print(f"\n{clip.name}, {size / 1e6:.1f} MB, at {server}")
    print(f"  {'frames':28}{'way':7}{'MB':>8}{'of file':>9}{'requests':>10}{'wall s':>8}{'CPU s':>7}  same frames")
    for name, wanted in WANTED.items():
        local = run_way("whole", str(clip), wanted)
        best: dict[str, tuple[float, float, int, int]] = {}
        for _ in range(rounds):
            for way in WAYS:
                before = proxy.received, proxy.requests
                told = run_way(way, url, wanted)
                assert told["remote"]
                fine &= (told["frames"], told["count"]) == (local["frames"], local["count"])
                cost = (told["wall"], told["cpu"], proxy.received - before[0], proxy.requests - before[1])
                best[way] = min(best.get(way, cost), cost)  # type: ignore[type-var,assignment]
        for way, (wall, cpu, received, requests) in best.items():
            said = f"{received / 1e6:8.2f}{received / size:9.1%}{requests:10}{wall:8.2f}{cpu:7.2f}"
            print(f"  {name:28}{way:7}{said}  {'all' if fine else 'NOT ALL'}")
        print(f"  {'':28}{best['whole'][2] / best['parts'][2]:.1f} times fewer bytes", flush=True)
    return fine


def published(clip: Path) -> None:
    """What the clips of the published list would take, were all of them coded as this one."""
    from hint_tools.media.video_decode import spans_of
    from hint_tools.media.video_file import OPENING_BYTES
    from hint_tools.media.video_index import build_index
    from hint_tools.release.rebuild_plan import read_plan
    from hint_tools.store.spans import joined

    if not LIST.is_file():
        print(f"  the published list is not here ({LIST})")
        return
    index, size, shares, parts = build_index(clip), clip.stat().st_size, [], []
    assert index.layout is not None
    tables = (int((index.layout.samples.places + index.layout.samples.sizes).max()), size)
    for listed in read_plan(LIST).clips:
        wanted = [n for n in sorted(listed.files) if n < len(index.pts)]
        if wanted:
            spans = joined(sorted([(0, OPENING_BYTES), tables, *spans_of(index, wanted, MOST_HELD)]))
            shares.append(sum(min(end, size) - start for start, end in spans) / size)
            parts.append(len(spans))
    told = f"{fmean(shares):.1%} of the bytes in {fmean(parts):.1f} parts"
    print(f"  {clip.name}, the published list of {len(shares)} clips: {told}", flush=True)


def at_servers(folder: Path, names: list[str], rounds: int) -> bool:
    """Every clip in a bucket and at a plain web server."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bucket = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    bucket.start()
    proxy, fine = Proxy(bucket.get_host_and_port()), True
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.server_address[1]}",
    }  # fmt: skip
    sys.path.insert(0, str(ROOT / "tests" / "store"))
    from file_server import served

    with served(folder) as web:
        web_proxy = Proxy(("127.0.0.1", web.server_address[1]))
        for name in names:
            clip = long_clip(name, folder)
            copy = "import s3fs, sys; s3 = s3fs.S3FileSystem(); s3.mkdir('films') if not s3.exists('films') else 0; "
            copy += "s3.put(sys.argv[1], 'films/' + sys.argv[2])"
            subprocess.run([sys.executable, "-c", copy, str(clip), clip.name], check=True)
            fine &= compare(clip, "an S3 server", f"s3://films/{clip.name}", proxy, rounds)
            url = f"http://127.0.0.1:{web_proxy.server_address[1]}/{clip.name}"
            fine &= compare(clip, "a web server", url, web_proxy, rounds)
    bucket.stop()
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="where clips are kept from run to run")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=sorted(RECIPES), help="one clip")
    parser.add_argument("--way", nargs=3, metavar=("WAY", "URL", "FRAMES"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        way, url, frames = chosen.way
        print(json.dumps(one_way(way, url, [int(n) for n in frames.split(",") if n])))
        return
    with tempfile.TemporaryDirectory() as place:
        folder, names = Path(chosen.folder or place).resolve(), [chosen.only] if chosen.only else MEASURED
        for name in names if chosen.only else LISTED:
            published(long_clip(name, folder))
        lacking = [name for name in ("s3fs", "moto") if importlib.util.find_spec(name) is None]
        if lacking:
            print(f"\nnot fetched from servers: {', '.join(lacking)} not installed")
            return
        fine = at_servers(folder, names, chosen.rounds)
    print(f"{'reached' if fine else 'MISSED'}: the same frames either way", flush=True)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
