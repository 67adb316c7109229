"""Reading one Label Studio annotation: whatever the annotator's editor allowed, told apart and named.

Nothing is dropped without a `Problem`. A problem that is `fatal` keeps the answer out of agreement; the
others say what was assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from hint_tools.core.geometry import Floats
from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import JOINT_INDEX, JOINT_NAMES, N_JOINTS
from hint_tools.formats.labelstudio import (
    BOX,
    REJECT,
    SIDE,
    SIDE_UNKNOWN,
    VISIBILITY,
    VISIBILITY_WORDS,
    Ints,
    Picture,
    Region,
)

ASPECT_TOLERANCE: Final = 0.01
"""Relative; a picture of another shape is another picture."""
_LARGEST: Final = 1e9
"""No percent, size or angle that means anything is larger; beyond it sums could overflow."""

_VISIBILITY_OF: Final = {word: state for state, word in VISIBILITY_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is odd about an answer.

    Args:
        code: stable, lower-case (`"missing-joint"`).
        message: what, expected and got.
        fatal: the answer can't take part in agreement.
    """

    code: str
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """What an annotation says, in px of the frame.

    Args:
        keypoints: (21, 2), NaN where a joint is missing; None when there is no point at all.
        visibility: (21,), `Visibility` numbers; `NOT_ANNOTATABLE` where a joint is missing; None with no points.
        box: x0, y0, x1, y1; None when there is none.
        side: `left`, `right` or None.
        reject_reasons: empty when the hand was not rejected.
        problems: everything that was odd.
    """

    keypoints: Floats | None
    visibility: Ints | None
    box: Floats | None
    side: str | None
    reject_reasons: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def usable(self) -> bool:
        """All 21 joints and the side are there, and nothing is in doubt."""
        return self.keypoints is not None and not any(p.fatal for p in self.problems)


@dataclass(slots=True)
class _Reading:
    """What was found so far."""

    picture: Picture
    points: dict[int, Floats] = field(default_factory=dict)
    region_of: dict[int, str] = field(default_factory=dict)
    states: dict[str, Visibility] = field(default_factory=dict)
    boxes: list[Floats] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def say(self, code: str, message: str, *, fatal: bool) -> None:
        self.problems.append(Problem(code, message, fatal))


def parse_result(result: object, picture: Picture) -> ParsedAnswer:
    """What the `result` of an annotation says; never raises, whatever `result` is.

    Args:
        result: the decoded JSON of the annotation's `result`.
        picture: what the annotator saw.
    """
    reading = _Reading(picture)
    if not isinstance(result, list):
        reading.say("unreadable", f"expected a list of regions, got {type(result).__name__}", fatal=True)
        result = []
    for region in result:
        _read_region(reading, region)
    return _conclude(reading)


def _read_region(reading: _Reading, region: Any) -> None:
    value = region.get("value") if isinstance(region, dict) else None
    if not isinstance(value, dict):
        reading.say("unreadable-region", f"expected a region with a value, got {str(region)[:80]}", fatal=True)
        return
    if not _same_picture(reading, region):
        return
    kind, control = region.get("type"), str(region.get("from_name"))
    if kind == "keypointlabels":
        _read_joint(reading, region, value)
    elif kind == "rectanglelabels" and control == BOX:
        _read_box(reading, value)
    elif kind == "choices" and control in {VISIBILITY, SIDE, REJECT}:
        _read_choice(reading, region, control, value)
    else:
        reading.say("unknown-region", f"expected a joint, box or choice, got {kind} of {control}", fatal=False)


def _same_picture(reading: _Reading, region: Region) -> bool:
    """Whether percent of this region are percent of the upright picture that was sent."""
    rotation = region.get("image_rotation") or 0
    if rotation != 0:
        reading.say("rotated-picture", f"drawn on a picture turned by {rotation} degrees", fatal=True)
        return False
    width, height = _number(region.get("original_width")), _number(region.get("original_height"))
    if width is None or height is None or width <= 0 or height <= 0:
        return True  # editors leave it out; percent need no size
    expected = reading.picture.width_px / reading.picture.height_px
    if abs(width / height / expected - 1) > ASPECT_TOLERANCE:
        sizes = f"expected {reading.picture.width_px}x{reading.picture.height_px}, got {width:g}x{height:g}"
        reading.say("other-picture", f"drawn on another picture: {sizes}", fatal=True)
        return False
    return True


