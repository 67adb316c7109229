import numpy as np
import pytest

from hint_tools.core.geometry import apply_affine
from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS
from hint_tools.media import draw


def fan(size: float = 200.0) -> np.ndarray:
    """A spread hand: wrist below, fingers as rays; every bone is about 0.2 `size` long."""
    points = [np.array([0.5, 0.95])]
    for i in range(5):
        angle = np.radians(-150 + 30 * i)
        points += [np.array([0.5, 0.95]) + r * np.array([np.cos(angle), np.sin(angle)]) for r in (0.3, 0.5, 0.7, 0.85)]
    return np.stack(points) * size


def grey(height: int = 220, width: int = 260) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def test_drawing_leaves_the_input_alone_and_paints_every_finger_in_its_colour():
    image, points = grey(), fan()
    before = image.copy()
    drawn = draw.draw_hand(image, points)
    assert np.array_equal(image, before)
    for finger in FINGERS:
        joint = np.round(points[FINGER_JOINTS[finger][1]]).astype(int)
        assert tuple(drawn[joint[1], joint[0]]) == draw.FINGER_COLOURS[finger]


def test_colours_differ_in_lightness_or_hue_under_deuteranopia():
    """Viénot, Brettel, Mollon 1999: project linear RGB on what a deuteranope sees; the five must stay apart."""
    matrix = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    linear = (np.array(list(draw.FINGER_COLOURS.values())) / 255) ** 2.2
    seen = np.clip(linear @ matrix.T, 0, 1) ** (1 / 2.2) * 255
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[np.triu_indices(5, 1)]
    assert apart.min() > 30


def test_occluded_joint_is_hollow_and_its_bones_are_thinner():
    image, points = grey(), fan()
    hidden = np.full(21, int(Visibility.VISIBLE))
    hidden[11] = Visibility.OCCLUDED
    solid, hollow = draw.draw_hand(image, points, width_px=4), draw.draw_hand(image, points, hidden, width_px=4)
    x, y = np.round(points[11]).astype(int)
    assert tuple(solid[y, x]) == draw.FINGER_COLOURS["middle"]
    assert tuple(hollow[y, x]) != draw.FINGER_COLOURS["middle"]
    assert (solid != image).any(axis=-1).sum() > (hollow != image).any(axis=-1).sum()


@pytest.mark.parametrize("missing", ["state", "nan", "far"])
def test_joints_that_mean_nothing_are_left_out(missing):
    image, points = grey(), fan()
    states = np.full(21, int(Visibility.VISIBLE))
    if missing == "state":
        states[8] = Visibility.NOT_ANNOTATABLE
    else:
        points = points.copy()
        points[8] = np.nan if missing == "nan" else 1e12
    x, y = np.round(fan()[8]).astype(int)
    assert (draw.draw_hand(image, points, states)[y - 3 : y + 4, x - 3 : x + 4] == image[0, 0]).all()


def test_nothing_to_draw_is_the_same_picture():
    assert np.array_equal(draw.draw_hand(grey(), np.full((21, 2), np.nan)), grey())


def test_alpha_lies_between_picture_and_drawing():
    image, points = grey(), fan()
    full, half = draw.draw_hand(image, points).astype(int), draw.draw_hand(image, points, alpha=0.5).astype(int)
    assert np.abs(half - (full + image) / 2).max() <= 1
    assert np.array_equal(draw.draw_hand(image, points, alpha=0.0), image)


