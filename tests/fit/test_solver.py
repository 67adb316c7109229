"""Fits of hands whose truth is known."""

import numpy as np
import pytest
import torch
from made import make_truth, procrustes_error_mm

from hint_tools.core.records import Frame, Visibility
from hint_tools.fit.answer import fit_records
from hint_tools.fit.config import FitConfig
from hint_tools.fit.observe import observations
from hint_tools.fit.problem import Weights
from hint_tools.fit.solver import Solver
from hint_tools.fit.targets import Target, usable, whitening
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import MIRROR_AXIS_ANGLE, MIRROR_POINTS, pose_hand

CONFIG = FitConfig()


@pytest.fixture(scope="module")
def model():
    return load_hand_model()


@pytest.fixture(scope="module")
def solver(model):
    return Solver(model, components=30, weights=Weights(4.0, 0.4, 1.0), hypotheses=6, dtype=torch.float64)


def changed(record, **values):
    return type(record)(**{n: values.get(n, getattr(record, n)) for n in record.__dataclass_fields__})


def target(consensus, focal_px: float = 704.0) -> Target:
    frame = Frame(
        frame_id="f",
        source="made",
        video="v",
        width_px=640,
        height_px=480,
        path="",
        sha256="",
        pixel_sha256="",
        origin="",
    )
    return Target(consensus, frame, Camera.centered(focal_px, 640, 480), usable(consensus))


def fitted(model, solver, consensuses, config=CONFIG, focal_px=704.0):
    targets = [target(c, focal_px) for c in consensuses]
    return fit_records(targets, solver.solve(observations(targets, config, torch.float64)), solver, model, config)


def errors_mm(fits, truths):
    return np.array([procrustes_error_mm(f.keypoints_3d, t.joints) for f, t in zip(fits, truths, strict=True)])


def test_perfect_keypoints_give_the_hand_back(model, solver):
    truths = [make_truth(model, seed) for seed in range(100, 140)]
    fits = fitted(model, solver, [t.consensus for t in truths])
    errors = errors_mm(fits, truths)
    assert np.median(errors) < 2.5
    assert np.mean(errors < 8) >= 0.9
    assert np.median([np.median(f.residual_px) for f in fits]) < 1.0


def test_record_is_what_its_own_parameters_say(model, solver):
    for side in ("left", "right"):
        truth = make_truth(model, 3, side=side, noise_px=2)
        (fit,) = fitted(model, solver, [truth.consensus])
        posed = pose_hand(model, fit.global_orient, fit.hand_pose, fit.betas, fit.transl, fit.side)
        np.testing.assert_allclose(posed.joints, fit.keypoints_3d, atol=1e-9)
        pixels = fit.keypoints_3d[:, :2] / fit.keypoints_3d[:, 2:] * fit.focal_px + fit.principal_point
        np.testing.assert_allclose(pixels, fit.keypoints, atol=1e-9)
        off = np.linalg.norm(pixels - truth.consensus.keypoints, axis=1)
        np.testing.assert_allclose(fit.residual_px, off, atol=1e-9)
        assert fit.residual_px.max() < 12
        assert (fit.keypoints_3d[:, 2] > 0).all()


def test_mirrored_picture_gives_the_mirrored_hand(model, solver):
    truth = make_truth(model, 5, noise_px=1.5)
    mirrored_points = truth.consensus.keypoints * [-1, 1] + [639, 0]
    covariance = np.tile([[4.0, 1.5], [1.5, 2.0]], (21, 1, 1))
    mirrored = changed(
        truth.consensus, side="left", keypoints=mirrored_points, covariance=covariance * [[1, -1], [-1, 1]]
    )
    right, left = fitted(model, solver, [changed(truth.consensus, covariance=covariance), mirrored])
    np.testing.assert_allclose(left.global_orient, right.global_orient * MIRROR_AXIS_ANGLE, atol=1e-6)
    np.testing.assert_allclose(left.hand_pose, right.hand_pose * np.tile(MIRROR_AXIS_ANGLE, 15), atol=1e-6)
    np.testing.assert_allclose(left.transl, right.transl * MIRROR_POINTS, atol=1e-6)
    np.testing.assert_allclose(left.keypoints_3d, right.keypoints_3d * MIRROR_POINTS, atol=1e-6)
    np.testing.assert_allclose(left.sd_mm, right.sd_mm, rtol=1e-5)
    assert left.covariance[0, 1] == pytest.approx(-right.covariance[0, 1], rel=1e-4)


def test_what_is_not_annotatable_takes_no_part_wherever_it_lies(model, solver):
    truth = make_truth(model, 8)
    visibility = np.full(21, Visibility.VISIBLE)
    visibility[[4, 12]] = Visibility.NOT_ANNOTATABLE
    fits = []
    for nonsense in (np.nan, 1e6):
        keypoints = truth.consensus.keypoints.copy()
        keypoints[[4, 12]] = nonsense
        fits += fitted(model, solver, [changed(truth.consensus, keypoints=keypoints, visibility=visibility)])
    np.testing.assert_array_equal(fits[0].hand_pose, fits[1].hand_pose)
    assert np.isnan(fits[0].residual_px[[4, 12]]).all()
    assert np.isfinite(np.delete(fits[0].residual_px, [4, 12])).all()
    assert fits[0].sd_mm[4] > fits[0].sd_mm[3], "an unseen fingertip is less certain than the seen joint before it"


