"""How precisely people place each joint, measured from pairs of answers.

Let two annotators err independently, each coordinate with standard deviation σ (in units of the
hand's scale). Their difference has variance 2σ² a coordinate, so d² / 2σ² follows χ² with two degrees
of freedom, whose median is 2 ln 2. Hence σ² = median(d²) / (4 ln 2): half of the pairs may be swaps
or slips before it breaks, where a root mean square is carried away by a few. Joints that both left
where their pre-label had them take no part.

σ here is of one coordinate of one annotator. COCO's σ is the root mean square *distance* of one
annotator (E[d²/s²]); under the same law that is sqrt(2) times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, JOINT_INDEX, JOINT_NAMES, N_JOINTS
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.factors import MIN_PAIRS, error_factors, moved_by_all
from hint_tools.qc.influence import sigma_influence
from hint_tools.qc.panel import Pairs, Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STATES: Mapping[str, int] = {"visible": int(Visibility.VISIBLE), "occluded": int(Visibility.OCCLUDED)}
MEDIAN_FACTOR = 4 * math.log(2)
POPULATION = {"occluded": 0.035, "visible": 0.018}
"""Where nothing was annotated twice: of the size of COCO-WholeBody's hand σ brought to hand scale; a
stand-in, marked as such wherever it is used."""
UNTOUCHED_PX = 0.05
"""Two people don't click this close (1 pair in 6,000 would at σ = 2 px), but who click on whole pixels do. Where both
began from pre-labels, or most of their joints are the same, it is one opinion, not two, and would make people look more
precise than they are."""
UNDISPUTED = 0.75
"""Part of the words on a joint's state that must be one for its distances to tell that state's σ: two who are both
wrong about it agree, too. Of three answers that is all of them. People who are right 95, 90 and 80 times in 100 would
give σ of hidden joints 3 % too small if every pair that agrees counted."""
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
        relative: (P, 21) d² / (σ² s²), σ of the pair's source, where the joint's state is `UNDISPUTED`; else NaN.
        influence: (1 + sources, groups of pictures, 3, 21) how far each group moves log σ², of all sources and of each;
            none where nothing was resampled.
        sources: names, in the order of `influence`.
    """

    cells: tuple[Sigma, ...]
    by_source: tuple[Sigma, ...]
    table: Floats
    factors: Floats
    relative: Floats
    influence: Floats
    sources: tuple[str, ...] = ()

    def in_px(self, panel: Panel, scale: Floats, *, personal: bool) -> Floats:
        """σ (H, A, 21) of every answer's joints, px; NaN where there is no joint.

        A joint is visible or not for everybody: most words decide which σ counts, and half of each variance where they
        are tied.

        Args:
            panel: the answers.
            scale: (H) px.
            personal: each annotator's own factor counts; otherwise all are held to the same standard.
        """
        own = np.stack([self.table, *(self.table_of(source) for source in panel.sources)])[1 + panel.source]
        visible = visible_part(panel.visibility)
        squared = np.where(visible < 1, (1 - visible) * own[:, Visibility.OCCLUDED] ** 2, 0.0)
        squared += np.where(visible > 0, visible * own[:, Visibility.VISIBLE] ** 2, 0.0)
        factor = self.factors[np.maximum(panel.annotator, 0)] if personal else np.ones(panel.annotator.shape)
        found = np.sqrt(squared)[:, None] * scale[:, None, None] * factor[..., None]
        return np.where(np.isfinite(panel.keypoints).all(axis=-1), np.maximum(found, FLOOR_PX), np.nan)

    def table_of(self, source: str) -> Floats:
        """(3, 21) as `table`, of one source; that of all sources where it was not measured apart."""
        table = self.table.copy()
        for cell in self.by_source:
            if cell.source == source:
                table[STATES[cell.state], JOINT_INDEX[cell.joint]] = cell.estimate.value
        return table


