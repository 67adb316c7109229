"""Everything that may be wrong with one answer, and how well each of it explains what the others say.

The truth is unknown, so an answer is held against the mean of the others, m, whose variance at joint j is V_j R. An
answer without a mistake lies about it with variance v_j = V_j (F² + R), V_j the square of σ, F how many times σ its
annotator errs. A mistake says where the answer's points would lie instead: named otherwise, on other joints' means;
mirrored, turned over; astray, anywhere near (`_near`). Every hypothesis comes as three numbers beside those of no
mistake: the change of the scatter Σ d²/v, of its degrees of freedom, and of the rest of the log density. What follows
from them is decided in `chances`, where the hand's own difficulty is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS, JOINT_NAMES, N_JOINTS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_JOINTS = np.array([FINGER_JOINTS[f] for f in FINGERS])
_N = len(FINGERS)
_LOG_2PI = math.log(2 * math.pi)
_BONE = 0.2
"""Hand sizes a misplaced joint lies away, about: it was put on something else, and that is a bone or a finger away."""
_HAND = 0.5
"""Hand sizes the joints of an answer lie away that is not this hand's at all."""
_SPREAD = 3.0
"""Degrees of freedom of Student's law of those distances: now and then it is much more."""

_LEAST = 3
"""Joints from which on a mirror image can be told from the picture."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One thing that may be wrong with an answer.

    Args:
        kind: hypotheses of a kind are equally likely before the answers are seen.
        words: what the annotator did, as a sentence goes on after the name.
        joints: how many joints a second look would put right.
        first, second: places of the fingers or the joint concerned.
    """

    kind: str
    words: str
    joints: int
    first: int = 0
    second: int = 0


def _all() -> tuple[Hypothesis, ...]:
    pairs = [(f, g) for f in range(_N) for g in range(f + 1, _N)]
    return (
        *(
            Hypothesis(
                "neighbours" if g == f + 1 else "swap", f"swapped {FINGERS[f]} and {FINGERS[g]}", 8, first=f, second=g
            )
            for f, g in pairs
        ),
        Hypothesis("order", "named the fingers in the mirrored order", 20),
        *(Hypothesis("reversed", f"reversed {name} (tip for base)", 4, first=f) for f, name in enumerate(FINGERS)),
        *(
            Hypothesis("shifted", f"labelled {name} one joint off", 4, first=f)
            for _ in ("out", "in")
            for f, name in enumerate(FINGERS)
        ),
        *(Hypothesis("astray", f"misplaced {name}", 1, first=j) for j, name in enumerate(JOINT_NAMES)),
        Hypothesis("mirrored", "placed the joints mirrored left to right", N_JOINTS),
        Hypothesis("elsewhere", "annotated something else", N_JOINTS),
        Hypothesis("renamed", "mixed up fingers", 12),
    )


HYPOTHESES: tuple[Hypothesis, ...] = _all()
"""In the order of every array's last axis."""


@dataclass(frozen=True, eq=False)
class Changes:
    """What each hypothesis changes: (..., len(HYPOTHESES)).

    Args:
        scatter: of Σ d²/v.
        freedom: of the number of coordinates in that sum.
        density: of the rest of the log density, which no difficulty of the hand concerns.
    """

    scatter: Floats
    freedom: Floats
    density: Floats


@dataclass(frozen=True, eq=False)
class _Held:
    """One answer to each of H hands, and what it is held against; 0 where a joint is unknown, in units of the hand.

    Args:
        points: (H, 21, 2).
        placed: (H, 21) 1 or 0.
        mean: (H, 21, 2) of the others.
        known: (H, 21) 1 or 0.
        variance: (H, 21) of the difference, 1 where unknown.
    """

    points: Floats
    placed: Floats
    mean: Floats
    known: Floats
    variance: Floats


def changes_of_answer(
    points: Floats, placed: Bools, mean: Floats, known: Bools, variance: Floats, scale: Floats, order: Ints
) -> Changes:
    """(H, len(HYPOTHESES)) for one answer to each of H hands.

    Args:
        points: (H, 21, 2) px, 0 where `placed` is not.
        placed: (H, 21).
        mean: (H, 21, 2) px of the others, 0 where `known` is not.
        known: (H, 21).
        variance: (H, 21) px², v; positive.
        scale: (H) px; positive.
        order: (H, 21) a naming that `identity` proposes: joint j is the answer's joint `order[j]`; else the identity.
    """
    size = scale[:, None]
    held = _Held(
        points / size[..., None],
        placed.astype(np.float64),
        mean / size[..., None],
        known.astype(np.float64),
        np.where(known, variance / size**2, 1.0),
    )
    both = held.placed * held.known
    apart = _squared(held.points - held.mean)
    log_v = np.log(held.variance)
    own = _line(held, log_v, _JOINTS, _JOINTS)
    found = [*_renamed(held, log_v, own), _shifted(held, log_v, own), _astray(both, apart, held.variance, log_v)]
    found += [_mirrored(held, both, apart, log_v), _elsewhere(both, apart, held.variance, log_v)]
    found.append(_proposed(held, log_v, order))
    return Changes(*(np.concatenate([f[k] for f in found], axis=1) for k in range(3)))


_Three = Sequence[Floats]
"""Scatter, freedom and density, (H, some hypotheses) each."""


def _squared(offset: Floats) -> Floats:
    """Squared length of (..., 2)."""
    return np.asarray(np.einsum("...x,...x->...", offset, offset))


def _near(squared: Floats, reach: float) -> Floats:
    """Log density of a point at a squared distance: Student's law in the plane, of width `reach`."""
    return -_LOG_2PI - 2 * math.log(reach) - (_SPREAD + 2) / 2 * np.log1p(squared / (_SPREAD * reach**2))


