"""Frames into video files: H.264 with B-frames as phones and Ego4D's clips have, or older MPEG-4."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hint_tools.store.atomic import atomic_path

Rgb = npt.NDArray[np.uint8]

FPS = 30
_OPTIONS = MappingProxyType(
    {
        "libx264": {"crf": "19", "preset": "veryfast", "bf": "2", "g": "60", "threads": "1"},
        "mpeg4": {"q": "3", "bf": "2", "g": "24", "threads": "1"},
    }
)
"""Encoder settings; one thread, so that the same frames give the same bytes."""


def write_video(path: Path, frames: Iterable[Rgb], width_px: int, height_px: int, *, codec: str = "libx264") -> int:
    """Number of frames written to an MP4 at 30 frames a second; the file appears when all are in it.

    Args:
        path: the file.
        frames: `(height_px, width_px, 3)` RGB each.
        width_px: even.
        height_px: even.
        codec: `libx264` or `mpeg4`.

    Raises:
        KeyError: another codec.
        EnvironmentFault: the file could not be written.
    """
    import av  # heavy, and only needed here

    options = _OPTIONS[codec]
    count = 0
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=FPS, options=dict(options))
        assert isinstance(stream, av.VideoStream)  # noqa: S101  (both codecs are video)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = count, Fraction(1, FPS)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count
