"""What `hint qc` says of people: how often it cries wolf, and how often it is right; parts of `qc.py`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from qc_world import NAMES, Round, answer, make_world

from hint_tools.core.records import Submission
from hint_tools.qc.analysis import Analysis, Beside, analyse
from hint_tools.qc.config import QcConfig
from hint_tools.qc.panel import Panel, build_panel


def analysed(made: Round, config: QcConfig, **beside: object) -> Analysis:
    """What `hint qc` finds in a round."""
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
            found = analysed(made, QcConfig(bootstrap=50, experts=("expert",)), decided=panel_of(expert, "expert"))
            verdicts.update(t.verdict for t in found.gold)
            after += [t.decided_after for t in found.gold if t.decided_after]
        total = verdicts.total()
        shares = "   ".join(f"{verdicts[v] / total:6.0%}" for v in ("passed", "failed", "undecided"))
        print(f"{rate:12.0%}   {shares}   {np.median(after):30.0f}", flush=True)


def submissions_as(made: Round, name: str) -> list[Submission]:
    """The first person's answers under another name."""
    return [replace(s, annotator=name) for s in made.submissions() if s.annotator == NAMES[0]]


def panel_of(made: Round, name: str) -> Panel:
    """The first person's answers under another name, as `hint qc` sees them."""
    return build_panel(submissions_as(made, name), made.world.hands, made.world.frames)
