"""Which shown frame FFmpeg 5.1 writes as which picture file, worked out from time stamps alone.

`ffmpeg -i clip %10d.jpg` does not write frame n as file n + 1: it brings the stream to a constant rate first, repeating
and dropping frames where stamps are uneven or start late. This follows what FFmpeg 5.1 does between decoder and encoder
(`do_video_out` and `adjust_frame_pts_to_encoder_tb` of its fftools/ffmpeg.c) and is checked against it by tests.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from hint_tools.media.video_index import FrameIndex

_MICROSECOND = Fraction(1, 1_000_000)
_EXTRA_BITS_UP_TO = 29
_MOST_EXTRA_BITS = 16
_OFF_MIDPOINT = 1 / (1 << 17)
_TOLERANCE = 1.1
"""Frames by which a stamp may be off before one is dropped or repeated."""
_REPEAT_OFFSET = 0.6
_LATE_START = 0.5
_MOST_REPEATS = 3600 * 30
"""A gap that would repeat a frame more often is skipped."""


def official_frames(index: FrameIndex) -> tuple[int, ...]:
    """For each picture file FFmpeg 5.1 writes, in order, the number of the shown frame in it.

    Args:
        index: of a video whose frames have stamps of their own.
    """
    clock = _OutputClock(start_is_free=index.coding.n_streams == 1)
    frame_s = 1 / index.coding.rate
    start = _nearest(Fraction(-(index.coding.start_us or 0)) * _MICROSECOND / index.time_base)
    for number, pts in enumerate(index.pts):
        lasts = round(float(index.coding.durations[number] * index.time_base / frame_s)) or 1
        clock.show(number, _output_time(pts + start, index.time_base, frame_s), lasts)
    clock.finish()
    return tuple(clock.written)


def is_one_to_one(frames: tuple[int, ...]) -> bool:
    """Whether file n + 1 is frame n for all files, apart from repeats of the last frame at the end."""
    last = max(frames, default=0)
    return all(frame == min(number, last) for number, frame in enumerate(frames))


def _output_time(ticks: int, time_base: Fraction, frame_s: Fraction) -> float:
    """A stamp in frames of the output, with the few extra bits FFmpeg keeps."""
    extra = min(max(_EXTRA_BITS_UP_TO - (frame_s.denominator.bit_length() - 1), 0), _MOST_EXTRA_BITS)
    fine = _nearest(ticks * time_base / frame_s * (1 << extra))
    value = fine / (1 << extra)
    return value + math.copysign(_OFF_MIDPOINT, value) if value else 0.0


def _nearest(value: Fraction) -> int:
    """The nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value))


def _rounded(value: float) -> int:
    """C's `lrintf`: single precision, halves to even."""
    return round(float(np.float32(value)))


class _OutputClock:
    """The output's constant rate, fed one frame at a time.

    Args:
        start_is_free: the first frame may come late without being repeated (FFmpeg's `vscfr`: one stream in the file).
    """

    def __init__(self, *, start_is_free: bool) -> None:
        self.written: list[int] = []
        self._start_is_free = start_is_free
        self._next = 0
        self._last: int | None = None
        self._repeats = [0, 0, 0]

    def show(self, frame: int, time: float, lasts: int) -> None:
        """`frame` is due at `time` for `lasts`, both in frames of the output."""
        early = time - self._next
        end = early + lasts
        if early < 0 < end:
            early = 0.0
        elif self._start_is_free and not self.written and early >= _LATE_START:
            early, end, self._next = 0.0, float(lasts), round(time)
        count, repeats = 1, 0
        if end < -_TOLERANCE:
            count = 0
        elif end > _TOLERANCE:
            count = _rounded(end)
            repeats = _rounded(early - _REPEAT_OFFSET) if early > _TOLERANCE else 0
        self._write(frame, count, min(repeats, count))

    def finish(self) -> None:
        """The stream ended: what the last frames were repeated is repeated once more."""
        count = sorted(self._repeats)[1]
        self._write(self._last, count, count)

    def _write(self, frame: int | None, count: int, repeats: int) -> None:
        self._repeats = [repeats, *self._repeats[:2]]
        if count > _MOST_REPEATS:
            return
        for n in range(count):
            of_last = n < repeats and self._last is not None
            shown = self._last if of_last else frame
            if shown is None:
                return
            self.written.append(shown)
            self._next += 1
        self._last = frame
