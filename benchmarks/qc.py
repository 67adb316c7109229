"""How much `hint qc` finds and how exact it is, on rounds with known truth and planted mistakes.

    python benchmarks/qc.py            # everything, about ten minutes on one core
    python benchmarks/qc.py identity   # one part: identity, sigma, consensus, queue, occlusion, intervals, scale

Every figure is from seeds 0, 1, ... of `qc_world`; K hands are truly bad when a mistake was planted in them.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from qc_world import JOINT_FACTOR, SIGMA_OCCLUDED, SIGMA_VISIBLE, Round, answer, make_world

from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.agreement import pair_distances
from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.bootstrap import Resampler
from hint_tools.qc.config import QcConfig
from hint_tools.qc.dawid_skene import estimate_visibility
from hint_tools.qc.panel import build_pairs
from hint_tools.qc.queue import find_outliers, occlusion_disagreement, second_look, spread_over_clips

CONFIG = QcConfig(bootstrap=50)
IDENTITY = {"swap": 0.02, "mirror": 0.01, "other hand": 0.01, "shifted": 0.02}
GROSS = {"swap": 0.05, "slip": 0.02}


def analysed(made: Round, config: QcConfig = CONFIG) -> Analysis:
    world = made.world
    beside = Beside(frames={f.frame_id: f for f in world.frames})
    return analyse(made.panel(), {h.hand_id: h for h in world.hands}, {}, config, beside)


def identity() -> None:
    print("people noise   " + "  ".join(f"{k:>10}" for k in IDENTITY) + "   false alarms")
    for people in (2, 3):
        for noise in (1, 2, 3):
            found: dict[str, list[int]] = {k: [0, 0] for k in IDENTITY}
            false = clean = 0
            for seed in range(3):
                made = answer(make_world(2000, seed), people, 100 + seed, noise=noise, rates=IDENTITY)
                named = {m.hand for m in analysed(made).mistakes if m.gain > 0 or m.kind == "wrong-hand"}
                for kind, count in found.items():
                    hands = made.spoilt_hands(kind) & _spoilt_once(made)
                    count[0] += len(hands & named)
                    count[1] += len(hands)
                bad = made.spoilt_hands()
                false, clean = false + len(named - bad), clean + 2000 - len(bad)
            recall = "  ".join(f"{a / b:10.3f}" for a, b in found.values())
            print(f"{people:6} {noise:5}   {recall}   {false} of {clean} ({false / clean:.3%})", flush=True)


def _spoilt_once(made: Round) -> set[int]:
    """Hands with one wrong answer: where most answers are wrong nobody can tell."""
    answers = Counter(h for places in made.planted.values() for h, _ in places)
    return {h for h, n in answers.items() if n == 1}


def sigma() -> None:
    print("people  noise  mean error  worst joint   (5 % of the answers gross: swaps and slips)")
    for people in (2, 3):
        made = answer(make_world(4000, 7), people, 8, rates={"swap": 0.03, "slip": 0.02})
        table = analysed(made).sigmas.table
        truth = np.stack([SIGMA_OCCLUDED * JOINT_FACTOR, SIGMA_VISIBLE * JOINT_FACTOR])
        ratio = table[1:] / truth
        print(f"{people:6}  {1:5}  {ratio.mean() - 1:+10.1%}  {np.abs(ratio - 1).max():11.1%}", flush=True)


def consensus() -> None:
    print("people   ours   mean  medoid   (root mean square error in σ; 7 % gross)")
    for people in (3, 5):
        made = answer(make_world(1500, 11), people, 12, rates=GROSS)
        truth, unit = made.world.joints, made.world.sigma
        ours = np.array([c.keypoints for c in analysed(made).consensus])
        score = {
            "ours": _rms(ours - truth, unit),
            "mean": _rms(made.joints.mean(axis=1) - truth, unit),
            "medoid": _rms(_medoid(made) - truth, unit),
        }
        print(f"{people:6} " + "  ".join(f"{v:5.2f}" for v in score.values()), flush=True)


def _rms(error: np.ndarray, unit: np.ndarray) -> float:
    return float(np.sqrt(((error / unit[..., None]) ** 2).mean()))


def _medoid(made: Round) -> np.ndarray:
    """CVAT's consensus: the answer with the largest mean OKS to the others, one σ of 0.09 for all joints."""
    points, area = made.joints, made.world.scale**2
    squared = ((points[:, :, None] - points[:, None]) ** 2).sum(axis=-1)
    oks = np.exp(-squared / (2 * area[:, None, None, None] * (2 * 0.09) ** 2)).mean(axis=-1)
    best = oks.sum(axis=2).argmax(axis=1)
    return points[np.arange(len(points)), best]


