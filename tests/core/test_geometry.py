"""Boxes and affine maps, against closed forms."""

import numpy as np
import pytest

from hint_tools.core import geometry as g


def test_iou_of_known_boxes():
    a = np.array([0.0, 0.0, 2.0, 2.0])
    b = np.array([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0], [1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_allclose(g.iou(a, b), [1 / 7, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(g.iou(np.zeros(4), np.zeros(4)), 0.0)


def test_scaling_keeps_the_centre():
    box = np.array([10.0, 20.0, 30.0, 60.0])
    np.testing.assert_allclose(g.scale_box(box, 2.0), [0.0, 0.0, 40.0, 80.0])
    np.testing.assert_allclose(g.box_center(g.scale_box(box, 1.24)), g.box_center(box))


def test_clipping_to_pixels_that_exist():
    np.testing.assert_allclose(g.clip_box(np.array([-5.0, 2.0, 700.0, 481.0]), 640, 480), [-0.5, 2.0, 639.5, 479.5])


def test_the_inverse_of_an_affine_map_undoes_it():
    matrix = np.array([[0.5, -0.2, 7.0], [0.3, 1.5, -4.0]])
    points = np.random.default_rng(1).normal(size=(21, 2)) * 100
    np.testing.assert_allclose(
        g.apply_affine(g.invert_affine(matrix), g.apply_affine(matrix, points)), points, atol=1e-10
    )


def test_a_box_of_no_points_is_refused():
    with pytest.raises(ValueError, match="no point"):
        g.box_of_points(np.zeros((3, 2)), np.zeros(3, bool))
