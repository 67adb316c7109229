from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.core.geometry import apply_affine, invert_affine
from hint_tools.media.crops import BoxRule, crop_affine, crop_side, cut, cut_smooth, rows_seen
from hint_tools.media.images import read_image

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "crop_inputs").is_dir(), reason="the reference photographs are not here")
MEAN, SD = 255 * np.array([0.485, 0.456, 0.406]), 255 * np.array([0.229, 0.224, 0.225])
CONVENTIONS = {"ds2": (2.0, BoxRule.SQUARE), "dsm1": (1.0, BoxRule.PADDED), "demo": (2.0, BoxRule.PADDED)}


@pytest.mark.shared
@golden
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_crops_equal_the_references_to_the_bit(convention: str) -> None:
    factor, rule = CONVENTIONS[convention]
    expected = np.load(GOLDEN / "crops.npz")
    compared = set()
    for i, record in enumerate(json.loads((GOLDEN / "crops_records.json").read_text())):
        side = crop_side(np.array(record["scale"]), factor=factor, rule=rule)
        assert side == pytest.approx(float(expected[f"{convention}_{i:02d}_box_size"]), rel=1e-6)
        if f"{convention}_{i:02d}_img" not in expected:
            continue
        image = read_image(GOLDEN / "crop_inputs" / "images" / record["img"])
        mirror = None if record["right"] else image.shape[1]
        matrix = crop_affine(np.array(record["center"]), side, mirror_width_px=mirror)
        reference = expected[f"{convention}_{i:02d}_img"].transpose(1, 2, 0) * SD + MEAN
        if convention == "demo":
            np.testing.assert_allclose(cut_smooth(image, matrix), reference, atol=1e-3)
        else:
            np.testing.assert_array_equal(cut(image, matrix), np.rint(reference))
            np.testing.assert_allclose(cut(image, matrix), reference, atol=1e-4)
        compared.add(bool(record["right"]))
    assert compared == {True, False}


@pytest.mark.shared
@golden
@pytest.mark.parametrize("i", [0, 3, 6, 9, 12])
def test_augmented_maps_equal_the_references(i: int) -> None:
    expected = np.load(GOLDEN / "crops.npz")
    record = json.loads((GOLDEN / "crops_records.json").read_text())[i]
    change = expected[f"aug_{i:02d}_params"]
    width = read_image(GOLDEN / "crop_inputs" / "images" / record["img"]).shape[1]
    side = crop_side(np.array(record["scale"]))
    matrix = crop_affine(
        np.array(record["center"]) + side * change[7:9],
        side * change[0],
        rotation_deg=change[1],
        mirror_width_px=None if record["right"] else width,
    )
    flip = np.eye(3) if record["right"] else np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(matrix, expected[f"aug_{i:02d}_trans"] @ flip, atol=1e-9)


def test_training_with_the_released_settings_takes_the_longer_side() -> None:
    assert crop_side(np.array([104.0, 63.0]), factor=1) == 104
    assert crop_side(np.array([104.0, 63.0]), factor=1, rule=BoxRule.PADDED) == pytest.approx(138.6667, abs=1e-4)


def test_the_mirrored_crop_is_the_crop_of_the_mirrored_frame() -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 500, 3), dtype=np.uint8)
    for center, side in (((120.0, 80.0), 100.0), ((498.0, 290.0), 333.3), ((250.5, 150.25), 900.0)):
        ours = cut(image, crop_affine(np.array(center), side, mirror_width_px=500))
        flipped = np.ascontiguousarray(image[:, ::-1])
        theirs = cut(flipped, crop_affine(np.array([499 - center[0], center[1]]), side))
        np.testing.assert_array_equal(ours, theirs)


def test_outside_the_frame_is_black() -> None:
    image = np.full((50, 60, 3), 200, dtype=np.uint8)
    for mirror in (None, 60):
        matrix = crop_affine(np.array([1000.0, 1000.0]), 40.0, mirror_width_px=mirror)
        assert not cut(image, matrix).any()
        assert not cut_smooth(image, crop_affine(np.array([9000.0, 0.0]), 1500.0, mirror_width_px=mirror)).any()


