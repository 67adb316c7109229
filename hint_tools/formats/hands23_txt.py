"""Hands23's annotation text: one hand a line, seven fields split by `|`.

`side | state | hand box | object box | touch | second object box | grasp`; a box is `x1,y1,x2,y2` in px measured from
the outer corner of the top-left pixel, `None` stands for what is absent, and some files put numbers in quotes. The
owners' own tables of numbers for states and grasps disagree, so words stay words.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

Box = tuple[float, float, float, float]

SIDES = {"left_hand": "left", "right_hand": "right"}
STATES = frozenset(
    {
        "no_contact", "self_contact", "other_person_contact", "object_contact", "obj_to_obj_contact", "inconclusive",
        "None",
    }
)  # fmt: skip
TOUCHES = frozenset(
    {
        "tool_,_touched", "tool_,_held", "tool_,_used", "container_,_touched", "container_,_held",
        "neither_,_touched", "neither_,_held", "None",
    }
)  # fmt: skip
GRASPS = frozenset(
    {
        "NP-Palm", "NP-Fin", "Pow-Pris", "Pre-Pris", "Pow-Circ", "Pre-Circ", "Later", "Lat", "Exten", "Other", "other",
        "None",
    }
)  # fmt: skip
_FIELDS = 7
_HALF_PIXEL = 0.5


@dataclass(frozen=True, slots=True)
class Hands23Hand:
    """One line.

    Args:
        line: its number in the file, from 0: masks are named by it.
        side: `left` or `right`.
        state: what the hand touches, in the file's word; empty where it says `None`.
        box: x0, y0, x1, y1 in px; the centre of the top-left pixel is (0, 0); may leave the picture.
        object_box: of the thing in contact; None without.
        touch: in the file's word; empty where it says `None`.
        second_box: of what that thing touches; None without.
        grasp: in the file's word; empty where it says `None`.
    """

    line: int
    side: str
    state: str
    box: Box
    object_box: Box | None
    touch: str
    second_box: Box | None
    grasp: str


@dataclass(frozen=True, slots=True)
class Hands23Text:
    """One file.

    Args:
        hands: in the file's order.
        bad: lines that can't be used, by reason.
        unknown: words of no known list, kept as they are, with how often: `state juggling`.
    """

    hands: tuple[Hands23Hand, ...]
    bad: Counter[str]
    unknown: Counter[str]


def parse_hands23(text: str) -> Hands23Text:
    """The hands of one picture; an empty text has none."""
    hands: list[Hands23Hand] = []
    bad: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        hand = _hand(number, line)
        if isinstance(hand, str):
            bad[hand] += 1
            continue
        hands.append(hand)
        known = (("state", hand.state, STATES), ("touch", hand.touch, TOUCHES), ("grasp", hand.grasp, GRASPS))
        for what, word, words in known:
            if word and word not in words:
                unknown[f"{what} {word}"] += 1
    return Hands23Text(tuple(hands), bad, unknown)


def _hand(number: int, line: str) -> Hands23Hand | str:
    """A line's hand, or why it has none."""
    fields = [f.strip() for f in line.split("|")]
    if len(fields) != _FIELDS:
        return f"line without {_FIELDS} fields"
    side, state, hand_box, object_box, touch, second_box, grasp = fields
    if side not in SIDES:
        return "side neither left_hand nor right_hand"
    boxes = [_box(text) for text in (hand_box, object_box, second_box)]
    box = boxes[0]
    if box is None or isinstance(box, str):
        return "no hand box of four finite numbers with a size"
    first, second = (None if isinstance(b, str) else b for b in boxes[1:])
    return Hands23Hand(
        line=number,
        side=SIDES[side],
        state=_word(state),
        box=box,
        object_box=first,
        touch=_word(touch),
        second_box=second,
        grasp=_word(grasp),
    )


def _word(text: str) -> str:
    plain = text.strip("'\" ")
    return "" if plain == "None" else plain


def _box(text: str) -> Box | str | None:
    """A box; None where the file says so; a word where it is neither."""
    if _word(text) == "":
        return None
    parts = [p.strip("'\"[]() ") for p in text.split(",")]
    try:
        x0, y0, x1, y1 = (float(p) - _HALF_PIXEL for p in parts)
    except ValueError:
        return "not a box"
    if not all(map(math.isfinite, (x0, y0, x1, y1))) or x1 <= x0 or y1 <= y0:
        return "not a box"
    return (x0, y0, x1, y1)
