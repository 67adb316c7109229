"""Annotation rounds with known truth: hands of plausible shape, people who err in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hint_tools.core.ids import task_key
from hint_tools.core.records import Hand, Submission
from hint_tools.qc.panel import Panel, build_panel

SIGMA = {2: 0.018, 1: 0.036}
"""Of one coordinate over the hand's scale, visible and occluded."""
NAMES = ("ana", "bo", "cy", "di", "ed")


@dataclass(eq=False)
class Round:
    truth: np.ndarray
    scale: np.ndarray
    visibility: np.ndarray
    hands: list[Hand]
    submissions: list[Submission]
    planted: set[tuple[int, str]]

    def panel(self) -> Panel:
        return build_panel(self.submissions, self.hands, [])

    def by_id(self) -> dict[str, Hand]:
        return {h.hand_id: h for h in self.hands}


def true_hand(rng: np.random.Generator) -> np.ndarray:
    """A right hand in the plane: fingers fan out from a palm, each bent by its own amount, then turned and scaled."""
    bases = np.array([[-0.35, 0.3], [-0.28, 0.9], [-0.05, 1.0], [0.15, 0.95], [0.33, 0.85]])
    angles = np.radians(np.array([150, 105, 92, 80, 66]) + rng.normal(0, 5, 5))
    lengths = np.array([0.8, 0.85, 0.95, 0.85, 0.65]) * rng.uniform(0.6, 1.0, 5)
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    joints = [np.zeros(2)]
    for base, way, length in zip(bases, along, lengths, strict=True):
        joints += [base + way * length * part for part in (0.0, 0.45, 0.75, 1.0)]
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.stack(joints) @ rotation.T * rng.uniform(60, 180) + rng.uniform(300, 900, 2)


def make_round(
    n: int, people: int = 3, *, seed: int = 0, swaps: float = 0.0, slips: float = 0.0, noise: float = 1.0
) -> Round:
    """`n` hands, two to a picture, each answered by the first `people` of `NAMES`.

    Args:
        swaps: chance that an answer has two fingers swapped.
        slips: chance that a joint goes astray by a third of the hand.
        noise: times `SIGMA`.
    """
    rng = np.random.default_rng(seed)
    truth = np.stack([true_hand(rng) for _ in range(n)])
    scale = np.sqrt(np.ptp(truth, axis=1).prod(axis=1))
    visibility = np.where(rng.random((n, 21)) < 0.3, 1, 2)
    made = Round(truth, scale, visibility, [], [], set())
    sigma = np.where(visibility == 1, SIGMA[1], SIGMA[2]) * scale[:, None] * noise
    for h in range(n):
        box = np.concatenate([truth[h].min(axis=0), truth[h].max(axis=0)])
        hand_id = f"h{h:05d}"
        made.hands.append(Hand(hand_id=hand_id, frame_id=f"f{h // 2:05d}", side="right", box=box))
        for a, name in enumerate(NAMES[:people]):
            joints = truth[h] + rng.normal(size=(21, 2)) * sigma[h][:, None]
            if rng.random() < swaps:
                one, other = sorted(rng.choice(5, 2, replace=False).tolist())
                joints = joints[swapped(one, other)]
                made.planted.add((h, name))
            astray = rng.random(21) < slips
            joints[astray] += rng.normal(0, 0.33, (int(astray.sum()), 2)) * scale[h]
            made.submissions.append(answer(hand_id, name, joints, visibility[h], number=h * 10 + a))
    return made


def swapped(one: int, other: int) -> np.ndarray:
    """Joint order in which two fingers carry each other's names."""
    order = np.arange(21)
    order[1 + 4 * one : 5 + 4 * one] = np.arange(1 + 4 * other, 5 + 4 * other)
    order[1 + 4 * other : 5 + 4 * other] = np.arange(1 + 4 * one, 5 + 4 * one)
    return order


def answer(
    hand_id: str, name: str, joints: np.ndarray, visibility: np.ndarray, *, number: int = 0, **more
) -> Submission:
    return Submission(
        submission_id=f"{hand_id}-{name}-{number}",
        hand_id=hand_id,
        annotator=name,
        annotation_id=number,
        keypoints=joints,
        visibility=visibility,
        **{"side": "right", "task_key": task_key(hand_id, 0), "updated_at": "2026-01-01T00:00:00Z", **more},
    )


def changed(made: Round, hand: int, name: str, **new) -> None:
    """Replace fields of one answer of a round."""
    at = next(i for i, s in enumerate(made.submissions) if s.hand_id == f"h{hand:05d}" and s.annotator == name)
    made.submissions[at] = replace(made.submissions[at], **new)


def joints_of(made: Round, hand: int, name: str) -> np.ndarray:
    return next(s.keypoints for s in made.submissions if s.hand_id == f"h{hand:05d}" and s.annotator == name)


def kinds(mistakes: Sequence, panel: Panel) -> set[tuple[str, int, str]]:
    """(kind, hand, annotator) of each mistake's answers."""
    return {(m.kind, m.hand, panel.annotators[panel.annotator[m.hand, k]]) for m in mistakes for k in m.slots}
