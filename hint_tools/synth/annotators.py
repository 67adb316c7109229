"""Simulated annotators: people with a skill, habits and mistakes, who start from the pre-label they are shown.

They know the truth only through noise and bias. A joint of the pre-label that looks right to them stays where it
is; the others are moved to where they believe the joint to be. The mistakes they make are remembered, so that a
report can say how many of them were found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import box_size
from hint_tools.core.records import Side, Visibility
from hint_tools.core.skeleton import FINGER_JOINTS, JOINT_INDEX, N_JOINTS, TIP_JOINTS
from hint_tools.formats.labelstudio import REJECT_REASONS
from hint_tools.synth.truth import TruthHand

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int8]

FINGER_SWAP = "finger-swap"
WRONG_SIDE = "wrong-side"
MISSED_OCCLUSION = "missed-occlusion"
RUBBER_STAMP = "rubber-stamp"
MISTAKES = (FINGER_SWAP, WRONG_SIDE, MISSED_OCCLUSION, RUBBER_STAMP)
"""Kinds of planted mistakes."""

_MIN_OCCLUDED = 4
"""Fewer hidden joints than this and overlooking them all is noise, not a mistake to be found."""
_MIN_APART = 0.06
"""Two fingers nearer than this (hand sizes) are one to the eye: nobody could say that they were swapped."""
_REJECTS_BELOW = 0.35
"""Hands with a smaller share of visible joints are the ones that get rejected."""
_SWAPPABLE = (("index", "middle"), ("middle", "ring"), ("ring", "pinky"))
_BOX_NOISE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorProfile:
    """How somebody annotates. Lengths are shares of the hand's size (square root of its box's area).

    Args:
        name: of the account.
        noise_visible: standard deviation of each coordinate of a joint they see.
        noise_occluded: the same for joints they have to guess.
        tip_bias: how far they put fingertips beyond the truth along the hand (from wrist to middle knuckle).
        keep_below: a pre-labelled joint nearer than this to where they believe it to be is left alone.
        swap_rate: hands in which two neighbouring fingers get each other's names.
        wrong_side_rate: hands called left that are right, and the reverse.
        occlusion_sensitivity: chance to call an occluded joint occluded.
        occlusion_specificity: chance to call a visible joint visible.
        oblivious_rate: hands in which they call everything visible.
        reject_rate: chance to reject a hand that is hardly visible.
        rubber_stamp_rate: hands they send on as the pre-label has them.
        seconds_per_joint: time for each joint they move.
    """

    name: str
    noise_visible: float
    noise_occluded: float
    tip_bias: float = 0.0
    keep_below: float = 0.03
    swap_rate: float = 0.0
    wrong_side_rate: float = 0.0
    occlusion_sensitivity: float = 0.9
    occlusion_specificity: float = 0.95
    oblivious_rate: float = 0.0
    reject_rate: float = 0.0
    rubber_stamp_rate: float = 0.0
    seconds_per_joint: float = 2.0


CAREFUL = AnnotatorProfile(
    name="careful@hint.local",
    noise_visible=0.014,
    noise_occluded=0.035,
    keep_below=0.02,
    swap_rate=0.015,
    wrong_side_rate=0.01,
    occlusion_sensitivity=0.95,
    occlusion_specificity=0.97,
    reject_rate=0.15,
    seconds_per_joint=3.0,
)
QUICK = AnnotatorProfile(
    name="quick@hint.local",
    noise_visible=0.022,
    noise_occluded=0.055,
    tip_bias=0.012,
    keep_below=0.05,
    swap_rate=0.05,
    wrong_side_rate=0.03,
    occlusion_sensitivity=0.85,
    occlusion_specificity=0.93,
    oblivious_rate=0.06,
    reject_rate=0.05,
    rubber_stamp_rate=0.08,
    seconds_per_joint=1.2,
)
NOVICE = AnnotatorProfile(
    name="novice@hint.local",
    noise_visible=0.03,
    noise_occluded=0.08,
    tip_bias=-0.018,
    keep_below=0.04,
    swap_rate=0.09,
    wrong_side_rate=0.06,
    occlusion_sensitivity=0.75,
    occlusion_specificity=0.9,
    oblivious_rate=0.1,
    reject_rate=0.1,
    seconds_per_joint=3.5,
)
PROFILES: tuple[AnnotatorProfile, ...] = (CAREFUL, QUICK, NOVICE)
"""The three who answer in the demo."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedAnswer:
    """What an annotator sends.

    Args:
        keypoints: `(21, 2)` px of the frame; None when the hand is rejected.
        visibility: `(21,)` `Visibility` numbers; None when the hand is rejected.
        side: left or right; None when the hand is rejected.
        box: `(4,)` px; None when the hand is rejected.
        reject_reason: of `formats.labelstudio.REJECT_REASONS`; empty when the hand is not rejected.
        lead_time_s: how long they took.
        mistakes: what they did wrong, of `MISTAKES`; a swap with its fingers (`finger-swap:index-middle`).
    """

    keypoints: Floats | None
    visibility: Ints | None
    side: str | None
    box: Floats | None
    reject_reason: str
    lead_time_s: float
    mistakes: tuple[str, ...]


