"""How precisely people place each joint, measured from pairs of answers.

Let two annotators err independently, each coordinate with standard deviation σ (in units of the
hand's scale). Their difference has variance 2σ² a coordinate, so d² / 2σ² follows χ² with two degrees
of freedom, whose median is 2 ln 2. Hence σ² = median(d²) / (4 ln 2): half of the pairs may be swaps
or slips before it breaks, where a root mean square is carried away by a few. Joints that both left
where the pre-label had them take no part.

σ here is of one coordinate of one annotator. COCO's σ is the root mean square *distance* of one
annotator (E[d²/s²]); under the same law that is sqrt(2) times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, JOINT_INDEX, JOINT_NAMES, N_JOINTS
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STATES: Mapping[str, int] = {"visible": int(Visibility.VISIBLE), "occluded": int(Visibility.OCCLUDED)}
MEDIAN_FACTOR = 4 * math.log(2)
MIN_PAIRS = 30
"""Below this many pairs a joint borrows its finger's figure, a finger all joints': ±25 % at 30."""
POPULATION = {"occluded": 0.035, "visible": 0.018}
"""Where nothing was annotated twice: of the size of COCO-WholeBody's hand σ brought to hand scale; a
stand-in, marked as such wherever it is used."""
UNTOUCHED_PX = 0.05
"""Two people don't click this close (1 pair in 6,000 would at σ = 2 px): both left the joint where the pre-label
had it. That is one opinion, not two, and would make people look more precise than they are."""
FACTOR_PULL = 20.0
"""Joint pairs' worth by which an annotator is taken for an average one."""
FACTOR_LIMITS = (0.5, 4.0)
"""An annotator never counts for more than four average ones, nor for less than a sixteenth."""
FLOOR_PX = 0.3
"""Nobody clicks finer than the pixel grid: a uniform error of one pixel has σ = 1 / sqrt(12)."""


@dataclass(frozen=True, slots=True)
class Sigma:
    """σ of one joint in one state.

    Args:
        joint: its name.
        state: `visible` or `occluded`.
        estimate: σ in units of the hand's scale, with interval and number of pairs; of `level`.
        rms: the classic figure beside it, sqrt(E[d²] / 4); larger where there are mistakes.
        level: `joint`, `finger`, `all` or `population`: what the figure was computed from.
        source: whose hands; empty for those of all sources.
        borrowed: the source alone had too few pairs, so this is the figure of all sources.
    """

    joint: str
    state: str
    estimate: Estimate
    rms: float
    level: str
    source: str = ""
    borrowed: bool = False


@dataclass(frozen=True, eq=False)
class Sigmas:
    """All σ.

    Args:
        cells: one a state and joint, of all sources together.
        by_source: one a source, state and joint; empty where there is one source.
        table: (3, 21) σ by `Visibility` and joint, of all sources; NaN for not annotatable.
        factors: (n annotators) how many times σ each annotator errs.
        relative: (P, 21) d² / (σ² s²) of every pair where both agree on the joint's state, else NaN.
    """

    cells: tuple[Sigma, ...]
    by_source: tuple[Sigma, ...]
    table: Floats
    factors: Floats
    relative: Floats

    def in_px(self, panel: Panel, scale: Floats, *, personal: bool) -> Floats:
        """σ (H, A, 21) of every answer's joints, px; NaN where there is no joint.

        Args:
            panel: the answers.
            scale: (H) px.
            personal: each annotator's own factor counts; otherwise all are held to the same standard.
        """
        state = np.clip(panel.visibility, 0, 2)
        own = np.stack([self.table, *(self._table_of(source) for source in panel.sources)])
        found = own[1 + panel.source[:, None, None], state, np.arange(N_JOINTS)] * scale[:, None, None]
        if personal:
            found = found * self.factors[np.maximum(panel.annotator, 0)][..., None]
        return np.where(np.isfinite(panel.keypoints).all(axis=-1), np.maximum(found, FLOOR_PX), np.nan)

    def _table_of(self, source: str) -> Floats:
        """(3, 21) as `table`, of one source; that of all sources where it was not measured apart."""
        table = self.table.copy()
        for cell in self.by_source:
            if cell.source == source:
                table[STATES[cell.state], JOINT_INDEX[cell.joint]] = cell.estimate.value
        return table


