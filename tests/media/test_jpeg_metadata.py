"""What cameras write into pictures is left out, and not one pixel changes; judged by Pillow, which reads it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hint_tools.media.images import decode_image
from hint_tools.media.jpeg_metadata import without_metadata

SECRET = b"serial 4711 of the camera"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def photo(seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((75, 50), Image.Resampling.BICUBIC))


def exif() -> Image.Exif:
    told = Image.Exif()
    told[0x0110] = SECRET.decode()
    place = told.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 12.0)
    return told


def saved(**options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo()).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_everything_but_the_picture_goes(progressive: bool, subsampling: int) -> None:
    profile = b"a profile " * 10
    data = saved(
        exif=exif(), comment=SECRET, icc_profile=profile, dpi=(300, 300), progressive=progressive,
        subsampling=subsampling, quality=91,
    )  # fmt: skip
    extra = segment(0xED, b"Photoshop 3.0\0" + SECRET) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
    extra += segment(0xE2, b"FPXR\0" + SECRET) + b"\xff\xff" + segment(0xE0, b"JFXX\0\x13" + SECRET)
    whole = data[:2] + extra + data[2:] + saved(exif=exif()) + b"ftypmp42" + SECRET
    bare = without_metadata(whole)
    assert SECRET not in bare
    assert b"Exif" not in bare
    with Image.open(io.BytesIO(whole)) as before, Image.open(io.BytesIO(bare)) as after:
        assert dict(before.getexif())
        assert not dict(after.getexif())
        assert after.info["icc_profile"] == profile
        assert after.info["dpi"] == (300, 300)
        assert "comment" not in after.info
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))
    np.testing.assert_array_equal(decode_image(bare, "bare"), decode_image(whole, "whole"))
    assert without_metadata(bare) == bare
    assert len(bare) < len(data)


def test_a_thumbnail_in_the_head_goes() -> None:
    data = saved()
    head = data[2:20]
    assert head[4:9] == b"JFIF\0"
    thumbnail = b"\xff\xe0" + struct.pack(">H", 16 + 12) + head[4:16] + b"\x02\x02" + bytes(12)
    assert without_metadata(data[:2] + thumbnail + data[20:]) == data


def test_colours_of_other_kinds_stay() -> None:
    """Adobe's segment says how CMYK is coded: without it the colours would be others."""
    out = io.BytesIO()
    Image.fromarray(photo()).convert("CMYK").save(out, "JPEG", exif=exif())
    bare = without_metadata(out.getvalue())
    assert SECRET not in bare
    np.testing.assert_array_equal(decode_image(bare, ""), decode_image(out.getvalue(), ""))


@settings(max_examples=200)
@given(st.integers(0, 3000), st.integers(0, 255), st.booleans())
def test_damaged_bytes_are_refused_or_give_a_shorter_file(place: int, value: int, cut: bool) -> None:
    data = bytearray(saved(exif=exif()))
    data[place % len(data)] = value
    whole = bytes(data[: place % len(data)] if cut else data)
    try:
        bare = without_metadata(whole)
    except ValueError:
        return
    assert len(bare) <= len(whole)
    assert bare.endswith(b"\xff\xd9")


def test_no_jpeg() -> None:
    for data in (b"", b"\xff", b"\x89PNG", b"\xff\xd8", b"\xff\xd8\xff\xe1\x00", b"\xff\xd8\xff\xff\xff"):
        with pytest.raises(ValueError, match="no "):
            without_metadata(data)
