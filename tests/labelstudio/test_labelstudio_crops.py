"""The shown picture against the pixels themselves: a lit pixel is found where the map says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hint_tools.core.errors import DataError
from hint_tools.labelstudio.crops import crop_around, crop_jpeg
from hint_tools.media.images import decode_image


@pytest.mark.parametrize(("x", "y"), [(120, 80), (121, 83), (139, 99)])
def test_a_lit_pixel_is_where_the_map_says(x: int, y: int) -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    frame[y, x] = 255
    crop = crop_around(np.array([115.0, 75.0, 145.0, 105.0]), 2.0, 320, 240)
    shown = decode_image(crop_jpeg(frame, crop), "crop").astype(float)[..., 1]
    picture = crop.picture
    assert shown.shape == (picture.height_px, picture.width_px)
    assert max(shown.shape) >= 640
    weight = np.where(shown > 40, shown, 0)
    rows, columns = np.indices(shown.shape)
    center = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    percent = 100 * (center + 0.5) / [picture.width_px, picture.height_px]
    assert picture.to_frame(percent) == pytest.approx([x, y], abs=0.02)


@given(
    st.tuples(st.floats(-50, 400), st.floats(-50, 300), st.floats(0, 300), st.floats(0, 200)), st.floats(1, 4)
)  # fmt: skip
def test_the_crop_is_inside_the_frame_and_holds_the_box(corner: tuple[float, ...], factor: float) -> None:
    x, y, w, h = corner
    box = np.array([x, y, x + w, y + h])
    try:
        crop = crop_around(box, factor, 320, 240)
    except DataError:
        assert x + w < 8 or y + h < 8 or x > 311 or y > 231
        return
    assert 0 <= crop.left < crop.left + crop.width <= 320
    assert 0 <= crop.top < crop.top + crop.height <= 240
    inside = np.clip(box, [-0.5, -0.5, -0.5, -0.5], [319.5, 239.5, 319.5, 239.5])
    percent = crop.picture.to_percent(inside.reshape(2, 2))
    assert percent.min() >= -1e-9
    assert percent.max() <= 100 + 1e-9
    assert max(crop.width, crop.height) * crop.zoom >= 640


def test_a_box_outside_its_frame_is_refused() -> None:
    with pytest.raises(DataError, match="outside its frame of 320x240"):
        crop_around(np.array([400.0, 10.0, 420.0, 30.0]), 2.0, 320, 240)
    with pytest.raises(DataError, match="finite"):
        crop_around(np.array([np.nan, 10.0, 420.0, 30.0]), 2.0, 320, 240)
