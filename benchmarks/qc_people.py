"""What `hint qc` says of people: how often it cries wolf, and how often it is right; parts of `qc.py`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from qc_world import JOINT_FACTOR, NAMES, SIGMA_VISIBLE, Round, answer, make_world

from hint_tools.core.records import Submission
from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import Panel, build_panel

SKILL = 0.9
"""Chance of a person to call a joint what it is."""


def analysed(made: Round, config: QcConfig, **beside: object) -> Analysis:
    hands = {h.hand_id: h for h in made.world.hands}
    frames = {f.frame_id: f for f in made.world.frames}
    return analyse(made.panel(), hands, {}, config, Beside(frames=frames, **beside))


def drift() -> None:
    """Rounds of 200 hands x 2 people over 20 days; in the middle one person's error grows."""
    print("growth of the error   rounds with a finding   of the right person, if any   days off (median)")
    for growth in (1.0, 1.25, 1.5, 2.0):
        told = right = 0
        off = []
        rounds = 100
        for seed in range(rounds):
            made = answer(make_world(200, seed), 2, 600 + seed)
            late = np.arange(200) >= 100
            extra = np.sqrt(growth**2 - 1) * made.world.sigma[late]
            made.joints[late, 1] += np.random.default_rng(seed).normal(size=(100, 21, 2)) * extra[..., None]
            found = analysed(made, QcConfig(bootstrap=50)).changes
            told += bool(found)
            right += any(c.annotator == 1 for c in found)
            off += [abs(int(c.since[-2:]) - 11) for c in found if c.annotator == 1]
        print(f"x {growth:<19} {told / rounds:22.0%}   {right / max(told, 1):26.0%}   "
              f"{np.median(off) if off else np.nan:17.0f}", flush=True)  # fmt: skip


def gold() -> None:
    """60 gold hands an expert answered, too; a person spoils each with a given chance. The test asks 5 % or 20 %."""
    print("hands spoilt   passed   failed   undecided   gold hands until decided (median)")
    for rate in (0.02, 0.05, 0.20, 0.35):
        verdicts, after = Counter[str](), []
        for seed in range(100):
            made = answer(make_world(60, seed), 2, 700 + seed, rates={"slip": rate})
            expert = answer(made.world, 1, 800 + seed, noise=0.5)
            found = analysed(made, QcConfig(bootstrap=50, experts=("expert",)), decided=_panel_of(expert, "expert"))
            verdicts.update(t.verdict for t in found.gold)
            after += [t.decided_after for t in found.gold if t.decided_after]
        total = verdicts.total()
        shares = "   ".join(f"{verdicts[v] / total:6.0%}" for v in ("passed", "failed", "undecided"))
        print(f"{rate:12.0%}   {shares}   {np.median(after):30.0f}", flush=True)


def repeats() -> None:
    """60 hands of 120 answered a second time by one person, with half of, the same, or twice the usual error."""
    print("error against oneself   measured (mean)   interval covers it")
    for factor in (0.5, 1.0, 2.0):
        values, covered = [], []
        for seed in range(100):
            made = answer(make_world(120, seed), 2, 900 + seed)
            twice = [answer(made.world, 1, 1000 + 2 * seed + k, noise=factor) for k in (0, 1)]
            first, second = (_submissions(m, "di")[:60] for m in twice)
            (found,) = analysed(made, QcConfig(), repeats=tuple(zip(first, second, strict=True))).repeats
            values.append(found.error.value)
            covered.append(found.error.low <= factor <= found.error.high)
        print(f"{factor:21}   {np.mean(values):15.2f}   {np.mean(covered):18.0%}", flush=True)


def _submissions(made: Round, name: str) -> list[Submission]:
    return [replace(s, annotator=name) for s in made.submissions() if s.annotator == NAMES[0]]


def _panel_of(made: Round, name: str) -> Panel:
    return build_panel(_submissions(made, name), made.world.hands, made.world.frames)


def intervals() -> None:
    """Every kind of 95 % interval of the report: how often it covers the truth, 500 rounds of 3 people."""
    large = _judging(answer(make_world(6000, 10**6), 3, 10**6), 10**6)
    truth = _figures(analysed(large, QcConfig(bootstrap=50)), large)
    sigma = SIGMA_VISIBLE * JOINT_FACTOR
    known = {"σ of the index tip": sigma[8], "σ of the wrist": sigma[0], "error, × average": 1.0, "habit": 0.0}
    known |= {"sensitivity": SKILL, "specificity": SKILL}
    for pictures, rounds in ((20, 500), (60, 500)):
        hits: dict[str, list[bool]] = {}
        for seed in range(rounds):
            made = _judging(answer(make_world(2 * pictures, seed), 3, 2000 + seed), seed)
            found = analysed(made, QcConfig(bootstrap=400, seed=seed))
            for name, estimates in _figures(found, made).items():
                right = known.get(name, truth[name][0].value)
                hits.setdefault(name, []).extend(e.low <= right <= e.high for e in estimates if np.isfinite(e.low))
            hits.setdefault("ellipse of a consensus joint", []).append(float(_ellipses(found, made).mean()))
        print(f"{pictures} pictures, {rounds} rounds: " + ", ".join(f"{n} {np.mean(h):.1%}" for n, h in hits.items()),
              flush=True)  # fmt: skip


def _judging(made: Round, seed: int) -> Round:
    right = np.random.default_rng(seed).random(made.said.shape) < SKILL
    made.said = np.where(right, made.said, 3 - made.said)
    return made


def _figures(found: Analysis, made: Round) -> dict[str, list[Estimate]]:
    every = found.agreement[0]
    cells = {c.joint: c.estimate for c in found.sigmas.cells if c.state == "visible"}
    habits = [b.measured for p in found.profiles for b in p.biases if (b.joint, b.direction) == ("index_tip", "along")]
    return {
        "mean distance": [every.distance],
        "within 0.05": [every.pck[0]],
        "within ¼ palm": [every.palm],
        "OKS": [every.oks],
        "σ of the index tip": [cells["index_tip"]],
        "σ of the wrist": [cells["wrist"]],
        "error, × average": [p.error for p in found.profiles],
        "habit": habits,
        "sensitivity": [p.sensitivity for p in found.profiles],
        "specificity": [p.specificity for p in found.profiles],
    }


def _ellipses(found: Analysis, made: Round) -> np.ndarray:
    error = np.array([c.keypoints for c in found.consensus]) - made.world.joints
    covariance = np.array([c.covariance for c in found.consensus])
    return np.einsum("hjx,hjxy,hjy->hj", error, np.linalg.inv(covariance), error) <= 5.991
