"""A source at a URL gives the tables of the same source on disk, byte for byte, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from coded_video import write_noise
from file_server import Ranged, served

from hint_tools.core.errors import DataError
from hint_tools.media.images import encode_jpeg
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.run import run
from hint_tools.store.project import Project, create_project
from hint_tools.synth.hands23_files import write_hands23
from hint_tools.synth.visor_files import picture_name, visor_document

fsspec = pytest.importorskip("fsspec")
JPEG = encode_jpeg(np.full((1080, 1920, 3), 90, np.uint8))
HINT = Path(sys.executable).with_name("hint")


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def tables_of(project: Project) -> dict[str, bytes]:
    kept = [*project.path("tables").iterdir(), *project.path("frames").rglob("*.jpg")]
    return {p.relative_to(project.root).as_posix(): p.read_bytes() for p in kept if p.is_file()}


def hands23(root: Path) -> Path:
    hands = [("left", "object_contact", (9.5, 9.5, 40, 30)), ("right", "no_contact", (50, 20, 90, 50))]
    pictures = {f"ND__xGfgKCYT7A_frame00575{n}.jpg": (JPEG, hands) for n in range(3)}
    write_hands23(root, "TRAIN", pictures)
    return root


def epic(root: Path) -> Path:
    base = root / "GroundTruth-SparseAnnotations"
    square = [[100, 200], [300, 200], [300, 400], [100, 400]]
    for split, video, zipped in (("train", "P01_01", True), ("val", "P02_101", False)):
        (base / "annotations" / split).mkdir(parents=True)
        document = visor_document(video, {n: [("left", [square], "cup")] for n in (1, 61, 121)})
        (base / "annotations" / split / f"{video}.json").write_text(json.dumps(document))
        folder = base / "rgb_frames" / split / video[:3]
        (folder if zipped else folder / video).mkdir(parents=True)
        for n in (1, 61):
            if zipped:
                with zipfile.ZipFile(folder / f"{video}.zip", "a") as archive:
                    archive.writestr(picture_name(video, n), JPEG)
            else:
                (folder / video / picture_name(video, n)).write_bytes(JPEG)
    (root / "EPIC_100_train.csv").write_text(
        "narration_id,video_id,start_timestamp,stop_timestamp\nP01_01_0,P01_01,00:00:00.50,00:00:02.00\n"
    )
    return root


@pytest.mark.parametrize("source", ["folder", "ego4d", "hands23", "epic"])
def test_every_source_at_a_url_is_what_it_is_on_disk(
    source: str, tmp_path: Path, memory: Any, request: pytest.FixtureRequest
) -> None:
    made = {"hands23": hands23, "epic": epic}
    name = {"folder": "footage"}.get(source, source)
    root = made[source](tmp_path / "disk") if source in made else request.getfixturevalue(name)
    for path in root.rglob("*"):
        if path.is_file():
            memory.pipe_file(f"/far/data/{path.relative_to(root).as_posix()}", path.read_bytes())
    here, there = create_project(tmp_path / "here", "r"), create_project(tmp_path / "there", "r")
    near = run(SampleConfig(source=source, root=root, n=8), here)
    far = run(SampleConfig(source=source, root="memory://far/data", n=8), there)
    assert tables_of(there) == tables_of(here)
    assert far.counts == near.counts
    assert [f.code for f in far.findings] == [f.code for f in near.findings]
    assert not list(there.path(".hint").rglob("*.mp4"))
    again = run(SampleConfig(source=source, root="memory://far/data", n=8), there)
    assert again.counts == near.counts


def test_a_url_with_nothing_at_it_is_an_error_that_names_it(project: Project, memory: Any) -> None:
    with pytest.raises(DataError, match=r"memory://nowhere/data"):
        run(SampleConfig(source="folder", root="memory://nowhere/data"), project)
    with pytest.raises(DataError, match=r"memory://nowhere"):
        run(SampleConfig(source="ego4d", root="memory://nowhere"), project)


@pytest.mark.slow
def test_two_workers_read_from_a_server_each_clip_once(tmp_path: Path, ego4d: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec's driver for http needs aiohttp")
    here, there = create_project(tmp_path / "here", "r"), create_project(tmp_path / "there", "r")
    run(SampleConfig(source="ego4d", root=ego4d, per_action=2), here)
    with served(ego4d) as server:
        command = [HINT, "sample", "--source", "ego4d", "--root", server.url, "--per-action", "2", "--workers", "2"]
        ended = subprocess.run([*command, "--json"], cwd=there.root, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert tables_of(there) == tables_of(here)
        clips = sum(p.stat().st_size for p in ego4d.rglob("*.mp4"))
        others = sum(p.stat().st_size for p in ego4d.rglob("*.json"))
        assert clips + others <= Ranged.sent < 1.1 * (clips + 3 * others)
        assert not list(there.path(".hint").rglob("*.mp4"))
        sent = Ranged.sent
        again = subprocess.run([*command, "--json"], cwd=there.root, capture_output=True, text=True, check=False)
        assert again.returncode == 0
        assert Ranged.sent - sent < clips, "clips whose frames stand in the project were fetched again"


def test_what_is_to_be_kept_is_fetched_once_into_the_project(tmp_path: Path, footage: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec's driver for http needs aiohttp")
    project = create_project(tmp_path / "kept", "r")
    films = footage / "films"
    with served(films) as server:
        command = [HINT, "sample", "--source", "folder", "--root", server.url, "--workers", "1", "--keep", "--json"]
        ended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        sizes = sorted(p.stat().st_size for p in films.iterdir())
        assert sum(sizes) <= Ranged.sent < sum(sizes) + 20_000, "looked at and extracted from one copy"
    kept = [p for p in project.path(".hint/cache").iterdir() if p.suffix != ".lock"]
    assert sorted(p.stat().st_size for p in kept) == sizes


def sampled(url: str, project: Project, *more: str) -> dict[str, Any]:
    command = [HINT, "sample", "--source", "folder", "--root", url, "--every-s", "2.5", "--json", *more]
    ended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.slow
def test_of_films_at_a_server_only_parts_are_fetched(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec's driver for http needs aiohttp")
    films = tmp_path / "films"
    films.mkdir()
    for number in range(2):
        write_noise(films / f"{number}.mp4", 240, fast_start=bool(number), seed=number)
    size = sum(p.stat().st_size for p in films.iterdir())
    here, there, deaf = (create_project(tmp_path / name, "r") for name in ("here", "there", "deaf"))
    run(SampleConfig(source="folder", root=films, every_s=2.5), here)
    with served(films) as server:
        told = sampled(server.url, there, "--workers", "2")
        assert Ranged.sent < 0.6 * size, "counted and extracted"
        extraction = told["details"]["extraction"]
        assert (extraction["videos"], extraction["read whole to count frames"]) == (2, {})
        assert extraction["remote bytes"] == size
        assert 0 < extraction["fetched bytes"] < Ranged.sent
        Ranged.deaf, Ranged.sent = True, 0
        told = sampled(server.url, deaf)
        assert told["details"]["extraction"]["fetched bytes"] >= size
    assert tables_of(there) == tables_of(deaf) == tables_of(here)
    assert not [p for p in there.path(".hint").rglob("*") if p.suffix in (".mp4", ".part", ".have")]


@pytest.mark.slow
def test_a_bucket_is_sampled_as_a_folder_is(tmp_path: Path, ego4d: Path) -> None:
    pytest.importorskip("s3fs", reason='s3fs is not installed: pip install "hint-tools[s3]"')
    server = pytest.importorskip("moto.server", reason="moto[server] is not installed").ThreadedMotoServer(
        "127.0.0.1", 0, verbose=False
    )
    here, there = create_project(tmp_path / "here", "r"), create_project(tmp_path / "there", "r")
    run(SampleConfig(source="ego4d", root=ego4d, per_action=2), here)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }  # fmt: skip
        copy = "import s3fs, sys; s3 = s3fs.S3FileSystem(); s3.mkdir('ours'); "
        copy += "s3.put(sys.argv[1], 'ours/data', recursive=True)"
        subprocess.run([sys.executable, "-c", copy, str(ego4d)], env=os.environ | environment, check=True)
        command = [sys.executable, "-c", "from hint_tools.cli.main import main; main()", "sample", "--source", "ego4d"]
        command += ["--root", "s3://ours/data", "--per-action", "2", "--workers", "2", "--json"]
        ended = subprocess.run(
            command, cwd=there.root, env=os.environ | environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert tables_of(there) == tables_of(here)
        lost = subprocess.run(
            [*command[:6], "--root", "s3://nobodys/data", "--json"],
            cwd=there.root, env=os.environ | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert lost.returncode in (4, 5), lost.stdout + lost.stderr
    finally:
        server.stop()
