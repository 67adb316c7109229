"""Simulated annotators answer the pushed tasks through Label Studio's REST API, each with an account of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hint_tools.core.records import Frame, Hand
from hint_tools.labelstudio.answering import Answer, TaskView, annotators, answer_tasks
from hint_tools.labelstudio.connection import connect
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project
from hint_tools.store.tables import FRAMES
from hint_tools.synth.annotators import FINGER_SWAP, PROFILES, AnnotatorProfile, answer
from hint_tools.synth.compare import Named
from hint_tools.synth.stills import seeded
from hint_tools.synth.truth import Truth

NOT_A_HAND = "not_a_hand"
_LOOK_S = 3.0


def answer_all(project: Project, truth: Truth, journal: Path, seed: int) -> dict[str, int]:
    """How many answers each annotator posted; those posted by an earlier run are not repeated.

    Args:
        project: with tasks on its running server.
        truth: what the annotators look at.
        journal: where their mistakes are remembered.
        seed: decides what they do.

    Raises:
        RemoteError: the server is down or refuses.
    """
    frames = {f.frame_id: f for f in project.read(FRAMES)}
    hands = {h.hand_id: h for h in project.hands()}
    profiles = {p.name: p for p in PROFILES}
    posted = {}
    with Journal(journal) as planted:
        for person in annotators(project):
            give = _answers_of(profiles[person.email], truth, hands, frames, planted, seed)
            posted[person.email] = answer_tasks(connect(project), person, give)
    return posted


def _answers_of(
    profile: AnnotatorProfile,
    truth: Truth,
    hands: dict[str, Hand],
    frames: dict[str, Frame],
    planted: Journal,
    seed: int,
) -> Callable[[TaskView], Answer]:
    def give(view: TaskView) -> Answer:
        hand = hands[view.hand_id]
        true = truth.match(frames[hand.frame_id], hand)
        if true is None:
            return Answer(
                keypoints=None, visibility=None, box=None, side=None, reject_reason=NOT_A_HAND, lead_time_s=_LOOK_S
            )
        given = answer(true, view.keypoints, profile, seeded(seed, "annotator", profile.name, view.hand_id))
        if given.mistakes:
            entry = {"hand_id": view.hand_id, "annotator": profile.name, "mistakes": list(given.mistakes)}
            planted.append(entry)  # before it is posted: a mistake may be listed twice, never lost
        return Answer(
            keypoints=given.keypoints,
            visibility=given.visibility,
            box=given.box,
            side=given.side,
            reject_reason=given.reject_reason or None,
            lead_time_s=given.lead_time_s,
        )

    return give


def planted_mistakes(journal: Path) -> set[Named]:
    """The mistakes that were made, by kind, hand and annotator."""
    with Journal(journal) as kept:
        return {
            Named(FINGER_SWAP if m.startswith(FINGER_SWAP) else str(m), str(e["hand_id"]), str(e["annotator"]))
            for e in kept.entries
            for m in e["mistakes"]
        }