def test_an_occluded_guess_pulls_less_than_a_visible_point(model, solver):
    truth = make_truth(model, 11)
    keypoints = truth.consensus.keypoints.copy()
    keypoints[8] += 25
    hidden = np.full(21, Visibility.VISIBLE)
    hidden[8] = Visibility.OCCLUDED
    trusting, doubting = fitted(
        model,
        solver,
        [
            changed(truth.consensus, keypoints=keypoints),
            changed(truth.consensus, keypoints=keypoints, visibility=hidden),
        ],
    )
    moved = [np.linalg.norm(f.keypoints[8] - truth.consensus.keypoints[8]) for f in (trusting, doubting)]
    assert moved[1] < moved[0]


def test_gross_outliers_are_overruled(model, solver):
    truths = [make_truth(model, seed, noise_px=1) for seed in range(40, 60)]
    spoiled = []
    for number, truth in enumerate(truths):
        keypoints = truth.consensus.keypoints.copy()
        keypoints[number % 20 + 1] += [60, -45]
        spoiled.append(changed(truth.consensus, keypoints=keypoints))
    assert np.median(errors_mm(fitted(model, solver, spoiled), truths)) < 5


def test_wrong_focal_length_costs_little(model, solver):
    truths = [make_truth(model, seed, noise_px=1, focal_px=450.0) for seed in range(20)]
    fits = fitted(model, solver, [t.consensus for t in truths], focal_px=900.0)
    assert np.median(errors_mm(fits, truths)) < 4


def test_same_input_same_numbers(model, solver):
    consensus = [make_truth(model, seed, noise_px=1).consensus for seed in range(6)]
    first, second = fitted(model, solver, consensus), fitted(model, solver, consensus)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.hand_pose, b.hand_pose)
        np.testing.assert_array_equal(a.covariance, b.covariance)


def test_spread_tells_how_far_off_the_joints_are(model, solver):
    """About 68 % of errors within one standard deviation, 95 % within two, along each axis, wrist to joint."""
    truths = [make_truth(model, seed, noise_px=2) for seed in range(200, 320)]
    config = FitConfig(sigma_visible=1e-4)  # the noise alone: two px, as the covariance says
    ratios = []
    for fit, truth in zip(fitted(model, solver, [t.consensus for t in truths], config), truths, strict=True):
        off = (fit.keypoints_3d - fit.keypoints_3d[0]) - (truth.joints - truth.joints[0])
        ratios.append(np.abs(off[1:]) * 1e3 / fit.sd_mm[1:, None])
    within = [float(np.mean(np.array(ratios) < k)) for k in (1, 2)]
    assert 0.60 < within[0] < 0.85
    assert 0.90 < within[1] <= 0.99


def test_covariance_is_one_and_contains_the_truth(model, solver):
    truth = make_truth(model, 77, noise_px=2)
    (fit,) = fitted(model, solver, [truth.consensus])
    assert fit.covariance.shape == (61, 61)
    np.testing.assert_allclose(fit.covariance, fit.covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(fit.covariance).min() > -1e-9
    assert np.sqrt(fit.covariance[60, 60]) > np.sqrt(fit.covariance[58, 58]), "depth is known worst"


def test_whitening_is_the_inverse_of_the_covariance(model):
    truth = make_truth(model, 1)
    covariance = np.tile([[9.0, 4.0], [4.0, 6.0]], (21, 1, 1))
    covariance[2] = [[1.0, 2.0], [2.0, 1.0]]  # not a covariance at all: one negative eigenvalue
    consensus = changed(truth.consensus, covariance=covariance)
    used = usable(consensus)
    used[5] = False
    factors = whitening(consensus, used, CONFIG)
    floor = (CONFIG.sigma_visible * consensus.scale_px) ** 2 * np.eye(2)
    np.testing.assert_allclose(np.linalg.inv(factors[0].T @ factors[0]), covariance[0] + floor, rtol=1e-9)
    assert np.isfinite(factors).all()
    assert (factors[5] == 0).all()


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"max_residual": 1e-4}, "keypoints missed"),
        ({"max_sd_mm": 0.1}, "uncertain"),
        ({"max_pose": 1e-3}, "improbable pose"),
        ({"max_shape": 1e-6}, "improbable shape"),
    ],
)
def test_each_gate_refuses_and_says_so(model, solver, setting, reason):
    consensus = make_truth(model, 2, noise_px=1).consensus
    (passed,) = fitted(model, solver, [consensus])
    assert passed.accepted
    assert passed.reason == ""
    (fit,) = fitted(model, solver, [consensus], FitConfig(**setting))
    assert not fit.accepted
    assert reason in fit.reason


def test_a_near_tie_with_another_hand_is_refused(model, solver):
    truths = [make_truth(model, seed, noise_px=4) for seed in range(400, 460)]
    fits = fitted(model, solver, [t.consensus for t in truths], FitConfig(min_gap=1e6))
    gaps = np.array([f.cost_gap for f in fits])
    contested = ~np.isnan(gaps)
    assert contested.any()
    assert not contested.all(), "most hands have no rival"
    assert (gaps[contested] >= 0).all()
    for fit, has_rival in zip(fits, contested, strict=True):
        assert ("another hand explains" in fit.reason) == has_rival
