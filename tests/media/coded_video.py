"""Really encoded videos whose every frame carries its own number as a bar code in its pixels."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, BITS, BAR = 192, 112, 12, 16
RATE = 30


def has_encoder(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except av.error.FFmpegError:
        return False
    return True


def coded_frame(number: int) -> np.ndarray:
    """A moving gradient with `number` as white and black bars along the top, lowest bit first."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rgb = np.stack([x + number * 5, y * 2 + number * 3, 128 + 0 * x], axis=2).astype(np.uint8)
    rgb[0:32] = [[255 * (number >> (column // BAR) & 1)] * 3 for column in range(WIDTH)]
    return rgb


def read_code(rgb: np.ndarray) -> int:
    """The number in a decoded upright frame."""
    bars = rgb[8:24].reshape(16, BITS, BAR, 3)[:, :, 4:-4].mean(axis=(0, 2, 3))
    return int(sum(1 << bit for bit in range(BITS) if bars[bit] > 128))


def repeatable(codec: str, options: dict[str, str]) -> dict[str, str]:
    """`options` with which an encoder writes the same bytes every time; x264 does only without its assembler code."""
    if codec != "libx264":
        return options
    return {**options, "x264-params": ":".join(filter(None, (options.get("x264-params"), "asm=0")))}


def write_video(
    path: Path,
    n: int,
    codec: str = "libx264",
    *,
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    fast_start: bool = False,
) -> Path:
    """`path` holds `n` coded frames; frame k is shown at `ticks[k]` (default k) thirtieths of a second."""
    container_options = {"movflags": "+faststart"} if fast_start else {}
    with av.open(str(path), "w", options=container_options) as container:
        stream = container.add_stream(codec, rate=RATE, options={"threads": "1", **repeatable(codec, options or {})})
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number in range(n):
            frame = av.VideoFrame.from_ndarray(coded_frame(number), format="rgb24")
            frame.pts, frame.time_base = (number if ticks is None else ticks[number]), Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_noise(path: Path, n: int, *, fast_start: bool = False, seed: int = 3) -> Path:
    """`n` pictures of noise, some 30 kB each, a key frame in 20: parts of such a file are small beside it."""
    dice = np.random.default_rng(seed)
    with av.open(str(path), "w", options={"movflags": "+faststart"} if fast_start else {}) as container:
        options = {"threads": "1", "preset": "ultrafast", "qp": "24", "g": "20", "bf": "2"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(n):
            noise = dice.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def remux(
    source: Path, target: Path, *, shift: int = 0, skip: int = 0, silence_s: float = 0.0, movflags: str = ""
) -> Path:
    """The packets of `source` in a new file, `shift` frames later (an MP4 hides what starts before 0 by an edit list).

    `skip` leaves out that many packets at the start; `silence_s` adds an audio track of that length.
    """
    options = {"movflags": movflags} if movflags else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        video = old.streams.video[0]
        out = new.add_stream_from_template(video)
        audio = new.add_stream("aac", rate=16000) if silence_s else None
        step = round(1 / (RATE * video.time_base))
        for number, packet in enumerate(p for p in old.demux(video) if p.size):
            if number < skip:
                continue
            packet.pts += shift * step
            packet.dts += shift * step
            packet.stream = out
            new.mux(packet)
        if audio is not None:
            sound = av.AudioFrame.from_ndarray(np.zeros((1, int(16000 * silence_s)), np.float32), "fltp", "mono")
            sound.sample_rate, sound.pts = 16000, 0
            new.mux(audio.encode(sound))
            new.mux(audio.encode(None))
    return target


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a, b, c, d (16.16 fixed point) of the display matrix into an MP4's track header (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    a, b, c, d = (v << 16 for v in matrix)
    struct.pack_into(">9i", data, start, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path