def measure_sigmas(
    panel: Panel, pairs: Pairs, scale: Floats, excluded: Bools, resampler: Resampler, *, apart: bool = True
) -> Sigmas:
    """σ of each joint, visible and occluded, from the pairs that agree on its state and not both on the pre-label.

    Args:
        panel: the answers.
        pairs: of the panel.
        scale: (H) px.
        excluded: (H, A, 21) joints that take no part: of fingers that were mistaken for others.
        resampler: of the panel's images.
        apart: also measure each source by itself, where there are several.
    """
    kept = np.where(excluded[..., None], np.nan, panel.keypoints)
    offset = kept[pairs.hand, pairs.first] - kept[pairs.hand, pairs.second]
    distance = (offset**2).sum(axis=-1)
    untouched = distance < UNTOUCHED_PX**2
    squared = np.where(untouched, np.nan, distance) / scale[pairs.hand, None] ** 2
    one, other = (panel.visibility[pairs.hand, k] for k in (pairs.first, pairs.second))
    cells: list[Sigma] = []
    by_source: list[Sigma] = []
    table = np.full((3, N_JOINTS), np.nan)
    relative = np.full(squared.shape, np.nan)
    source = panel.source[pairs.hand]
    for state, code in STATES.items():
        agreed = (one == code) & (other == code)
        values = np.where(agreed, squared, np.nan)
        pooled = [_cell(values, pairs, joint, state, resampler) for joint in range(N_JOINTS)]
        cells += pooled
        table[code] = [c.estimate.value for c in pooled]
        for k, name in enumerate(panel.sources if apart and len(panel.sources) > 1 else ()):
            own = np.where((source == k)[:, None], values, np.nan)
            by_source += [_of_source(own, pairs, cell, name, resampler) for cell in pooled]
        relative = np.where(agreed, squared / table[code] ** 2, relative)
    return Sigmas(tuple(cells), tuple(by_source), table, error_factors(panel, pairs, relative), relative)


def _of_source(values: Floats, pairs: Pairs, pooled: Sigma, source: str, resampler: Resampler) -> Sigma:
    """The figure of one source, of the joint or its finger; else that of all sources."""
    own = _cell(values, pairs, JOINT_INDEX[pooled.joint], pooled.state, resampler)
    if own.level in ("joint", "finger"):
        return replace(own, source=source)
    return replace(pooled, source=source, borrowed=True)


def error_factors(panel: Panel, pairs: Pairs, relative: Floats) -> Floats:
    """(n annotators) how many times σ each errs, from d² / (σ² s²) (P, 21) of the joints whose state is agreed on.

    For annotators a and b the median of that ratio over 2 ln 2 is f_a² + f_b²: one linear equation a pair,
    solved with a pull towards 1, since two annotators alone can't be told apart.
    """
    n = len(panel.annotators)
    one, other = (panel.annotator[pairs.hand, k] for k in (pairs.first, pairs.second))
    rows: list[Floats] = [np.sqrt(FACTOR_PULL) * np.eye(n)]
    targets: list[Floats] = [np.full(n, np.sqrt(FACTOR_PULL))]
    for a, b in sorted(set(zip(one.tolist(), other.tolist(), strict=True))):
        values = relative[(one == a) & (other == b)]
        values = values[np.isfinite(values)]
        if len(values) < MIN_PAIRS:
            continue
        weight = math.sqrt(len(values))
        row = np.zeros((1, n))
        row[0, [a, b]] = weight
        rows.append(row)
        targets.append(np.array([weight * float(np.median(values)) / (2 * math.log(2))]))
    solved = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    return np.asarray(np.sqrt(np.clip(solved, FACTOR_LIMITS[0] ** 2, FACTOR_LIMITS[1] ** 2)))


def _cell(values: Floats, pairs: Pairs, joint: int, state: str, resampler: Resampler) -> Sigma:
    """The finest level with enough pairs."""
    finger = next((js for js in FINGER_JOINTS.values() if joint in js), (joint,))
    levels = {"joint": (joint,), "finger": finger, "all": tuple(range(N_JOINTS))}
    for level, joints in levels.items():
        chosen = values[:, joints]
        if np.isfinite(chosen).sum() >= MIN_PAIRS and np.nanmedian(chosen) > 0:
            hand = np.repeat(pairs.hand, len(joints))
            squared = resampler.median(chosen.ravel(), hand)
            return Sigma(JOINT_NAMES[joint], state, _root(squared), math.sqrt(float(np.nanmean(chosen)) / 4), level)
    unknown = Estimate(POPULATION[state], float("nan"), float("nan"), 0)
    return Sigma(JOINT_NAMES[joint], state, unknown, float("nan"), "population")


def _root(squared: Estimate) -> Estimate:
    value, low, high = (math.sqrt(v / MEDIAN_FACTOR) for v in (squared.value, squared.low, squared.high))
    return Estimate(value, low, high, squared.n)
