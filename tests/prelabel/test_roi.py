"""Squares of the frame: the right half pixel, the right way round."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.prelabel.roi import CONSTANT, Roi, shifted, upright_angle

UP, RIGHT, DOWN, LEFT = (0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)


def test_a_crop_of_whole_pixels_is_the_picture_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    # pixels 10..25 in x and 5..20 in y: continuous [9.5, 25.5] and [4.5, 20.5]
    region = Roi(np.array([17.5, 12.5]), 16.0)
    np.testing.assert_array_equal(region.crop(image, 16, CONSTANT), image[5:21, 10:26])


def test_the_corner_of_the_first_pixel_is_half_a_pixel_before_its_centre() -> None:
    region = Roi(np.array([17.5, 12.5]), 16.0)
    np.testing.assert_allclose(region.to_frame(np.array([[0.5, 0.5], [0.0, 0.0]]), 16), [[10, 5], [9.5, 4.5]])


def test_a_bright_pixel_is_found_where_the_map_says() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[30, 60] = 255
    region = Roi(np.array([55.0, 40.0]), 50.0, 0.7)
    crop = region.crop(image, 400, CONSTANT)[:, :, 0].astype(float)
    rows, columns = np.nonzero(crop)
    weights = crop[rows, columns]
    edge = np.array([np.average(columns, weights=weights), np.average(rows, weights=weights)]) + 0.5
    np.testing.assert_allclose(region.to_frame(edge, 400), [60, 30], atol=0.02)


@pytest.mark.parametrize(("direction", "angle"), [(UP, 0), (RIGHT, math.pi / 2), (DOWN, math.pi), (LEFT, -math.pi / 2)])
def test_the_angle_that_turns_a_direction_up(direction: tuple[float, float], angle: float) -> None:
    got = upright_angle(np.zeros(2), np.array(direction))
    assert math.cos(got - angle) == pytest.approx(1)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(1, 100))
def test_the_turned_crop_shows_the_direction_upwards(x: float, y: float, size: float) -> None:
    if math.hypot(x, y) < 1e-3:
        return
    region = Roi(np.array([3.0, 4.0]), size, upright_angle(np.zeros(2), np.array([x, y])))
    up = region.to_frame(np.array([50.0, 0.0]), 100) - region.to_frame(np.array([50.0, 100.0]), 100)
    np.testing.assert_allclose(up / np.linalg.norm(up), np.array([x, y]) / math.hypot(x, y), atol=1e-6)


def test_shifting_goes_along_the_crops_own_axes() -> None:
    moved = shifted(Roi(np.array([10.0, 10.0]), 8.0, math.pi / 2), 0.0, -0.5)
    np.testing.assert_allclose(moved.center, [14, 10])  # up in the crop is right in the frame
