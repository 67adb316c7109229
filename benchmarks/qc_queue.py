"""How many of the truly bad hands a second look finds, by how hands are ranked; a part of `qc.py`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qc_oracle import oracle_order
from qc_world import Round, World, answer, make_world

from hint_tools.qc.agreement import pair_distances
from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_pairs

EVERY = ("swap", "neighbours", "reversed", "mirror", "other hand", "shifted", "slip", "side")
MIXES = {
    "large, 9 % of answers": {"swap": 0.03, "mirror": 0.005, "other hand": 0.005, "shifted": 0.01, "slip": 0.02},
    "neighbours 5 %, slips 2 %": {"neighbours": 0.05, "slip": 0.02},
    "every kind, 0.5 % each": dict.fromkeys(EVERY, 0.005),
    "every kind, 0.1 % each": dict.fromkeys(EVERY, 0.001),
    "0.5 % each, unequal": dict.fromkeys(EVERY, 0.005),
}
"""What makes a hand truly bad: any of these, since each puts a joint, or the whole hand, where it is not."""
UNEQUAL = "0.5 % each, unequal"
PEOPLE = {2: (0.7, 1.5), 3: (0.7, 1.0, 1.5)}
"""Errors of the people of the unequal round, times the usual one."""
DIFFICULTY = 0.45
"""Spread of how hard its hands are, as that of a log-normal law. With these people and mistakes two answers put 94.4 %
(of two people; 94.8 % of three) of the visible joints within a quarter of the palm of each other, mistakes included, at
the usual noise; HInt's own annotators, 94.6 %. With equal people and hands, and no mistake, it would be 98.7 %."""
ROUNDS = 3
RANKINGS = ("least, both visible", "mean, both visible", "least, all joints", "mean, all joints")
"""OKS of two answers with one σ of 0.09, as CVAT: over the joints both call visible, as CVAT, or over all; of a hand's
pairs the least, or their mean, as Label Studio."""
HEAD = """\
ours: the queue; free: the same without turns of clips; all: an oracle that knows every σ, rate and kind; true: that
knows where the joints are, too; OKS, one σ: over joints both see, or all, the lowest or the mean of a hand's pairs
                                                                    OKS, seen    OKS, all    times best OKS
mistakes                   people noise     K   ours  free   all  true   low  mean   low  mean   ours   all"""


@dataclass
class _Uneven(World):
    """A world some of whose hands are harder than others: blurred, small, dark."""

    hard: np.ndarray

    @property
    def sigma(self) -> np.ndarray:
        return super().sigma * self.hard[:, None]


def queue() -> None:
    """Share of K truly bad hands among the first 2K, and how many times that of the best OKS ranking."""
    print(HEAD, flush=True)
    for name in MIXES:
        for people in (2, 3):
            for noise in (1, 2, 3):
                hits = np.zeros(4 + len(RANKINGS))
                total = 0
                for seed in range(21, 21 + ROUNDS):
                    made, sigma = uneven(seed, people, noise) if name == UNEQUAL else even(name, seed, people, noise)
                    bad = made.spoilt_hands()
                    total += len(bad)
                    hits += [len(bad & set(o[: 2 * len(bad)].tolist())) for o in _orders(made, sigma, MIXES[name])]
                share = hits / total
                best = share[4:].max()
                columns = "  ".join(f"{s:.2f}" for s in share)
                ratios = f"{share[0] / best:.2f}  {share[2] / best:.2f}"
                print(f"{name:26} {people:6} {noise:5} {total:5}   {columns}   {ratios}", flush=True)


def chances() -> None:
    """Whether the chance of a mistake is one: how many hands of each range are truly bad."""
    ranges = [(0, 0.01), (0.01, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.01)]
    print("of the hands whose chance is" + "".join(f"{low:g} to {min(high, 1):g}".rjust(14) for low, high in ranges))
    for name in ("every kind, 0.5 % each", UNEQUAL):
        for people, noise in ((2, 1), (2, 2), (3, 2)):
            told, bad = [], []
            for seed in range(21, 21 + ROUNDS):
                made, _ = uneven(seed, people, noise) if name == UNEQUAL else even(name, seed, people, noise)
                spoilt = made.spoilt_hands()
                queue = _analysed(made).queue
                told += [q.score for q in queue]
                bad += [int(q.hand_id[1:]) in spoilt for q in queue]
            score, is_bad = np.array(told), np.array(bad)
            cells = [is_bad[(score >= low) & (score < high)] for low, high in ranges]
            text = "".join(f"{c.mean():.3f} of {len(c)}".rjust(14) for c in cells)
            print(f"{name:22} {people} x{noise} {text}", flush=True)


def _analysed(made: Round) -> Analysis:
    """With every hand in the queue."""
    hands = {h.hand_id: h for h in made.world.hands}
    beside = Beside(frames={f.frame_id: f for f in made.world.frames})
    return analyse(made.panel(), hands, {}, QcConfig(bootstrap=50, queue_chance=1e-12), beside)


def even(name: str, seed: int, people: int, noise: float, n: int = 6000) -> tuple[Round, np.ndarray]:
    """A round in which all err alike on all hands, and its σ `(n, people, 21)`."""
    made = answer(make_world(n, seed), people, seed + 1, noise=noise, rates=MIXES[name])
    return made, np.repeat(noise * made.world.sigma[:, None], people, axis=1)


def uneven(seed: int, people: int, noise: float, n: int = 6000) -> tuple[Round, np.ndarray]:
    """A round of people who differ and hands that differ, and its σ `(n, people, 21)`."""
    rng = np.random.default_rng(seed + 500)
    world = _Uneven(**vars(make_world(n, seed)), hard=rng.lognormal(0, DIFFICULTY, n))
    factors = noise * np.array(PEOPLE[people])
    made = answer(world, people, seed + 1, noise=factors.min(), rates=MIXES[UNEQUAL])
    more = np.sqrt(factors**2 - factors.min() ** 2)[:, None] * world.sigma[:, None]
    made.joints += more[..., None] * rng.normal(size=made.joints.shape)
    return made, factors[:, None] * world.sigma[:, None]


def _orders(made: Round, sigma: np.ndarray, rates: dict[str, float]) -> list[np.ndarray]:
    """Hands, most worth a look first, in the order of the columns."""
    found = _analysed(made)
    panel, at = found.panel, {h: i for i, h in enumerate(found.panel.hand_ids)}
    ours = np.array([at[q.hand_id] for q in found.queue])
    likeliest = np.argsort([-q.score for q in found.queue], kind="stable")
    bounds = [oracle_order(made, sigma, rates, truth=truth) for truth in (False, True)]
    pairs = build_pairs(panel)
    flat = np.broadcast_to(0.09 / np.sqrt(2) * found.sizes.scale[:, None, None], panel.visibility.shape)
    apart = pair_distances(panel, pairs, flat)
    ranked = []
    for counted in (apart.both_visible, np.isfinite(apart.oks)):
        number = counted.sum(axis=1)
        total = np.where(counted, apart.oks, 0.0).sum(axis=1)
        oks = np.divide(total, number, out=np.ones(len(number)), where=number > 0)
        least, mean = np.full(len(at), np.inf), np.bincount(pairs.hand, oks) / np.bincount(pairs.hand)
        np.minimum.at(least, pairs.hand, oks)
        ranked += [least.argsort(kind="stable"), mean.argsort(kind="stable")]
    return [ours, ours[likeliest], *bounds, *ranked]