def visible_part(visibility: Ints) -> Floats:
    """(H, 21) 1 where most answers (H, A, 21) call a joint visible, 0 where most call it occluded, else a half."""
    more = (visibility == Visibility.VISIBLE).sum(axis=1) - (visibility == Visibility.OCCLUDED).sum(axis=1)
    return np.asarray((np.sign(more) + 1) / 2)


def _undisputed(visibility: Ints, state: int) -> Bools:
    """(H, 21) of the answers (H, A, 21) that say visible or occluded so many say the state."""
    words = np.isin(visibility, list(STATES.values())).sum(axis=1)
    return np.asarray((visibility == state).sum(axis=1) >= UNDISPUTED * np.maximum(words, 1))


def measure_sigmas(
    panel: Panel,
    pairs: Pairs,
    scale: Floats,
    excluded: Bools,
    resampler: Resampler | None = None,
    left: Bools | None = None,
) -> Sigmas:
    """σ of each joint, visible and occluded, from pairs where its state is `UNDISPUTED` and not both on the pre-label.

    Args:
        panel: the answers.
        pairs: of the panel.
        scale: (H) px.
        excluded: (H, A, 21) joints that take no part: of fingers that were mistaken for others.
        resampler: of the panel's images; without one nothing says how sure all of it is.
        left: (H, A, 21) joints left where the pre-label had them: who errs how much is told by the others alone.
    """
    kept = np.where(excluded[..., None], np.nan, panel.keypoints)
    offset = kept[pairs.hand, pairs.first] - kept[pairs.hand, pairs.second]
    distance = (offset**2).sum(axis=-1)
    untouched = (distance < UNTOUCHED_PX**2) & _one_opinion(panel, pairs, distance)[:, None]
    # who places joints on whole pixels hits the very same one now and then
    squared = np.where(untouched, np.nan, np.maximum(distance, UNTOUCHED_PX**2)) / scale[pairs.hand, None] ** 2
    one, other = (panel.visibility[pairs.hand, k] for k in (pairs.first, pairs.second))
    cells: list[Sigma] = []
    by_source: list[Sigma] = []
    table = np.full((3, N_JOINTS), np.nan)
    source = panel.source[pairs.hand]
    agreed_on: dict[int, Floats] = {}
    for state, code in STATES.items():
        agreed = (one == code) & (other == code) & _undisputed(panel.visibility, code)[pairs.hand]
        values = np.where(agreed, squared, np.nan)
        pooled = [_cell(values, pairs, joint, state, resampler) for joint in range(N_JOINTS)]
        cells += pooled
        table[code] = [c.estimate.value for c in pooled]
        for k, name in enumerate(panel.sources if len(panel.sources) > 1 else ()):
            own = np.where((source == k)[:, None], values, np.nan)
            by_source += [_of_source(own, pairs, cell, name, resampler) for cell in pooled]
        agreed_on[code] = values
    found = Sigmas(
        cells=tuple(cells),
        by_source=tuple(by_source),
        table=table,
        factors=np.ones(len(panel.annotators)),
        relative=np.full(squared.shape, np.nan),
        influence=np.zeros((0, 0, *table.shape)),
        sources=panel.sources,
    )
    relative = _relative(found, agreed_on, source)
    told = relative if left is None else moved_by_all(relative, pairs, left)
    found = replace(found, relative=relative, factors=error_factors(panel, pairs, told))
    if resampler is None:
        return found
    return replace(found, influence=_influence(found, agreed_on, panel, pairs, resampler))


def _one_opinion(panel: Panel, pairs: Pairs, squared: Floats) -> Bools:
    """(P) both answers began from a pre-label, or most of their joints (P, 21) are the same: one was copied."""
    rows = [[bool(s is not None and s.prediction_id) for s in row] for row in panel.submissions]
    began = np.array(rows, dtype=np.bool_).reshape(panel.annotator.shape)
    same, known = (squared < UNTOUCHED_PX**2).sum(axis=1), np.isfinite(squared).sum(axis=1)
    return np.asarray((began[pairs.hand, pairs.first] & began[pairs.hand, pairs.second]) | (2 * same > known))


