"""The figure the embedded weights stand for: the same accuracy as on their original runtime."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hint_tools.prelabel.mediapipe_backend import MediapipeBackend

from .drawn_hand import scene

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.shared
@pytest.mark.slow
def test_accuracy_is_that_of_the_original_runtime_and_no_hand_is_left_out(weights, real_hands) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "prelabel_parity.py")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    count = len(real_hands)
    assert f"Hands given: {count}; answered: onnxruntime {count}, original {count}" in said
    differences = re.findall(r"difference \|((?: [+-][\d.]+ \|){3})", said)
    figures = [float(v) for row in differences for v in re.findall(r"[+-][\d.]+", row)]
    assert len(figures) == 6
    assert max(map(abs, figures)) < 1
    (points,) = re.findall(r"identical crops: (\S+) px", said)
    assert float(points) < 0.01


def test_more_threads_give_the_same_answer(weights) -> None:
    image, (joints,) = scene(400, 400, (60, 60, 0.7, False))
    box = np.concatenate([joints.min(axis=0), joints.max(axis=0)])[None]
    (one,), (two,) = (MediapipeBackend(threads=n).predict(image, box, [None]) for n in (1, 2))
    np.testing.assert_array_equal(one.keypoints, two.keypoints)
    np.testing.assert_array_equal(one.confidence, two.confidence)
