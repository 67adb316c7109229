"""Normal laws of fingers, against a plain solution of the whole linear system and against scipy."""

import json
from pathlib import Path

import numpy as np
import pytest

from hint_tools.qc.finger_chain import (
    ASIDE,
    BEND,
    Chains,
    anatomy,
    bones_aside,
    by_finger,
    diagonal,
    log_density,
    updated,
)
from hint_tools.qc.plausible import BONE_MM

REAL_HANDS = Path(__file__).parents[3] / "shared/data/real_hands/hands.json"


def random_chains(rng, n):
    root = rng.normal(size=(n, 4, 4))
    return Chains(rng.normal(size=(n, 4, 2)) * 50, root @ root.swapaxes(1, 2) + np.eye(4))


def test_density_is_that_of_scipy():
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    chains, points = random_chains(rng, 20), rng.normal(size=(20, 4, 2)) * 50
    found = log_density(chains, points)
    for k in range(20):
        expected = sum(
            multivariate_normal.logpdf(points[k, :, x], chains.mean[k, :, x], chains.covariance[k]) for x in (0, 1)
        )
        assert found[k] == pytest.approx(expected)


def test_an_update_is_conditioning_of_the_joint_law():
    """Against the textbook formula for the law of joints and points together, and Bayes' theorem."""
    rng = np.random.default_rng(1)
    chains, points, how = random_chains(rng, 8), rng.normal(size=(8, 4, 2)) * 50, rng.normal(size=(4, 4))
    noise = diagonal(rng.uniform(1, 9, (8, 4)))
    after, density = updated(chains, how, noise, points)
    for k in range(8):
        precision = np.linalg.inv(chains.covariance[k])
        gained = how.T @ np.linalg.inv(noise[k])
        covariance = np.linalg.inv(precision + gained @ how)
        assert np.allclose(after.covariance[k], covariance)
        assert np.allclose(after.mean[k], covariance @ (precision @ chains.mean[k] + gained @ points[k]))
    anywhere = rng.normal(size=(8, 4, 2))
    bayes = log_density(chains, anywhere) + log_density(Chains(how @ anywhere, noise), points)
    assert np.allclose(bayes - log_density(after, anywhere), density)


def test_a_straight_finger_is_what_anatomy_expects():
    """Bones that go on at the open hand's ratios are the likeliest, in any direction and size."""
    rng = np.random.default_rng(2)
    lengths = np.array(BONE_MM, dtype=float).reshape(5, 4)
    finger = np.repeat(np.arange(5), 10)
    wrist, way = rng.normal(size=(50, 2)) * 100, 0.3 * rng.normal(size=(50, 2))
    truth = wrist[:, None] + np.cumsum(lengths[finger], axis=1)[..., None] * way[:, None]
    nothing = np.full((50, 3, 2), np.nan)
    knowledge = anatomy(finger, wrist, np.full(50, 100.0), nothing, nothing[..., 0])
    one = np.full((50, 4, 2), np.nan)
    one[:, 0] = truth[:, 0]
    mean = knowledge.joined_by(one, np.full((50, 4), 1e-6)).chains().mean
    reach = np.linalg.norm(truth - wrist[:, None], axis=-1)
    # joints are not expected many hands away, which pulls them back a little
    assert np.all(np.linalg.norm(mean - truth, axis=-1) < 0.06 * reach)


@pytest.mark.shared
@pytest.mark.skipif(not REAL_HANDS.is_file(), reason="needs ../shared/data/real_hands")
def test_bones_of_real_hands_follow_each_other_as_said():
    hands = [h for h in json.loads(REAL_HANDS.read_text()) if all(h["labelled"])]
    points = np.array([h["keypoints"] for h in hands], dtype=float)
    scale = np.sqrt(np.ptp(points, axis=1).prod(axis=1))
    lengths = np.array(BONE_MM, dtype=float).reshape(5, 4)
    joints = np.stack([by_finger(points[..., x]) for x in (0, 1)], axis=-1)
    bones = np.diff(np.concatenate([np.repeat(points[:, None, :1], 5, axis=1), joints], axis=2), axis=2)
    ratio = (lengths[:, 1:] / lengths[:, :-1])[None, :, :, None]
    off = (bones[:, :, 1:] - ratio * bones[:, :, :-1]) / scale[:, None, None, None]
    aside, _ = bones_aside(points, np.zeros((len(points), 21)), scale)
    beside = (bones[:, 1:, 1:] - aside[:, 1:]) / scale[:, None, None, None]
    assert len(hands) >= 5
    assert np.all(np.sqrt((off**2).mean(axis=(0, 1, 3))) < 1.3 * np.array(BEND))
    assert np.sqrt((beside**2).mean()) < ASIDE
    # one law for what follows and what lies beside: their product is no narrower than real fingers
    weight = 1 / np.array(BEND)[:, None] ** 2, 1 / ASIDE**2
    both = (weight[0] * off[:, 1:] + weight[1] * beside) / (weight[0] + weight[1])
    assert np.all(np.sqrt((both**2).mean(axis=(0, 1, 3))) < 1.1 / np.sqrt(weight[0][:, 0] + weight[1]))