def _relative(sigmas: Sigmas, squared: Mapping[int, Floats], source: Ints) -> Floats:
    """`Sigmas.relative`: of people who answer the hard hands of a hard source nobody says that they err more.

    Args:
        sigmas: measured.
        squared: state -> (P, 21) of `measure_sigmas`.
        source: (P) index.
    """
    tables = np.stack([sigmas.table, *(sigmas.table_of(name) for name in sigmas.sources)])
    found = [values / tables[1 + source, state] ** 2 for state, values in squared.items()]
    return np.asarray(np.fmax(*found))


def _influence(
    sigmas: Sigmas, squared: Mapping[int, Floats], panel: Panel, pairs: Pairs, resampler: Resampler
) -> Floats:
    """(1 + sources, groups, 3, 21) of all sources and of each; that of all where a source has no figure of its own."""
    group, n = resampler.group[pairs.hand], resampler.n_groups
    found = [sigma_influence(squared, sigmas.table, _pools(sigmas.cells), group, n)]
    for k, name in enumerate(panel.sources):
        own = [c for c in sigmas.by_source if c.source == name and not c.borrowed]
        here = panel.source[pairs.hand] == k
        only = {state: values[here] for state, values in squared.items()}
        apart = sigma_influence(only, sigmas.table_of(name), _pools(own), group[here], n)
        pooled = found[0].copy()
        for cell in own:
            at = STATES[cell.state], JOINT_INDEX[cell.joint]
            pooled[:, *at] = apart[:, *at]
        found.append(pooled)
    return np.stack(found)


def _pools(cells: Sequence[Sigma]) -> dict[tuple[int, int], tuple[int, ...]]:
    """(state, joint) -> joints whose distances σ was measured from; without those that were not measured."""
    places = {(STATES[c.state], JOINT_INDEX[c.joint]): c.level for c in cells if c.level != "population"}
    return {(state, joint): _levels(joint)[level] for (state, joint), level in places.items()}


def _levels(joint: int) -> dict[str, tuple[int, ...]]:
    """Joints a figure may be measured from, the finest first."""
    finger = next((js for js in FINGER_JOINTS.values() if joint in js), (joint,))
    return {"joint": (joint,), "finger": finger, "all": tuple(range(N_JOINTS))}


def _of_source(values: Floats, pairs: Pairs, pooled: Sigma, source: str, resampler: Resampler | None) -> Sigma:
    """The figure of one source, of the joint or its finger; else that of all sources."""
    own = _cell(values, pairs, JOINT_INDEX[pooled.joint], pooled.state, resampler)
    if own.level in ("joint", "finger"):
        return replace(own, source=source)
    return replace(pooled, source=source, borrowed=True)


def _cell(values: Floats, pairs: Pairs, joint: int, state: str, resampler: Resampler | None) -> Sigma:
    """The finest level with enough pairs; without interval where nothing resamples."""
    for level, joints in _levels(joint).items():
        chosen = values[:, joints]
        if np.isfinite(chosen).sum() >= MIN_PAIRS and np.nanmedian(chosen) > 0:
            if resampler is None:
                known = chosen[chosen > 0]
                squared = Estimate(float(np.median(known)), float("nan"), float("nan"), len(known))
            else:
                squared = resampler.median(chosen.ravel(), np.repeat(pairs.hand, len(joints)))
            return Sigma(JOINT_NAMES[joint], state, _root(squared), math.sqrt(float(np.nanmean(chosen)) / 4), level)
    unknown = Estimate(POPULATION[state], float("nan"), float("nan"), 0)
    return Sigma(JOINT_NAMES[joint], state, unknown, float("nan"), "population")


def _root(squared: Estimate) -> Estimate:
    value, low, high = (math.sqrt(v / MEDIAN_FACTOR) for v in (squared.value, squared.low, squared.high))
    return Estimate(value, low, high, squared.n)
