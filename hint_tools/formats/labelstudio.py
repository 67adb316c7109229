"""Label Studio's annotation results: percent of a shown picture <-> px of the full frame.

Label Studio counts x and y in percent of the picture's width and height from its top-left *corner*;
here the *centre* of the top-left pixel is (0, 0), so half a pixel is added and taken away at this border.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import Floats, box_size
from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import JOINT_NAMES

IMAGE: Final = "image"
JOINT: Final = "joint"
VISIBILITY: Final = "visibility"
BOX: Final = "box"
SIDE: Final = "side"
REJECT: Final = "reject"
"""Names of the controls: what a region's `from_name` says."""

VISIBILITY_WORDS: Final = MappingProxyType(
    {Visibility.VISIBLE: "visible", Visibility.OCCLUDED: "occluded", Visibility.NOT_ANNOTATABLE: "not_annotatable"}
)
SIDE_UNKNOWN: Final = "unknown"
BOX_LABEL: Final = "hand"
REJECT_REASONS: Final = ("not_a_hand", "too_blurry", "too_dark", "wrong_crop", "other")
POINT_SIZE_PERCENT: Final = 0.6
"""Drawn size of a point; without a width the editor drops it without a word."""

_PREDICTION_REGION = re.compile(r"([0-9a-f]{20})\.")

Region = dict[str, Any]
Ints = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Picture:
    """What an annotator sees of a frame: `frame = (x0, y0) + px / scale`, both with pixel centres at integers.

    Args:
        x0_px: of the frame, at the centre of the picture's top-left pixel.
        y0_px: likewise.
        scale: picture px per frame px.
        width_px: of the picture.
        height_px: of the picture.
    """

    x0_px: float
    y0_px: float
    scale: float
    width_px: int
    height_px: int

    def to_percent(self, points: Floats) -> Floats:
        """Percent (..., 2) of the picture, for frame px (..., 2); not clipped."""
        px = (points - np.array([self.x0_px, self.y0_px])) * self.scale
        percent: Floats = 100.0 * (px + 0.5) / np.array([self.width_px, self.height_px])
        return percent

    def to_frame(self, percent: Floats) -> Floats:
        """Frame px (..., 2), for percent (..., 2) of the picture; inverse of `to_percent`."""
        px = percent / 100.0 * np.array([self.width_px, self.height_px]) - 0.5
        frame: Floats = np.array([self.x0_px, self.y0_px]) + px / self.scale
        return frame


def build_result(
    picture: Picture,
    *,
    keypoints: Floats | None,
    visibility: Ints | None,
    box: Floats | None,
    side: str | None,
    reject_reasons: tuple[str, ...] = (),
    prediction_id: str = "",
) -> list[Region]:
    """The regions of one annotation or prediction; points and box are clipped to the picture.

    The box comes last: the editor draws the list backwards, and a box drawn on top swallows every click
    on the points inside it.

    Args:
        picture: what is shown.
        keypoints: (21, 2), px of the frame; a NaN joint is left out; None for no points at all.
        visibility: (21,), `Visibility` numbers; needed with `keypoints`.
        box: x0, y0, x1, y1, px of the frame.
        side: `left`, `right` or None.
        reject_reasons: of `REJECT_REASONS`; empty when the hand is not rejected.
        prediction_id: put into the region ids, so that an answer still says where it started from.
    """
    regions: list[Region] = []
    prefix = f"{prediction_id}." if prediction_id else ""
    if keypoints is not None and visibility is not None:
        percent = np.clip(picture.to_percent(keypoints), 0.0, 100.0)
        for joint in np.flatnonzero(np.isfinite(keypoints).all(axis=1)):
            regions.extend(_joint_regions(picture, prefix, int(joint), percent[joint], int(visibility[joint])))
    if side is not None:
        regions.append(_choice(picture, f"{prefix}side", SIDE, (side,)))
    if reject_reasons:
        regions.append(_choice(picture, f"{prefix}reject", REJECT, reject_reasons))
    if box is not None and (region := _box_region(picture, f"{prefix}box", box)) is not None:
        regions.append(region)
    return regions


def prediction_of(result: object) -> str:
    """The prediction id that `build_result` left in the region ids of `result`; empty when there is none."""
    for region in result if isinstance(result, list) else ():
        found = _PREDICTION_REGION.match(str(region.get("id", ""))) if isinstance(region, dict) else None
        if found:
            return found.group(1)
    return ""


def _joint_regions(picture: Picture, prefix: str, joint: int, percent: Floats, visibility: int) -> list[Region]:
    name = JOINT_NAMES[joint]
    place = {"x": float(percent[0]), "y": float(percent[1]), "width": POINT_SIZE_PERCENT}
    words = [VISIBILITY_WORDS[Visibility(visibility)]]
    head = _head(picture, f"{prefix}{joint:02d}_{name}")
    return [
        {**head, "type": "keypointlabels", "from_name": JOINT, "value": {**place, "keypointlabels": [name]}},
        {**head, "type": "choices", "from_name": VISIBILITY, "value": {**place, "choices": words}},
    ]


def _choice(picture: Picture, region_id: str, control: str, words: tuple[str, ...]) -> Region:
    return {**_head(picture, region_id), "type": "choices", "from_name": control, "value": {"choices": list(words)}}


def _box_region(picture: Picture, region_id: str, box: Floats) -> Region | None:
    percent = np.clip(picture.to_percent(box.reshape(2, 2)), 0.0, 100.0).ravel()
    width, height = (float(v) for v in box_size(percent))
    if width <= 0 or height <= 0:
        return None
    value = {"x": float(percent[0]), "y": float(percent[1]), "width": width, "height": height, "rotation": 0}
    head = _head(picture, region_id)
    return {**head, "type": "rectanglelabels", "from_name": BOX, "value": {**value, "rectanglelabels": [BOX_LABEL]}}


def _head(picture: Picture, region_id: str) -> Region:
    return {
        "id": region_id,
        "to_name": IMAGE,
        "original_width": picture.width_px,
        "original_height": picture.height_px,
        "image_rotation": 0,
    }
