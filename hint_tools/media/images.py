"""Pictures in and out of bytes: always RGB, 8 bit, upright, `(height, width, 3)`.

The one door for untrusted picture files: whatever is wrong with one becomes a `DataError` that names it.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from hint_tools.core.errors import DataError
from hint_tools.media.jpeg_top import top_of_jpeg
from hint_tools.media.limits import MAX_PIXELS

Rgb = npt.NDArray[np.uint8]
"""A picture: uint8, `(height, width, 3)`, red first."""

JPEG_QUALITY = 95

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF")
"""Decoders that bytes may reach: the ones that start no other program and follow no link."""
_END_OF_JPEG = b"\xff\xd9"
_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1
_SWAPS_AXES = frozenset({5, 6, 7, 8})
_SIXTEEN_TO_EIGHT = 257
"""65535 / 255."""
_header_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a picture file's header says.

    Args:
        width_px: of the upright picture.
        height_px: of the upright picture.
        file_format: the decoder's name, such as `"JPEG"`.
        is_plain_jpeg: an upright 8-bit RGB JPEG: its bytes can be passed on as they are.
    """

    width_px: int
    height_px: int
    file_format: str
    is_plain_jpeg: bool


def read_image(path: Path) -> Rgb:
    """The upright picture in a file, uint8 RGB `(height, width, 3)`.

    Grey, palette, CMYK and 16-bit pictures are converted, transparency is laid on white, the EXIF
    orientation is applied; of several pictures in one file the first is taken. Colour profiles are
    not applied: the numbers are the file's.

    Raises:
        DataError: missing, not a picture, truncated, damaged, or larger than `MAX_PIXELS`.
    """
    with _opened(path) as stream:
        return _decode(stream, str(path))


def read_top(path: Path, rows: int) -> tuple[Rgb, int]:
    """At least the first `rows` rows of the picture in a file, to the bit as `read_image` gives them, and its height.

    Costs less than the whole picture where the file is a plain JPEG, and what lies below is not looked at.

    Raises:
        DataError: as `read_image`.
    """
    with _opened(path) as stream:
        return _decode_top(stream, str(path), rows)


def decode_image(data: bytes, name: str) -> Rgb:
    """The upright picture in `data`, as `read_image` gives it.

    Args:
        data: a whole picture file.
        name: what to call it in messages.

    Raises:
        DataError: as `read_image`.
    """
    return _decode(io.BytesIO(data), name)


