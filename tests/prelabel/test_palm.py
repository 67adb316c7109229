"""Anchors, merging and regions of the palm detector."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.prelabel.onnx_network import OnnxNetwork
from hint_tools.prelabel.palm import (
    Palm,
    PalmDetector,
    anchors,
    frame_tiles,
    merged,
    palm_region,
    whole_frame,
)

from .drawn_hand import scene


def palm(score: float, x: float, y: float, size: float = 10.0) -> Palm:
    box = np.array([x, y, x + size, y + size])
    points = np.array([[x + size / 2, y + size]] * 2 + [[x + size / 2, y]] + [[x, y]] * 4)
    return Palm(score, box, points)


def test_anchors_are_the_published_grid() -> None:
    made = anchors()
    assert made.shape == (2016, 2)
    np.testing.assert_allclose(made[:4], [[0.5 / 24] * 2] * 2 + [[1.5 / 24, 0.5 / 24]] * 2)
    np.testing.assert_allclose(made[1152:1158], [[0.5 / 12] * 2] * 6)
    np.testing.assert_allclose(made[-1], [11.5 / 12] * 2)


def test_overlapping_answers_become_their_weighted_mean() -> None:
    (one,) = merged([palm(0.9, 0, 0), palm(0.3, 2, 0)])
    np.testing.assert_allclose(one.box, [0.5, 0, 10.5, 10])
    assert one.score == 0.9


def test_answers_apart_stay_apart_best_first() -> None:
    assert [p.score for p in merged([palm(0.4, 0, 0), palm(0.8, 30, 0), palm(0.6, 60, 0)])] == [0.8, 0.6, 0.4]


def test_the_region_lies_towards_the_fingers() -> None:
    region = palm_region(palm(1.0, 100, 100))
    assert region.size_px == pytest.approx(26)
    assert region.rotation_rad == pytest.approx(0)
    np.testing.assert_allclose(region.center, [105, 100])  # half a palm up from its centre


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(20, 2000))
def test_tiles_cover_every_pixel(width: int, height: int, side: float) -> None:
    tiles = frame_tiles(width, height, side)
    for axis, length in enumerate((width, height)):
        spans = sorted({(t.center[axis] - side / 2, t.center[axis] + side / 2) for t in tiles})
        assert spans[0][0] <= -0.5 + 1e-6
        assert spans[-1][1] >= length - 0.5 - 1e-6
        assert all(b[0] < a[1] for a, b in itertools.pairwise(spans))


def test_a_drawn_palm_is_found_where_it_is(weights) -> None:
    image, (joints,) = scene(640, 480, (300, 200, 0.6, False))
    detector = PalmDetector(OnnxNetwork(weights.palm))
    (found,) = detector.detect(image, [whole_frame(640, 480)], 0.5)
    np.testing.assert_allclose(found.points[0], joints[0], atol=30)  # wrist
    np.testing.assert_allclose(found.points[2], joints[9], atol=30)  # middle finger's base
