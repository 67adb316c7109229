"""How far apart two annotators put the same joint, in units of the hand, with intervals by image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, JOINT_NAMES, N_JOINTS
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.panel import Pairs, Panel
from hint_tools.qc.scale import Sizes
from hint_tools.qc.sigmas import visible_part

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PCK_THRESHOLDS = (0.05, 0.1, 0.15)
"""Of max(width, height) of the hand: HInt's benchmark thresholds, so that models and people compare."""
CURVE_THRESHOLDS = tuple(k / 200 for k in range(41))
"""0 to 0.2, for the curve."""
OKS_CEILING = 0.8
"""Similarity two people reach who err by σ and nothing else. With COCO's k = 2 sqrt(2) σ it is E[exp(-χ²/8)] of χ²
with two degrees of freedom, 1 / (1 + 2/8)."""
PALM_THRESHOLD = 0.25
"""Palm lengths (wrist to middle MCP): the measure HInt's authors give their own annotators' agreement in."""
FAR = 0.8
"""Part of the distances up to the one at which clustering in pictures is looked at: every picture has farther ones."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over one group of joint pairs.

    Args:
        group: what kind of group: `all`, `state`, `pre-label`, `finger`, `joint`, `annotators`, `source`, `period` or
            `round`.
        name: which one.
        distance: mean distance in units of the hand's scale.
        pck: part within each of `PCK_THRESHOLDS`.
        palm: part within `PALM_THRESHOLD` palm lengths.
        oks: object keypoint similarity over `OKS_CEILING`: 1 is what people of the measured σ reach.
    """

    group: str
    name: str
    distance: Estimate
    pck: tuple[Estimate, ...]
    palm: Estimate
    oks: Estimate


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances of every pair at every joint, px, and similarities: (P, 21), NaN where not both placed it."""

    px: Floats
    oks: Floats
    both_visible: Bools
    both_occluded: Bools


def pair_distances(panel: Panel, pairs: Pairs, sigma_px: Floats) -> Distances:
    """How far apart each pair of answers is at each joint, and whether both call it visible or occluded.

    The similarity is COCO's exp(-d² / 2 s² k²) with k² = 8 σ², σ² the mean of the two answers'.

    Args:
        panel: the answers.
        pairs: of the panel.
        sigma_px: (H, A, 21) of a coordinate, the same standard for everybody.
    """
    first, second = ((pairs.hand, k) for k in (pairs.first, pairs.second))
    px = np.linalg.norm(panel.keypoints[first] - panel.keypoints[second], axis=-1)
    one, other = panel.visibility[first], panel.visibility[second]
    return Distances(
        np.asarray(px),
        np.exp(-(px**2) / (8 * (sigma_px[first] ** 2 + sigma_px[second] ** 2))),
        (one == Visibility.VISIBLE) & (other == Visibility.VISIBLE),
        (one == Visibility.OCCLUDED) & (other == Visibility.OCCLUDED),
    )


def measure_agreement(
    panel: Panel,
    pairs: Pairs,
    distances: Distances,
    sizes: Sizes,
    resampler: Resampler,
    influence: Floats | None = None,
    untouched: Bools | None = None,
) -> list[Agreement]:
    """Agreement of all pairs, then by state, pre-label, finger, joint, annotators and source; mistakes included.

    Args:
        panel: the answers.
        pairs: of the panel.
        distances: of the pairs.
        sizes: of the hands.
        resampler: of the panel's pictures.
        influence: `Sigmas.influence`, of the σ behind the similarities; None where they were not measured here.
        untouched: (H, A, 21) joints left where the pre-label had them; None where nobody began from one.
    """
    by_scale, by_longer, by_palm = (
        distances.px / size[pairs.hand, None] for size in (sizes.scale, sizes.longer, sizes.palm)
    )
    slopes = _Slopes(panel, pairs, distances, influence)
    found = []
    both_left = None if untouched is None else untouched[pairs.hand, pairs.first] & untouched[pairs.hand, pairs.second]
    for group, name, rows, chosen in _groups(panel, pairs, distances, both_left):
        at = np.broadcast_to(pairs.hand[rows, None], chosen.shape)[chosen]
        within = [_within(by_longer[rows][chosen], t) for t in PCK_THRESHOLDS]
        found.append(
            Agreement(
                group,
                name,
                resampler.mean(by_scale[rows][chosen], at),
                tuple(resampler.share(w, at) for w in within),
                _palm_share(by_palm[rows][chosen], at, resampler),
                resampler.mean(distances.oks[rows][chosen] / OKS_CEILING, at, slopes.moved(rows, chosen)),
            )
        )
    return found


class _Slopes:
    """How much similarities change with log σ², and so how far each group of pictures moves their mean through σ."""

    def __init__(self, panel: Panel, pairs: Pairs, distances: Distances, influence: Floats | None) -> None:
        self._influence = influence if influence is not None and len(influence) else None
        self._known = np.isfinite(distances.oks)
        similar = np.where(distances.oks > 0, distances.oks, 1.0)
        slope = np.where(self._known, -similar * np.log(similar), 0.0) / OKS_CEILING
        visible = visible_part(panel.visibility)[pairs.hand]
        self._slopes = {Visibility.VISIBLE: slope * visible, Visibility.OCCLUDED: slope * (1 - visible)}
        self._of_source = np.asarray(np.arange(len(panel.sources))[:, None] == panel.source[pairs.hand], np.float64)

    def moved(self, rows: Ints, chosen: Bools) -> Floats | None:
        """(groups of pictures) how far each moves the mean similarity of some pairs (n), at chosen joints (n, 21)."""
        if self._influence is None:
            return None
        found = np.zeros(self._influence.shape[1])
        for state, slope in self._slopes.items():
            total = self._of_source[:, rows] @ (slope[rows] * chosen)
            found += np.einsum("sgj,sj->g", self._influence[1:, :, int(state)], total)
        return np.asarray(found / max(int((chosen & self._known[rows]).sum()), 1))


def _palm_share(by_palm: Floats, hand: npt.NDArray[np.int64], resampler: Resampler) -> Estimate:
    """Part within `PALM_THRESHOLD`, with its interval.

    Whether a joint is beyond depends on how short the palm looks, and so on the hand: these cluster in pictures at
    least as much as the joints beyond the distance that one in five exceeds.
    """
    known = by_palm[np.isfinite(by_palm)]
    usual = np.quantile(known, FAR) if len(known) else np.nan
    return resampler.share(_within(by_palm, PALM_THRESHOLD), hand, _within(by_palm, float(usual)))


def pck_curves(pairs: Pairs, distances: Distances, sizes: Sizes) -> dict[str, list[tuple[float, float]]]:
    """Part of joint pairs within each of `CURVE_THRESHOLDS` of max(width, height), in %, by state."""
    by_longer = distances.px / sizes.longer[pairs.hand, None]
    chosen = {
        "both visible": by_longer[distances.both_visible],
        "all joints": by_longer.ravel(),
        "both occluded": by_longer[distances.both_occluded],
    }
    known = {name: values[np.isfinite(values)] for name, values in chosen.items()}
    return {
        name: [(t, 100 * float((values <= t).mean())) for t in CURVE_THRESHOLDS]
        for name, values in known.items()
        if len(values)
    }


def _within(values: Floats, threshold: float) -> Floats:
    return np.where(np.isnan(values), np.nan, (values <= threshold).astype(np.float64))


def _groups(
    panel: Panel, pairs: Pairs, distances: Distances, both_left: Bools | None
) -> Iterator[tuple[str, str, Ints, Bools]]:
    """(kind, name, pairs, mask over those and joints) of every group."""
    rows = np.arange(len(pairs.hand))
    everything = np.ones(distances.px.shape, dtype=np.bool_)
    yield "all", "all joints", rows, everything
    yield "state", "both visible", rows, distances.both_visible
    yield "state", "both occluded", rows, distances.both_occluded
    yield "state", "states differ", rows, everything & ~distances.both_visible & ~distances.both_occluded
    if both_left is not None and both_left.any():
        # two who both leave a joint alone agree to the pixel, which says more of the pre-label than of them
        yield "pre-label", "moved by one or both", rows, ~both_left
    places: Mapping[str, tuple[int, ...]] = {"wrist": (0,), **FINGER_JOINTS}
    for finger, joints in places.items():
        yield "finger", finger, rows, _columns(everything, joints)
    for joint in range(N_JOINTS):
        yield "joint", JOINT_NAMES[joint], rows, _columns(everything, (joint,))
    for kind, name, some in _people_and_places(panel, pairs):
        yield kind, name, some, everything[some]


def _people_and_places(panel: Panel, pairs: Pairs) -> Iterator[tuple[str, str, Ints]]:
    """(kind, name, pairs) of every two annotators, every source and every period."""
    one, other = (panel.annotator[pairs.hand, k] for k in (pairs.first, pairs.second))
    couple = one * len(panel.annotators) + other
    order = np.argsort(couple, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(couple[order])) + 1) if len(order) else ():
        a, b = divmod(int(couple[rows[0]]), len(panel.annotators))
        yield "annotators", f"{panel.annotators[a]} and {panel.annotators[b]}", rows
    for k, source in enumerate(panel.sources):
        yield "source", source, np.flatnonzero(panel.source[pairs.hand] == k)
    for k, period in enumerate(panel.periods if len(panel.periods) > 1 else ()):
        yield "period", f"from {period}", np.flatnonzero(panel.period[pairs.hand] == k)


def _columns(mask: Bools, joints: tuple[int, ...]) -> Bools:
    chosen = np.zeros_like(mask)
    chosen[:, list(joints)] = mask[:, list(joints)]
    return chosen
