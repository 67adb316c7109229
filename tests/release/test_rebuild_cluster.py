"""A rebuild on a Ray cluster that is running, named by its address: the same tree, though it is interrupted."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from published_world import World, make_world
from test_rebuild_killed import FRAMES, HINT, N_CLIPS, many_clips


@dataclass(frozen=True)
class Cluster:
    address: str
    environment: dict[str, str]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head on the loopback address with two cores, that asks for a token; it ends with the test."""
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "HINT_FFMPEG": "/bin/false",
    }
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", f"--port={port}"]
        command += ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
        command += ["--object-store-memory=104857600", f"--temp-dir={folder}"]
        with (Path(folder) / "said").open("w") as said:
            head = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            wait_for(lambda: "Ray runtime started" in (Path(folder) / "said").read_text(), 60)
            yield Cluster(f"127.0.0.1:{port}", environment)
        finally:
            head.terminate()
            head.wait(30)


def wait_for(condition: Any, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rebuilt(world: World, environment: dict[str, str], *more: str) -> subprocess.Popen[str]:
    command = [HINT, "release", "rebuild", "--partial", world.tree, "--frames", world.frames, "--clips", world.clips]
    return subprocess.Popen(
        [*command, "--json", *more],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_cluster_rebuilds_the_same_tree_after_being_interrupted(tmp_path: Path, cluster: Cluster) -> None:
    world, alone = many_clips(tmp_path / "cluster"), many_clips(tmp_path / "alone")
    assert rebuilt(alone, cluster.environment, "--workers", "1").communicate(timeout=120)
    with_ray = ("--engine", "ray", "--address", cluster.address, "--workers", "2")
    first = rebuilt(world, cluster.environment, *with_ray)
    wait_for(lambda: len(list(world.tree.rglob("*_pre_frame_l.jpg"))) > 5, 60)
    os.killpg(first.pid, signal.SIGINT)  # as Ctrl-C does
    _, said = first.communicate(timeout=30)
    assert first.returncode == 130, said
    assert "Traceback" not in said
    half_done = len(list(world.tree.rglob("*_pre_frame_l.jpg")))
    assert half_done < N_CLIPS * len(FRAMES)
    second = rebuilt(world, cluster.environment, *with_ray)
    told, said = second.communicate(timeout=120)
    counts = json.loads(told)["counts"]
    assert counts["in the tree now"] == N_CLIPS * len(FRAMES), said
    assert counts["written by this run"] <= N_CLIPS * len(FRAMES) - half_done
    for path in alone.tree.rglob("*.jpg"):
        assert (world.tree / path.relative_to(alone.tree)).read_bytes() == path.read_bytes()
    assert (world.work / "pictures.json").read_bytes() == (alone.work / "pictures.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("token", "told"), [({}, "without a token"), ({"RAY_AUTH_MODE": "token"}, "with this token")])
def test_a_cluster_that_asks_for_a_token_says_so_at_once(
    token: dict[str, str], told: str, tmp_path: Path, cluster: Cluster
) -> None:
    world = make_world(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | token
    if token:
        environment["RAY_AUTH_TOKEN"] = "another"
    ended = rebuilt(world, environment, "--engine", "ray", "--address", cluster.address)
    answer, said = ended.communicate(timeout=40)
    assert ended.returncode == 6, said
    error = json.loads(answer)["error"]
    assert f"does not take us in {told}" in error["message"]
    assert "RAY_AUTH_MODE=token" in error["hint"]


def test_an_address_without_a_cluster_is_an_error_that_says_so(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    world = make_world(tmp_path)
    ended = rebuilt(world, dict(os.environ), "--engine", "ray", "--address", "127.0.0.1:1")
    told, said = ended.communicate(timeout=30)
    assert ended.returncode == 6, said
    assert "nobody listens there" in json.loads(told)["error"]["message"]
