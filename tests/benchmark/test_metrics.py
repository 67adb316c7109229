from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hint_tools.benchmark.evaluate import to_frame, unmirrored
from hint_tools.benchmark.metrics import THRESHOLDS, align, mpjpe_mm, pa_mpjpe_mm, pck, relative_distance

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "metrics_inputs.npz").exists(), reason="the reference figures are not here")


@pytest.mark.shared
@golden
def test_pck_equals_the_references_per_joint_and_on_average() -> None:
    data = np.load(GOLDEN / "metrics_inputs.npz")
    expected = json.loads((GOLDEN / "metrics_losses.json").read_text())["hint"]
    before = data["pred_keypoints_2d"].copy()
    predicted = to_frame(data["pred_keypoints_2d"], data["right"] < 0.5, data["box_center"], data["box_size"])
    size = data["box_size"] / data["bbox_expand_factor"]
    distance = relative_distance(predicted, data["orig_keypoints_2d"][..., :2], size)
    means = []
    for t in THRESHOLDS:
        got = pck(distance, data["orig_keypoints_2d"][..., 2] > 0.5, t)
        np.testing.assert_allclose(got.per_joint, [expected[f"kp{j}_pck_{t:g}"] for j in range(21)], rtol=0, atol=0)
        means.append(got.mean)
    np.testing.assert_allclose(means, [0.215358, 0.620476, 0.893759], atol=5e-7)
    # the reference flips left hands in place, which spoils its next figure; nothing of ours does
    np.testing.assert_array_equal(before, data["pred_keypoints_2d"])


@pytest.mark.shared
@golden
def test_joint_errors_equal_the_references() -> None:
    data = np.load(GOLDEN / "metrics_inputs.npz")
    predicted, truth = data["pred_keypoints_3d"].astype(float), data["keypoints_3d"][..., :3].astype(float)
    assert mpjpe_mm(predicted, truth).mean() == pytest.approx(17.2038, abs=5e-5)
    per_hand = pa_mpjpe_mm(predicted, truth)
    assert per_hand.mean() == pytest.approx(11.9023, abs=5e-5)
    np.testing.assert_allclose(per_hand, np.load(GOLDEN / "eval_pose.npz")["pa_mpjpe"], atol=2e-5)


@pytest.mark.shared
@golden
def test_the_official_alignment_forgives_a_mirrored_hand_and_hamers_does_not() -> None:
    official = json.loads((GOLDEN / "official_eval_scores.json").read_text())
    truth = np.array(json.loads((GOLDEN / "official_eval/ref/evaluation_xyz.json").read_text()))
    for name in ("res", "res_mirror"):
        predicted = np.array(json.loads((GOLDEN / f"official_eval/{name}/pred.json").read_text())[0])
        score_cm = official[f"freihand_{name}"]["xyz_al_mean3d"]
        assert pa_mpjpe_mm(predicted, truth, reflections=True).mean() == pytest.approx(10 * score_cm, abs=1e-5)
    assert pa_mpjpe_mm(predicted, truth).mean() > 20


def test_a_joint_that_is_never_counted_is_left_out_and_told() -> None:
    distance = np.full((4, 21), 0.01)
    counted = np.ones((4, 21), dtype=bool)
    counted[:, 3] = False
    got = pck(distance, counted, 0.05)
    assert np.isnan(got.per_joint[3])
    assert got.mean == 1.0
    nothing = pck(distance, np.zeros((4, 21), dtype=bool), 0.05, resamplings=10)
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_the_mean_is_over_joints_not_over_points() -> None:
    distance = np.zeros((10, 21))
    distance[:, 0] = 1.0
    counted = np.zeros((10, 21), dtype=bool)
    counted[:, 0] = True
    counted[0, 1] = True
    assert pck(distance, counted, 0.05).mean == 0.5  # joint 0: 0 of 10, joint 1: 1 of 1


def test_the_threshold_itself_is_a_hit() -> None:
    assert pck(np.full((1, 21), 0.05), np.ones((1, 21), dtype=bool), 0.05).mean == 1.0


