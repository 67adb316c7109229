"""What `hint qc --earlier` says of two rounds: nothing where they are alike, and what changed; `rounds` of `qc.py`.

Rounds of 40 hands in 20 pictures. People err 0.8, 1 and 1.3 times σ, judge states rightly in 95, 90 and 80 %, take
some 40 s for a hand, a log-normal time, and one answer in 20 has a mistake.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from qc_world import answer, make_world

from hint_tools.qc.analysis import analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import build_panel
from hint_tools.qc.round_changes import Change, Comparison, compare_rounds
from hint_tools.qc.round_figures import RoundFigures, round_figures

PAIRS, HANDS = 200, 40
ERRORS, SKILL = np.array([0.8, 1.0, 1.3]), np.array([0.95, 0.9, 0.8])
MISTAKES = {"swap": 0.02, "shifted": 0.01, "slip": 0.02}
SECONDS = 40.0
CONFIG = QcConfig()


def rounds() -> None:
    """Pairs with a word said on anything though nothing changed, then those in which what changed is told."""
    print("people   pairs with a word on anything   a word on all, on one person   said of")
    before = {n: [_figures(n, 2 * k) for k in range(PAIRS)] for n in (2, 3)}
    for people, first in before.items():
        found = [compare_rounds((f,), _figures(people, 2 * k + 1)) for k, f in enumerate(first)]
        said = [f.certain() for f in found]
        shares = (np.mean([any(map(of, f)) for f in said]) for of in (_anything, _of_all, _of_one))
        words = ", ".join(f"{k} {n}" for k, n in Counter(c.figure.key for f in said for c in f).most_common())
        print(f"{people:6}   {next(shares):29.1%}   {next(shares):13.1%}, {next(shares):10.1%}   {words}", flush=True)
    print("what changed, 3 people                  told of the round   of the person")
    for label, changed in _CHANGES.items():
        found = [compare_rounds((f,), _figures(3, 2 * k + 1, **changed)) for k, f in enumerate(before[3][:50])]
        print(f"{label:37}   {_told(found, None):17.0%}   {_told(found, 'cy'):13.0%}", flush=True)


_CHANGES: dict[str, dict[str, object]] = {
    "everybody errs 1.25 times as much": {"noise": 1.25},
    "everybody errs 1.5 times as much": {"noise": 1.5},
    "everybody errs twice as much": {"noise": 2.0},
    "one person errs twice as much": {"errors": ERRORS * [1, 1, 2]},
    "one person judges states 60 % rightly": {"skill": SKILL * [1, 1, 0.75]},
    "mistakes three times as often": {"mistakes": {k: 3 * v for k, v in MISTAKES.items()}},
}


def _anything(change: Change) -> bool:
    return True


def _of_all(change: Change) -> bool:
    return change.annotator is None


def _of_one(change: Change) -> bool:
    return change.annotator is not None


def _told(found: list[Comparison], annotator: str | None) -> float:
    return float(np.mean([any(c.verdict == "worse" and c.annotator == annotator for c in f.certain()) for f in found]))


def _figures(
    people: int,
    seed: int,
    *,
    noise: float = 1.0,
    errors: np.ndarray = ERRORS,
    skill: np.ndarray = SKILL,
    mistakes: dict[str, float] = MISTAKES,
) -> RoundFigures:
    made = answer(make_world(HANDS, seed), people, 900_000 + seed, noise=noise, rates=mistakes)
    factor = np.repeat(errors[None, :people], HANDS, axis=0)
    for h, a in set().union(*made.planted.values()):
        factor[h, a] = 1.0  # a mistake stays as large as it is
    truth, rng = made.world.joints[:, None], np.random.default_rng(seed)
    made.joints = truth + (made.joints - truth) * factor[:, :, None, None]
    right = rng.random(made.said.shape) < skill[None, :people, None]
    made.said = np.where(right, made.said, 3 - made.said)
    seconds = rng.lognormal(np.log(SECONDS), 0.5, len(made.submissions()))
    answers = [replace(s, lead_time_s=float(t)) for s, t in zip(made.submissions(), seconds, strict=True)]
    world = made.world
    panel = build_panel(answers, world.hands, world.frames)
    return round_figures(analyse(panel, {h.hand_id: h for h in world.hands}, {}, CONFIG), CONFIG)
