"""How large a hand is in its picture, from all answers at once: what distances are divided by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

COLLAPSED = 0.85
"""Honest answers differ by far less in size: noise of 5 % of the hand in every joint moves it by some 5 %."""
FEW = 10
"""Joints from which on their box tells how large a hand is."""
MOST = (6.0, 8.0)
"""Largest size of a hand, and largest longer side, over the median distance of its joints from their middle: of
100,000 posed hands none is beyond 5.8 and 7.5. One joint far away, which all answers may have left there, makes no hand
large."""
_STEPS = 20
"""Of Weiszfeld's iteration: ample for a start and a size; the consensus itself is refined by Huber's weights."""
_CHUNK = 8192
"""Medians at a time: what fits into a processor's cache is three times as fast."""
_SMOOTH_PX = 0.5
"""Distances are rounded off below this: the plain iteration would stick to any answer it begins on."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes of H hands, px; NaN where no joint is known.

    Args:
        box: (H, 4) x0, y0, x1, y1 around the robust joints.
        scale: (H) square root of the box's area.
        longer: (H) max(width, height): what HaMeR's PCK divides by.
        palm: (H) wrist to middle MCP, what HInt's 0.25 palm lengths are read as here; NaN without both.
    """

    box: Floats
    scale: Floats
    longer: Floats
    palm: Floats


def geometric_median(points: Floats) -> Floats:
    """The points (..., 2) with the least sum of distances to `points` (..., n, 2), NaN ones ignored.

    Weiszfeld's iteration from the mean. With two points it is their middle. NaN where
    there are none.
    """
    flat = points.reshape(-1, *points.shape[-2:])
    parts = [_weiszfeld(flat[i : i + _CHUNK]) for i in range(0, len(flat), _CHUNK)]
    found = np.concatenate(parts) if parts else np.zeros((0, 2))
    return found.reshape(*points.shape[:-2], 2)


def _weiszfeld(points: Floats) -> Floats:
    """The medians (k, 2) of (k, n, 2)."""
    known = np.asarray(np.isfinite(points).all(axis=-1))
    filled = np.where(known[..., None], points, 0.0)
    count = known.sum(axis=-1)[..., None].astype(np.float64)
    total = filled.sum(axis=-2)
    center = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    for _ in range(_STEPS):
        apart = filled - center[..., None, :]
        distance = np.sqrt(apart[..., 0] ** 2 + apart[..., 1] ** 2 + _SMOOTH_PX**2)
        weight = np.where(known, 1 / distance, 0.0)
        total = np.einsum("...n,...nx->...x", weight, filled)
        sum_of_weights = weight.sum(axis=-1)[..., None]
        center = np.divide(total, sum_of_weights, out=np.full_like(total, np.nan), where=sum_of_weights > 0)
    return np.asarray(center)


def measure(robust: Floats, answers: Floats | None = None, asked: Floats | None = None) -> Sizes:
    """Sizes of hands from their robust joints, NaN where unknown.

    The annotators' own boxes take no part: they differ by habit, and would bias every figure. Where two answers
    contradict each other their middle is no hand (a hand and its mirror image meet in a line): what is
    less than `COLLAPSED` times the median size of the answers' own joints gives way to that median. What is larger than
    the hand's other joints allow is cut off (`MOST`).

    Args:
        robust: (H, 21, 2) px.
        answers: (H, A, 21, 2) px, for hands whose answers contradict each other.
        asked: (H, 4) boxes that were asked for: the least size of a hand of which fewer than `FEW` joints are known.
    """
    box = joint_boxes(robust)
    scale, longer = _extent(robust)
    if answers is not None:
        own_scale, own_longer = (_median(e) for e in _extent(answers))
        scale = np.where((scale >= COLLAPSED * own_scale) | np.isnan(own_scale), scale, own_scale)
        longer = np.where((longer >= COLLAPSED * own_longer) | np.isnan(own_longer), longer, own_longer)
    if asked is not None:
        few = np.isfinite(robust).all(axis=-1).sum(axis=1)
        few = (few > 0) & (few < FEW)
        width = asked[:, 2:] - asked[:, :2]
        scale = np.where(few, np.fmax(scale, np.sqrt(width.prod(axis=1))), scale)
        longer = np.where(few, np.fmax(longer, width.max(axis=1)), longer)
    return Sizes(box, scale, longer, np.linalg.norm(robust[:, 9] - robust[:, 0], axis=1))


def joint_boxes(joints: Floats) -> Floats:
    """x0, y0, x1, y1 (..., 4) around the known ones of joints (..., 21, 2); NaN without any."""
    known = np.asarray(np.isfinite(joints).all(axis=-1))[..., None]
    low = np.where(known, joints, np.inf).min(axis=-2)
    high = np.where(known, joints, -np.inf).max(axis=-2)
    return np.where(known.any(axis=-2), np.concatenate([low, high], axis=-1), np.nan)


def _extent(joints: Floats) -> tuple[Floats, Floats]:
    """Square root of the area, and the longer side, of joints (..., 21, 2); NaN where there is none."""
    box = joint_boxes(joints)
    size = box[..., 2:] - box[..., :2]
    middle = np.stack([_median(joints[..., x].reshape(-1, joints.shape[-2])) for x in (0, 1)], axis=-1)
    away = np.linalg.norm(joints - middle.reshape(*joints.shape[:-2], 1, 2), axis=-1)
    usual = _median(away.reshape(-1, away.shape[-1])).reshape(away.shape[:-1])
    scale, longer = np.sqrt(size.prod(axis=-1)), size.max(axis=-1)
    most = np.where(usual > 0, usual, np.inf)
    scale, longer = (np.minimum(v, times * most) for v, times in zip((scale, longer), MOST, strict=True))
    return np.where(scale > 0, scale, np.nan), np.where(longer > 0, longer, np.nan)


def _median(values: Floats) -> Floats:
    """Median (H) of (H, A), NaN ones ignored; NaN where there are none."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    at = [np.take_along_axis(ordered, np.maximum(k, 0)[:, None], axis=1)[:, 0] for k in ((count - 1) // 2, count // 2)]
    return np.where(count > 0, (at[0] + at[1 if values.shape[1] > 1 else 0]) / 2, np.nan)