def queue() -> None:
    print("people noise   ours   OKS with one σ   ratio   (share of K truly bad hands among the first 2K)")
    rates = {"swap": 0.03, "mirror": 0.005, "other hand": 0.005, "shifted": 0.01, "slip": 0.02}
    for people in (2, 3):
        for noise in (1, 2, 3):
            made = answer(make_world(2000, 21), people, 22, noise=noise, rates=rates)
            found = analysed(made)
            panel, pairs = found.panel, build_pairs(found.panel)
            common = found.sigmas.in_px(panel, found.sizes.scale, personal=False)
            score = second_look(panel, find_outliers(panel, pairs, common), found.mistakes, CONFIG.queue_z)
            order = spread_over_clips(score, occlusion_disagreement(panel), panel.clip)
            bad = made.spoilt_hands()
            flat = np.broadcast_to(0.09 / np.sqrt(2) * found.sizes.scale[:, None, None], panel.visibility.shape)
            oks = pair_distances(panel, pairs, flat).oks.mean(axis=1)
            worst = np.full(len(panel.hand_ids), np.inf)
            np.minimum.at(worst, pairs.hand, oks)
            shares = [len(bad & set(o[: 2 * len(bad)].tolist())) / len(bad) for o in (order, worst.argsort())]
            print(
                f"{people:6} {noise:5}  {shares[0]:5.2f}   {shares[1]:14.2f}   {shares[0] / shares[1]:5.2f}", flush=True
            )


def occlusion() -> None:
    print("raters                      Dawid-Skene  majority")
    for label, skill in {
        ".97 .75 .70": [0.97, 0.75, 0.70],
        ".95 .90 .60": [0.95, 0.90, 0.60],
        ".95 .95 .6 .6 .6": [0.95, 0.95, 0.6, 0.6, 0.6],
    }.items():
        made = answer(make_world(1000, 31), len(skill), 32)
        right = np.random.default_rng(33).random(made.said.shape) < np.array(skill)[None, :, None]
        made.said = np.where(right, made.said, 3 - made.said)
        panel = made.panel()
        ours = np.where(estimate_visibility(panel).probability > 0.5, 2, 1)
        majority = np.where((made.said == 2).sum(axis=1) * 2 > len(skill), 2, 1)
        shares = [(w == made.world.visibility).mean() for w in (ours, majority)]
        print(f"{label:26}  {shares[0]:11.1%}  {shares[1]:8.1%}", flush=True)


def intervals() -> None:
    """Rounds of 60 pictures in which a picture's hands share a part of their error."""
    rounds = 500
    hits = {"mean distance": 0, "sigma of the index tip": 0}
    _, distance, squared, _ = _clustered(400_000, 10**6)
    expected = float(distance.mean()), float(np.median(squared))
    for seed in range(rounds):
        image, distance, squared, hand = _clustered(120, seed)
        resampler = Resampler(image, 1000, seed)
        mean = resampler.mean(distance, hand)
        hits["mean distance"] += mean.low <= expected[0] <= mean.high
        median = resampler.median(squared, np.arange(len(squared)))
        hits["sigma of the index tip"] += median.low <= expected[1] <= median.high
    for name, n in hits.items():
        print(f"{name:24} covered in {n / rounds:.1%} of {rounds} rounds", flush=True)


def _clustered(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Picture of each hand, distances, squared distances of one joint, and the hand of each distance."""
    rng = np.random.default_rng(seed)
    image = np.arange(n) // 2
    spread = 0.02 * np.exp(0.3 * rng.normal(size=image.max() + 1))[image]
    apart = rng.normal(size=(n, N_JOINTS, 2)) * spread[:, None, None] * np.sqrt(2)
    distance = np.linalg.norm(apart, axis=-1)
    hand = np.repeat(np.arange(n), N_JOINTS)
    squared = distance[:, 8] ** 2
    return image, distance.ravel(), squared, hand


def scale() -> None:
    made = answer(make_world(40_000, 41), 3, 42, rates=IDENTITY)
    start, cpu = time.perf_counter(), time.process_time()
    found = analysed(made, QcConfig())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"40,000 hands x 3: {wall:.0f} s wall, {used:.0f} s CPU, {memory:.2f} GiB; queue {len(found.queue)}", flush=True
    )


PARTS: dict[str, Callable[[], None]] = {
    f.__name__: f for f in (identity, sigma, consensus, queue, occlusion, intervals, scale)
}


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        print(f"\n== {name}", flush=True)
        PARTS[name]()


if __name__ == "__main__":
    main()
