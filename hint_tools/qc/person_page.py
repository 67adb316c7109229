"""The report's section on one annotator: figures, what to tell them, habits on a drawn hand, worst hands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hint_tools.core.skeleton import JOINT_NAMES, N_JOINTS
from hint_tools.qc.advice import advice_to, certain_habits
from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bias import DIRECTIONS
from hint_tools.qc.bootstrap import Estimate
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.people_page import OVERVIEW, compared, error_text, judgement_text, person_anchor
from hint_tools.qc.pictures import Pictures
from hint_tools.qc.profiles import Profile
from hint_tools.qc.time_page import person_over_time
from hint_tools.qc.wording import signed, span, with_interval
from hint_tools.report.hand_chart import hand_chart
from hint_tools.report.page import (
    Block,
    Cell,
    Chart,
    Details,
    Gallery,
    Link,
    Links,
    Overlay,
    Points,
    Section,
    Table,
    Text,
)

WORTH_DRAWING = 0.003
"""Hand sizes; where all habits are smaller there is nothing to see."""
WORST = 4
"""Hands shown of each annotator."""
CERTAIN_SCORE = 5.0
"""Of a hand with a certain mistake, in σ: it is shown however near its joints are."""

Written: TypeAlias = Callable[[Analysis, Profile], str]
"""How a figure of one person is written; a dash where it means nothing."""

_FIGURES: Final[tuple[tuple[str, Callable[[Profile], Estimate], Written, int, str], ...]] = (
    ("error, × average", lambda p: p.error, error_text, 2, "1 errs like the average"),
    (
        "wrong names, %",
        lambda p: p.identity_rate,
        lambda _, p: with_interval(p.identity_rate, 1, 100),
        1,
        "answers with swapped, reversed, shifted or mirrored fingers",
    ),
    (
        "occluded called so, %",
        lambda p: p.sensitivity,
        lambda a, p: judgement_text(a, p.sensitivity),
        1,
        "of the joints that are occluded",
    ),
    (
        "visible called so, %",
        lambda p: p.specificity,
        lambda a, p: judgement_text(a, p.specificity),
        1,
        "of the joints that can be seen",
    ),
    (
        "pre-labels untouched, %",
        lambda p: p.untouched,
        lambda _, p: with_interval(p.untouched, 1, 100),
        1,
        "sent back without moving a joint",
    ),
    ("median time, s", lambda p: p.seconds, lambda _, p: with_interval(p.seconds, 1), 1, "for one hand"),
)
"""Name, figure, how it is written, with how many decimals, what it is."""

Floats = npt.NDArray[np.float64]


def person_section(analysis: Analysis, profile: Profile, pictures: Pictures, back: str = "") -> Section:
    """All about one annotator.

    Args:
        analysis: everything.
        profile: theirs.
        pictures: of the project.
        back: file with the overview; empty for this one.
    """
    name = analysis.panel.annotators[profile.annotator]
    said = advice_to(analysis, profile)
    blocks: list[Block] = [
        Points(said, "What to tell them")
        if said
        else Text("Nothing has to be said: no figure is worse than the others' beyond doubt.")
        if compared(analysis)
        else Text("Nobody else answered the same hands: there is nothing to compare with."),
        Table(["figure", "value (95 %)", "all annotators", "what it is"], _figures(analysis, profile)),
        *_habits(profile, name),
        *person_over_time(analysis, profile.annotator),
        *_worst(analysis, profile.annotator, pictures),
        Links([Link("All annotators", f"{back}#{OVERVIEW}")], f"From {name} back"),
    ]
    return Section(name, blocks, anchor=person_anchor(profile.annotator), listed=False)


def _figures(analysis: Analysis, profile: Profile) -> list[list[Cell]]:
    everybody = analysis.profiles
    answers = str(sum(p.answers for p in everybody))
    rows: list[list[Cell]] = [["answers", str(profile.answers), answers, "hands, rejected ones included"]]
    for title, figure, written, decimals, meaning in _FIGURES:
        factor = 100 if title.endswith("%") else 1
        known = [factor * figure(p).value for p in everybody if written(analysis, p) != "–"]
        if known:
            rows.append([title, _unbroken(written(analysis, profile)), span(known, decimals), meaning])
    rows += _tests(analysis, profile.annotator)
    mistakes = ", ".join(
        f"{KINDS[k].means} ({n})" for k, n in sorted(profile.mistakes.items(), key=lambda i: (-i[1], i[0]))
    )
    total = str(sum(sum(p.mistakes.values()) for p in everybody))
    rows.append(["certain mistakes", str(sum(profile.mistakes.values())), total, mistakes or "none"])
    return rows


def _unbroken(figure: str) -> str:
    """A figure with its interval that stays on one line."""
    return figure.replace(" ", "\u00a0")


def _tests(analysis: Analysis, annotator: int) -> list[list[Cell]]:
    """Rows on gold hands and repeats, where there are any."""
    rows: list[list[Cell]] = []
    for test in analysis.gold:
        if test.annotator == annotator:
            after = f" after {test.decided_after}" if test.decided_after else ""
            failed = _unbroken(with_interval(test.failures, 1, 100))
            everybody = span((100 * t.failures.value for t in analysis.gold), 1)
            rows.append(["gold hands failed, %", failed, everybody, f"of {test.hands}: {test.verdict}{after}"])
    for repeat in analysis.repeats:
        if repeat.annotator == analysis.panel.annotators[annotator]:
            meaning = f"against themselves, {repeat.hands} hands twice; 1 is the distance of two people"
            everybody = span((r.error.value for r in analysis.repeats), 2)
            rows.append(["repeats, ×", _unbroken(with_interval(repeat.error, 2)), everybody, meaning])
    return rows


def _habits(profile: Profile, name: str) -> list[Block]:
    by = {d: [b for b in profile.biases if b.direction == d] for d in DIRECTIONS}
    sure = certain_habits(profile.biases)
    joints = {b.joint for b in sure}
    offsets = np.array([[(b.measured if b.joint in joints else b.shrunk).value for b in by[d]] for d in DIRECTIONS]).T
    if not np.isfinite(offsets).any():
        return []
    if np.nanmax(np.abs(offsets)) < WORTH_DRAWING:
        return [Text("No joint is placed beside where the others put it, as far as these answers can tell.")]
    low = np.array([[b.shrunk.low for b in by[d]] for d in DIRECTIONS]).T
    high = np.array([[b.shrunk.high for b in by[d]] for d in DIRECTIONS]).T
    certain = np.isin(JOINT_NAMES, list(joints))
    caption = f"Where {name} puts joints beside where the others do"
    drawn = Chart(hand_chart(offsets, low, high, certain, title=caption), caption)
    blocks: list[Block] = [drawn]
    if not sure:
        blocks = [Details("Habits on a drawn hand; none is beyond doubt", [drawn])]
    else:
        rows: list[list[Cell]] = [
            [
                b.joint.replace("_", " "),
                b.direction,
                signed(b.measured.value, 3),
                _unbroken(f"{signed(b.measured.low, 3)} to {signed(b.measured.high, 3)}"),
            ]
            for b in sure
        ]
        head = ["joint", "direction", "mean offset, hand sizes", "95 %"]
        caption = "Habits beyond doubt, as measured; along is towards the fingertips, across towards the thumb"
        blocks.append(Table(head, rows, caption, named_by=2))
    return blocks


def _worst(analysis: Analysis, annotator: int, pictures: Pictures) -> list[Block]:
    conclusions = {c.hand_id: c for c in analysis.consensus}
    figures: list[Overlay] = []
    for hand, slot, why in worst_answers(analysis, annotator, pictures.apart):
        own = conclusions[analysis.panel.hand_ids[hand]]
        figures += pictures.beside_consensus(analysis.panel, hand, slot, own, why) or ()
    if not figures:
        return [Text("No answer is far from the consensus.")] if compared(analysis) else []
    return [Gallery(figures, 4, "Their worst hands, each beside the consensus")]


def worst_answers(analysis: Analysis, annotator: int, apart: Floats, most: int = WORST) -> list[tuple[int, int, str]]:
    """(hand, slot, why) of the answers farthest from what was concluded, the worst first.

    Args:
        analysis: everything.
        annotator: index.
        apart: of `distances_to_consensus`.
        most: at most so many.
    """
    panel = analysis.panel
    hands, slots = np.nonzero((panel.annotator == annotator) & (panel.has_joints.sum(axis=1) >= 2)[:, None])
    if not len(hands):
        return []
    z = apart[hands, slots]
    score, why = z.max(axis=1), [f"{z[k].max():.1f} σ off at {_spoken(int(z[k].argmax()))}" for k in range(len(hands))]
    place = {(h, s): k for k, (h, s) in enumerate(zip(hands.tolist(), slots.tolist(), strict=True))}
    named: set[int] = set()
    for mistake in analysis.mistakes:
        for slot in mistake.slots:
            k = place.get((mistake.hand, slot))
            if k is not None and mistake.certain:
                score[k] = max(score[k], CERTAIN_SCORE, math.sqrt(mistake.gain))
                why[k] = KINDS[mistake.kind].means.capitalize() if k not in named else why[k]
                named.add(k)
    order = np.lexsort((hands, -score))
    return [(int(hands[k]), int(slots[k]), why[k]) for k in order if score[k] >= 3][:most]


def distances_to_consensus(analysis: Analysis) -> Floats:
    """(H, A, 21) distance of every answer's joints to the consensus over σ; 0 where nothing can be compared."""
    panel = analysis.panel
    concluded = {c.hand_id: c.keypoints for c in analysis.consensus}
    goal = np.array([concluded[h] for h in panel.hand_ids]).reshape(len(panel.hand_ids), 1, N_JOINTS, 2)
    sigma_px = analysis.sigmas.in_px(panel, analysis.sizes.scale, personal=False)
    apart = np.linalg.norm(panel.keypoints - goal, axis=-1)
    z: Floats = np.divide(apart, sigma_px, out=np.zeros_like(apart), where=sigma_px > 0)
    return np.where(np.isfinite(z), z, 0.0)


def _spoken(joint: int) -> str:
    return JOINT_NAMES[joint].replace("_", " ")
