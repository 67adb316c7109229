"""What no hand can have: what lies beyond is damage, and told as such."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError

FARTHEST_PX = 1e6
"""No picture is so large: a box that reaches farther is damaged."""
LONGEST_WORK_S = 86_400.0
"""Nobody works on one hand for more than a day: a longer time is that of a window left open."""
_QUOTED = 40
"""Characters of a wrong value that a message repeats."""


def check_box(box: npt.NDArray[np.float64], hand_id: str) -> None:
    """Nothing, where the box may be one in a picture.

    Raises:
        DataError: it is not finite, or reaches beyond every picture.
    """
    if not (np.abs(box) <= FARTHEST_PX).all():
        raise DataError(
            f"table hands, column box of hand {hand_id}: expected px within ±{FARTHEST_PX:g}, got {box.tolist()}",
            hint="hint sample",
        )


def read_attributes(text: str, hand_id: str) -> dict[str, Any]:
    """A hand's attributes as an object.

    Raises:
        DataError: they are none.
    """
    try:
        attributes = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        attributes = None
    if not isinstance(attributes, dict):
        raise DataError(
            f"table hands, column attributes of hand {hand_id}: expected a JSON object, got {text[:_QUOTED]!r}",
            hint="hint sample",
        )
    return attributes
