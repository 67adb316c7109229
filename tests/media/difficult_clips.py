"""Clips on which picture n of the official command is easily another frame, or another JPEG: made by PyAV alone.

Every frame carries its own number as a bar code (`coded_video`), so a test can tell which frame a picture shows.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from coded_video import HEIGHT, WIDTH, coded_frame, remux, turn, write_video

N = 60
_X265 = "log-level=none:pools=none:frame-threads=1"


def make(
    path: Path,
    codec: str = "libx264",
    *,
    rate: Fraction | int = 30,
    pixel_format: str = "yuv420p",
    aspect: Fraction | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    full_range: bool = False,
    **options: str,
) -> Path:
    """`N` coded frames, scaled to `size`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"threads": "1", **options})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        if aspect is not None:
            stream.sample_aspect_ratio = aspect
        if full_range:
            stream.codec_context.color_range = 2
        for number in range(N):
            frame = av.VideoFrame.from_ndarray(coded_frame(number), format="rgb24")
            frame = frame.reformat(*size, format=pixel_format, dst_color_range=2 if full_range else 1)
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _plain(folder: Path) -> Path:
    return make(folder / "plain.mp4", bf="3", g="30")


def _uneven(folder: Path, name: str) -> Path:
    steps = np.random.default_rng(5).choice([1, 1, 1, 2, 5], N)
    return write_video(folder / name, N, ticks=[int(t) for t in np.cumsum(steps)], options={"bf": "2", "g": "15"})


def _vp9(folder: Path, group: str = "128") -> Path:
    return make(folder / "vp9.mp4", "libvpx-vp9", g=group, deadline="realtime", **{"cpu-used": "8"})


def _turned(folder: Path) -> Path:
    return turn(make(folder / "turned.mp4", bf="2"), (0, 1, -1, 0))


def _cut_off(folder: Path) -> Path:
    data = write_video(folder / "whole.mp4", N, options={"bf": "2", "g": "20"}, fast_start=True).read_bytes()
    path = folder / "cut-off.mp4"
    path.write_bytes(data[: len(data) * 3 // 4])
    return path


REGULAR: dict[str, Callable[[Path], Path]] = {
    "h264": _plain,
    "h264-one-group": lambda f: make(f / "one.mp4", g="250", bf="3"),
    "h264-sound": lambda f: remux(_plain(f), f / "sound.mp4", silence_s=2.5),
    "h264-open-groups": lambda f: make(f / "open.mp4", g="25", bf="3", **{"x264-params": "open-gop=1:scenecut=0"}),
    "h264-mkv": lambda f: make(f / "plain.mkv", bf="2"),
    "vp9": _vp9,
    "hevc": lambda f: make(f / "hevc.mp4", "libx265", **{"x265-params": f"{_X265}:open-gop=1:bframes=4"}, g="30"),
    "mpeg4": lambda f: make(f / "mpeg4.mp4", "mpeg4", bf="2", g="24", qscale="3"),
    "29.97": lambda f: make(f / "ntsc.mp4", rate=Fraction(30000, 1001), bf="3"),
    "59.94": lambda f: make(f / "ntsc60.mp4", rate=Fraction(60000, 1001), bf="3"),
    "wide-pixels": lambda f: make(f / "aspect.mp4", aspect=Fraction(4, 3), bf="2"),
    "edit-list": lambda f: remux(_plain(f), f / "cut.mp4", shift=-7),
    "edit-list-sound": lambda f: remux(_plain(f), f / "cutsound.mp4", shift=-7, silence_s=2.0),
    "late": lambda f: remux(_plain(f), f / "late.mp4", shift=11),
    "mpegts": lambda f: make(f / "plain.ts", bf="2", g="30"),
    "turned": _turned,
    "turned-half": lambda f: turn(make(f / "half.mp4", bf="2"), (-1, 0, 0, -1)),
    "turned-back-wide": lambda f: turn(make(f / "back.mp4", bf="2", aspect=Fraction(4, 3)), (0, -1, 1, 0)),
    "mirrored": lambda f: turn(make(f / "mirrored.mp4", bf="2"), (-1, 0, 0, 1)),
    "mirrored-turned": lambda f: turn(make(f / "both.mp4", bf="2"), (0, 1, 1, 0)),
    "upside-down": lambda f: turn(make(f / "down.mp4", bf="2"), (1, 0, 0, -1)),
    "full-range": lambda f: make(f / "full.mp4", pixel_format="yuvj420p", full_range=True),
    "full-range-vp9": lambda f: make(f / "fullvp9.mp4", "libvpx-vp9", full_range=True, deadline="realtime"),
    "interlaced": lambda f: make(f / "fields.mp4", bf="2", flags="+ilme+ildct", **{"x264-params": "tff=1"}),
    "interlaced-mpeg2": lambda f: make(f / "fields.ts", "mpeg2video", bf="2", g="15", flags="+ilme+ildct"),
    "large": lambda f: make(f / "large.mp4", size=(480, 272), bf="2"),
}
"""Clips that must take the cheap way."""

IRREGULAR: dict[str, Callable[[Path], Path]] = {
    "late-beside-sound": lambda f: remux(_plain(f), f / "latesound.mp4", shift=11, silence_s=2.5),
    "uneven-mp4": lambda f: _uneven(f, "uneven.mp4"),
    "uneven-mkv": lambda f: _uneven(f, "uneven.mkv"),
    "uneven-sound": lambda f: remux(_uneven(f, "uneven.mp4"), f / "unevensound.mp4", silence_s=3.0),
    "no-first-key": lambda f: remux(make(f / "whole.mp4", bf="0", g="20"), f / "headless.mp4", skip=7),
    "no-first-key-mkv": lambda f: remux(make(f / "whole.mp4", bf="2", g="20"), f / "headless.mkv", skip=7),
    "no-first-key-vp9": lambda f: remux(_vp9(f, "20"), f / "headless.mp4", skip=7),
    "10-bit": lambda f: make(f / "ten.mp4", "libx265", pixel_format="yuv420p10le", **{"x265-params": _X265}),
    "4:4:4": lambda f: make(f / "444.mp4", pixel_format="yuv444p"),
    "odd-size": lambda f: make(f / "odd.mp4", "libvpx-vp9", size=(WIDTH + 1, HEIGHT + 1), deadline="realtime"),
    "cut-off": _cut_off,
    "mkv-sound": lambda f: remux(make(f / "plain.mkv", bf="0"), f / "sound.mkv", silence_s=2.5),
}
"""Clips that have to go through the official command."""

UNEVEN = ("late-beside-sound", "uneven-mp4", "uneven-mkv", "uneven-sound")
"""Those of which the pictures can be made without it, by the stamps."""