def probe_image(path: Path) -> ImageInfo:
    """Size and kind of a picture from its header; the pixels are not decoded.

    Raises:
        DataError: missing, not a picture, or larger than `MAX_PIXELS`.
    """
    with _opened(path) as stream:
        picture, orientation = _header(stream, str(path))
    width, height = picture.size[::-1] if orientation in _SWAPS_AXES else picture.size
    plain = picture.format == "JPEG" and picture.mode == "RGB" and orientation == _UPRIGHT
    return ImageInfo(width, height, str(picture.format), plain)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in px of the upright picture. Raises as `probe_image`."""
    info = probe_image(path)
    return info.width_px, info.height_px


def encode_jpeg(rgb: Rgb, quality: int = JPEG_QUALITY) -> bytes:
    """`rgb` as a JPEG file with halved colour resolution (4:2:0), as cameras and videos have it.

    Args:
        rgb: uint8, `(height, width, 3)`.
        quality: 1 to 100.

    Raises:
        ValueError: `rgb` is no such array.
    """
    out = io.BytesIO()
    _picture(rgb).save(out, format="JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def encode_png(rgb: Rgb) -> bytes:
    """`rgb` as a PNG file, without loss.

    Args:
        rgb: uint8, `(height, width, 3)`.

    Raises:
        ValueError: `rgb` is no such array.
    """
    out = io.BytesIO()
    _picture(rgb).save(out, format="PNG")
    return out.getvalue()


def pixel_sha256(rgb: Rgb) -> str:
    """Hex sha256 of a picture's height, width, depth (little-endian uint32) and then its bytes, row by row.

    Raises:
        ValueError: `rgb` is no uint8 `(height, width, 3)` array.
    """
    checked = _checked(rgb)
    digest = hashlib.sha256(np.array(checked.shape, dtype="<u4").tobytes())
    digest.update(np.ascontiguousarray(checked).data)
    return digest.hexdigest()


def image_library() -> str:
    """Name and versions of what decodes and encodes pictures here, to be kept with what was decoded."""
    from PIL import __version__, features

    return f"Pillow {__version__}, libjpeg-turbo {features.version_feature('libjpeg_turbo')}"


def _checked(rgb: Rgb) -> Rgb:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"expected a uint8 picture (height, width, 3), got {rgb.dtype} {rgb.shape}")
    return rgb


def _picture(rgb: Rgb) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(_checked(rgb)))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: no such picture") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from error
    with stream:
        yield stream


def _decode(stream: IO[bytes], name: str) -> Rgb:
    pixels, _ = _decode_top(stream, name, None)
    return pixels


def _decode_top(stream: IO[bytes], name: str, rows: int | None) -> tuple[Rgb, int]:
    """The picture, or at least its first `rows` rows, and the height of all of it."""
    picture, orientation = _header(stream, name)
    if picture.format == "JPEG" and picture.mode == "RGB" and orientation == _UPRIGHT:
        stream.seek(0)
        plain = _plain_jpeg(stream.read(), rows)
        if plain is not None:
            return plain, picture.height
    try:
        picture.load()
        pixels = _to_rgb(picture)
    except Exception as error:
        raise DataError(f"{name}: the picture is damaged or cut off ({error})", hint="copy the file again") from error
    upright = np.ascontiguousarray(_upright(pixels, orientation))
    return upright, len(upright)


def _plain_jpeg(data: bytes, rows: int | None) -> Rgb | None:
    """The picture of a whole JPEG, by OpenCV: the same numbers in half the time. None for what it does not decode."""
    import cv2

    # a file without its end marker is cut off; Pillow says so, OpenCV would fill the rest with grey
    if not data.rstrip(b"\0").endswith(_END_OF_JPEG):
        return None
    cut = top_of_jpeg(data, rows) if rows is not None else None
    pixels = cv2.imdecode(np.frombuffer(cut or data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def _header(stream: IO[bytes], name: str) -> tuple[Image.Image, int]:
    """The opened, not yet decoded picture, and its EXIF orientation (1 to 8)."""
    try:
        # a decoder's remarks about a header are not this program's warnings; the filters are global, hence the lock
        with _header_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(stream, formats=_FORMATS)
            orientation = _orientation(picture)
    except Image.DecompressionBombError:
        raise DataError(f"{name}: expected at most {MAX_PIXELS} px, the header says more than twice that") from None
    except Exception as error:
        raise DataError(f"{name}: expected a picture ({', '.join(_FORMATS)}), got something else") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise DataError(f"{name}: expected at most {MAX_PIXELS} px, the header says {picture.width} x {picture.height}")
    return picture, orientation


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    except Exception:  # noqa: BLE001  (a damaged EXIF block says nothing; the pixels may still be good)
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _to_rgb(picture: Image.Image) -> Rgb:
    if picture.mode.startswith("I"):
        wide = np.clip(np.asarray(picture, dtype=np.int64), 0, 65535)
        grey = ((wide + _SIXTEEN_TO_EIGHT // 2) // _SIXTEEN_TO_EIGHT).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(white, layered).convert("RGB"))
    return np.asarray(picture.convert("RGB"))


def _upright(pixels: Rgb, orientation: int) -> Rgb:
    """Undo an EXIF orientation (TIFF 6.0, tag 274: where row 0 and column 0 of the stored picture belong)."""
    turned = pixels.swapaxes(0, 1) if orientation in _SWAPS_AXES else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return turned
