"""How often 95 % intervals of `hint qc` cover the truth; parts of `qc.py`.

The truth of σ, errors, habits, sensitivity and specificity is what the world was made with: people who differ err 0.8,
1 and 1.3 times, judge states rightly in 95, 90 and 80 %, and two of them have a habit. An error counts from σ as all
these people have it together; where states are misjudged it tends to a limit a little beside that. The truth of
distances, shares and OKS, mistakes included, is their figure in a round of 6,000 hands: what the same people and
pictures would give without end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from qc_world import JOINT_FACTOR, SIGMA_OCCLUDED, SIGMA_VISIBLE, Round, answer, make_world

from hint_tools.core.skeleton import JOINT_INDEX
from hint_tools.qc.agreement import Agreement, measure_agreement, pair_distances
from hint_tools.qc.bias import hand_axes, in_hand_frame, measure_bias
from hint_tools.qc.bootstrap import Estimate, Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.consensus import Positions
from hint_tools.qc.dawid_skene import estimate_visibility
from hint_tools.qc.joints import analyse_joints
from hint_tools.qc.profiles import Profile, build_profiles
from hint_tools.qc.sigmas import Sigmas

ROUNDS = 500
PICTURES = (20, 60)
CONFIG = QcConfig(bootstrap=400)
ERRORS, SKILLS = np.array([0.8, 1.0, 1.3]), np.array([0.95, 0.9, 0.8])
"""Of people who differ."""
HABITS = ((0, "index_tip", 0, 0.02), (1, "thumb_tip", 1, -0.015))
"""(person, joint, direction, hand sizes) of people who differ."""
SKILL = 0.9
ELLIPSE = 5.991
"""χ² of two degrees of freedom, 95 %."""


@dataclass(frozen=True)
class Setting:
    """Who answers, and how."""

    people: int = 3
    noise: float = 1.0
    mistakes: bool = False
    differ: bool = False
    profiles: bool = True


SETTINGS = {
    "3 people": Setting(),
    "2 people": Setting(people=2, profiles=False),
    "3 people, noise x 2": Setting(noise=2.0, profiles=False),
    "3 people, 5 % mistakes": Setting(mistakes=True, profiles=False),
    "3 people who differ": Setting(differ=True),
}


def make(setting: Setting, hands: int, seed: int) -> Round:
    rates = {"swap": 0.03, "slip": 0.02} if setting.mistakes else None
    world = make_world(hands, seed)
    made = answer(world, setting.people, 10**6 + seed, noise=setting.noise, rates=rates)
    skill = SKILLS if setting.differ else np.full(setting.people, SKILL)
    if setting.differ:
        made.joints = world.joints[:, None] + (made.joints - world.joints[:, None]) * ERRORS[:, None, None]
        axes = hand_axes(world.joints)
        for person, joint, direction, size in HABITS:
            made.joints[:, person, JOINT_INDEX[joint]] += size * axes[direction] * world.scale[:, None]
    right = np.random.default_rng(seed).random(made.said.shape) < skill[:, None]
    made.said = np.where(right, made.said, 3 - made.said)
    return made


def intervals() -> None:
    """Positions, σ, errors, habits, judgement and the consensus's ellipses."""
    print(f"{ROUNDS} rounds; coverage at {PICTURES} pictures; in brackets how often the truth is below, above")
    for name, setting in SETTINGS.items():
        start = time.perf_counter()
        large = make(setting, 6000, 10**6)
        limits = figures(measured(large, 0, people=setting.profiles))
        truth = {k: [e.value for e in v] for k, v in limits.items()}
        known = truths(setting)
        covered = {}
        for pictures in PICTURES:
            found = (one_round(setting, 2 * pictures, seed, truth, known) for seed in range(ROUNDS))
            covered[pictures] = collect(found)
        show(name, covered, start)


@dataclass(frozen=True)
class Measured:
    """What `analyse` says of positions and people; it concludes and queues besides, which takes as long again."""

    agreement: list[Agreement]
    sigmas: Sigmas
    profiles: list[Profile]
    positions: Positions


def measured(made: Round, seed: int, *, people: bool = True) -> Measured:
    """The same steps on the same answers as `analyse`."""
    panel, config = made.panel(), CONFIG.model_copy(update={"seed": seed})
    resampler = Resampler(panel.image, config.bootstrap, config.seed)
    joints = analyse_joints(panel, {h.hand_id: h for h in made.world.hands}, {}, config, resampler)
    pairs, sizes, sigmas = joints.pairs, joints.sizes, joints.sigmas
    common = sigmas.in_px(panel, sizes.scale, personal=False)
    distances = pair_distances(panel, pairs, common)
    agreement = measure_agreement(panel, pairs, distances, sizes, resampler, sigmas.influence)
    if not people:
        return Measured(agreement, sigmas, [], joints.positions)
    placed = in_hand_frame(panel, joints.positions.mean, sizes.scale, common, joints.excluded)
    bias, model = measure_bias(panel, placed, resampler), estimate_visibility(panel)
    untouched = np.full(panel.annotator.shape, -1, dtype=np.int64)
    profiles = build_profiles(panel, pairs, sigmas, bias, [], model, untouched, resampler)
    return Measured(agreement, sigmas, profiles, joints.positions)


Hits = dict[str, list[tuple[bool, bool]]]


