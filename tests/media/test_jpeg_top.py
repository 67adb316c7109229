"""The upper part of a JPEG costs less than the whole of it; its pixels must not change by a bit."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from hint_tools.core.errors import DataError
from hint_tools.media.images import read_image, read_top
from hint_tools.media.jpeg_top import top_of_jpeg


def photograph(width: int, height: int) -> np.ndarray:
    small = np.random.default_rng(0).integers(0, 255, (height // 9 + 1, width // 9 + 1, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def encoded(width: int, height: int, **settings: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photograph(width, height)).save(out, "JPEG", **settings)
    return out.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(333, 517), (640, 480), (64, 200)])
def test_every_row_asked_for_is_the_whole_pictures(tmp_path: Path, subsampling: str, size: tuple[int, int]) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(*size, quality=80, subsampling=subsampling, optimize=True))
    whole = np.asarray(Image.open(path))
    shorter = 0
    for rows in (-5, 0, 1, 7, 8, 9, 16, 17, 100, 127, size[1] - 40, size[1], size[1] + 50):
        pixels, height = read_top(path, rows)
        assert height == size[1]
        assert len(pixels) >= min(max(rows, 1), height)
        kept = min(rows, height) if len(pixels) < height else height
        np.testing.assert_array_equal(pixels[: max(kept, 0)], whole[: max(kept, 0)])
        shorter += len(pixels) < height
    assert shorter >= 6


def test_all_samplings_of_opencv(tmp_path: Path) -> None:
    for factor in (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440):
        path = tmp_path / "a.jpg"
        cv2.imwrite(str(path), photograph(400, 600), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])
        pixels, _ = read_top(path, 200)
        assert len(pixels) < 300
        np.testing.assert_array_equal(pixels[:200], read_image(path)[:200])


def test_nothing_is_said_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The decoder writes of bytes it did not expect straight to stderr."""
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(320, 480, quality=90))
    assert len(read_top(path, 10)[0]) < 480
    assert capfd.readouterr() == ("", "")


def test_files_of_other_kinds_are_decoded_whole(tmp_path: Path) -> None:
    restarts = io.BytesIO()
    Image.fromarray(photograph(160, 320)).save(restarts, "JPEG", restart_marker_rows=1)
    kinds = {
        "progressive.jpg": encoded(160, 320, progressive=True),
        "restarts.jpg": restarts.getvalue(),
        "behind.jpg": encoded(160, 320) + b"more",
    }
    turned = Image.Exif()
    turned[0x0112] = 6
    kinds["turned.jpg"] = encoded(160, 320, exif=turned.tobytes())
    lossless = io.BytesIO()
    Image.fromarray(photograph(160, 320)).save(lossless, "PNG")
    kinds["lossless.png"] = lossless.getvalue()
    for name, data in kinds.items():
        path = tmp_path / name
        path.write_bytes(data)
        pixels, height = read_top(path, 16)
        whole = read_image(path)
        assert height == len(whole)
        np.testing.assert_array_equal(pixels, whole)


def test_a_cut_off_file_is_refused_though_its_upper_part_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(640, 640)[:-200])
    with pytest.raises(DataError, match="damaged or cut off"):
        read_top(path, 16)


def test_hostile_headers_are_left_alone() -> None:
    data = encoded(64, 640)
    start = data.index(b"\xff\xc0")
    broken = {
        "no start": data[2:],
        "no frame": data[:start] + data[start + 19 :],
        "two frames": data[:start] + data[start : start + 19] * 2 + data[start + 19 :],
        "a frame that ends early": data[: start + 2] + b"\x00\x03" + data[start + 4 :],
        "filling": data[:2] + b"\xff\xff\xff" + data[2:],
        "a length of nothing": data[:2] + b"\xff\xe0\x00\x00" + data[2:],
        "nothing": b"",
        "a start alone": b"\xff\xd8",
    }  # fmt: skip
    flat = bytearray(data)
    flat[start + 11 : start + 18 : 3] = b"\x20\x10\x10"
    broken["blocks without a height"] = bytes(flat)
    assert top_of_jpeg(data, 16) is not None
    for name, bad in broken.items():
        assert top_of_jpeg(bad, 16) is None, name
    for end in range(0, len(data), 7):
        assert top_of_jpeg(data[:end], 16) is None
