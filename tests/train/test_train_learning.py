"""The network learns: one batch, again and again, until it is known by heart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hint_tools.train.config import TrainConfig
from hint_tools.train.run import run


@pytest.mark.parametrize("preset", ["tiny", pytest.param("small", marks=pytest.mark.slow)])
def test_an_overfitted_batch_loses_most_of_its_2d_loss(release, preset) -> None:
    run(
        TrainConfig(
            release=release, preset=preset, batch_size=8, steps=60, log_every=60, augment=False, accelerator="cpu"
        ),
        None,
    )
    rows = [json.loads(line) for line in Path("runs/first/log.jsonl").read_text().splitlines()]
    assert rows[0]["keypoints_2d"] > 5 * rows[-1]["keypoints_2d"]
    assert rows[0]["loss"] > 3 * rows[-1]["loss"]