@settings(max_examples=40, deadline=None)
@given(st.floats(60, 250), st.floats(60, 180), st.floats(80, 250), st.floats(-180, 180), st.booleans())
def test_the_map_says_where_a_spot_comes_to_lie(x: float, y: float, side: float, turn: float, left: bool) -> None:
    """A white blob in the frame, 5% of the side away from the middle, is found where the map puts its centre."""
    matrix = crop_affine(np.array([x, y]), side, rotation_deg=turn, mirror_width_px=320 if left else None)
    spot = np.array([x, y]) + side * np.array([0.04, 0.03])
    columns, rows = np.meshgrid(np.arange(320.0), np.arange(240.0))
    blob = 255 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * (side / 30) ** 2))
    weight = cut(np.repeat(np.rint(blob).astype(np.uint8)[..., None], 3, axis=2), matrix)[..., 0].astype(float)
    rows, columns = np.mgrid[0:256, 0:256]
    found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    there = apply_affine(matrix, spot[None])
    np.testing.assert_allclose(found, there[0], atol=0.3)
    np.testing.assert_allclose(apply_affine(invert_affine(matrix), there)[0], spot, atol=1e-6)


def test_smoothing_keeps_a_fine_pattern_from_aliasing() -> None:
    stripes = np.zeros((1024, 1024, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    matrix = crop_affine(np.array([511.5, 511.5]), 1000.0)
    middle = (slice(20, -20), slice(20, -20))
    # a 1000 px square on 256 px smooths by sigma 0.48 px of the frame
    sigma = (1000 / 256 / 2 - 1) / 2
    x = np.arange(1024)
    blurred = cv2.GaussianBlur(stripes.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    assert blurred[512, x[100:-100]].std() < stripes[512, x[100:-100]].std()
    assert cut_smooth(stripes, matrix)[middle].std() < 0.75 * cut(stripes, matrix)[middle].std()


@pytest.mark.parametrize("size", [(0.0, 0.0), (np.nan, 3.0), (np.inf, 3.0), (-1.0, -1.0)])
def test_a_box_without_extent_is_told(size: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="box with an extent"):
        crop_side(np.array(size))


def test_wrong_images_and_maps_are_told() -> None:
    matrix = crop_affine(np.array([5.0, 5.0]), 10.0)
    with pytest.raises(DataError, match="expected an image"):
        cut(np.zeros((5, 5), dtype=np.uint8), matrix)
    with pytest.raises(DataError, match="expected an image"):
        cut_smooth(np.zeros((5, 5, 3), dtype=np.float32), matrix)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="invertible"):
        cut(np.zeros((5, 5, 3), dtype=np.uint8), np.zeros((2, 3)))


@settings(max_examples=150, deadline=None)
@given(
    center=st.tuples(st.floats(-60, 260), st.floats(-60, 220)),
    side=st.floats(2, 400),
    rotation=st.floats(-180, 180),
    mirrored=st.booleans(),
    patch=st.sampled_from([64, 256]),
)
def test_rows_below_those_seen_change_nothing(
    center: tuple[float, float], side: float, rotation: float, mirrored: bool, patch: int
) -> None:
    image = np.random.default_rng(0).integers(1, 255, (160, 200, 3), dtype=np.uint8)
    mirror = 200 if mirrored else None
    matrix = crop_affine(np.array(center), side, patch_px=patch, rotation_deg=rotation, mirror_width_px=mirror)
    rows = rows_seen(matrix, patch_px=patch)
    assert rows > 0
    other = image.copy()
    other[rows:] = 0
    whole = cut(image, matrix, patch_px=patch)
    np.testing.assert_array_equal(cut(other, matrix, patch_px=patch), whole)
    np.testing.assert_array_equal(cut(image[:rows], matrix, patch_px=patch), whole)
