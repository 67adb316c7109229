"""A hand side by side: each annotator's skeleton over its photograph, and the consensus."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from hint_tools.core.geometry import apply_affine
from hint_tools.core.records import Consensus, Frame, Hand, Visibility
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.qc.panel import ABSENT, SIDES, Panel
from hint_tools.qc.views import View, Views
from hint_tools.qc.wording import several
from hint_tools.report.marks_svg import areas_95, connectors, outline, pointed_out
from hint_tools.report.page import Gallery, Overlay
from hint_tools.report.skeleton_svg import skeleton
from hint_tools.store.project import Project

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]

FAR = 4.0
"""σ from the consensus from which on a joint gets a line to it: an honest one in 3,000."""
MARKED_WORDS = "see\u00a0here"
"""Under an answer with a mistake: its frame in words."""
_COLUMNS = 4
"""More in a row would be too small to be judged."""
_NOBODY: Final[Mapping[int, Collection[int]]] = MappingProxyType({})


class Pictures:
    """Draws hands of a project; hands whose picture can't be read are left out and remembered.

    Args:
        project: where the pictures are.
        frames: by id.
        hands: by id.
        apart: (H, A, 21) distance of every answer's joints to the consensus over σ.

    Attributes:
        apart: as it was given.
    """

    def __init__(self, project: Project, frames: Mapping[str, Frame], hands: Mapping[str, Hand], apart: Floats) -> None:
        self._views = Views(project, frames, hands)
        self.apart = apart

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Frame ids, with what the reader said."""
        return self._views.unreadable

    def gallery(
        self,
        panel: Panel,
        hand: int,
        consensus: Consensus,
        caption: str,
        note: str,
        meant: Mapping[int, Collection[int]] = _NOBODY,
        anchor: str = "",
    ) -> Gallery | None:
        """Every answer in a picture of its own, the consensus last; None without a picture.

        Args:
            panel: the answers.
            hand: index.
            consensus: of this hand.
            caption: above the pictures.
            note: small words under the caption.
            meant: answers with a mistake, which get a frame, and those of their joints that get a square.
            anchor: by which links find it.
        """
        usual = self._views.usual(consensus)
        if usual is None:
            return None
        figures = []
        for slot in np.flatnonzero(panel.answered[hand]).tolist():
            said = [panel.annotators[panel.annotator[hand, slot]], answer_in_words(panel, hand, slot)]
            said += [MARKED_WORDS] if slot in meant else []
            figures.append(self._answer(usual, panel, hand, slot, consensus, said, meant))
        figures.append(_consensus_figure(usual, consensus))
        return Gallery(figures, _COLUMNS, caption, anchor, note)

    def whereabouts(self, hand_id: str) -> str:
        """The hand's id and the picture it is in, for those who look for it."""
        return self._views.whereabouts(hand_id)

    def beside_consensus(
        self, panel: Panel, hand: int, slot: int, consensus: Consensus, why: str
    ) -> tuple[Overlay, Overlay] | None:
        """One answer, framed, and the consensus of the same hand; None without a picture.

        Args:
            panel: the answers.
            hand: index.
            slot: of the answer.
            consensus: of this hand.
            why: what is wrong with the answer.
        """
        usual = self._views.usual(consensus)
        if usual is None:
            return None
        said = [why, answer_in_words(panel, hand, slot), f"hand {consensus.hand_id}"]
        own = self._answer(usual, panel, hand, slot, consensus, said, {slot: ()})
        return own, _consensus_figure(usual, consensus)

    def _answer(
        self,
        usual: View,
        panel: Panel,
        hand: int,
        slot: int,
        consensus: Consensus,
        said: list[str],
        meant: Mapping[int, Collection[int]],
    ) -> Overlay:
        """One answer, with lines to the consensus from where it is far off."""
        joints = panel.keypoints[hand, slot]
        view = self._views.around(usual, consensus, joints)
        far = self.apart[hand, slot] > FAR
        points = apply_affine(view.affine, joints)
        goal = apply_affine(view.affine, np.asarray(consensus.keypoints))
        if view.asked is not None:
            said = [*said, "wider\u00a0view"]
            # on another hand, 21 lines that say the same would hide it
            far = _first_of(far) if 2 * far.sum() > N_JOINTS else far
        svg = Markup("").join(
            [
                outline(view.asked) if view.asked is not None else "",
                connectors(points[far], goal[far]),
                skeleton(points, panel.visibility[hand, slot]) if panel.has_joints[hand, slot] else "",
                pointed_out(points[list(meant.get(slot, ()))]),
            ]
        )
        name = panel.annotators[panel.annotator[hand, slot]]
        facts = [answer_in_words(panel, hand, slot), _hidden_in_words(panel.visibility[hand, slot])]
        off = int((self.apart[hand, slot] > FAR).sum())
        facts += [f"{several(off, 'joint')} far from the consensus" if off else "", "framed" if slot in meant else ""]
        alt = f"hand {consensus.hand_id}, {name}: {', '.join(filter(None, facts))}"
        return Overlay(view.photo, svg, " · ".join(filter(None, said)), alt, marked=slot in meant)


def answer_in_words(panel: Panel, hand: int, slot: int) -> str:
    """The side an answer gives, or that it rejects the hand and why; empty where it says neither."""
    answer = panel.submissions[hand][slot]
    if panel.rejected[hand, slot]:
        reason = answer.reject_reason.replace("_", " ") if answer is not None and answer.reject_reason else ""
        return f"rejected: {reason}" if reason else "rejected"
    side = "" if panel.side[hand, slot] == ABSENT else SIDES[panel.side[hand, slot]]
    return ", ".join(filter(None, [side, "" if panel.has_joints[hand, slot] else "no joints"]))


def _consensus_figure(view: View, consensus: Consensus) -> Overlay:
    points = apply_affine(view.affine, np.asarray(consensus.keypoints))
    turned = view.affine[:, :2]
    svg = areas_95(points, turned @ consensus.covariance @ turned.T) + skeleton(points, consensus.visibility)
    state = consensus.side
    if consensus.rejected:
        reason = consensus.reject_reason.replace("_", " ")
        state = f"rejected: {reason}" if reason else "rejected"
    facts = ", ".join(filter(None, [state, _hidden_in_words(consensus.visibility)]))
    caption = " · ".join(filter(None, ["consensus", state]))
    return Overlay(view.photo, svg, caption, f"hand {consensus.hand_id}, consensus: {facts}")


def _hidden_in_words(visibility: Ints) -> str:
    hidden = int((visibility == Visibility.OCCLUDED).sum())
    placed = int((visibility == Visibility.VISIBLE).sum()) + hidden
    return f"{hidden} of {placed} joints hidden" if placed else ""


def _first_of(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The first that is chosen, alone."""
    return np.asarray(chosen & (np.cumsum(chosen) == 1), dtype=np.bool_)
