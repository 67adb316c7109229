"""The report's part on earlier rounds: figures side by side, what changed beyond doubt, and sentences on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hint_tools.core.printable import shortened
from hint_tools.qc.round_changes import SAME_ANSWERS, Change, Comparison
from hint_tools.qc.round_figures import ROUND_FIGURES
from hint_tools.qc.wording import listed, several, with_interval
from hint_tools.report.page import Block, Cell, Details, Link, Section, Sentence, Table, Text

ANCHOR = "rounds"
_MOST_SAID = 3
"""Changes in one sentence; the section has all."""
_NOTHING = "–"
_INTRO = (
    "Figures of earlier projects beside this one's, with 95 % intervals. What is called better or worse differs beyond "
    "doubt, however many figures are compared (Newcombe's intervals, Holm's procedure). Other pictures may be harder, "
    "too: that shows here like a change of people."
)
_FIRST_LOOKS = (
    "Hands worth a second look, and mistakes, are of hands two people or more answered, by their first answers alone"
)


def rounds_section(found: Comparison | None) -> list[Section]:
    """Rounds side by side, then what changed with each annotator; nothing without an earlier round."""
    if found is None:
        return []
    last = found.earlier[-1]
    of_all = {c.figure.key: c for c in found.compared if c.annotator is None}
    rounds = (*found.earlier, found.this)
    rows: list[list[Cell]] = [
        [
            f.title,
            *(with_interval(r.figures[f.key], f.decimals, f.factor) for r in rounds),
            of_all[f.key].verdict or _NOTHING,
        ]
        for f in ROUND_FIGURES
    ]
    head = ["figure", *(shortened(r.name) for r in rounds), f"since {shortened(last.name)}"]
    caption = _FIRST_LOOKS
    if abs(last.answers_per_hand - found.this.answers_per_hand) > SAME_ANSWERS:
        before, now = last.answers_per_hand, found.this.answers_per_hand
        caption += f"; hands have {now:.1f} answers instead of {before:.1f}, so that these are not compared"
    return [Section("Rounds", [Table(head, rows, caption), *_people(found)], _INTRO, anchor=ANCHOR)]


def _people(found: Comparison) -> list[Block]:
    """Who changed, in words; and figures of everybody who was there before, folded away."""
    own = [c for c in found.compared if c.annotator is not None and _measured(c)]
    if not own:
        return [Text("Nobody took part in this round and in an earlier one.")]
    certain = [c for c in own if c.certain]
    told = Text(*(f"{_name(c)} {c.words} than in {shortened(c.since)}: {_values(c)}." for c in certain))
    rows: list[list[Cell]] = [
        [_name(c), c.figure.title, shortened(c.since), *_both(c), c.verdict or _NOTHING] for c in own
    ]
    head = ["annotator", "figure", "earlier round", "there", "this round", ""]
    table = Table(
        head,
        rows,
        "Who took part in earlier rounds: each figure beside that of the last one it was measured in",
        named_by=2,
    )
    nobody = Text("Of no annotator did a figure change beyond doubt.")
    return [told if certain else nobody, Details("Each annotator's figures", [table])]


def since_earlier(found: Comparison | None) -> list[Sentence]:
    """At most three sentences for the first screen: what is better or worse since the last round, and who changed."""
    if found is None:
        return []
    since = f"Since {shortened(found.earlier[-1].name)}: "
    said: list[Sentence] = []
    for verdict in ("better", "worse"):
        changed = [c.words for c in found.certain() if c.annotator is None and c.verdict == verdict]
        if changed:
            words = changed[:_MOST_SAID]
            left = len(changed) - len(words)
            also = [several(left, "more figure") + f" {'is' if left == 1 else 'are'} {verdict}"] if left else []
            said.append((since, Link(listed([*words, *also]), f"#{ANCHOR}"), "."))
    people = _people_in_words(found)
    if people:
        said.append(people)
    return said or [(since, Link("no figure changed beyond doubt", f"#{ANCHOR}"), ".")]


def _people_in_words(found: Comparison) -> str:
    """One sentence on who got worse, or, where nobody did, on who got better."""
    changed = [c for c in found.certain() if c.annotator is not None]
    for verdict in ("worse", "better", "less", "more"):
        chosen = [c for c in changed if c.verdict == verdict]
        if chosen:
            left = len(changed) - min(len(chosen), _MOST_SAID)
            words = [f"{_name(c)} {c.words} than in {shortened(c.since)}" for c in chosen[:_MOST_SAID]]
            return listed(words) + (f"; {several(left, 'more change')} of single people below." if left else ".")
    return ""


def _name(change: Change) -> str:
    name = shortened(change.annotator or "")
    return name if name.strip() else "(no name)"


def _measured(change: Change) -> bool:
    return math.isfinite(change.before.value) or math.isfinite(change.after.value)


def _both(change: Change) -> Sequence[str]:
    figure = change.figure
    return [with_interval(e, figure.decimals, figure.factor) for e in (change.before, change.after)]


def _values(change: Change) -> str:
    before, after = _both(change)
    return f"{change.figure.title} {after}, there {before}"
