"""The best any ranking of hands could do: Bayes' theorem by somebody who knows what the world does.

Known are every σ, every kind of mistake, its rate, and where it can happen; unknown is where the joints are and who
erred where. So each answer is held against the mean of the others (`truth=False`), or even that is known (`truth=True`:
the picture itself, seen perfectly). No ranking by the same answers finds more of the truly bad hands, on average. Two
spoilt answers to a hand are judged one at a time.
"""

from __future__ import annotations

import numpy as np
from qc_world import APART, BEYOND, Round
from scipy.special import i0e

from hint_tools.core.skeleton import FINGER_JOINTS

_JOINTS = np.array(list(FINGER_JOINTS.values()))
_RING = np.linspace(0.17, 0.33, 17)
"""Where a slip ends, hand sizes; all these are equally likely."""


def oracle_order(made: Round, sigma: np.ndarray, rates: dict[str, float], *, truth: bool) -> np.ndarray:
    """Hands, most probably spoilt first.

    Args:
        made: the answers.
        sigma: (n, people, 21) px, of a coordinate of each answer.
        rates: chance of each kind.
        truth: each answer is held against the truth instead of the others.
    """
    n, people = made.joints.shape[:2]
    odds = np.zeros(n)
    for a in range(people):
        others = [b for b in range(people) if b != a]
        weight = 1 / sigma[:, others] ** 2
        mean = (weight[..., None] * made.joints[:, others]).sum(axis=1) / weight.sum(axis=1)[..., None]
        goal, spread = (made.world.joints, 0.0) if truth else (mean, 1 / weight.sum(axis=1))
        variance = sigma[:, a] ** 2 + spread
        for kind, rate in rates.items():
            if kind != "side":
                chance, log_ratio = _RATIOS[kind](made, a, goal, variance, sigma)
                with np.errstate(over="ignore"):
                    odds += rate * (chance * np.exp(np.minimum(log_ratio, 600.0))).sum(axis=1)
    sides = made.sides != (made.world.sides[:, None] if truth else made.sides[:, :1])
    odds[sides.any(axis=1)] = np.inf
    return np.argsort(-odds, kind="stable")


def _named_as(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(n, len(orders)) log likelihood of each order of the answer's points against the one they have."""
    x = made.joints[:, a]
    cost = [(((x[:, order] - goal) ** 2).sum(axis=-1) / variance).sum(axis=1) for order in (np.arange(21), *orders)]
    return 0.5 * (cost[0][:, None] - np.stack(cost[1:], axis=1))


def _orders(pairs: list[tuple[int, int]]) -> np.ndarray:
    found = np.tile(np.arange(21), (len(pairs), 1))
    for order, (f, g) in zip(found, pairs, strict=True):
        order[_JOINTS[f]], order[_JOINTS[g]] = _JOINTS[g], _JOINTS[f]
    return found


def _even(possible: np.ndarray) -> np.ndarray:
    """(n, places) the chance of each place: the possible ones share it."""
    return possible / np.maximum(possible.sum(axis=1, keepdims=True), 1)


def _swap(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    pairs = [(f, g) for f in range(5) for g in range(f + 1, 5)]
    truth = made.world.joints
    far = [np.linalg.norm(truth[:, _JOINTS[f]] - truth[:, _JOINTS[g]], axis=-1).mean(axis=1) for f, g in pairs]
    chance = _even(np.stack(far, axis=1) > APART * made.world.scale[:, None])
    return chance, _named_as(made, a, goal, variance, _orders(pairs))


def _neighbours(
    made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, ...]:
    pairs = [(f, f + 1) for f in range(4)]
    return np.full((len(goal), 4), 0.25), _named_as(made, a, goal, variance, _orders(pairs))


def _reversed(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    orders = np.tile(np.arange(21), (5, 1))
    for order, joints in zip(orders, _JOINTS, strict=True):
        order[joints] = joints[::-1]
    fingers = made.world.joints[:, _JOINTS]
    length = np.linalg.norm(fingers[:, :, 3] - fingers[:, :, 0], axis=-1)
    chance = _even(length > 2 * APART * made.world.scale[:, None])
    return chance, _named_as(made, a, goal, variance, orders)


def _mirror(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    x = made.joints[:, a]
    turned = x.copy()
    turned[..., 0] = 2 * x[..., 0].mean(axis=1, keepdims=True) - x[..., 0]
    cost = [(((p - goal) ** 2).sum(axis=-1) / variance).sum(axis=1, keepdims=True) for p in (x, turned)]
    wide = np.abs(turned - x)[..., 0].mean(axis=1) >= 2 * APART * made.world.scale
    return wide[:, None].astype(float), 0.5 * (cost[0] - cost[1])


def _other(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    n = len(goal)
    there = np.minimum(np.arange(n) ^ 1, n - 1)
    x, usual = made.joints[:, a], made.world.sigma[there] ** 2
    own, other = _cost(x, goal, variance), _cost(x, made.world.joints[there], usual)
    return np.ones((n, 1)), (own - other).sum(axis=1, keepdims=True)


def _shifted(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    x, m, v = made.joints[:, a][:, _JOINTS], goal[:, _JOINTS], variance[:, _JOINTS]
    own, moved = (_cost(x, m, v).sum(axis=-1), _cost(x[:, :, :3], m[:, :, 1:], v[:, :, 1:]).sum(axis=-1))
    last = [m[:, :, 3] + part * (m[:, :, 3] - m[:, :, 2]) for part in np.linspace(*BEYOND, 9)]
    beyond = np.logaddexp.reduce([-_cost(x[:, :, 3], at, v[:, :, 3]) for at in last], axis=0) - np.log(len(last))
    bones = np.linalg.norm(np.diff(made.world.joints[:, _JOINTS], axis=2), axis=-1).min(axis=-1)
    return _even(bones > APART * made.world.scale[:, None]), own - moved + beyond


def _cost(points: np.ndarray, goal: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Minus the log density, but for a constant."""
    return ((points - goal) ** 2).sum(axis=-1) / (2 * variance) + np.log(variance)


def _slip(made: Round, a: int, goal: np.ndarray, variance: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, ...]:
    """A ring blurred by the noise: the mean over its radii r of exp(-(d - r)² / 2v) I0e(d r / v) / 2πv."""
    d = np.linalg.norm(made.joints[:, a] - goal, axis=-1)
    radius = _RING[:, None, None] * made.world.scale[:, None]
    blurred = np.logaddexp.reduce(-((d - radius) ** 2) / (2 * variance) + np.log(i0e(d * radius / variance)), axis=0)
    return np.full(d.shape, 1 / 21), blurred - np.log(len(_RING)) + d**2 / (2 * variance)


_RATIOS = {
    "swap": _swap,
    "neighbours": _neighbours,
    "reversed": _reversed,
    "mirror": _mirror,
    "other hand": _other,
    "shifted": _shifted,
    "slip": _slip,
}
"""Chances of the places (n, places) and log likelihood ratios of a mistake there against none."""
