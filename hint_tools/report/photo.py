"""Photographs that are drawn over: the page holds each of them once, however many drawings lie over it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.report.data_uri import data_uri


@dataclass(frozen=True)
class Photo:
    """A picture that has been encoded.

    Args:
        source: data URI.
        width: px.
        height: px.
    """

    source: str
    width: int
    height: int

    @cached_property
    def anchor(self) -> str:
        """By which the page finds it again: the same for the same picture."""
        return "photo-" + hashlib.sha256(self.source.encode()).hexdigest()[:16]


def encoded(image: npt.NDArray[np.uint8]) -> Photo:
    """The photograph of an (H, W, 3) RGB picture."""
    return Photo(data_uri(image), int(image.shape[1]), int(image.shape[0]))


@dataclass(frozen=True)
class Overlay:
    """A photograph, a drawing over it, and words under it.

    Args:
        photo: may be that of other overlays, too.
        svg: elements in px of the photograph, x and y 0 at its top-left corner.
        caption: shown under it.
        alt: what it shows, for those who can't see it.
        marked: whether it gets a frame.
    """

    photo: Photo
    svg: Markup
    caption: str
    alt: str
    marked: bool = False
    kind = "overlay"


@dataclass(frozen=True)
class Legend:
    """What drawings mean, with a small sample of each.

    Args:
        entries: sample and meaning; samples are SVG elements in a field of 40 by 24 px, empty for the frame of a
            marked overlay.
        title: above them.
        anchor: by which links find it.
    """

    entries: tuple[tuple[Markup, str], ...]
    title: str
    anchor: str
    kind = "legend"
