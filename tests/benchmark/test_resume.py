"""An evaluation that is killed, and one that several processes share."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from hint_tools.benchmark import models
from hint_tools.benchmark.batches import PREFIX, Batches, parse_shard
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.run import run
from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.store.project import Project

KEPT = ("metrics.json", "metrics.csv", "report.html", "predictions.npz", "results.jsonl")


@pytest.fixture(scope="module")
def whole(project: Project, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    run(settings(checkpoint, out), project)
    return out


def settings(checkpoint: Path, out: Path, **more: object) -> BenchmarkConfig:
    return BenchmarkConfig(
        checkpoint=checkpoint, split="train", batch_size=1, bootstrap=20, examples=1, out=out, **more
    )


def require_same(one: Path, other: Path) -> None:
    for name in KEPT:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert not list(other.glob(f"{PREFIX}*"))


def test_an_interrupted_run_continues_where_it_was(
    project: Project, checkpoint: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    opened = models.load_checkpoint

    def counting(*args: object, **kwargs: object) -> object:
        loaded = opened(*args, **kwargs)

        def count(*_: object) -> None:
            seen.append(1)
            if len(seen) == 3:
                raise KeyboardInterrupt

        loaded.network.register_forward_pre_hook(count)
        return loaded

    monkeypatch.setattr(models, "load_checkpoint", counting)
    with pytest.raises(KeyboardInterrupt):
        run(settings(checkpoint, tmp_path), project)
    assert not (tmp_path / "metrics.json").exists()
    (folder,) = tmp_path.glob(f"{PREFIX}*")
    assert len(list(folder.iterdir())) == 2
    run(settings(checkpoint, tmp_path), project)
    total = sum(s["hands"] for s in json.loads((tmp_path / "metrics.json").read_text())["sources"])
    # the interrupted one is asked again, those before it are not
    assert len(seen) == total + 1
    require_same(whole, tmp_path)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_parts_put_together_are_the_whole(
    project: Project, checkpoint: Path, whole: Path, tmp_path: Path, order: tuple[int, ...]
) -> None:
    for part in order:
        report = run(settings(checkpoint, tmp_path, shard=f"{part}/3"), project)
        assert report.counts["part"] == f"{part} of 3"
        assert not (tmp_path / "metrics.json").exists()
    assert report.counts["batches still missing"] == 0
    run(settings(checkpoint, tmp_path), project)
    require_same(whole, tmp_path)


def test_torchrun_shares_the_work_and_its_first_process_reports(
    project: Project, checkpoint: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    run(settings(checkpoint, tmp_path), project)
    assert not (tmp_path / "metrics.json").exists()
    monkeypatch.setenv("RANK", "0")
    run(settings(checkpoint, tmp_path), project)
    require_same(whole, tmp_path)


def test_the_first_process_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hint_tools.benchmark.batches._PATIENCE_S", 0.3)
    with pytest.raises(EnvironmentFault, match="2 of 2 batches"):
        Batches(tmp_path, {}, 2).wait()


def test_another_checkpoint_or_another_crop_takes_nothing_over(
    project: Project, checkpoint: Path, tmp_path: Path
) -> None:
    run(settings(checkpoint, tmp_path, shard="0/2"), project)
    run(settings(checkpoint, tmp_path, shard="0/2", crop="demo"), project)
    other = torch.load(checkpoint, weights_only=True)
    weights = other["state_dict"]
    weights["mano_head.deccam.bias"] = weights["mano_head.deccam.bias"] + 0.1
    changed = tmp_path / "other.ckpt"
    torch.save(other, changed)
    run(settings(changed, tmp_path, shard="0/2"), project)
    sources = 3
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 3 * sources


def test_a_part_is_i_of_n() -> None:
    with pytest.raises(ConfigError, match="i/n"):
        parse_shard("4/4")
    with pytest.raises(ConfigError, match="i/n"):
        parse_shard("first")


def test_a_batch_that_was_tampered_with_is_one_message(tmp_path: Path) -> None:
    batches = Batches(tmp_path, {"a": 1}, 1)
    batches.folder.mkdir()
    (batches.folder / "batch-000000.npz").write_bytes(b"not an npz")
    with pytest.raises(DataError, match="can't be read"):
        list(batches.load())


@pytest.mark.slow
def test_kills_at_any_moment_change_nothing(project: Project, checkpoint: Path, whole: Path, tmp_path: Path) -> None:
    hint = str(Path(sys.executable).with_name("hint"))
    command = [hint, "benchmark", str(checkpoint), "--project", str(project.root)]
    command += ["--split", "train", "--batch-size", "1", "--bootstrap", "20", "--examples", "1", "--out", str(tmp_path)]
    quiet = {"env": os.environ | {"OMP_NUM_THREADS": "1"}, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    kills = 0
    for delay_s in (1.5, 2.5, 3.0, 3.5):
        with subprocess.Popen(command, **quiet) as process:
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
    subprocess.run(command, check=True, **quiet)
    assert kills >= 1
    for name in ("metrics.csv", "report.html", "predictions.npz"):
        assert (whole / name).read_bytes() == (tmp_path / name).read_bytes()
