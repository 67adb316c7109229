"""What HaMeR's own evaluation prints, faults included, against what it printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hint_tools.benchmark.evaluate import to_frame
from hint_tools.benchmark.metrics import THRESHOLDS, pck_at, relative_distance
from hint_tools.benchmark.reference import reference_figures
from hint_tools.data.evaluation import EvaluationSet, Subset
from hint_tools.formats.hamer_npz import HamerSet

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "metrics_inputs.npz").exists(), reason="the reference figures are not here")


def reference_set(folder: Path, data: dict[str, np.ndarray]) -> EvaluationSet:
    """The 200 hands the reference's metrics were run on; there are no images behind them."""
    (folder / "none.jpg").touch()
    size = data["box_size"] / data["bbox_expand_factor"]
    points = data["orig_keypoints_2d"].astype(np.float64)
    center = data["box_center"].astype(np.float64)
    hands = HamerSet(
        imgname=np.full(len(size), "none.jpg"),
        center=center,
        scale=np.stack([size, size], axis=1).astype(np.float64),
        right=data["right"].astype(np.float32),
        hand_keypoints_2d=points,
    )
    return EvaluationSet("x", hands, folder, (Subset("all", points[..., 2] > 0.5),))


@pytest.mark.shared
@golden
@pytest.mark.parametrize("never", [None, 7])
def test_its_figures_with_and_without_the_fault(tmp_path: Path, never: int | None) -> None:
    data = dict(np.load(GOLDEN / "metrics_inputs.npz"))
    expected = json.loads((GOLDEN / "metrics_losses.json").read_text())
    if never is not None:  # a joint that is never counted makes the reference's averages NaN
        data["orig_keypoints_2d"][:, never, 2] = 0
    hands = reference_set(tmp_path, data)
    predicted = to_frame(data["pred_keypoints_2d"], data["right"] < 0.5, data["box_center"], data["box_size"])
    distance = relative_distance(predicted, hands.keypoints_2d, hands.sizes_px)
    pck = pck_at(distance, hands.subsets[0].counted, THRESHOLDS)
    printed = reference_figures(hands, predicted, pck)
    if never is not None:
        assert np.isnan(expected["pck_avg_when_one_joint_never_visible"])
        assert [printed[f"kpAvg_pck_{t:g}"] for t in THRESHOLDS] == [None] * 3
        assert all(0 < p.mean < 1 for p in pck)
        return
    assert printed["mode_kpl2"] == pytest.approx(expected["hint"]["mode_kpl2"], rel=1e-6)
    assert printed["mode_kpl2_without_the_fault"] == pytest.approx(
        expected["mode_kpl2_without_pck_evaluator"], rel=1e-6
    )
    for t in THRESHOLDS:
        assert printed[f"kpAvg_pck_{t:g}"] == pytest.approx(expected["hint"][f"kpAvg_pck_{t:g}"], abs=1e-12)
