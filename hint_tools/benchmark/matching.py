"""Answers from a file, brought into the order of an evaluation set: by image and side, never by place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hint_tools.benchmark.evaluate import Answers
from hint_tools.benchmark.visibility import fits, states_of
from hint_tools.core.errors import DataError
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.formats.predictions import HandAnswers, decode
from hint_tools.mano.seen import Skin

_SAME_CENTER_PX: Final = 0.5
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The hands of a set that a file answers.

    Args:
        hands: the set, cut down to them.
        answers: in its order.
        missing: hands of the set without an answer.
        used: (m,) bool, which rows of the file were taken.
    """

    hands: EvaluationSet
    answers: Answers
    missing: int
    used: npt.NDArray[np.bool_]


def read_predictions(path: Path) -> HandAnswers:
    """The answers in a file.

    Raises:
        DataError: missing, or not such a file (`formats.predictions.decode`).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})") from error
    return decode(data, str(path))


def match(
    hands: EvaluationSet,
    answers: HandAnswers,
    source: str,
    *,
    on_missing: Literal["error", "skip"],
    skin: Skin | None = None,
) -> Matched:
    """The answers for a set, whatever their order.

    Args:
        hands: the set.
        answers: of any model.
        source: what to call the file in messages.
        on_missing: `"error"` raises where a hand has no answer; `"skip"` scores the others, and tells.
        skin: of the hand model whose faces vertices may have, to ask the meshes which joints they hide.

    Raises:
        DataError: hands have no answer: the first few, and how many; or it can't be told which of two hands is meant.
    """
    rows = _rows(hands, answers, source)
    found = rows >= 0
    if not found.any() or (on_missing == "error" and not found.all()):
        lost = np.flatnonzero(~found)
        sides = np.where(hands.right, "right", "left")
        examples = ", ".join(f"{hands.names[i]} {sides[i]}" for i in lost[:_EXAMPLES])
        raise DataError(
            f"{source}: no answer for {len(lost)} of {len(hands)} hands of {hands.name}: {examples}",
            hint="answer every hand; or score the others alone, which compares with nothing: --on-missing skip",
        )
    chosen = rows[found]
    used = np.zeros(len(answers), dtype=bool)
    used[chosen] = True
    points = answers.keypoints_3d
    space = points[chosen] if points is not None else np.full((len(chosen), answers.keypoints.shape[1], 3), np.nan)
    kept = hands if found.all() else hands.part(found)
    states = None
    if skin is not None and answers.vertices is not None and points is not None and fits(skin, answers.vertices[0]):
        states = states_of(answers.vertices[chosen], space, skin)
    return Matched(kept, Answers(answers.keypoints[chosen], space, states), int((~found).sum()), used)


def _rows(hands: EvaluationSet, answers: HandAnswers, source: str) -> npt.NDArray[np.int64]:
    """For each hand of the set the row of its answer; -1 where there is none."""
    candidates: dict[tuple[str, bool], list[int]] = {}
    for row, key in enumerate(zip(answers.image.tolist(), answers.right.tolist(), strict=True)):
        candidates.setdefault(key, []).append(row)
    wanted: dict[tuple[str, bool], list[int]] = {}
    for i, (name, right) in enumerate(zip(hands.names.tolist(), hands.right.tolist(), strict=True)):
        wanted.setdefault((name, bool(right)), []).append(i)
    rows = np.full(len(hands), -1, dtype=np.int64)
    unclear = []
    for (name, right), members in wanted.items():
        # a file for several sources may name images by their folder too
        found = candidates.get((name, right)) or candidates.get((f"{hands.images.name}/{name}", right)) or []
        if len(members) == len(found) == 1 and answers.center is None:
            rows[members[0]] = found[0]
        elif found and answers.center is None:
            unclear.append(name)
        elif found and answers.center is not None:
            for i in members:
                distance = np.linalg.norm(answers.center[found] - hands.centers_px[i], axis=1)
                if distance.min() <= _SAME_CENTER_PX:
                    rows[i] = found[int(distance.argmin())]
    if unclear:
        raise DataError(
            f"{source}: {len(unclear)} images have two hands of one side, and nothing says which is which: "
            f"{', '.join(unclear[:_EXAMPLES])}",
            hint="give each hand its center, the middle of its annotated box",
        )
    return rows
