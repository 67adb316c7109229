"""The z-buffer against closed forms."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.camera import Camera
from hint_tools.mano.kinematics import pose_hand
from hint_tools.mano.raster import rasterise
from hint_tools.mano.shade import light_at_hits, mesh_bounds, shade_mesh, vertex_normals
from hint_tools.mano.topology import WRIST_FACES

CAMERA = Camera(100.0, 31.5, 23.5, 64, 48)


def test_slanted_plane_has_its_exact_depth_everywhere():
    """The plane z = 1 + x / 2, hit by the ray through pixel u at z = 1 / (1 - (u - cx) / (2 f))."""
    corners = [(x, y, 1 + x / 2) for x in (-1, 1) for y in (-1, 1)]
    raster = rasterise(corners, [(0, 1, 2), (1, 2, 3)], CAMERA)
    assert raster.hit.all()
    columns = np.arange(64)
    expected = 1 / (1 - (columns - CAMERA.cx) / (2 * CAMERA.focal_px))
    np.testing.assert_allclose(raster.depth, np.tile(expected, (48, 1)), rtol=1e-12)
    np.testing.assert_allclose(raster.bary.sum(axis=2), 1, atol=1e-12)


def test_interpolated_points_project_onto_their_pixel_centres():
    rng = np.random.default_rng(0)
    vertices = np.column_stack([rng.uniform(-0.3, 0.3, (30, 2)), rng.uniform(0.8, 1.6, 30)])
    faces = rng.integers(0, 30, (20, 3))
    raster = rasterise(vertices, faces, CAMERA)
    rows, columns = np.nonzero(raster.hit)
    points = raster.interpolate(faces, vertices)
    np.testing.assert_allclose(CAMERA.project(points), np.column_stack([columns, rows]), atol=1e-9)
    np.testing.assert_allclose(points[:, 2], raster.depth[raster.hit], rtol=1e-12)


def test_the_nearer_triangle_wins_whatever_the_order():
    near = np.array([(-0.2, -0.2, 1.0), (0.2, -0.2, 1.0), (0.0, 0.2, 1.0)])
    vertices = np.concatenate([near, near * 2])
    for faces in ([(0, 1, 2), (3, 4, 5)], [(3, 4, 5), (0, 1, 2)]):
        raster = rasterise(vertices, faces, CAMERA)
        assert raster.depth[raster.hit] == pytest.approx(1.0)
        assert {tuple(faces[i]) for i in np.unique(raster.face_id[raster.hit])} == {(0, 1, 2)}


def test_a_closed_mesh_has_no_holes_between_its_triangles():
    model = load_hand_model()
    posed = pose_hand(model, [np.pi / 2, 0, 0], np.zeros(45), np.zeros(10), [0, 0, 0.5])
    camera = Camera.centered(400, 320, 240)
    faces = np.concatenate([model.faces, WRIST_FACES])
    raster = rasterise(posed.vertices, faces, camera)
    far_side = rasterise(posed.vertices * [1, 1, -1] + [0, 0, 1.5], faces, camera)
    assert raster.hit.sum() > 3000
    padded = np.pad(raster.hit, 1)
    around = sum(
        padded[1 + dy : 241 + dy, 1 + dx : 321 + dx].astype(int) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy
    )
    assert not (~raster.hit & (around == 8)).any(), "a missed pixel amid the hand"
    assert far_side.hit.any()


def test_window_is_a_part_of_the_whole():
    model = load_hand_model()
    posed = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10), [0, 0, 0.4])
    camera = Camera.centered(300, 160, 120)
    whole = rasterise(posed.vertices, model.faces, camera)
    part = rasterise(posed.vertices, model.faces, camera, bounds=(30, 20, 170, 100))
    np.testing.assert_array_equal(part.face_id[:, :130], whole.face_id[20:100, 30:])
    np.testing.assert_allclose(part.depth[:, :130], whole.depth[20:100, 30:])


def test_triangles_behind_or_at_the_lens_are_left_out():
    vertices = [(-1, -1, 0.5), (1, -1, 0.5), (0, 1, -0.5), (-1, -1, -1), (1, -1, -1), (0, 1, -1)]
    assert not rasterise(vertices, [(0, 1, 2), (3, 4, 5)], CAMERA).hit.any()


def test_scaled_camera_sees_the_same_place_at_pixel_edges():
    """The left edge of the left-most pixel, -0.5, stays at -0.5."""
    fine = CAMERA.scaled(4)
    point = np.array([[(-0.5 - CAMERA.cx) / CAMERA.focal_px, (-0.5 - CAMERA.cy) / CAMERA.focal_px, 1.0]])
    np.testing.assert_allclose(CAMERA.project(point), [[-0.5, -0.5]], atol=1e-12)
    np.testing.assert_allclose(fine.project(point), [[-0.5, -0.5]], atol=1e-12)
    assert (fine.width_px, fine.height_px) == (256, 192)


def test_shading_draws_only_the_mesh_and_leaves_its_input():
    model = load_hand_model()
    posed = pose_hand(model, np.zeros(3), np.zeros(45), np.zeros(10), [0, 0, 0.6])
    camera = Camera.centered(200, 160, 120)
    image = np.full((120, 160, 3), 77, np.uint8)
    drawn = shade_mesh(image, posed.vertices, model.faces, camera, colour=(1.0, 0.0, 0.0))
    assert (image == 77).all()
    x0, y0, x1, y1 = mesh_bounds(posed.vertices, camera)
    outside = np.ones((120, 160), bool)
    outside[y0:y1, x0:x1] = False
    assert (drawn[outside] == 77).all()
    hit = rasterise(posed.vertices, model.faces, camera).hit
    assert (drawn[hit][:, 0] > drawn[hit][:, 1]).all()


def test_light_is_brightest_where_the_surface_faces_the_lamp():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((400, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    faces = ConvexHull(points).simplices.astype(np.int64)
    corners = points[faces]
    inward = (
        np.einsum("fi,fi->f", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]) < 0
    )
    faces[inward] = faces[inward][:, ::-1]
    np.testing.assert_allclose(vertex_normals(points, faces), points, atol=0.25)
    camera = Camera.centered(200, 100, 100)
    ball = points + np.array([0, 0, 4])
    raster = rasterise(ball, faces, camera)
    light = light_at_hits(raster, ball, faces, lamp=(-1, 0, -1))
    brightest = np.argwhere(raster.hit)[light.argmax()]
    assert brightest[1] < 45, "the lamp is on the left"
    assert light.min() >= 0.35 - 1e-9


def test_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match="64x48"):
        shade_mesh(np.zeros((10, 10, 3), np.uint8), np.ones((3, 3)), np.array([[0, 1, 2]]), CAMERA)


@pytest.mark.slow
def test_read_only_installation_without_a_home_still_draws():
    """numba finds no folder for its cache: every locator is told there is none."""
    code = (
        "import numba.core.caching as c; c.CacheImpl._locator_classes = []\n"
        "from hint_tools.mano.raster import rasterise; from hint_tools.mano.camera import Camera\n"
        "r = rasterise([(-1,-1,1),(1,-1,1),(0,1,1)], [(0,1,2)], Camera.centered(10, 8, 8))\n"
        "assert r.hit.any()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