def _read_joint(reading: _Reading, region: Region, value: dict[str, Any]) -> None:
    labels = _words(value.get("keypointlabels"))
    if len(labels) != 1 or labels[0] not in JOINT_INDEX:
        reading.say("unknown-label", f"expected one of the 21 joints, got {list(labels)[:5]}", fatal=False)
        return
    x, y = _number(value.get("x")), _number(value.get("y"))
    if x is None or y is None:
        reading.say(
            "unreadable-position",
            f"{labels[0]}: expected percent, got {str(value)[:80]}",
            fatal=True,
        )
        return
    joint = JOINT_INDEX[labels[0]]
    if joint in reading.points:
        reading.say("duplicated-joint", f"{labels[0]} is there more than once; the last one is kept", fatal=True)
    if not (0 <= x <= 100 and 0 <= y <= 100):
        reading.say("outside-picture", f"{labels[0]} at {x:.1f} %, {y:.1f} %: outside the picture", fatal=False)
    reading.points[joint] = reading.picture.to_frame(np.array([x, y]))
    reading.region_of[joint] = str(region.get("id"))


def _read_box(reading: _Reading, value: dict[str, Any]) -> None:
    numbers = [_number(value.get(k)) for k in ("x", "y", "width", "height")]
    rotation = _number(value.get("rotation", 0))
    x, y, width, height = numbers
    if x is None or y is None or width is None or height is None or rotation is None or width <= 0 or height <= 0:
        reading.say("unreadable-box", f"expected a box with a size, got {numbers}", fatal=False)
        return
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    if rotation:
        reading.say("rotated-box", f"the box is turned by {rotation:g} degrees; made upright", fatal=False)
        corners = _turned(corners, rotation, reading.picture)
    around = reading.picture.to_frame(np.array([x, y]) + corners)
    reading.boxes.append(np.concatenate([around.min(axis=0), around.max(axis=0)]))


def _turned(corners: Floats, degrees: float, picture: Picture) -> Floats:
    """Corners (4, 2) in percent, turned clockwise about the first one as the editor does: in picture px."""
    unit = np.array([picture.width_px, picture.height_px]) / 100.0
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned: Floats = (corners * unit) @ np.array([[c, s], [-s, c]]) / unit
    return turned


def _read_choice(reading: _Reading, region: Region, control: str, value: dict[str, Any]) -> None:
    words = _words(value.get("choices"))
    if control == REJECT:
        reading.reasons.extend(words)
    elif control == SIDE:
        reading.sides.extend(words)
    elif len(words) == 1 and words[0] in _VISIBILITY_OF:
        reading.states[str(region.get("id"))] = _VISIBILITY_OF[words[0]]
    else:
        reading.say(
            "unknown-visibility", f"expected one of {sorted(_VISIBILITY_OF)}, got {list(words)[:5]}", fatal=True
        )


def _conclude(reading: _Reading) -> ParsedAnswer:
    rejected = bool(reading.reasons)
    keypoints = np.full((N_JOINTS, 2), np.nan)
    visibility = np.full(N_JOINTS, Visibility.NOT_ANNOTATABLE, dtype=np.int8)
    unmarked = []
    for joint, point in reading.points.items():
        state = reading.states.get(reading.region_of[joint])
        if state is None:
            unmarked.append(JOINT_NAMES[joint])
        keypoints[joint] = point
        visibility[joint] = Visibility.VISIBLE if state is None else state
    if unmarked and not rejected:
        reading.say(
            "missing-visibility", f"no visibility chosen, taken as visible: {', '.join(sorted(unmarked))}", fatal=False
        )
    missing = [name for j, name in enumerate(JOINT_NAMES) if j not in reading.points]
    if missing and not rejected:
        reading.say("missing-joint", f"expected 21 joints, missing {', '.join(missing)}", fatal=True)
    if reading.states.keys() - reading.region_of.values():
        reading.say("stray-visibility", "a visibility was chosen for something that is not a joint", fatal=False)
    if not reading.boxes and not rejected:
        reading.say("missing-box", "no box was left; the box around the joints stands in", fatal=False)
    if len(reading.boxes) > 1:
        reading.say("several-boxes", f"expected one box, got {len(reading.boxes)}; the last one is kept", fatal=False)
    return ParsedAnswer(
        keypoints=keypoints if reading.points else None,
        visibility=visibility if reading.points else None,
        box=reading.boxes[-1] if reading.boxes else None,
        side=_side(reading, rejected=rejected),
        reject_reasons=tuple(sorted(set(reading.reasons))),
        problems=tuple(reading.problems),
    )


def _side(reading: _Reading, *, rejected: bool) -> str | None:
    sides = sorted(set(reading.sides) - {SIDE_UNKNOWN})
    if len(sides) == 1 and sides[0] in set(Side):
        return sides[0]
    if not sides and not rejected:
        reading.say("missing-side", "expected left or right, got no side", fatal=True)
    elif sides:
        reading.say("unclear-side", f"expected left or right, got {sides[:5]}", fatal=True)
    return None


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, list) else ()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) <= _LARGEST else None
