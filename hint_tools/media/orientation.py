"""How the stored pictures of a video are to be turned or mirrored to be upright.

Phones write it as a display matrix (ISO 14496-12, 8.3.2; FFmpeg's `AV_FRAME_DATA_DISPLAYMATRIX`):
x' = a x + c y, y' = b x + d y, x to the right and y down.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

Pixels = TypeVar("Pixels", bound=np.generic)

_ONE = 1 << 16
"""1 in 16.16 fixed point."""
_TOLERANCE = _ONE // 100
"""Written by people's own tools, sines of right angles come out a little beside 0 and 1."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """A display matrix by right angles; each entry is -1, 0 or 1."""

    a: int = 1
    b: int = 0
    c: int = 0
    d: int = 1

    @property
    def is_upright(self) -> bool:
        """Nothing is to be done."""
        return (self.a, self.d) == (1, 1)

    @property
    def swaps_axes(self) -> bool:
        """Width and height change places."""
        return self.a == 0

    @property
    def mirrors(self) -> bool:
        """Left and right are exchanged, after turning by `rotation_deg`."""
        return self.a * self.d - self.b * self.c < 0

    @property
    def rotation_deg(self) -> int:
        """How far the stored picture is turned counter-clockwise: 0, 90, 180 or 270."""
        cosine, down = (-self.a if self.mirrors else self.a), self.b
        return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[cosine, down]

    def upright(self, picture: npt.NDArray[Pixels]) -> npt.NDArray[Pixels]:
        """A view of `picture`, `(height, width, ...)` as stored, that is upright."""
        turned = picture.swapaxes(0, 1) if self.swaps_axes else picture
        across, down = (self.c, self.b) if self.swaps_axes else (self.a, self.d)
        return turned[:: 1 if down > 0 else -1, :: 1 if across > 0 else -1]

    def __str__(self) -> str:
        turned = f"turned by {self.rotation_deg} degrees"
        return f"{turned} and mirrored" if self.mirrors else turned


def orientation_of(frame: VideoFrame) -> Orientation | None:
    """What the container asks for, which decoders hand out with each frame; None where it is not by right angles."""
    beside: Any = frame.side_data  # what it gives one by one is not what its stubs say
    found = [bytes(data) for data in beside if data.type == Type.DISPLAYMATRIX]
    if not found:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", found[0])
    whole = [round(v / _ONE) for v in (a, b, c, d)]
    near = all(abs(v - w * _ONE) <= _TOLERANCE for v, w in zip((a, b, c, d), whole, strict=True))
    if not near or sorted(map(abs, whole)) != [0, 0, 1, 1] or abs(whole[0]) != abs(whole[3]):
        return None
    return Orientation(*whole)