def test_subpixel_joint_positions_shift_the_drawing():
    image, points = grey(), fan()
    weight = np.abs(draw.draw_hand(image, points).astype(float) - image).sum(axis=-1)
    moved = np.abs(draw.draw_hand(image, points + np.array([0.5, 0.0])).astype(float) - image).sum(axis=-1)
    x = np.arange(image.shape[1])
    shift = (moved.sum(axis=0) @ x) / moved.sum() - (weight.sum(axis=0) @ x) / weight.sum()
    assert shift == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw.draw_hand(grey(), np.zeros((20, 2))), "keypoints"),
        (lambda: draw.draw_hand(grey().astype(float), fan()), "uint8"),
        (lambda: draw.draw_hand(grey(), fan(), np.zeros(20)), "visibility"),
        (lambda: draw.draw_hand(grey(), fan(), alpha=1.5), "alpha"),
        (lambda: draw.draw_box(grey(), np.array([0, 0, np.nan, 1.0])), "box"),
        (lambda: draw.hand_crop(grey(), np.array([5.0, 5, 5, 5])), "area"),
        (lambda: draw.grid([], 2), "at least one"),
    ],
)
def test_wrong_arguments_are_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("size", [64, 256, 400])
def test_crop_and_affine_agree_to_a_twentieth_of_a_pixel(size):
    """A smooth blob's centroid must land where the affine says; half a pixel off would show at once."""
    center = np.array([97.3, 61.8])
    yy, xx = np.mgrid[:160, :200]
    blob = 255 * np.exp(-((xx - center[0]) ** 2 + (yy - center[1]) ** 2) / (2 * 6.0**2))
    image = np.repeat(blob[..., None], 3, axis=2).round().astype(np.uint8)
    crop, affine = draw.hand_crop(image, np.array([70.0, 40, 130, 90]), size_px=size)
    assert crop.shape == (size, size, 3)
    expected = apply_affine(affine, center)
    mass = crop[..., 0].astype(float) * (crop[..., 0] != draw.BACKGROUND_COLOUR[0])
    yy, xx = np.mgrid[:size, :size]
    found = np.array([(mass * xx).sum(), (mass * yy).sum()]) / mass.sum()
    assert np.abs(found - expected).max() < 0.05 * max(1, size / 96)


def test_crop_maps_pixel_edges_to_pixel_edges():
    box = np.array([9.5, 19.5, 41.5, 51.5])
    _, affine = draw.hand_crop(grey(), box, size_px=64, context=1.0)
    assert np.allclose(apply_affine(affine, box.reshape(2, 2)), [[-0.5, -0.5], [63.5, 63.5]])


def test_crop_at_scale_one_copies_pixels_and_is_grey_outside():
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    crop, _ = draw.hand_crop(image, np.array([-10.5, 9.5, 9.5, 29.5]), size_px=20, context=1.0)
    assert np.array_equal(crop[:, 10:], image[10:30, :10])
    assert (crop[:, :10] == draw.BACKGROUND_COLOUR).all()


def test_grid_places_pictures_in_rows_without_cutting():
    images = [np.full((10, 10 + i, 3), 20 * i, np.uint8) for i in range(5)]
    sheet = draw.grid(images, 2, gap_px=3)
    assert sheet.shape == (3 * 10 + 2 * 3, 2 * 14 + 3, 3)
    for image in images:
        assert (sheet == image[0, 0]).all(axis=-1).sum() == image.shape[0] * image.shape[1]
    assert draw.side_by_side(images).shape[0] == 10


def test_label_and_box_change_only_where_they_stand():
    drawn = draw.draw_label(grey(), "annotator <é>", (10, 20), height_px=12)
    changed = np.argwhere((drawn != grey()).any(axis=-1))
    assert changed.min(axis=0).tolist() == [20, 10]
    assert changed[:, 0].max() < 20 + 30
    boxed = draw.draw_box(grey(), np.array([50.0, 60, 120, 130]))
    assert tuple(boxed[60, 80]) == (255, 255, 255)
    assert np.array_equal(boxed[70:120, 60:110], grey()[70:120, 60:110])


def test_large_reduction_is_smoothed_first():
    """A fine checkerboard must become grey, not alias to black or white patches."""
    board = np.indices((640, 640)).sum(axis=0) % 2 * 255
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    crop, _ = draw.hand_crop(image, np.array([20.0, 20, 620, 620]), size_px=64, context=1.0)
    assert np.abs(crop.astype(int) - 127).max() < 16
