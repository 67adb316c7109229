"""What the drawings over the photographs mean: once a page, before the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, N_JOINTS
from hint_tools.qc.pictures import FAR, MARKED_WORDS
from hint_tools.report.marks_svg import areas_95, connectors, outline, pointed_out
from hint_tools.report.page import Block, Gallery, Legend, Link, Links, Overlay, Section
from hint_tools.report.skeleton_svg import skeleton

Floats = npt.NDArray[np.float64]

_ANCHOR = "legend"
_TITLE = "What the drawings mean"
_LEFT, _MIDDLE, _RIGHT = ([x, 11.5] for x in (9.5, 19.5, 29.5))
_SPREAD = np.eye(2)[None] * 8
"""Covariance, px²: an ellipse of 7 px."""


def with_legend(sections: Sequence[Section]) -> list[Section]:
    """The sections of a page, the legend before the first photograph; sections after that have a link to it."""
    told: list[Section] = []
    explained = False
    for section in sections:
        first = next((k for k, block in enumerate(section.blocks) if _drawn_over(block)), None)
        if first is not None:
            back = Links([Link(_TITLE, f"#{_ANCHOR}")], "Legend")
            blocks = [*section.blocks[:first], back if explained else _legend(), *section.blocks[first:]]
            section, explained = replace(section, blocks=blocks), True
        told.append(section)
    return told


def _drawn_over(block: Block) -> bool:
    return isinstance(block, Gallery) and any(isinstance(f, Overlay) for f in block.figures)


def _legend() -> Legend:
    ends = np.array([_LEFT, _RIGHT])
    middle = np.array([_MIDDLE])
    frame = Markup('<rect class="mark" x="2" y="2" width="36" height="20" rx="4"/>')
    entries = [
        *((_finger(name, Visibility.VISIBLE), name) for name in FINGERS),
        (_finger("middle", Visibility.OCCLUDED), "called hidden"),
        (connectors(ends[:1], ends[1:]), f"from a joint more than {FAR:.0f} σ off to where the consensus has it"),
        (frame, f"an answer with a mistake (“{MARKED_WORDS}”)"),
        (pointed_out(middle, 6.0) + _finger("middle", Visibility.VISIBLE), "a joint the mistake is about"),
        (areas_95(middle, _SPREAD), "where the consensus lies with 95 %"),
        (outline(np.array([12.0, 4.0, 27.0, 19.0])), "in a wider view: the hand that was asked for"),
    ]
    return Legend(tuple(entries), _TITLE, _ANCHOR)


def _finger(name: str, state: Visibility) -> Markup:
    """A bone with its two joints."""
    points = np.full((N_JOINTS, 2), np.nan)
    points[list(FINGER_JOINTS[name][1:3])] = _LEFT, _RIGHT
    return skeleton(points, np.full(N_JOINTS, int(state)))
