"""How far each group of pictures moves σ: what figures that are measured in σ need for honest intervals.

A median m moves by (1/2 - [x <= m]) / (n f(m)) for each value x, f the density there (the infinitesimal jackknife:
F. R. Hampel, "The influence curve and its role in robust estimation", J. Am. Stat. Assoc. 69, 1974). Sums over
pictures of that, added to what a figure owes to the pictures directly, are its linearised error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hint_tools.qc.bootstrap import MIN_GROUPS, student

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_WINDOW = 0.5
"""Half the width, in logarithms, of the window in which the density at the median is counted: 34 % of all values of
squared distances under a normal law lie within, as ln 2 / 2 = 0.347 times its width says."""
_LEAST_DENSITY = 0.05
_SAME = 1e-9


def log_density(values: Floats, middle: float) -> float:
    """Density of log `values` (n, positive) at that of `middle`."""
    if not len(values):
        return _LEAST_DENSITY
    near = np.abs(np.log(values / middle)) < _WINDOW
    return max(float(near.mean()) / (2 * _WINDOW), _LEAST_DENSITY)


def median_influence(values: Floats, group: Ints, middle: float, density: float, n_groups: int) -> Floats:
    """How far each group (n_groups) moves the logarithm of the median of `values` (n).

    Args:
        values: (n) of all groups.
        group: (n) of each value.
        middle: the median.
        density: of the logarithms there.
        n_groups: how many there are.
    """
    # the middle one itself is on neither side, whichever way its last digit was rounded
    side = np.where(np.abs(values / middle - 1) < _SAME, 0.0, np.sign(values - middle)) / 2
    above = np.bincount(group, side, minlength=n_groups)
    return np.asarray(above / (len(values) * density)) if len(values) else np.zeros(n_groups)


def sigma_influence(
    squared: Mapping[int, Floats], table: Floats, pools: Mapping[tuple[int, int], tuple[int, ...]], group: Ints, n: int
) -> Floats:
    """(n, 3, 21) how far each group of pictures moves log σ² of each state and joint; 0 where σ was not measured.

    Args:
        squared: state -> (P, 21) squared distances of the pairs that agree on it, over squared size, else NaN.
        table: (3, 21) σ by state and joint.
        pools: (state, joint) -> joints whose distances its σ was measured from.
        group: (P) of the pictures of each pair.
        n: number of groups.
    """
    found = np.zeros((n, *table.shape))
    middle = 4 * math.log(2) * table**2
    for state, distances in squared.items():
        own = [j for (s, j), pool in pools.items() if s == state and pool == (j,)]
        relative = distances[:, own] / middle[state, own]
        density = log_density(relative[relative > 0], 1.0)
        for (at, joint), pool in pools.items():
            if at != state:
                continue
            chosen = distances[:, pool]
            known = chosen > 0
            of = np.broadcast_to(group[:, None], chosen.shape)[known]
            at_median = density if own else log_density(chosen[known], float(middle[state, joint]))
            found[:, state, joint] = median_influence(chosen[known], of, float(middle[state, joint]), at_median, n)
    return found


def linear_error(moved: Floats) -> tuple[float, float]:
    """Standard error of a figure that each group moves by `moved` (n_groups), and Student's t for it; NaN of too few.

    The degrees of freedom are 2 / CV² of the variance, by its fourth moment (Satterthwaite 1946).
    """
    filled = int(np.count_nonzero(moved))
    squares = moved**2
    total = float(squares.sum())
    if filled < MIN_GROUPS or not total > 0:
        return float("nan"), float("nan")
    peaked = float((squares**2).sum()) / total**2 - 1 / filled
    free = max(min(2 / max(peaked, 1e-12), filled - 1.0), 1.0)
    return math.sqrt(filled / (filled - 1) * total), student(free)
