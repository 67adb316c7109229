"""Every kind of mistake: what it means, what to do about it, and what follows from it for the queue and the figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mistake.

    Args:
        means: what happened, in words that go on from a name and a colon.
        look: what to tell who makes it; empty where there is nothing to tell.
        grave: worth a word from the first time on; others from the third.
        misnamed: joints carry each other's names: it counts among the wrong names of a person.
        least_odds: log odds that an answer to the hand holds a mistake where this was found and distances of answers
            don't show it; None leaves the hand to them, or out of the queue.
        of_all: that holds only where all answers to the hand have it: else the others have said how wrong it is.
        whole_hand: another look decides on the whole hand, not on single joints.
        hint: looks wrong, and may be right: its finding is information, no warning.
        explainable: wrong names or a wrong hand bring it about: not said again of such answers.
    """

    means: str
    look: str = ""
    grave: bool = False
    misnamed: bool = False
    least_odds: float | None = None
    of_all: bool = False
    whole_hand: bool = False
    hint: bool = False
    explainable: bool = False


_CERTAIN, _NEARLY, _LIKELY, _EVEN = math.inf, math.log(99), math.log(2), 0.0
"""Where people contradict each other somebody must be wrong. An answer on another hand is one, unless the box that was
asked for is wrong. All answers are mirrored, unless the pre-label is. A hint is as often right as wrong."""
_COLOURS, _THUMB = "check the fingers' colours before submitting", "start with the thumb"


def _names(means: str, look: str) -> Kind:
    return Kind(means, look, grave=True, misnamed=True)


def _odd_joint(means: str, *, hint: bool = True) -> Kind:
    return Kind(means, least_odds=_EVEN, of_all=True, hint=hint, explainable=True)


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "finger-swap": _names("two fingers carry each other's names", _COLOURS),
        "finger-reversed": _names("a finger runs from tip to base", _COLOURS),
        "mirrored-order": _names("the fingers are named from the wrong side", _THUMB),
        "fingers-renamed": _names("several fingers carry wrong names", _THUMB),
        "shifted-chain": _names("a finger is labelled one joint too far", "count the joints from the tip"),
        "mirrored-picture": _names("the hand is mirrored left to right", "look for the thumb first"),
        "wrong-side": Kind(
            "left and right are confused",
            "look for the thumb, then decide on left or right",
            grave=True,
            least_odds=_CERTAIN,
            whole_hand=True,
        ),
        "side-unclear": Kind("annotators differ on left and right", least_odds=_CERTAIN, whole_hand=True, hint=True),
        "wrong-hand": Kind(
            "another hand of the picture was annotated",
            "annotate the hand in the box",
            grave=True,
            least_odds=_NEARLY,
            whole_hand=True,
        ),
        "missed-occlusion": Kind(
            "occluded joints are called visible",
            "a joint under a finger or an object is occluded even if its place is obvious",
        ),
        "rubber-stamp": Kind("the pre-label was accepted untouched", "look at every joint of a pre-label", hint=True),
        "rejection-split": Kind(
            "some reject the hand, some annotate it", least_odds=_CERTAIN, whole_hand=True, hint=True
        ),
        "no-joints": Kind(
            "no joint was placed, and the hand was not rejected",
            "place the joints, or reject the hand",
            grave=True,
            least_odds=_CERTAIN,
            whole_hand=True,
        ),
        "in-one-place": Kind(
            "all joints lie in one place",
            "place the joints, or reject the hand",
            grave=True,
            least_odds=_CERTAIN,
            whole_hand=True,
        ),
        "side-doubtful": Kind(
            "the side is not the one a confident model says", least_odds=_EVEN, whole_hand=True, hint=True
        ),
        "mirror-doubtful": Kind(
            "all answers are the mirror image of the pre-label", least_odds=_LIKELY, whole_hand=True, hint=True
        ),
        "outside-picture": Kind("joints lie outside the picture", least_odds=_NEARLY),
        "outside-box": _odd_joint("joints lie far outside the box that was asked for", hint=False),
        "long-bone": _odd_joint("a bone is longer than the rest of the hand allows"),
        "unposable": _odd_joint("a joint is far from where the fitted hand can have it"),
        "impossible-time": Kind("more joints were placed than the time allows", hint=True),
    }
)
"""By name, in the order they are shown."""
