"""The JPEG FFmpeg 5.1 makes of a decoded picture, with the same pixels, made without FFmpeg 5.1.

Two things decide the pixels: how limited-range samples become full-range ones, and quantisation. The first is followed
sample by sample below; for the second any FFmpeg's mjpeg encoder at quantiser 2 gives the same coefficients. Only the
Huffman tables, and so the bytes, differ from FFmpeg 5.1's.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from hint_tools.media.orientation import Orientation

Plane = npt.NDArray[np.uint8]
"""uint8, `(height, width)` or all rows in one line."""

_QUANTISER = "2"
"""What `-qscale:v 1` comes to: the encoder's lowest is 2 (`qmin`)."""
_RATE = 25


def full_range_tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The full-range sample for each limited-range one, uint8 `(256,)`: luma and chroma.

    libswscale 6.7 (FFmpeg 5.1), `lumRangeToJpeg_c` and `chrRangeToJpeg_c`: 15-bit intermediates, clipped above, then
    rounded to 8 bits.
    """
    wide = np.arange(256, dtype=np.int64) << 7
    luma = (np.minimum(wide, 30189) * 19077 - 39057361) >> 14
    chroma = (np.minimum(wide, 30775) * 4663 - 9289992) >> 12
    luma8, chroma8 = (np.clip((v + 64) >> 7, 0, 255).astype(np.uint8) for v in (luma, chroma))
    return luma8, chroma8


_LUMA, _CHROMA = full_range_tables()


def planes_of(frame: VideoFrame, orientation: Orientation) -> Plane:
    """A yuv420p picture's planes one after another in one line, uint8 `(n,)`, upright and without padding.

    FFmpeg 5.1 turns decoded planes before it converts them, so turning here comes to the same.

    Args:
        frame: of even width and height.
        orientation: as the video asks for.

    Raises:
        ValueError: a format that has no such form here.
    """
    stored = frame.to_ndarray()
    if orientation.is_upright:
        return np.asarray(stored, np.uint8).reshape(-1)
    half = (2, frame.height // 2, frame.width // 2)
    planes = (stored[: frame.height], *stored[frame.height :].reshape(half))
    return np.concatenate([orientation.upright(p).reshape(-1) for p in planes])


def pixel_exact_jpeg(planes: Plane, size_px: tuple[int, int], aspect: Fraction | None, *, full_range: bool) -> bytes:
    """A JPEG file whose pixels are those of the official command's.

    Args:
        planes: yuv420p, as `planes_of` gives them.
        size_px: width and height of the upright picture, both even.
        aspect: of a pixel; None when the video doesn't say.
        full_range: the planes already are what a JPEG holds.
    """
    width, height = size_px
    stored = planes.reshape(height * 3 // 2, width)
    samples = stored if full_range else np.concatenate([_LUMA[stored[:height]], _CHROMA[stored[height:]]])
    frame = av.VideoFrame.from_ndarray(samples, format="yuvj420p")
    frame.pts = 0
    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)  # noqa: S101  (for the type checker)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, _RATE)
    encoder.thread_count = 1
    encoder.options = {"qmin": _QUANTISER, "qmax": _QUANTISER}
    if aspect is not None:
        encoder.sample_aspect_ratio = aspect
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])
