"""Pictures: whatever goes in, upright 8-bit RGB or one clear error comes out."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from hint_tools.core.errors import DataError, ExitCode
from hint_tools.media import images

ORIENTATION = 0x0112


@pytest.fixture
def picture() -> np.ndarray:
    """40 wide, 24 high, every corner another colour, smooth enough for JPEG."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([x * 6, y * 10, 255 - x * 3 - y * 4], axis=2).astype(np.uint8)


def saved(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, **options)
    return out.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_files_come_back_exactly(picture: np.ndarray, file_format: str) -> None:
    data = saved(Image.fromarray(picture), format=file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    decoded = images.decode_image(data, "x")
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, picture)


def test_red_is_first(tmp_path: Path) -> None:
    """OpenCV keeps blue first; a file it wrote as blue must be blue here."""
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[:, :, 0] = 255  # BGR
    cv2.imwrite(str(tmp_path / "blue.png"), blue)
    assert images.read_image(tmp_path / "blue.png")[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(picture: np.ndarray, orientation: int, tmp_path: Path) -> None:
    """Against Pillow's own transposition."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "o.jpg"
    Image.fromarray(picture).save(path, quality=95, exif=exif)
    with Image.open(path) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    decoded = images.read_image(path)
    np.testing.assert_array_equal(decoded, expected)
    assert images.image_size(path) == (decoded.shape[1], decoded.shape[0])
    assert images.probe_image(path).is_plain_jpeg == (orientation == 1)


def test_grey_palette_cmyk_alpha_become_rgb(picture: np.ndarray) -> None:
    rgb = Image.fromarray(picture)
    grey = images.decode_image(saved(rgb.convert("L"), format="PNG"), "grey")
    assert grey.shape == (24, 40, 3)
    np.testing.assert_array_equal(grey, np.asarray(rgb.convert("L"))[:, :, None].repeat(3, axis=2))

    palette = rgb.quantize(16)
    np.testing.assert_array_equal(
        images.decode_image(saved(palette, format="PNG"), "palette"), np.asarray(palette.convert("RGB"))
    )

    cmyk = images.decode_image(saved(rgb.convert("CMYK"), format="JPEG", quality=95), "cmyk")
    assert np.abs(cmyk.astype(int) - picture).mean() < 6

    see_through = np.dstack([picture, np.where(np.arange(40) < 20, 0, 255)[None].repeat(24, 0)]).astype(np.uint8)
    flattened = images.decode_image(saved(Image.fromarray(see_through), format="PNG"), "alpha")
    assert (flattened[:, :20] == 255).all()
    np.testing.assert_array_equal(flattened[:, 20:], picture[:, 20:])


def test_sixteen_bits_are_scaled_not_cut() -> None:
    wide = np.array([[0, 128, 257, 32768, 65279, 65535]], dtype=np.uint16)
    ok, data = cv2.imencode(".png", wide)
    assert ok
    decoded = images.decode_image(data.tobytes(), "deep")
    assert decoded[0, :, 0].tolist() == [0, 0, 1, 128, 254, 255]
    colour = np.dstack([wide, wide, wide])
    ok, data = cv2.imencode(".png", colour)
    decoded = images.decode_image(data.tobytes(), "deep colour")
    assert np.abs(decoded[0, :, 0].astype(float) - wide[0] / 257).max() <= 1


def test_png_and_jpeg_round_trips(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(images.decode_image(images.encode_png(picture), "p"), picture)
    jpeg = images.encode_jpeg(picture)
    assert jpeg == images.encode_jpeg(picture)
    assert np.abs(images.decode_image(jpeg, "j").astype(int) - picture).max() < 16
    assert len(images.encode_jpeg(picture, quality=30)) < len(jpeg)


def test_only_rgb_arrays_are_encoded(picture: np.ndarray) -> None:
    for wrong in (picture[:, :, 0], picture.astype(np.float32), picture[:0]):
        with pytest.raises(ValueError, match="expected a uint8 picture"):
            images.encode_jpeg(wrong)
        with pytest.raises(ValueError, match="expected a uint8 picture"):
            images.pixel_sha256(wrong)


def test_pixel_hash_is_of_shape_and_bytes(picture: np.ndarray) -> None:
    expected = hashlib.sha256(struct.pack("<3I", 24, 40, 3) + picture.tobytes()).hexdigest()
    assert images.pixel_sha256(picture) == expected
    assert images.pixel_sha256(np.asfortranarray(picture)) == expected
    assert images.pixel_sha256(picture.reshape(40, 24, 3)) != expected
    assert images.pixel_sha256(picture[:, ::-1]) != expected


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (9_000, 9_000), (9_400, 9_600)])
def test_header_bombs_are_refused_unread(width: int, height: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(width, height))
    for look in (images.read_image, images.image_size):
        with pytest.raises(DataError, match=r"bomb\.png: expected at most 80000000 px"):
            look(path)


def test_one_message_for_each_broken_file(picture: np.ndarray, tmp_path: Path) -> None:
    good = images.encode_jpeg(picture)
    broken = {
        "empty.jpg": b"",
        "text.png": b"this is no picture",
        "cut.jpg": good[: len(good) // 2],
        "cut.png": images.encode_png(picture)[:-40],
        "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "float.tiff": saved(Image.fromarray(np.ones((4, 4), np.float32)), format="TIFF"),
    }
    for name, data in broken.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            images.read_image(path)
        assert str(path) in caught.value.message
        assert caught.value.exit_code == ExitCode.DATA
    with pytest.raises(DataError, match="no such picture"):
        images.read_image(tmp_path / "absent.jpg")
    with pytest.raises(DataError, match="can't be read"):
        images.read_image(tmp_path)


def test_a_damaged_exif_block_costs_only_the_orientation(picture: np.ndarray) -> None:
    data = bytearray(saved(Image.fromarray(picture), format="JPEG", exif=b"Exif\0\0MM\0\x2a" + b"\xff" * 30))
    assert images.decode_image(bytes(data), "exif").shape == (24, 40, 3)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_flipped_bits_never_escape_as_anything_but_a_data_error(picture: np.ndarray, file_format: str) -> None:
    """150 mutants of each kind: a picture of the right kind, or one `DataError`."""
    source = saved(Image.fromarray(picture), format=file_format)
    dice = random.Random(file_format)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(150):
        mutant = bytearray(source)
        for _ in range(dice.choice([1, 3, 20])):
            mutant[dice.randrange(len(mutant))] ^= 1 << dice.randrange(8)
        if dice.random() < 0.3:
            del mutant[dice.randrange(len(mutant)) :]
        try:
            decoded = images.decode_image(bytes(mutant), "mutant")
        except DataError:
            outcomes["refused"] += 1
        else:
            assert decoded.dtype == np.uint8
            assert decoded.shape[2] == 3
            outcomes["read"] += 1
    assert outcomes["refused"] > 5
