"""A model whose answers are no numbers gets no figure, but one message that counts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from hint_tools.benchmark import models
from hint_tools.benchmark.batches import PREFIX
from hint_tools.benchmark.config import BenchmarkConfig
from hint_tools.benchmark.run import run
from hint_tools.cli.app import build_app
from hint_tools.core.errors import DataError, ExitCode
from hint_tools.formats import hamer_npz
from hint_tools.formats.predictions import FORMAT, VERSION, HandAnswers, encode
from hint_tools.media.images import encode_jpeg

COUNT = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, hamer_npz.HamerSet]:
    """Ten hands of both sides in five pictures, as HaMeR's npz with its images."""
    root, random = tmp_path_factory.mktemp("hands"), np.random.default_rng(0)
    for i in range(5):
        small = random.integers(0, 255, (12, 12, 3), dtype=np.uint8)
        picture = np.asarray(cv2.resize(small, (200, 160), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        (root / f"{i}.jpg").write_bytes(encode_jpeg(picture))
    points = np.concatenate([random.uniform(40, 120, (COUNT, 21, 2)), np.ones((COUNT, 21, 1))], axis=2)
    hands = hamer_npz.HamerSet(
        imgname=np.array([f"{i // 2}.jpg" for i in range(COUNT)]),
        center=random.uniform(60, 100, (COUNT, 2)),
        scale=np.full((COUNT, 2), 60.0),
        right=np.arange(COUNT, dtype=np.float32) % 2,
        hand_keypoints_2d=points,
    )
    (root / "set.npz").write_bytes(hamer_npz.encode(hands))
    return root, hands


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Makes the network's answers for some hands, by their place, something that is no number."""

    def use(name: str, places: set[int], value: float) -> list[int]:
        asked: list[int] = []
        opened = models.load_checkpoint

        def loading(*args: Any, **kwargs: Any) -> Any:
            loaded = opened(*args, **kwargs)

            def hook(_module: Any, _inputs: Any, answer: dict[str, Any]) -> None:
                for row in range(len(answer[name])):
                    if len(asked) in places:
                        answer[name][row].view(-1)[-1] = value
                    asked.append(row)

            loaded.network.register_forward_hook(hook)
            return loaded

        monkeypatch.setattr(models, "load_checkpoint", loading)
        return asked

    return use


def settings(checkpoint: Path, root: Path, out: Path, **more: Any) -> BenchmarkConfig:
    values = {"checkpoint": checkpoint, "npz": (root / "set.npz",), "images": root, "out": out, "bootstrap": 0}
    return BenchmarkConfig(**(values | {"examples": 0, "batch_size": 4} | more))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["pred_keypoints_2d", "pred_keypoints_3d"])
def test_all_hands_without_an_answer_are_counted(
    world: Any, checkpoint: Path, tmp_path: Path, spoil: Any, name: str, value: float
) -> None:
    asked = spoil(name, {1, 6, 9}, value)
    with pytest.raises(
        DataError, match=r"not finite for 3 of 10 hands: 0\.jpg right, 3\.jpg left, 4\.jpg right"
    ) as got:
        run(settings(checkpoint, world[0], tmp_path))
    assert got.value.exit_code == ExitCode.DATA == 4
    assert len(asked) == COUNT
    assert {p.name.startswith(PREFIX) for p in tmp_path.iterdir()} == {True}


def test_in_parts_it_is_told_when_they_are_put_together(
    world: Any, checkpoint: Path, tmp_path: Path, spoil: Any
) -> None:
    spoil("pred_keypoints_2d", {1}, float("nan"))
    for part in ("0/2", "1/2"):
        run(settings(checkpoint, world[0], tmp_path, shard=part))
    with pytest.raises(DataError, match="for 1 of 10 hands"):
        run(settings(checkpoint, world[0], tmp_path))


def test_a_network_that_has_diverged_is_not_asked_to_the_end(
    world: Any, checkpoint: Path, tmp_path: Path, spoil: Any
) -> None:
    asked = spoil("pred_keypoints_3d", set(range(COUNT)), float("nan"))
    with pytest.raises(DataError, match="for 4 of 10 hands, all of a batch"):
        run(settings(checkpoint, world[0], tmp_path))
    assert len(asked) == 4
    assert not any(p.name == "metrics.json" for p in tmp_path.rglob("*"))


def test_the_command_answers_4(world: Any, checkpoint: Path, tmp_path: Path, spoil: Any) -> None:
    spoil("pred_keypoints_2d", {0}, float("nan"))
    root, _ = world
    words = ["benchmark", str(checkpoint), "--npz", str(root / "set.npz"), "--images", str(root)]
    done = CliRunner().invoke(build_app(words), [*words, "--out", str(tmp_path)])
    assert done.exit_code == 4
    assert "for 1 of 10 hands" in " ".join(done.output.split())


@pytest.mark.parametrize("kind", ["json", "npz"])
@pytest.mark.parametrize("field", ["keypoints", "keypoints_3d", "center"])
def test_one_hand_of_many_in_a_predictions_file(world: Any, tmp_path: Path, kind: str, field: str) -> None:
    root, hands = world
    answers = HandAnswers(
        model="a",
        image=hands.imgname,
        right=hands.right > 0.5,
        keypoints=hands.hand_keypoints_2d[..., :2],
        keypoints_3d=np.zeros((COUNT, 21, 3)),
        center=hands.center,
    )
    values = getattr(answers, field).copy()
    values.reshape(COUNT, -1)[7, -1] = np.nan
    answers = replace(answers, **{field: values})
    path = tmp_path / f"answers.{kind}"
    if kind == "npz":
        path.write_bytes(encode(answers))
    else:
        listed = [
            {
                "image": str(answers.image[i]),
                "side": "right" if answers.right[i] else "left",
                **{k: getattr(answers, k)[i].tolist() for k in ("keypoints", "keypoints_3d", "center")},
            }
            for i in range(COUNT)
        ]
        path.write_text(json.dumps({"format": FORMAT, "version": VERSION, "hands": listed}))
    config = BenchmarkConfig(predictions=path, npz=(root / "set.npz",), images=root, out=tmp_path / "out")
    for policy in ("error", "skip"):  # leaving out is for hands without an answer, not for bad ones
        with pytest.raises(DataError, match=r"1 of 10 hands have numbers that are not finite: 3\.jpg right"):
            run(config.model_copy(update={"on_missing": policy}))
    assert not (tmp_path / "out").exists()


def test_half_precision_that_overflows_says_what_to_try(world: Any, checkpoint: Path, tmp_path: Path) -> None:
    """Weights that single precision holds and 16 bits do not."""
    document = torch.load(checkpoint, weights_only=True)
    state = document["state_dict"]
    for name in ("backbone.blocks.0.mlp.fc1.weight", "backbone.blocks.0.mlp.fc2.weight"):
        state[name] = state[name] * 1e5
    large = tmp_path / "large.ckpt"
    torch.save(document, large)
    run(settings(large, world[0], tmp_path / "single"))
    with pytest.raises(DataError, match="not finite for 4 of 10") as caught:
        run(settings(large, world[0], tmp_path / "half", precision="fp16"))
    assert "--precision fp32" in caught.value.hint
    assert not list((tmp_path / "single").glob(f"{PREFIX}*"))
