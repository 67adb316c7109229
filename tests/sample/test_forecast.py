"""What a dry run says an extraction will take, against counting by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coded_video import write_noise

from hint_tools.media.video import read_frames
from hint_tools.sample.config import SampleConfig
from hint_tools.sample.forecast import look, work
from hint_tools.sample.run import run
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.project import Project
from hint_tools.store.ranges import RangedFile
from hint_tools.store.remote import RemotePath
from hint_tools.store.tables import FRAMES


def test_groups_and_frames_to_decode() -> None:
    dice = np.random.default_rng(0)
    wanted = [sorted(set(dice.integers(0, 1000, n).tolist())) for n in (1, 10, 80)]
    for every in (1, 30, 250):
        decoded = [{k for n in numbers for k in range(n // every * every, n + 1)} for numbers in wanted]
        groups = [{n // every for n in numbers} for numbers in wanted]
        assert work(wanted, every) == (sum(map(len, groups)), sum(map(len, decoded)))


def test_a_dry_run_says_what_will_be_read_and_written(project: Project, ego4d: Path) -> None:
    config = SampleConfig.layered(("test", {"source": "ego4d", "root": ego4d, "n": 24, "seed": 3}))
    told = run(config.model_copy(update={"dry_run": True}), project).counts
    assert told["to extract: frames of videos"] == told["taken"] == 24
    assert not project.table_path(FRAMES).exists()
    run(config, project)
    taken: dict[str, list[int]] = {}
    for frame in project.read(FRAMES):
        taken.setdefault(frame.clip, []).append(frame.frame_index)
    assert told["to extract: videos"] == len(taken)
    # the clips have 130 frames and a key frame in 50, so three groups: 43.3 frames each in the mean
    groups, decoded = work(taken.values(), 130 / 3)
    assert told["to extract: key-frame groups, about"] == groups
    assert told["to extract: frames to decode, about"] == decoded
    assert told["to extract: CPU hours, about"] == pytest.approx(0, abs=0.001)


def test_videos_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    cache = Cache(tmp_path / "cache", 10**9)
    typical = look([], cache)
    assert look([tmp_path / "broken.mp4", tmp_path / "absent.mp4"], cache) == typical
    assert typical.bytes_read(1000, 1) == 1000
    assert (typical.key_every, typical.megapixels) == (128, pytest.approx(2.07, abs=0.01))


def test_what_will_be_fetched_is_what_is_fetched(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    film = write_noise(tmp_path / "film.mp4", 400)
    fsspec.filesystem("memory").pipe_file("/forecast/film.mp4", film.read_bytes())
    (tmp_path / "cache").mkdir()
    cache, remote, wanted = (
        Cache(tmp_path / "cache", 10**9),
        RemotePath("memory://forecast/film.mp4"),
        [70, 75, 210, 390],
    )
    coding = look([remote], cache)
    told = coding.bytes_read(film.stat().st_size, work([wanted], coding.key_every)[1])
    with ranged_file(remote, cache) as far:
        assert len(list(read_frames(far, wanted))) == 4
        assert isinstance(far, RangedFile)
        assert told == pytest.approx(far.fetched_bytes, rel=0.35)
    assert told < film.stat().st_size / 3
