"""The pre-label as one more opinion: where it has the joints, and how it errs, measured against the answers.

Its σ of each joint, visible and hidden, is the median distance to the mean of those who moved the joint, less what
they err themselves; who left a joint where it was says that it is near. Within a finger its errors are alike. And a
finger may be off by a multiple of σ, or slid along itself by part of a bone: how often, is estimated by expectation
maximisation. A joint people left untouched is one opinion, however many they are: there the pre-label is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Prediction, Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.finger_chain import N_PLACES, Chains, by_finger, diagonal, log_density, placed
from hint_tools.qc.panel import Panel
from hint_tools.qc.prelabels import prelabelled_joints, untouched_joints

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = ((0.5, 0.0), (1.0, 0.0), (2.0, 0.0), (4.0, 0.0), (8.0, 0.0), (1.0, 0.5), (1.0, 1.0), (1.0, -0.5), (1.0, -1.0))
"""Ways a finger of a pre-label may err: times σ, and slid outwards by how many bones."""
_EXPECTED = np.array([2.0, 10.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5, 0.5])
"""Fingers' worth by which each is believed before any is seen."""
_LEAST = 30
"""Joints from which on σ is measured; a pre-label whose σ nobody knows is no witness."""
_LEFT_OVER = 12.0
"""Largest d²/σ² of answers by which a pre-label is measured: where people disagree it need not be the one wrong."""
_MOST_FINGERS = 4000
_STEPS = 30
_LEAST_VARIANCE = 1e-6
"""No pre-label is nearer to the truth than a thousandth of the hand."""
_LEAST_PART = 0.2
"""Of the median that is the pre-label's own, however much the annotators err."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What the pre-labels of H hands say, and how they err.

    Args:
        points: (H, 21, 2) px; NaN without one, or where an answer left it as it was.
        variance: (H, 21) px² of a coordinate, the usual one.
        untouched: (H, A, 21) joints of answers that are the pre-label's.
        alike: correlation of the errors of a finger's joints.
        shares: of the fingers, for each of `KINDS`.
    """

    points: Floats
    variance: Floats
    untouched: Bools
    alike: float
    shares: Floats


def slide(bones: float) -> Floats:
    """(4, 4) that moves joints outwards along their finger by so many bones, the last one straight on."""
    moved = np.eye(N_PLACES)
    step, by = (1 if bones > 0 else -1), abs(bones)
    for k in range(N_PLACES):
        if 0 <= k + step < N_PLACES:
            moved[k, k], moved[k, k + step] = 1 - by, by
        else:
            moved[k, k], moved[k, k - step] = 1 + by, -by
    return moved


def measure_labels(
    panel: Panel,
    predictions: Mapping[str, Prediction],
    sigma_px: Floats,
    excluded: Bools,
    scale: Floats,
    near_px: float,
) -> Labels | None:
    """The pre-labels and their error; None where there are too few.

    Args:
        panel: the answers.
        predictions: by id.
        sigma_px: (H, A, 21) of the answers' coordinates.
        excluded: (H, A, 21) joints that take no part.
        scale: (H) px.
        near_px: distance from which on a joint was moved.
    """
    points = prelabelled_joints(panel, predictions)
    if not np.isfinite(points).any():
        return None
    untouched, compared = untouched_joints(panel, predictions, near_px)
    stamped = np.asarray(compared.any(axis=-1) & ~(compared & ~untouched).any(axis=-1))
    given = placed(panel.keypoints) & ~excluded & ~stamped[..., None]
    moved = given & ~untouched & np.isfinite(sigma_px)
    weight = np.where(moved, 1 / np.where(moved, sigma_px, 1.0) ** 2, 0.0)
    total = weight.sum(axis=1)
    apart = np.where(moved[..., None], points[:, None] - panel.keypoints, 0.0)
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    mean = (weight[..., None] * apart).sum(axis=1) * inverse[..., None]
    scatter = (weight * ((apart - mean[:, None]) ** 2).sum(axis=-1)).sum(axis=1)
    disputed = scatter > _LEFT_OVER * np.maximum(moved.sum(axis=1) - 1, 1)
    residual = mean / scale[:, None, None]
    residual[~(given.any(axis=1) & placed(points)) | disputed] = np.nan
    theirs = inverse / scale[:, None] ** 2
    hidden = _hidden(panel)
    relative = _variances(residual, theirs, hidden)
    if relative is None:
        return None
    usual = np.where(hidden, relative[0], relative[1])
    alike = _likeness(residual, theirs, usual)
    shares = _shares(residual, theirs, usual, alike, points / scale[:, None, None])
    told = np.where(np.asarray(untouched.any(axis=1))[..., None], np.nan, points)
    return Labels(told, usual * scale[:, None] ** 2, untouched, alike, shares)


