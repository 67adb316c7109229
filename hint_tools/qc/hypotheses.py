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
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

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
_PAIRS = np.array([(h.first, h.second) for h in HYPOTHESES if h.kind in ("neighbours", "swap")])
_Three: TypeAlias = Sequence[Floats]
"""Scatter, freedom and density, (H, some hypotheses) each."""
_Index: TypeAlias = slice | Ints


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
    """Points of answers, and what they are held against; 0 where a joint is unknown, in units of the hand.

    Args:
        points: (..., n, 2).
        placed: (..., n) 1 or 0.
        mean: (..., n, 2) of the others.
        known: (..., n) 1 or 0.
        weight: (..., n) 1/v, 0 where unknown.
        density: (..., n) log density of a point that is the joint's, without the scatter: -log v. Where nobody else
            placed it, the point has nothing to lie on and may be anywhere about the hand.
    """

    points: Floats
    placed: Floats
    mean: Floats
    known: Floats
    weight: Floats
    density: Floats

    def at(self, own: _Index, goal: _Index) -> _Held:
        """Some of the points, each on some joint's place; indices of the axis of joints."""
        points, mean = self.points[..., own, :], self.mean[..., goal, :]
        return _Held(
            points, self.placed[..., own], mean, self.known[..., goal], self.weight[..., goal], self.density[..., goal]
        )

    def of_hands(self, rows: Ints) -> _Held:
        """Some of the hands."""
        return _Held(*(getattr(self, f.name)[rows] for f in fields(self)))


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
    relative = np.where(known, variance / size**2, 1.0)
    held = _Held(
        points / size[..., None],
        placed.astype(np.float64),
        mean / size[..., None],
        known.astype(np.float64),
        known / relative,
        np.where(known, -np.log(relative), _ANYWHERE),
    )
    fingers = held.at(_JOINTS, _JOINTS)
    own = _line(fingers)
    found = [*_renamed(fingers, own), _shifted(fingers, own), _misplaced(held, _BONE), _mirrored(held)]
    found += [[f.sum(axis=1, keepdims=True) for f in _misplaced(held, _HAND)], _proposed(held, order)]
    return Changes(*(np.concatenate([f[k] for f in found], axis=1) for k in range(3)))


def _squared(offset: Floats) -> Floats:
    """Squared length of (..., 2)."""
    return np.asarray(np.einsum("...x,...x->...", offset, offset))


def _near(squared: Floats, reach: float) -> Floats:
    """Log density of a point at a squared distance: Student's law in the plane, of width `reach`."""
    return -_LOG_2PI - 2 * math.log(reach) - (_SPREAD + 2) / 2 * np.log1p(squared / (_SPREAD * reach**2))


_ANYWHERE = float(_near(np.zeros(1), _HAND)[0])


def _line(held: _Held) -> _Three:
    """Scatter, freedom and density of all joints of the last axis together."""
    apart = _squared(held.points - held.mean)
    scatter = np.einsum("...i,...i,...i->...", held.placed, held.weight, apart)
    sums = [np.einsum("...i,...i->...", held.placed, v) for v in (held.known, held.density)]
    return scatter, 2 * sums[0], sums[1]


def _every_two(fingers: _Held) -> _Three:
    """(H, 5, 5) as `_line`, of each finger's points on each finger's joints."""
    apart = _squared(fingers.points[:, :, None] - fingers.mean[:, None])
    scatter = np.einsum("hfgi,hfi,hgi->hfg", apart, fingers.placed, fingers.weight)
    return scatter, *(
        times * fingers.placed @ v.swapaxes(1, 2) for v, times in ((fingers.known, 2.0), (fingers.density, 1.0))
    )


def _renamed(fingers: _Held, own: _Three) -> list[_Three]:
    """Swaps, the mirrored order and reversed fingers; `own` is each finger in its place."""
    every = _every_two(fingers)
    one, other = _PAIRS.T
    swapped = [e[:, one, other] + e[:, other, one] - o[:, one] - o[:, other] for e, o in zip(every, own, strict=True)]
    turned = np.arange(_N)[::-1]
    order = [(e[:, np.arange(_N), turned] - o).sum(axis=1, keepdims=True) for e, o in zip(every, own, strict=True)]
    reverse = [b - o for b, o in zip(_line(fingers.at(slice(None), slice(None, None, -1))), own, strict=True)]
    return [swapped, order, reverse]


def _shifted(fingers: _Held, own: _Three) -> _Three:
    """Fingers one joint too far out, then in; the joint left over lies somewhere near the finger's end."""
    found = []
    for three, goal, last in ((slice(0, 3), slice(1, 4), 3), (slice(1, 4), slice(0, 3), 0)):
        moved = [a - o for a, o in zip(_line(fingers.at(three, goal)), own, strict=True)]
        away = _squared(fingers.points[..., last, :] - fingers.mean[..., last, :]) * fingers.known[..., last]
        moved[2] += fingers.placed[..., last] * _near(away, _BONE)
        found.append(moved)
    return [np.concatenate(pair, axis=1) for pair in zip(*found, strict=True)]


def _misplaced(held: _Held, reach: float) -> _Three:
    """(H, 21) each joint put on something else."""
    both, apart = held.placed * held.known, _squared(held.points - held.mean)
    return -held.placed * held.weight * apart, -2 * both, both * (_near(apart, reach) - held.density)


def _mirrored(held: _Held) -> _Three:
    """Turned over left to right about some line: where it lies is free, within a hand or so."""
    weight = held.placed * held.weight
    total = np.maximum(weight.sum(axis=1), 1e-9)
    turned = held.points * np.array([-1.0, 1.0]) - held.mean
    middle = np.einsum("hj,hjx->hx", weight, turned) / total[:, None]
    apart = _squared(turned - middle[:, None]) - _squared(held.points - held.mean)
    free = -np.log(total) - _LOG_2PI - 2 * math.log(_HAND)
    enough = (weight > 0).sum(axis=1) >= _LEAST
    change = np.einsum("hj,hj->h", weight, apart)
    return [np.where(enough, v, 0.0)[:, None] for v in (change, np.full(len(total), -2.0), free)]


def _proposed(held: _Held, order: Ints) -> _Three:
    """Any other naming, where one was found to explain the answer; impossible elsewhere."""
    found = [np.zeros(len(order)), np.zeros(len(order)), np.full(len(order), -np.inf)]
    rows = np.flatnonzero((order != np.arange(N_JOINTS)).any(axis=1))
    given = held.of_hands(rows)
    mended = replace(
        given,
        points=np.take_along_axis(given.points, order[rows][..., None], axis=1),
        placed=np.take_along_axis(given.placed, order[rows], axis=1),
    )
    for target, after, before in zip(found, _line(mended), _line(given), strict=True):
        target[rows] = after - before
    return [f[:, None] for f in found]