def _matched(held: _Held, log_v: Floats, rows: Ints, goals: Ints) -> _Three:
    """Each of `rows` (F, 4) of the answer on each of `goals` (G, 4) of the mean: (H, F, G), joint by joint.

    A point on a joint nobody else placed has nothing to lie on: it may be anywhere about the hand.
    """
    x, p = held.points[:, rows][:, :, None], held.placed[:, rows]
    m, k = held.mean[:, goals][:, None], held.known[:, goals]
    weight = k / held.variance[:, goals]
    scatter = np.einsum("hfgi,hfi,hgi->hfg", _squared(x - m), p, weight)
    anywhere = float(_near(np.zeros(1), _HAND)[0])
    density = -k * log_v[:, goals] + (1 - k) * anywhere
    goal = density.swapaxes(1, 2)
    return scatter, 2 * p @ k.swapaxes(1, 2), p @ goal


def _renamed(held: _Held, log_v: Floats, own: _Three) -> list[_Three]:
    """Swaps, the mirrored order and reversed fingers; `own` is each finger in its place."""
    forward = _matched(held, log_v, _JOINTS, _JOINTS)
    pairs = [(h.first, h.second) for h in HYPOTHESES if h.kind in ("neighbours", "swap")]
    one, other = np.array(pairs).T
    swapped = [f[:, one, other] + f[:, other, one] - o[:, one] - o[:, other] for f, o in zip(forward, own, strict=True)]
    turned = np.arange(_N)[::-1]
    order = [(f[:, np.arange(_N), turned] - o).sum(axis=1, keepdims=True) for f, o in zip(forward, own, strict=True)]
    reverse = [b - o for b, o in zip(_line(held, log_v, _JOINTS, _JOINTS[:, ::-1]), own, strict=True)]
    return [swapped, order, reverse]


def _shifted(held: _Held, log_v: Floats, own: _Three) -> _Three:
    """Fingers one joint too far out, then in; the joint left over lies somewhere near the finger's end."""
    found: list[list[Floats]] = [[], [], []]
    for three, goal, last in ((slice(0, 3), slice(1, 4), 3), (slice(1, 4), slice(0, 3), 0)):
        left = _JOINTS[:, last]
        after = _line(held, log_v, _JOINTS[:, three], _JOINTS[:, goal])
        away = _squared(held.points[:, left] - held.mean[:, left]) * held.known[:, left]
        for k, (b, a) in enumerate(zip(own, after, strict=True)):
            found[k].append(a - b)
        found[2][-1] = found[2][-1] + held.placed[:, left] * _near(away, _BONE)
    return [np.concatenate(f, axis=1) for f in found]


def _line(held: _Held, log_v: Floats, rows: Ints, goals: Ints) -> _Three:
    """As `_matched`, row f on goal f only: (H, F)."""
    p, k = held.placed[:, rows], held.known[:, goals]
    squared = _squared(held.points[:, rows] - held.mean[:, goals])
    anywhere = float(_near(np.zeros(1), _HAND)[0])
    density = -k * log_v[:, goals] + (1 - k) * anywhere
    sums = [(k * squared / held.variance[:, goals], 1.0), (k, 2.0), (density, 1.0)]
    return [times * np.einsum("hfi,hfi->hf", p, values) for values, times in sums]


def _astray(both: Floats, apart: Floats, variance: Floats, log_v: Floats) -> _Three:
    """One joint put on something else."""
    return -both * apart / variance, -2 * both, both * (log_v + _near(apart, _BONE))


def _elsewhere(both: Floats, apart: Floats, variance: Floats, log_v: Floats) -> _Three:
    """All joints put on something else."""
    every = (-both * apart / variance, -2 * both, both * (log_v + _near(apart, _HAND)))
    return [e.sum(axis=1, keepdims=True) for e in every]


def _mirrored(held: _Held, both: Floats, apart: Floats, log_v: Floats) -> _Three:
    """Turned over left to right about some line: where it lies is free, within a hand or so."""
    weight = both / held.variance
    total = np.maximum(weight.sum(axis=1), 1e-9)
    turned = held.points * np.array([-1.0, 1.0]) - held.mean
    middle = np.einsum("hj,hjx->hx", weight, turned) / total[:, None]
    left = (weight * _squared(turned - middle[:, None])).sum(axis=1)
    free = -np.log(total) - _LOG_2PI - 2 * math.log(_HAND)
    change = left - (weight * apart).sum(axis=1)
    enough = both.sum(axis=1) >= _LEAST
    return [np.where(enough, v, 0.0)[:, None] for v in (change, np.full(len(left), -2.0), free)]


def _proposed(held: _Held, log_v: Floats, order: Ints) -> _Three:
    """Any other naming, where one was found to explain the answer; impossible elsewhere."""
    every = np.arange(N_JOINTS)
    found = [np.zeros(len(order)), np.zeros(len(order)), np.full(len(order), -np.inf)]
    rows = np.flatnonzero((order != every).any(axis=1))
    if len(rows):
        points, placed = (
            np.take_along_axis(v[rows], i, axis=1)
            for v, i in ((held.points, order[rows][..., None]), (held.placed, order[rows]))
        )
        mended = _Held(points, placed, held.mean[rows], held.known[rows], held.variance[rows])
        given = _Held(held.points[rows], held.placed[rows], mended.mean, mended.known, mended.variance)
        after, before = (_line(h, log_v[rows], every[None], every[None]) for h in (mended, given))
        for target, a, b in zip(found, after, before, strict=True):
            target[rows] = (a - b)[:, 0]
    return [f[:, None] for f in found]
