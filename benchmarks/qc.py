"""How much `hint qc` finds and how exact it is, on rounds with known truth and planted mistakes.

    python benchmarks/qc.py            # everything, about an hour on one core
    python benchmarks/qc.py identity   # one part, by the name of its function: see PARTS

Every figure is from seeds 0, 1, ... of `qc_world`; K hands are truly bad when a mistake was planted in them.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from qc_bounds import shifted_bound, visibility_bound, witness_bound
from qc_intervals import intervals
from qc_people import drift, gold
from qc_queue import chances, queue
from qc_rounds_compared import rounds
from qc_shares import coco, rates, repeats
from qc_world import JOINT_FACTOR, SIGMA_OCCLUDED, SIGMA_VISIBLE, Round, answer, make_world, prelabel

from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.dawid_skene import estimate_visibility
from hint_tools.qc.finger_states import along_fingers
from hint_tools.qc.mistakes import Mistake
from hint_tools.qc.shifted import SHIFTED

CONFIG = QcConfig(bootstrap=50)
IDENTITY = {"swap": 0.02, "mirror": 0.01, "other hand": 0.01, "shifted": 0.02}
SEEDS = range(6)
_YES = {False: "no", True: "yes"}
GROSS = {"swap": 0.05, "slip": 0.02}


def analysed(made: Round, config: QcConfig = CONFIG) -> Analysis:
    world = made.world
    beside = Beside(frames={f.frame_id: f for f in world.frames})
    return analyse(made.panel(), {h.hand_id: h for h in world.hands}, made.predictions(), config, beside)


def _round(people: int, noise: float, seed: int, rates: dict[str, float], *, labelled: bool) -> Round:
    world = make_world(2000, seed)
    labels = prelabel(world, 500 + seed) if labelled else None
    return answer(world, people, 100 + seed, noise=noise, rates=rates, labels=labels)


def identity() -> None:
    """By hand: flagged, whatever the mistake was called. Hands with one mistake, then those with more counted, too."""
    print("people noise pre-label   " + "  ".join(f"{k:>14}" for k in IDENTITY) + "   false alarms")
    for people in (2, 3):
        for noise in (1, 2, 3):
            for labelled in (False, True):
                found: dict[str, list[int]] = {k: [0, 0, 0, 0] for k in IDENTITY}
                false = clean = sure = wrong = 0
                for seed in SEEDS:
                    made = _round(people, noise, seed, IDENTITY, labelled=labelled)
                    mistakes = analysed(made).mistakes
                    named = {m.hand for m in mistakes if m.gain > 0 or m.kind == "wrong-hand"}
                    for kind, count in found.items():
                        hands = made.spoilt_hands(kind)
                        once = hands & _spoilt_once(made)
                        for k, value in enumerate((once & named, once, hands & named, hands)):
                            count[k] += len(value)
                    bad = made.spoilt_hands()
                    false, clean = false + len(named - bad), clean + 2000 - len(bad)
                    told = _sure_shifts(made, mistakes)
                    sure, wrong = sure + len(told), wrong + len(told - made.planted["shifted"])
                recall = "  ".join(f"{a / b:.3f} ({c / d:.3f})".rjust(14) for a, b, c, d in found.values())
                alarms = f"{false} of {clean} ({false / clean:.3%})"
                who = f"who shifted: {sure} of {found['shifted'][1]} told, {wrong} wrong"
                print(f"{people:6} {noise:5} {_YES[labelled]:>9}   {recall}   {alarms}; {who}", flush=True)


def _sure_shifts(made: Round, mistakes: Sequence[Mistake]) -> set[tuple[int, int]]:
    """(hand, answer) said with certainty to have a shifted finger, of hands where one answer has."""
    hands = made.spoilt_hands("shifted") & _spoilt_once(made)
    return {(m.hand, m.slots[0]) for m in mistakes if m.kind == SHIFTED and m.certain and m.hand in hands}


def bounds() -> None:
    """Shifted fingers that could be told by somebody who knew every σ; see `qc_bounds`."""
    print("people noise   the others alone   and palm, bones   and pre-label   the truth   (0.1 % false alarms)")
    for people in (2, 3):
        for noise in (1, 2, 3):
            plain, labelled = (
                [_round(people, noise, s, IDENTITY, labelled=k) for s in SEEDS[:5]] for k in (False, True)
            )
            found = [
                shifted_bound(plain, noise, truth=False),
                witness_bound(plain, noise),
                witness_bound(labelled, noise),
                shifted_bound(plain, noise, truth=True),
            ]
            row = "   ".join(f"{f:{w}.3f}" for f, w in zip(found, (16, 15, 13, 9), strict=True))
            print(f"{people:6} {noise:5}   {row}", flush=True)


def shared() -> None:
    """Hands both of two people mirrored: those found, and other hands said to be; without and with pre-labels."""
    print("noise pre-label   mirrored by both, found   others said to be")
    for noise in (1, 2, 3):
        for labelled in (False, True):
            both = found = others = rest = 0
            for seed in range(3):
                made = _round(2, noise, seed, {"mirror": 0.2}, labelled=labelled)
                named = {m.hand for m in analysed(made).mistakes if m.kind == "mirror-doubtful"}
                answers = Counter(h for h, _ in made.planted["mirror"])
                twice = {h for h, n in answers.items() if n == 2}
                both, found = both + len(twice), found + len(twice & named)
                others, rest = others + len(named - twice), rest + 2000 - len(twice)
            print(
                f"{noise:5} {_YES[labelled]:>9}   {found:4} of {both} ({found / both:.1%})   {others} of {rest}",
                flush=True,
            )


def hard() -> None:
    """Rounds without a mistake in which some hands are harder than others for everybody (log-normal)."""
    print("people  spread   said to have a shifted finger   (noise 1.5, nothing planted)")
    for people in (2, 3):
        for spread in (0, 0.35, 0.6):
            named = 0
            for seed in range(2):
                made = answer(make_world(2000, seed), people, 200 + seed, noise=1.5)
                factor = np.random.default_rng(300 + seed).lognormal(0, spread, 2000)
                truth = made.world.joints[:, None]
                made.joints = truth + (made.joints - truth) * factor[:, None, None, None]
                named += len({m.hand for m in analysed(made).mistakes if m.kind == SHIFTED})
            print(f"{people:6} {spread:7.2f}   {named} of 4000 ({named / 4000:.3%})", flush=True)


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


def occlusion() -> None:
    print("raters              each joint alone   with its finger   majority   Bayes, all known")
    for label, skill in {
        ".97 .75 .70": [0.97, 0.75, 0.70],
        ".95 .90 .60": [0.95, 0.90, 0.60],
        ".95 .95 .6 .6 .6": [0.95, 0.95, 0.6, 0.6, 0.6],
    }.items():
        made = answer(make_world(1000, 31), len(skill), 32)
        right = np.random.default_rng(33).random(made.said.shape) < np.array(skill)[None, :, None]
        made.said = np.where(right, made.said, 3 - made.said)
        panel = made.panel()
        alone = estimate_visibility(panel)
        chances = (alone.probability, along_fingers(panel, alone).probability)
        said = [np.where(c > 0.5, 2, 1) for c in chances]
        said += [np.where((made.said == 2).sum(axis=1) * 2 > len(skill), 2, 1), visibility_bound(made, np.array(skill))]
        shares = [(w == made.world.visibility).mean() for w in said]
        print(f"{label:18}  {shares[0]:16.1%}  {shares[1]:16.1%}  {shares[2]:9.1%}  {shares[3]:17.1%}", flush=True)


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
    f.__name__: f
    for f in (
        identity,
        bounds,
        shared,
        hard,
        sigma,
        consensus,
        queue,
        chances,
        occlusion,
        drift,
        gold,
        repeats,
        rates,
        rounds,
        coco,
        intervals,
        scale,
    )
}


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        print(f"\n== {name}", flush=True)
        PARTS[name]()


if __name__ == "__main__":
    main()
