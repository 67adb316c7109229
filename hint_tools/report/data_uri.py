"""Pictures as data URIs: small, whatever they show."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

JPEG_QUALITY = 86
"""Of photographs on a page: no visible blocks at crop size, about 12 kB at 256 px."""
_ROUGH_BYTES, _ROUGH_QUALITY = 0.5, 60
"""Bytes a pixel from which on a picture is coarsened: grain and foliage, which would double a page and hide blocks."""
_SAMPLED, _FLAT_COLOURS = 8, 64
"""A picture with more colours than that in every 8th pixel of every 8th row is a photograph: as PNG it would be several
times as large, so that is not tried."""


def data_uri(image: npt.NDArray[np.uint8]) -> str:
    """The picture, (H, W, 3) RGB, as a data URI: JPEG, or PNG where that is smaller (flat drawings)."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    form, data = "jpeg", _jpeg(bgr, JPEG_QUALITY)
    if len(data) > _ROUGH_BYTES * bgr.shape[0] * bgr.shape[1]:
        data = _jpeg(bgr, _ROUGH_QUALITY)
    if len(np.unique(bgr[::_SAMPLED, ::_SAMPLED].reshape(-1, 3), axis=0)) <= _FLAT_COLOURS:
        png = cv2.imencode(".png", bgr)[1].tobytes()
        form, data = ("png", png) if len(png) < len(data) else (form, data)
    return f"data:image/{form};base64,{base64.b64encode(data).decode()}"


def _jpeg(bgr: npt.NDArray[Any], quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
