"""A training that was stopped, however and wherever, ends with the bytes of one that was not."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from hint_tools.core.errors import DataError
from hint_tools.hamer.checkpoint import load_checkpoint
from hint_tools.train import loop
from hint_tools.train.config import TrainConfig
from hint_tools.train.run import run
from hint_tools.train.run_folder import RunFolder
from hint_tools.train.trainer import Trainer

STEPS = 8


def settings(release: Path, **changes) -> TrainConfig:
    """Three batches an epoch, lines after steps 1, 4, 8, checkpoints after 3, 6, 8."""
    values = {
        "preset": "tiny", "batch_size": 4, "steps": STEPS, "log_every": 4, "save_every": 3, "accelerator": "cpu",
        "adversarial": "fits", "name": "run",
    }  # fmt: skip
    return TrainConfig(release=release, **{**values, **changes})


def files(name: str = "run") -> dict[str, str]:
    """sha256 of every file of a run, but for its lock."""
    root = Path("runs", name)
    found = sorted(p for p in root.rglob("*") if p.is_file() and p.name != ".lock")
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture(scope="module")
def undisturbed(release, tmp_path_factory) -> dict[str, str]:
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("undisturbed"))
    try:
        run(settings(release), None)
        return files()
    finally:
        os.chdir(here)


def stopped_in(steps: Iterable[int], release: Path, monkeypatch: pytest.MonkeyPatch, number: int = signal.SIGINT):
    """Give the signal within each of these steps, once, and continue with the same command in between."""
    left, whole = set(steps), Trainer.step

    def step(self: Trainer, batch: object, number_of_step: int) -> object:
        if number_of_step in left:
            left.remove(number_of_step)
            os.kill(os.getpid(), number)
        return whole(self, batch, number_of_step)

    monkeypatch.setattr(Trainer, "step", step)
    stops = len(left)
    for _ in range(stops):
        with pytest.raises(KeyboardInterrupt):
            run(settings(release), None)
    run(settings(release), None)
    assert not left


def test_stopped_in_every_step(release, undisturbed, monkeypatch) -> None:
    """Each step resumes from the one before, across the ends of epochs."""
    stopped_in(range(STEPS), release, monkeypatch)
    assert files() == undisturbed
    assert set(undisturbed) == {
        "card.md", "checkpoints/step-000006.ckpt", "checkpoints/step-000008.ckpt", "config.yaml", "last.ckpt",
        "log.jsonl",
    }  # fmt: skip


@pytest.mark.parametrize("step", [0, 3, 6, 7])
def test_stopped_once(step, release, undisturbed, monkeypatch) -> None:
    """What an interrupt saved off the schedule pushes no scheduled checkpoint out, and adds no line to the log."""
    stopped_in([step], release, monkeypatch, number=signal.SIGTERM if step == 3 else signal.SIGINT)
    assert files() == undisturbed


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("half", ["before it is the last one", "before the old one is gone"])
def test_a_power_cut_while_a_checkpoint_is_published(times, half, release, undisturbed, monkeypatch) -> None:
    """The first, an inner and the very last of the run: the same command makes up for what was not done."""
    calls, publish = [], RunFolder.publish

    def cut(self: RunFolder, step: int, *, keep: int, every: int) -> None:
        calls.append(step)
        if len(calls) == times:
            if half == "before the old one is gone":
                publish(self, step, keep=99, every=1)
            raise SystemExit  # nothing of this package catches it: it ends as abruptly as a test can
        publish(self, step, keep=keep, every=every)

    monkeypatch.setattr(RunFolder, "publish", cut)
    with pytest.raises(SystemExit):
        run(settings(release), None)
    run(settings(release), None)
    assert files() == undisturbed


def test_a_loss_that_is_no_number_is_never_saved(release, monkeypatch) -> None:
    """Not even between lines of the log, and not when an interrupt asks for a checkpoint."""
    whole = Trainer.step

    def broken(self: Trainer, batch: object, number: int) -> dict[str, object]:
        losses = whole(self, batch, number)
        return {n: v * float("nan") for n, v in losses.items()} if number >= 4 else losses

    monkeypatch.setattr(Trainer, "step", broken)
    with pytest.raises(DataError, match="the loss is nan at step 6, expected a number; the newest good checkpoint"):
        run(settings(release, log_every=100), None)
    assert RunFolder(Path("runs/run")).steps() == [3]
    assert load_checkpoint(Path("runs/run/last.ckpt")).step == 3
    monkeypatch.setattr(loop, "_anywhere", lambda fabric, stopped: True)
    monkeypatch.setattr(Trainer, "step", lambda s, b, n: {k: v * float("nan") for k, v in whole(s, b, n).items()})
    with pytest.raises(DataError, match="step 4"):
        run(settings(release, log_every=100), None)
    assert RunFolder(Path("runs/run")).steps() == [3]


TWO_DEVICES = """
import os
import signal
import sys
from pathlib import Path
import torch
from hint_tools.train.config import TrainConfig
from hint_tools.train.run import run
from hint_tools.train.trainer import Trainer
torch.set_num_threads(1)
whole, stop = Trainer.step, int(sys.argv[2])
def step(self, batch, number):
    if number == stop and self.fabric.global_rank == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return whole(self, batch, number)
Trainer.step = step
run(TrainConfig(release=Path(sys.argv[1]), preset="tiny", batch_size=2, steps=6, log_every=4, save_every=3, devices=2,
                accelerator="cpu", adversarial="fits", name=sys.argv[3]), None)
"""


@pytest.mark.slow
def test_one_of_two_devices_is_told_to_stop(release) -> None:
    """The other one stops after the same step; neither waits for the other, and both go on as if nothing had been."""
    Path("two.py").write_text(TWO_DEVICES)

    def trains(stop: int, name: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "two.py", str(release), str(stop), name]
        return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)

    ended = trains(3, "stopped")
    assert ended.returncode != 0
    assert "KeyboardInterrupt" in ended.stderr
    assert RunFolder(Path("runs/stopped")).steps() == [3, 4]
    for name in ("stopped", "whole"):
        ended = trains(-1, name)
        assert ended.returncode == 0, ended.stderr
    once, again = (files(n) for n in ("whole", "stopped"))
    assert once.keys() == again.keys()
    cards = (Path("runs", n, "card.md").read_text() for n in ("whole", "stopped"))
    assert len({re.sub("run `.*`", "", card) for card in cards}) == 1
    assert once["log.jsonl"] == again["log.jsonl"]
    weights = [load_checkpoint(Path("runs", n, "last.ckpt")).network.state_dict() for n in ("whole", "stopped")]
    assert all((weights[0][k] == weights[1][k]).all() for k in weights[0])
