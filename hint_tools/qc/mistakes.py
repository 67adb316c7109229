"""Mistakes a person made, named: what happened, in whose answer, and what the answer should have been.

Nothing here changes an answer. A proposal is kept beside the finding for whoever looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.quoted_names import plain, quoted
from hint_tools.core.records import Hand, Visibility
from hint_tools.qc.identity import Renaming
from hint_tools.qc.panel import ABSENT, SIDES, Panel
from hint_tools.qc.votes import RejectionVote, SideVote
from hint_tools.qc.wording import listed, spoken

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_MISSED = 0.75
"""Part of the joints all others call occluded."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake.

    Args:
        kind: of `kinds.KINDS`.
        hand: index.
        slots: the answers concerned.
        told: one sentence with names, quoted (`core.quoted_names`), and figures.
        certain: False where it may be another annotator's.
        gain: fall of d²/σ² when mended, 0 where that does not apply.
        joint_order: proposal: corrected joint j is the answer's joint `joint_order[j]`; -1 is nowhere in it.
        anew: proposal: joint, x and y (px) of those that are nowhere in the answer.
        side: proposal, empty for none.
        other_hand: proposal: id of the hand the answer belongs to, empty for none.
        joints: those the mistake is about, where it is not about all or whole fingers.
    """

    kind: str
    hand: int
    slots: tuple[int, ...]
    told: str
    certain: bool = True
    gain: float = 0.0
    joint_order: tuple[int, ...] = ()
    anew: tuple[tuple[int, float, float], ...] = ()
    side: str = ""
    other_hand: str = ""
    joints: tuple[int, ...] = ()

    @property
    def message(self) -> str:
        """What was told, as people read it."""
        return plain(self.told)


def name_of(panel: Panel, hand: int, slot: int) -> str:
    """The annotator of an answer."""
    return panel.annotators[int(panel.annotator[hand, slot])]


def named(panel: Panel, hand: int, slot: int) -> str:
    """The annotator of an answer, as in `Mistake.told`."""
    return quoted(name_of(panel, hand, slot))


def renaming_mistakes(panel: Panel, renamings: Sequence[Renaming]) -> list[Mistake]:
    """Wrong names of fingers, told in words."""
    said = {
        "finger-swap": "swapped {0}",
        "finger-reversed": "reversed {0} (tip for base)",
        "mirrored-order": "named the fingers in the mirrored order",
        "fingers-renamed": "mixed up {0}",
        "shifted-chain": "labelled {0} one joint too far",
        "mirrored-picture": "placed the joints mirrored left to right",
    }
    found = []
    for wrong in renamings:
        what = said[wrong.kind].format(listed(wrong.fingers))
        doubt = "" if wrong.certain else ", or the other annotator did"
        message = f"{named(panel, wrong.hand, wrong.slot)} {what}{doubt}"
        order = () if wrong.kind == "mirrored-picture" else wrong.order
        found.append(
            Mistake(
                wrong.kind,
                wrong.hand,
                (wrong.slot,),
                message,
                wrong.certain,
                wrong.gain,
                joint_order=order,
                anew=wrong.anew,
            )
        )
    return found


def side_mistakes(panel: Panel, vote: SideVote) -> list[Mistake]:
    """Answers whose side is not the hand's, and hands whose side stays open."""
    usable = (panel.side != ABSENT) & ~panel.rejected
    found = []
    for hand in range(len(panel.hand_ids)):
        slots = np.flatnonzero(usable[hand])
        sides = panel.side[hand, slots]
        if len(set(sides.tolist())) < 2:
            continue
        if vote.side[hand] == ABSENT:
            who = ", ".join(f"{named(panel, hand, k)}: {SIDES[panel.side[hand, k]]}" for k in slots)
            found.append(Mistake("side-unclear", hand, tuple(slots.tolist()), who, certain=False))
            continue
        right = SIDES[vote.side[hand]]
        majority = 2 * int((sides == vote.side[hand]).sum()) > len(sides)
        why = "as most annotators say" if majority else "as the source says"
        for slot in slots[sides != vote.side[hand]].tolist():
            message = f"{named(panel, hand, slot)} says {SIDES[panel.side[hand, slot]]}; it is {right}, {why}"
            found.append(Mistake("wrong-side", hand, (slot,), message, certain=majority, side=right))
    return found


def missed_occlusions(panel: Panel, least: int) -> list[Mistake]:
    """Answers that call visible most, and at least `least`, of the joints all others, two or more, call occluded.

    Most: `MOST_MISSED`. Who overlooks one joint in four has a habit (see `occlusion_findings`); who overlooks
    nearly all of them forgot to look.
    """
    occluded, visible = (panel.visibility == int(s) for s in (Visibility.OCCLUDED, Visibility.VISIBLE))
    hidden = occluded.sum(axis=1, keepdims=True)
    seen = visible.sum(axis=1, keepdims=True)
    missed = visible & (seen == 1) & (hidden >= 2)
    found = []
    judged = (occluded | visible) & (hidden - occluded >= 2) & (seen - visible == 0)
    number, of = missed.sum(axis=2), judged.sum(axis=2)
    for hand, slot in np.argwhere((number >= least) & (number >= MOST_MISSED * of)).tolist():
        joints = tuple(np.flatnonzero(missed[hand, slot]).tolist())
        message = f"{named(panel, hand, slot)} calls {len(joints)} joints visible that all others call occluded: "
        message += listed([spoken(j) for j in joints])
        found.append(Mistake("missed-occlusion", hand, (slot,), message, joints=joints))
    return found


def rubber_stamps(panel: Panel, untouched: Ints) -> list[Mistake]:
    """Answers equal to their pre-label in every joint, where another annotator did move joints of that hand.

    Args:
        panel: the answers.
        untouched: (H, A) of `prelabels.untouched_answers`.
    """
    moved = (untouched == 0).any(axis=1, keepdims=True)
    return [
        Mistake(
            "rubber-stamp",
            hand,
            (slot,),
            f"{named(panel, hand, slot)} left all joints where the pre-label had them; others moved some",
        )
        for hand, slot in np.argwhere((untouched == 1) & moved).tolist()
    ]


def split_rejections(panel: Panel, vote: RejectionVote) -> list[Mistake]:
    """Hands some annotators reject and others annotate."""
    found = []
    for hand in np.flatnonzero(vote.split).tolist():
        slots = np.flatnonzero(panel.rejected[hand]).tolist()
        who = ", ".join(named(panel, hand, k) for k in slots)
        total = int(panel.answered[hand].sum())
        message = f"rejected by {len(slots)} of {total} annotators ({who})"
        found.append(Mistake("rejection-split", hand, tuple(slots), message, certain=False))
    return found


def source_sides(panel: Panel, hands: Mapping[str, Hand]) -> Ints:
    """(H) the side the source gave each hand: 0 left, 1 right, `ABSENT` where none."""
    given = [hands[h].side for h in panel.hand_ids]
    return np.array([SIDES.index(s) if s in SIDES else ABSENT for s in given], dtype=np.int64)