def answer(
    truth: TruthHand, prelabel: Floats | None, profile: AnnotatorProfile, rng: np.random.Generator
) -> SimulatedAnswer:
    """The answer of an annotator to one hand.

    Args:
        truth: the hand as it is.
        prelabel: `(21, 2)` px, the points they are shown; None when there are none.
        profile: who they are.
        rng: decides; seed it with the annotator and the hand, so that the order of work changes nothing.
    """
    chances = rng.random(5)
    seen = truth.visibility == Visibility.VISIBLE
    if seen.mean() < _REJECTS_BELOW and chances[0] < profile.reject_rate:
        return SimulatedAnswer(None, None, None, None, str(rng.choice(REJECT_REASONS)), 4.0, ())
    scale = float(np.sqrt(box_size(truth.box).prod()))
    believed = _believed(truth, profile, rng, scale)
    mistakes: list[str] = []
    if prelabel is not None and chances[1] < profile.rubber_stamp_rate:
        keypoints, moved, mistakes = prelabel.copy(), 0, [RUBBER_STAMP]
    else:
        keypoints, moved = _corrected(prelabel, believed, profile.keep_below * scale)
        if chances[2] < profile.swap_rate:
            keypoints, swap = _swapped(keypoints, scale, rng)
            mistakes += swap
    side = truth.side
    if chances[3] < profile.wrong_side_rate:
        side = Side.LEFT if truth.side == Side.RIGHT else Side.RIGHT
        mistakes.append(WRONG_SIDE)
    visibility = _judged(truth, profile, rng)
    if RUBBER_STAMP in mistakes or chances[4] < profile.oblivious_rate:
        if (visibility == Visibility.OCCLUDED).sum() >= _MIN_OCCLUDED and RUBBER_STAMP not in mistakes:
            mistakes.append(MISSED_OCCLUSION)
        visibility = np.where(visibility == Visibility.OCCLUDED, np.int8(Visibility.VISIBLE), visibility)
    box = truth.box + rng.normal(0, _BOX_NOISE, 4) * scale
    lead_time_s = 4 + moved * profile.seconds_per_joint * float(rng.lognormal(0, 0.3))
    return SimulatedAnswer(keypoints, visibility, str(side), box, "", lead_time_s, tuple(mistakes))


def _believed(truth: TruthHand, profile: AnnotatorProfile, rng: np.random.Generator, scale: float) -> Floats:
    """Where they think the joints are: truth, plus noise, plus their habit at the fingertips."""
    spread = np.where(truth.visibility == Visibility.VISIBLE, profile.noise_visible, profile.noise_occluded)
    points = truth.keypoints + rng.normal(size=(N_JOINTS, 2)) * spread[:, None] * scale
    along = truth.keypoints[JOINT_INDEX["middle_mcp"]] - truth.keypoints[0]
    length = float(np.linalg.norm(along))
    if length > 0:
        points[list(TIP_JOINTS)] += profile.tip_bias * scale * along / length
    return np.asarray(points)


def _corrected(prelabel: Floats | None, believed: Floats, keep_px: float) -> tuple[Floats, int]:
    """The pre-label with the joints that look wrong moved, and how many were moved."""
    if prelabel is None:
        return believed, N_JOINTS
    wrong = np.linalg.norm(prelabel - believed, axis=1) > keep_px
    return np.where(wrong[:, None], believed, prelabel), int(wrong.sum())


def _swapped(keypoints: Floats, scale: float, rng: np.random.Generator) -> tuple[Floats, list[str]]:
    """Two neighbouring fingers with each other's names; unchanged where no two are far enough apart to tell."""
    for first, second in rng.permutation(np.array(_SWAPPABLE)):
        a, b = list(FINGER_JOINTS[str(first)]), list(FINGER_JOINTS[str(second)])
        if float(np.linalg.norm(keypoints[a] - keypoints[b], axis=1).mean()) < _MIN_APART * scale:
            continue
        swapped = keypoints.copy()
        swapped[a], swapped[b] = keypoints[b], keypoints[a]
        return swapped, [f"{FINGER_SWAP}:{first}-{second}"]
    return keypoints, []


def _judged(truth: TruthHand, profile: AnnotatorProfile, rng: np.random.Generator) -> Ints:
    """Their word on each joint; a joint outside the picture is always seen to be so."""
    dice = rng.random(N_JOINTS)
    hidden = truth.visibility == Visibility.OCCLUDED
    says_hidden = np.where(hidden, dice < profile.occlusion_sensitivity, dice >= profile.occlusion_specificity)
    words = np.where(says_hidden, Visibility.OCCLUDED, Visibility.VISIBLE)
    return np.where(truth.visibility == Visibility.NOT_ANNOTATABLE, truth.visibility, words).astype(np.int8)
