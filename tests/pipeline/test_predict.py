"""`hint predict` as a user runs it: the embedded detector finds the hands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hint_tools.core.geometry import iou
from hint_tools.formats.hint_json import HintAnnotation, encode
from hint_tools.hamer.checkpoint import save_checkpoint
from hint_tools.hamer.config import PRESETS
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model
from hint_tools.media.images import encode_jpeg, encode_png
from hint_tools.synth.stills import make_still, seeded

HINT = Path(sys.executable).with_name("hint")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A rendered picture of a left and a right hand, its truth, and a network."""
    root, model = tmp_path_factory.mktemp("predict"), load_hand_model()
    still = make_still(
        seeded(3, "pw", 1), model, file="a.png", where="desk", view="egocentric", width_px=640, height_px=480
    )
    (root / "a.png").write_bytes(encode_png(still.picture))
    torch.manual_seed(0)
    save_checkpoint(root / "tiny.ckpt", Hamer(PRESETS["tiny"], model), step=0, hand_model=model)
    return root, still


def hint(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HINT, *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_found_hands_are_where_they_are(place) -> None:
    root, still = place
    done = hint("predict", "tiny.ckpt", "a.png", "--focal-px", "600", "--json", "--threads", "1", cwd=root)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["hands found"] >= 1
    kept = json.loads((root / "predictions" / "a" / "hands.json").read_text())
    for hand in kept["hands"]:
        overlaps = [float(iou(np.array(hand["box"]), truth.box)) for truth in still.hands]
        best = still.hands[int(np.argmax(overlaps))]
        assert max(overlaps) > 0.4
        assert hand["side"] == best.side
        assert hand["side_from"].startswith("mediapipe")
    assert (root / "predictions" / "a" / "overlay.png").is_file()


def test_without_boxes_or_detector_it_says_what_to_do(place) -> None:
    root, _ = place
    done = hint("predict", "tiny.ckpt", "a.png", "--detector", "none", cwd=root)
    assert done.returncode == 3
    assert "--boxes" in done.stderr


def test_a_backbone_alone_predicts_nothing(place) -> None:
    root, _ = place
    state = torch.load(root / "tiny.ckpt", weights_only=True)["state_dict"]
    torch.save({"state_dict": {k: v for k, v in state.items() if k.startswith("backbone.")}}, root / "vitpose.pth")
    done = hint("predict", "vitpose.pth", "a.png", cwd=root)
    assert done.returncode == 4
    assert "backbone alone" in done.stderr


@pytest.mark.slow
def test_the_benchmark_scores_its_file_as_it_scores_the_checkpoint(place) -> None:
    """Two ways to one number: crops, sides and frames of both rooms must agree."""
    root, still = place
    folder = root / "HInt" / "TEST_newdays_img"
    folder.mkdir(parents=True)
    for hand in still.hands:
        annotation = HintAnnotation(box=hand.box, keypoints=hand.keypoints, visibility=hand.visibility)
        stem = folder / f"a_{hand.side[0]}"
        stem.with_suffix(".jpg").write_bytes(encode_jpeg(still.picture))
        stem.with_suffix(".json").write_bytes(encode(annotation))
    common = ("--release", "HInt", "--threads", "1")
    assert hint("predict", "tiny.ckpt", *common, "--mesh", "none", "--out", "p", cwd=root).returncode == 0
    scores = []
    for what in (("tiny.ckpt",), ("--predictions", "p/predictions.json")):
        out = f"b{len(scores)}"
        done = hint("benchmark", *what, "--release", "HInt", "--bootstrap", "0", "--out", out, cwd=root)
        assert done.returncode == 0, done.stderr
        scores.append(json.loads((root / out / "metrics.json").read_text()))
    for sources in (score["sources"] for score in scores):
        for source in sources:  # asked of meshes, and the file was written without any
            source.pop("mesh_visibility", None)
    assert scores[0]["sources"] == scores[1]["sources"]