def apart_from_labels(panel: Panel, labels: Labels, sigma_px: Floats, most: float) -> Floats:
    """(H, A) sum of d²/σ² between each answer and the pre-label, a joint counting for `most` at most.

    Args:
        panel: the answers.
        labels: of the pre-labels.
        sigma_px: (H, A, 21) of the answers' coordinates.
        most: d²/σ².
    """
    squared = ((panel.keypoints - labels.points[:, None]) ** 2).sum(axis=-1)
    relative = squared / (sigma_px**2 + labels.variance[:, None])
    return np.asarray(np.where(np.isfinite(relative), np.minimum(relative, most), 0.0).sum(axis=-1))


def _hidden(panel: Panel) -> Bools:
    """(H, 21) joints more answers call occluded than visible."""
    votes = [(panel.visibility == int(s)).sum(axis=1) for s in (Visibility.OCCLUDED, Visibility.VISIBLE)]
    return np.asarray(votes[0] > votes[1])


def _variances(residual: Floats, theirs: Floats, hidden: Bools) -> Floats | None:
    """(2, 21) variance of a coordinate over squared sizes, hidden and visible; None where too little is known."""
    squared = (residual**2).sum(axis=-1)
    found = np.full((2, N_JOINTS), np.nan)
    overall = _variance(squared, theirs)
    for k, state in enumerate((hidden, ~hidden)):
        whole = _variance(np.where(state, squared, np.nan), theirs)
        for joint in range(N_JOINTS):
            own = _variance(np.where(state[:, joint], squared[:, joint], np.nan), theirs[:, joint])
            found[k, joint] = next((v for v in (own, whole, overall) if np.isfinite(v)), np.nan)
    return found if np.isfinite(overall) else None


def _variance(squared: Floats, theirs: Floats) -> float:
    """Of the pre-label: median of squared distances over 2 ln 2, less the annotators' part; NaN with too few.

    Where half of the joints were left alone their median is no distance any more, and the next quarter's is taken.
    """
    known = np.isfinite(squared)
    if known.sum() < _LEAST:
        return float("nan")
    values = squared[known]
    part = 0.5 if (values > 0).mean() > 0.6 else 0.75
    whole = float(np.quantile(values, part)) / (-2 * np.log(1 - part))
    moved = theirs[known & (theirs > 0)]
    annotators = float(np.median(moved)) if len(moved) else 0.0
    return float(max(whole - annotators, _LEAST_PART * whole, _LEAST_VARIANCE))


def _likeness(residual: Floats, theirs: Floats, usual: Floats) -> float:
    """Correlation of a finger's joints, from how often two of them err the same way.

    Under a normal law that share p gives the correlation sin(π (p - 1/2)), slips or not; the annotators' independent
    part is taken out.
    """
    errors = by_finger(residual.swapaxes(1, 2))
    signs = np.sign(np.nan_to_num(errors))
    one, other = np.triu_indices(N_PLACES, k=1)
    agreed = signs[..., one] * signs[..., other]
    used = agreed != 0
    if used.sum() < _LEAST:
        return 0.0
    seen = float(np.sin(np.pi / 2 * agreed[used].mean()))
    known = placed(residual) & (theirs > 0)
    diluted = float(np.median(usual[known] / (usual[known] + theirs[known])))
    return float(np.clip(seen / diluted, 0.0, 0.9))


def _shares(residual: Floats, theirs: Floats, usual: Floats, alike: float, points: Floats) -> Floats:
    """How often each of `KINDS` is met."""
    errors, spread, own, label = (
        by_finger(x).reshape(-1, N_PLACES) for x in (residual[..., 0], usual, theirs, points[..., 0])
    )
    other, across = (by_finger(x).reshape(-1, N_PLACES) for x in (residual[..., 1], points[..., 1]))
    whole = np.flatnonzero(np.isfinite(errors).all(axis=1))
    chosen = whole[np.linspace(0, len(whole) - 1, min(len(whole), _MOST_FINGERS)).astype(np.int64)]
    error = np.stack([errors[chosen], other[chosen]], axis=-1)
    truth = np.stack([label[chosen], across[chosen]], axis=-1) - error
    noise = finger_covariance(spread[chosen], alike)
    logs = []
    for factor, bones in KINDS:
        how = slide(bones)
        law = Chains(how @ truth, noise * factor**2 + how @ diagonal(own[chosen]) @ how.T)
        logs.append(log_density(law, truth + error))
    density = np.stack(logs)
    density = np.exp(density - density.max(axis=0, initial=-np.inf))
    shares = _EXPECTED / _EXPECTED.sum()
    for _ in range(_STEPS):
        belief = shares[:, None] * density
        counts = _EXPECTED + (belief / belief.sum(axis=0)).sum(axis=1)
        shares = counts / counts.sum()
    return np.asarray(shares)


def finger_covariance(variance: Floats, alike: float) -> Floats:
    """(K, 4, 4) of errors with variance (K, 4) that are `alike` within a finger."""
    sigma = np.sqrt(variance)
    together = (1 - alike) * np.eye(N_PLACES) + alike
    return np.asarray(sigma[:, :, None] * sigma[:, None, :] * together)
