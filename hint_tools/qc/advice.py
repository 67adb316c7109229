"""What to tell each annotator: one sentence for each figure that is certain enough to be told, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hint_tools.qc.analysis import Analysis
from hint_tools.qc.bias import Bias
from hint_tools.qc.gold import FAILED
from hint_tools.qc.kinds import KINDS
from hint_tools.qc.profiles import MOSTLY, Profile
from hint_tools.qc.wording import percent, times

WORSE = 1.15
"""Error factor from which on, with its whole interval, somebody hears of it."""
BETTER = 0.85
"""Error factor below which, with its whole interval, somebody hears of that."""
LESS = 0.05
"""Sensitivity or specificity lower than the others' by this much, with its whole interval, is worth a word."""
QUICK = 0.5
"""Times the others' median time, below which the whole interval lies."""
AGAIN = 3
"""Mistakes of one kind from which on they are worth a word."""
MOST_HABITS = 4

_WAYS = {
    "along": ("towards the fingertips", "towards the wrist"),
    "across": ("towards the thumb", "away from the thumb"),
}


def advice_to(analysis: Analysis, profile: Profile) -> tuple[str, ...]:
    """Sentences about one annotator, the gravest first and praise last; none where nothing is beyond doubt."""
    worse, better = _changes(analysis, profile.annotator)
    return (
        *_tests(analysis, profile.annotator),
        *worse,
        *_mistakes(profile),
        *_occlusion(profile, [p for p in analysis.profiles if p.annotator != profile.annotator]),
        *_precision(profile),
        *_habits(profile.biases),
        *_pace(profile, [p.seconds.value for p in analysis.profiles if p.annotator != profile.annotator]),
        *better,
    )


def certain_habits(biases: Sequence[Bias]) -> list[Bias]:
    """Habits to tell somebody of, the largest first."""
    return sorted((b for b in biases if b.told), key=lambda b: (-abs(b.shrunk.value), b.joint, b.direction))


def _tests(analysis: Analysis, annotator: int) -> list[str]:
    return [
        f"Failed the gold hands after {test.decided_after}: go through them together."
        for test in analysis.gold
        if test.annotator == annotator and test.verdict == FAILED
    ]


def _changes(analysis: Analysis, annotator: int) -> tuple[list[str], list[str]]:
    """Changes for the worse, and those for the better."""
    worse, better = [], []
    for change in analysis.changes:
        if change.annotator == annotator:
            figures = f"{change.before:.2f} σ before, {change.after:.2f} σ now."
            if change.after > change.before:
                worse.append(f"Since {change.since} farther from the others: {figures}")
            else:
                better.append(f"Since {change.since} nearer to the others: {figures}")
    return worse, better


def _mistakes(profile: Profile) -> list[str]:
    counted = sorted(profile.mistakes.items(), key=lambda item: (-item[1], item[0]))
    said = []
    for kind, number in counted:
        of = KINDS[kind]
        if of.look and (of.grave or number >= AGAIN):
            said.append(f"{of.means.capitalize()}, {times(number)}: {of.look}.")
    return said


def _occlusion(profile: Profile, others: Sequence[Profile]) -> list[str]:
    if not others:
        return []
    said = []
    usual = float(np.median([p.sensitivity.value for p in others]))
    if profile.sensitivity.high < usual - LESS:
        said.append(
            f"Calls {percent(profile.sensitivity.value)} of the occluded joints occluded, the others "
            f"{percent(usual)}: go through some occluded joints together."
        )
    usual = float(np.median([p.specificity.value for p in others]))
    if profile.specificity.high < usual - LESS:
        said.append(
            f"Calls {percent(1 - profile.specificity.value)} of the visible joints occluded, the others "
            f"{percent(1 - usual)}: a joint that can be seen is visible, even if its place is unsure."
        )
    return said


def _precision(profile: Profile) -> list[str]:
    if profile.error.low >= WORSE:
        return [f"Errs {profile.error.value:.2f} × as much as the average: zoom in before placing joints."]
    if profile.error.high <= BETTER:
        return [f"Errs {profile.error.value:.2f} × as much as the average: a candidate for second looks."]
    return []


def _habits(biases: Sequence[Bias]) -> list[str]:
    said = []
    for bias in certain_habits(biases)[:MOST_HABITS]:
        way = _WAYS[bias.direction][0 if bias.shrunk.value > 0 else 1]
        joint = bias.joint.replace("_", " ")
        said.append(
            f"Places the {joint} {100 * abs(bias.shrunk.value):.1f} % of the hand farther {way} than the others do."
        )
    return said


def _pace(profile: Profile, others: Sequence[float]) -> list[str]:
    said = []
    if profile.untouched.low > MOSTLY:
        said.append(f"Sent {percent(profile.untouched.value)} of the pre-labels back as they were: did anybody look?")
    usual = [t for t in others if math.isfinite(t)]
    if usual and profile.seconds.high < QUICK * float(np.median(usual)):
        said.append(f"Takes {profile.seconds.value:.0f} s a hand, the others {np.median(usual):.0f} s.")
    return said