def test_a_swapped_finger_and_a_mirrored_hand_cost_what_they_should() -> None:
    truth = np.random.default_rng(0).uniform(0, 100, (30, 21, 2))
    size, everything = np.full(30, 100.0), np.ones((30, 21), dtype=bool)
    swapped = truth[:, [*range(5), *range(9, 13), *range(5, 9), *range(13, 21)]]
    per_joint = pck(relative_distance(swapped, truth, size), everything, 0.05).per_joint
    assert (per_joint[[*range(5), *range(13, 21)]] == 1).all()
    assert (per_joint[5:13] < 0.2).all()
    center = np.full((30, 2), 50.0)
    crop_units = (truth - center[:, None]) / 200 * [-1, 1]  # of a mirrored crop
    left, right = np.ones(30, dtype=bool), np.zeros(30, dtype=bool)
    np.testing.assert_allclose(to_frame(crop_units, left, center, np.full(30, 200.0)), truth)
    wrong = to_frame(crop_units, right, center, np.full(30, 200.0))
    assert pck(relative_distance(wrong, truth, size), everything, 0.05).mean < 0.2


def test_unmirrored_copies() -> None:
    points = np.ones((2, 21, 3), dtype=np.float32)
    turned = unmirrored(points, np.array([True, False]))
    assert (turned[0, :, 0] == -1).all()
    assert (turned[1] == 1).all()
    assert (points == 1).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_alignment_undoes_any_similarity(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    target = random.normal(size=(1, 21, 3))
    turned = scale * Rotation.random(random_state=seed).apply(target[0]) + random.normal(size=3)
    np.testing.assert_allclose(align(turned[None], target), target, atol=1e-9)
    mirrored = turned[None] * [-1, 1, 1]
    np.testing.assert_allclose(align(mirrored, target, reflections=True), target, atol=1e-9)
    assert pa_mpjpe_mm(mirrored, target).mean() > 1


def test_alignment_of_a_point_is_no_nan() -> None:
    assert np.isfinite(align(np.zeros((1, 21, 3)), np.ones((1, 21, 3)))).all()


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    everything = np.ones((60, 21), dtype=bool)
    held = 0
    for trial in range(100):
        # all joints of a hand are hit or missed together, so only resampling hands gives the right width
        distance = np.repeat(random.uniform(0, 1, (60, 1)), 21, axis=1)
        got = pck(distance, everything, 0.5, resamplings=300, seed=trial)
        held += got.low <= 0.5 <= got.high
    assert 88 <= held <= 100


def test_hands_of_one_image_are_drawn_together() -> None:
    random = np.random.default_rng(2)
    once = np.repeat(random.uniform(0, 1, (40, 1)), 21, axis=1)
    thrice = np.repeat(once, 3, axis=0)
    groups = np.repeat(np.arange(40), 3)
    alone = pck(once, np.ones((40, 21), dtype=bool), 0.5, resamplings=2000)
    grouped = pck(thrice, np.ones((120, 21), dtype=bool), 0.5, resamplings=2000, groups=groups)
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.05)
    naive = pck(thrice, np.ones((120, 21), dtype=bool), 0.5, resamplings=2000)
    assert naive.high - naive.low < 0.75 * (alone.high - alone.low)


def test_pa_mpjpe_agrees_with_scipys_procrustes():
    """scipy.spatial.procrustes solves the same problem up to a reflection and a common scale."""
    from scipy.spatial import procrustes

    rng = np.random.default_rng(3)
    true = rng.normal(size=(21, 3))
    claimed = true + rng.normal(0, 0.05, (21, 3))
    a, b, _ = procrustes(true, claimed)
    scale = np.linalg.norm(true - true.mean(axis=0))
    expected = np.linalg.norm(a - b, axis=1).mean() * scale * 1000
    assert pa_mpjpe_mm(claimed[None], true[None])[0] == pytest.approx(expected, rel=1e-9)
