"""The picture of a disagreement: every earlier answer in a crop of its own, then all of them in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import Floats, apply_affine
from hint_tools.core.records import Hand, Submission, Visibility
from hint_tools.core.skeleton import BONES
from hint_tools.labelstudio.second_look import Earlier
from hint_tools.media.draw import FINGER_COLOURS, OUTLINE_COLOUR, draw_hand, draw_label, grid, hand_crop
from hint_tools.media.images import encode_jpeg

PANEL_PX: Final = 400
COLUMNS: Final = 2
JPEG_QUALITY: Final = 90
BACKGROUND: Final = (60, 60, 60)
_CONTEXT: Final = 1.35
_FARTHEST: Final = 3.0
"""Answers farther from the hand than this many times its box don't make everything else small."""
_COLOURS: Final = ((86, 180, 233), (230, 159, 0), (0, 200, 140), (240, 110, 180), (240, 228, 66), (255, 255, 255))
_LABEL_PX: Final = 15.0

Rgb = npt.NDArray[np.uint8]


def earlier_jpeg(frame: Rgb, hand: Hand, earlier: Sequence[Earlier]) -> bytes:
    """The picture as a JPEG file.

    Args:
        frame: (height, width, 3) RGB.
        hand: whose answers they are.
        earlier: the answers, with what they are called.
    """
    crop, affine = hand_crop(frame, _region(hand.box, earlier), size_px=PANEL_PX, context=_CONTEXT)
    if not earlier:
        panels = [draw_label(crop, "no earlier answer", height_px=_LABEL_PX)]
    else:
        panels = [_panel(crop, affine, one) for one in earlier]
        if sum(_points(one.answer) is not None for one in earlier) > 1:
            panels.append(_together(crop, affine, earlier))
        if len(panels) % COLUMNS:
            panels.append(_legend())
    return encode_jpeg(grid(panels, COLUMNS, background=BACKGROUND), JPEG_QUALITY)


def _region(box: Floats, earlier: Sequence[Earlier]) -> Floats:
    """The box of the hand and all answers' joints; joints far away stay outside."""
    size = np.maximum(box[2:] - box[:2], 1.0)
    limits = np.concatenate([box[:2] - _FARTHEST * size, box[2:] + _FARTHEST * size])
    found: list[npt.NDArray[np.float64]] = [box.reshape(2, 2)]
    for one in earlier:
        points = _points(one.answer)
        if points is not None:
            near = ((points >= limits[:2]) & (points <= limits[2:])).all(axis=1)
            found.append(points[near])
    corners = np.concatenate(found)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def _points(answer: Submission) -> Floats | None:
    """(21, 2) px of the frame, NaN where a joint can't be placed; None where the hand was rejected."""
    if answer.rejected or answer.keypoints is None or answer.visibility is None:
        return None
    placed = answer.visibility[:, None] != Visibility.NOT_ANNOTATABLE
    return np.where(placed, answer.keypoints, np.nan)


def _panel(crop: Rgb, affine: Floats, one: Earlier) -> Rgb:
    points = _points(one.answer)
    if points is None:
        said = f"{one.label}: rejected ({one.answer.reject_reason.replace('_', ' ') or 'no reason'})"
        return draw_label(crop, said, height_px=_LABEL_PX)
    drawn = draw_hand(crop, apply_affine(affine, points), one.answer.visibility)
    return draw_label(drawn, f"{one.label}: {one.answer.side or 'side unknown'}", height_px=_LABEL_PX)


def _together(crop: Rgb, affine: Floats, earlier: Sequence[Earlier]) -> Rgb:
    """All answers in one crop, each in a colour of its own."""
    canvas = crop // 2 + 40
    drawn = [(one, points) for one in earlier if (points := _points(one.answer)) is not None]
    for k, (_, points) in enumerate(drawn):
        # the first ones wider: they still show below the others where all agree
        _bones(canvas, apply_affine(affine, points), _COLOURS[k % len(_COLOURS)], 2 * (len(drawn) - k))
    shown: Rgb = canvas
    for k, (one, _) in enumerate(drawn):
        at = (6.0, 6.0 + k * 2 * _LABEL_PX)
        shown = draw_label(shown, one.label, at, _COLOURS[k % len(_COLOURS)], height_px=_LABEL_PX)
    return shown


def _legend() -> Rgb:
    """What the colours and dashes of the other panels mean, where a panel would else be empty."""
    panel = np.empty((PANEL_PX, PANEL_PX, 3), np.uint8)
    panel[:] = BACKGROUND
    lines = [*FINGER_COLOURS.items(), ("dashed: called hidden", (255, 255, 255))]
    shown: Rgb = panel
    for k, (text, colour) in enumerate(lines):
        shown = draw_label(shown, text, (40.0, 70.0 + 42.0 * k), colour, height_px=_LABEL_PX)
    return shown


def _bones(canvas: Rgb, points: Floats, colour: tuple[int, int, int], thick: int) -> None:
    """Bones in one colour, drawn into `canvas`."""
    fixed = np.round(np.nan_to_num(points, nan=-1e4).clip(-1e4, 1e4) * 16).astype(np.int32)
    known = [bool(np.isfinite(p).all()) for p in points]
    for shade, width in ((OUTLINE_COLOUR, thick + 2), (colour, thick)):
        for parent, child in BONES:
            if known[parent] and known[child]:
                cv2.line(canvas, fixed[parent].tolist(), fixed[child].tolist(), shade, width, cv2.LINE_AA, 4)
