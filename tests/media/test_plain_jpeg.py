"""Plain JPEGs are decoded by OpenCV because it is faster; the numbers must be Pillow's."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hint_tools.core.errors import DataError
from hint_tools.media.images import decode_image


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_opencv_and_pillow_say_the_same_numbers(subsampling: int, progressive: bool) -> None:
    random = np.random.default_rng(0)
    for size in ((37, 53), (641, 480), (8, 8)):
        small = random.integers(0, 255, (9, 9, 3), dtype=np.uint8)
        picture = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))
        for quality in (30, 75, 95):
            out = io.BytesIO()
            Image.fromarray(picture).save(
                out, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive
            )
            expected = np.asarray(Image.open(io.BytesIO(out.getvalue())))
            np.testing.assert_array_equal(decode_image(out.getvalue(), "x"), expected)


def test_a_cut_off_jpeg_is_refused_wherever_it_ends() -> None:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(out, "JPEG")
    data = out.getvalue()
    for end in range(len(data) // 2, len(data) - 20, len(data) // 40):
        with pytest.raises(DataError, match="damaged or cut off"):
            decode_image(data[:end], "x")
    # what stands behind the end marker is no matter
    np.testing.assert_array_equal(decode_image(data + b"\0\0\0", "x"), decode_image(data, "x"))
    np.testing.assert_array_equal(decode_image(data + b"more", "x"), decode_image(data, "x"))
