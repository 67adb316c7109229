"""Coefficients against their definitions, written out pair by pair, and against what other packages say."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from qc_rounds import answer, make_round

from hint_tools.core.records import Hand
from hint_tools.qc.agreement import pair_distances
from hint_tools.qc.occlusion import category_agreement
from hint_tools.qc.panel import build_pairs, build_panel

ORACLES = json.loads(Path(__file__).with_name("oracle_values.json").read_text(encoding="utf-8"))
"""Of krippendorff 0.9.0, irrCAC 0.4.4, statsmodels 0.15.0 and pycocotools 2.0.11, written by `oracle_values.py`."""


@pytest.mark.parametrize("rated", ORACLES["rated"], ids=["two", "three", "four with gaps", "five, half gaps"])
def test_agreement_on_categories_equals_other_packages(rated):
    said = np.array(rated["ratings"])
    found = category_agreement(np.stack([(said == c).sum(axis=1) for c in (0, 1)], axis=1))
    assert rated["expected"].keys() >= {"alpha", "ac1"}
    for name, value in rated["expected"].items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("pair", ORACLES["pairs"])
def test_similarity_equals_cocos_own_code(pair):
    """COCO's σ is sqrt(2) times that of a coordinate, and its size the square root of the area."""
    points, scale = np.array([pair["one"], pair["other"]]), math.sqrt(pair["area"])
    hand = Hand(hand_id="h", frame_id="f", box=[0, 0, 200, 200])
    panel = build_panel([answer("h", n, p, np.full(21, 2)) for n, p in zip("ab", points, strict=True)], [hand], [])
    sigma = np.broadcast_to(np.array(pair["sigmas"]) / math.sqrt(2) * scale, panel.visibility.shape)
    found = pair_distances(panel, build_pairs(panel), sigma).oks
    assert found.mean() == pytest.approx(pair["expected"], abs=1e-9)


def ratings(seed, gaps):
    rng = np.random.default_rng(seed)
    said = rng.integers(0, 3, (60, 4))
    said[:, 1:3] = np.where(rng.random((60, 2)) < 0.7, said[:, :1], said[:, 1:3])
    return np.where(rng.random(said.shape) < gaps, -1, said)


def written_out(said):
    """Raw agreement, AC1, alpha and kappa by loops over raters."""
    units = [[int(r) for r in row if r >= 0] for row in said]
    several = [u for u in units if len(u) >= 2]
    agreeing = [sum(a == b for a, b in itertools.permutations(u, 2)) / (len(u) * (len(u) - 1)) for u in several]
    raw = sum(agreeing) / len(several)
    share = [sum(u.count(c) / len(u) for u in units if u) / sum(1 for u in units if u) for c in range(3)]
    chance = sum(p * (1 - p) for p in share) / 2
    coincidence = np.zeros((3, 3))
    for u in several:
        for a, b in itertools.permutations(u, 2):
            coincidence[a, b] += 1 / (len(u) - 1)
    n, margin = coincidence.sum(), coincidence.sum(axis=1)
    observed = n - np.trace(coincidence)
    expected = sum(margin[a] * margin[b] for a, b in itertools.permutations(range(3), 2)) / (n - 1)
    part = [sum(u.count(c) / len(u) for u in several) / len(several) for c in range(3)]
    by_margins = sum(p * p for p in part)
    return raw, (raw - chance) / (1 - chance), 1 - observed / expected, (raw - by_margins) / (1 - by_margins)


@pytest.mark.parametrize(("seed", "gaps"), [(0, 0.0), (1, 0.2), (2, 0.5)])
def test_agreement_on_categories_equals_the_definitions(seed, gaps):
    said = ratings(seed, gaps)
    counts = np.stack([(said == c).sum(axis=1) for c in range(3)], axis=1)
    found = category_agreement(counts)
    assert (found.raw, found.ac1, found.alpha, found.kappa) == pytest.approx(written_out(said), abs=1e-9)


def test_kappa_of_fleiss_own_example():
    """J. L. Fleiss, "Measuring nominal scale agreement among many raters", 1971, as tabulated in every textbook."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert category_agreement(np.array(table)).kappa == pytest.approx(0.210, abs=5e-4)


def coco_oks(one, other, area, sigmas):
    """As COCO's reference code computes it: exp(-d² / (2 s² (2 σ)²)), mean over joints."""
    total = 0.0
    for (x, y), (u, v), s in zip(one, other, sigmas, strict=True):
        total += math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * area * (2 * s) ** 2))
    return total / len(one)


def test_similarity_equals_cocos_and_people_who_err_by_sigma_reach_the_ceiling():
    made = make_round(400, 2, seed=3)
    panel = made.panel()
    sigma = np.where(panel.visibility == 1, 0.036, 0.018) * made.scale[:, None, None]
    found = pair_distances(panel, build_pairs(panel), sigma).oks
    for h in range(20):
        per_joint = np.where(made.visibility[h] == 1, 0.036, 0.018) * math.sqrt(2)
        one, other = panel.keypoints[h]
        assert found[h].mean() == pytest.approx(coco_oks(one, other, made.scale[h] ** 2, per_joint), abs=1e-9)
    assert found.mean() == pytest.approx(0.8, abs=0.006)