def one_round(
    setting: Setting, hands: int, seed: int, truth: dict[str, list[float]], known: dict[str, list[float]]
) -> Hits:
    """(truth below, truth above) of every interval there is."""
    made = make(setting, hands, seed)
    found = measured(made, seed, people=setting.profiles)
    hits: Hits = {}
    for name, estimates in figures(found).items():
        right = known.get(name, truth[name])
        hits[name] = misses(zip(estimates, right[: len(estimates)], strict=True))
    error = found.positions.mean - made.world.joints
    squared = np.einsum("hjx,hjxy,hjy->hj", error, np.linalg.inv(found.positions.covariance), error)
    clean = [h for h in range(hands) if h not in made.spoilt_hands()]
    hits["ellipse of a joint"] = [(False, bool(s > ELLIPSE)) for s in squared[clean].ravel()]
    return hits


def misses(pairs: Iterable[tuple[Estimate, float]]) -> list[tuple[bool, bool]]:
    return [(right < e.low, right > e.high) for e, right in pairs if np.isfinite(e.low) and np.isfinite(right)]


def collect(rounds: Iterable[Hits]) -> Hits:
    total: Hits = {}
    for hits in rounds:
        for name, found in hits.items():
            total.setdefault(name, []).extend(found)
    return total


def show(name: str, covered: dict[int, Hits], start: float) -> None:
    print(f"\n{name}  ({time.perf_counter() - start:.0f} s)")
    for figure in next(iter(covered.values())):
        cells = []
        for hits in covered.values():
            out = np.array(hits.get(figure, [])).reshape(-1, 2).mean(axis=0) if hits.get(figure) else (np.nan, np.nan)
            cells.append(f"{1 - out[0] - out[1]:6.1%} ({out[0]:5.1%}, {out[1]:5.1%})" if hits.get(figure) else "none")
        print(f"  {figure:32} " + "   ".join(f"{c:>22}" for c in cells), flush=True)


def truths(setting: Setting) -> dict[str, list[float]]:
    """What the world was made with; errors count from the σ that all distances together give."""
    factors = ERRORS if setting.differ else np.ones(setting.people)
    sums = [factors[a] ** 2 + factors[b] ** 2 for a, b in combinations(range(setting.people), 2)]
    usual = np.sqrt(_median_of_exponentials(sums) / (2 * np.log(2)) / 2)
    sigma = setting.noise * usual * JOINT_FACTOR
    own = np.zeros(setting.people)
    for person, joint, direction, size in HABITS if setting.differ else ():
        if (joint, direction) == ("index_tip", 0):
            own[person] = size
    skills = SKILLS if setting.differ else np.full(setting.people, SKILL)
    habits = [own[k] - np.delete(own, k).mean() for k in range(setting.people)]
    visible, hidden = SIGMA_VISIBLE * sigma, SIGMA_OCCLUDED * sigma
    return {
        "σ of the index MCP": [visible[5]],
        "σ of the wrist": [visible[0]],
        "σ of the index MCP, occluded": [hidden[5]],
        "σ of the index MCP, one source": [visible[5]],
        "error, × average": (factors / usual).tolist(),
        "habit, measured": habits,
        "habit, pulled": habits,
        "sensitivity": skills.tolist(),
        "specificity": skills.tolist(),
    }


def _median_of_exponentials(sums: list[float]) -> float:
    """Median of d²/σ², a mixture in equal parts of χ² with two degrees of freedom times f_a² + f_b²."""
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        part = np.mean([1 - np.exp(-middle / (2 * s)) for s in sums])
        low, high = (middle, high) if part < 0.5 else (low, middle)
    return low


def figures(found: Measured) -> dict[str, list[Estimate]]:
    """Estimates by name; those of people in their order."""
    groups = {(a.group, a.name): a for a in found.agreement}
    every = groups["all", "all joints"]
    cells = {(c.joint, c.state): [c.estimate] * (c.level == "joint") for c in found.sigmas.cells}
    own = [c for c in found.sigmas.by_source if not c.borrowed and c.level == "joint" and c.source == "ego4d"]
    tip = [b for p in found.profiles for b in p.biases if (b.joint, b.direction) == ("index_tip", "along")]
    return {
        "mean distance": [every.distance],
        "mean distance, one finger": [groups["finger", "index"].distance],
        "mean distance, two people": [groups["annotators", "ana and bo"].distance],
        "within 0.05": [every.pck[0]],
        "within 0.10": [every.pck[1]],
        "within 0.15": [every.pck[2]],
        "within ¼ palm": [every.palm],
        "OKS": [every.oks],
        "OKS, both visible": [groups["state", "both visible"].oks],
        "OKS, two people": [groups["annotators", "ana and bo"].oks],
        "σ of the index MCP": cells["index_mcp", "visible"],
        "σ of the wrist": cells["wrist", "visible"],
        "σ of the index MCP, occluded": cells["index_mcp", "occluded"],
        "σ of the index MCP, one source": [c.estimate for c in own if (c.joint, c.state) == ("index_mcp", "visible")],
        "error, × average": [p.error for p in found.profiles],
        "error, × average (its limit)": [p.error for p in found.profiles],
        "habit, measured": [b.measured for b in tip],
        "habit, pulled": [b.shrunk for b in tip],
        "sensitivity": [p.sensitivity for p in found.profiles],
        "specificity": [p.specificity for p in found.profiles],
    }
