"""Rounds of annotation with known truth and planted mistakes, for `benchmarks/qc.py`.

Hands are posed by the project's own anatomy (`mano.anatomy`), each finger set `PALM_M` off the model's palm, turned
anywhere, and seen in parallel projection; two share a picture. People err by a normal law with a σ for
each joint, twice as much where it is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hint_tools.core.ids import task_key
from hint_tools.core.records import Frame, Hand, Prediction, Submission
from hint_tools.core.skeleton import FINGER_JOINTS, FINGERS
from hint_tools.mano.anatomy import HandAnatomy
from hint_tools.mano.assets import load_hand_model
from hint_tools.mano.kinematics import pose_hands
from hint_tools.qc.panel import Panel, build_panel

NAMES = ("ana", "bo", "cy", "di", "ed")
SIGMA_VISIBLE, SIGMA_OCCLUDED = 0.018, 0.036
"""Of one coordinate over the hand's size, before the joint's own factor."""
JOINT_FACTOR = np.array([1.3, *(1.2, 1.0, 0.9, 1.05) * 5])
APART = 0.06
"""Fingers nearer than this (hand sizes, mean over their joints) are one to the eye: nobody could tell a swap."""
FINGER_HIDDEN, WRIST_HIDDEN, JOINT_HIDDEN = 0.3, 0.15, 0.8
"""Chance of a finger, and of the wrist, to be covered, and of a joint of a covered finger to be hidden."""
BEYOND = (0.1, 0.6)
"""Where the last joint of a shifted finger is put, beyond the tip, in lengths of the last bone."""
N_POSES = 400
PALM_M = 0.004
"""Standard deviation of where a finger begins: people's palms differ, and hollow themselves; no model knows how."""
LABEL_SIGMA, LABEL_HANDS, LABEL_HIDDEN = 0.042, 0.35, 1.3
"""A pre-label's error: median over hands of a coordinate's standard deviation, over the longer side of the box; its
spread, as that of a log-normal law; times as much where hidden. Half of the variance is a finger's own, all joints
alike. With the mistakes below 46, 83 and 98 % of the joints are within 0.05, 0.1 and 0.2 of that side; docs/results.md
has 48, 78 and 99 % on photographs."""
LABEL_ASTRAY, LABEL_SLID, SLID = 0.01, 0.03, (0.3, 1.0)
"""Chance of a finger to lie on one of its neighbours; to be slid along itself, and by how many bones."""
LEFT_ALONE = 1.0
"""Who sees a pre-labelled joint nearer than this many of his own σ to where he would put it leaves it there."""


@dataclass
class World:
    """Truth: `(n, 21, 2)` px, sizes `(n,)`, states `(n, 21)`, and the tables they come with."""

    joints: np.ndarray
    scale: np.ndarray
    visibility: np.ndarray
    sides: np.ndarray
    hands: list[Hand]
    frames: list[Frame]

    @property
    def sigma(self) -> np.ndarray:
        """(n, 21) of one coordinate of an average annotator, px."""
        base = np.where(self.visibility == 1, SIGMA_OCCLUDED, SIGMA_VISIBLE)
        return base * JOINT_FACTOR * self.scale[:, None]


@dataclass
class Round:
    """Answers `(n, people, 21, 2)` to a world, sides `(n, people)`, and what was planted: kind -> {(hand, person)}."""

    world: World
    joints: np.ndarray
    said: np.ndarray
    sides: np.ndarray
    planted: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    labels: np.ndarray | None = None

    def spoilt_hands(self, *kinds: str) -> set[int]:
        """Hands with a planted mistake, of some kinds or of any."""
        return {h for k, places in self.planted.items() if not kinds or k in kinds for h, _ in places}

    def submissions(self) -> list[Submission]:
        """The answers as records."""
        people = self.joints.shape[1]
        return [
            Submission(
                submission_id=f"{hand.hand_id}-{NAMES[a]}",
                hand_id=hand.hand_id,
                task_key=task_key(hand.hand_id, 0),
                annotator=NAMES[a],
                annotation_id=h * 10 + a,
                keypoints=self.joints[h, a],
                visibility=self.said[h, a],
                side=str(self.sides[h, a]),
                prediction_id="" if self.labels is None else f"p-{hand.hand_id}",
                updated_at=f"2026-01-{1 + h * 20 // len(self.world.hands):02d}",
            )
            for h, hand in enumerate(self.world.hands)
            for a in range(people)
        ]

    def predictions(self) -> dict[str, Prediction]:
        """The pre-labels people began from, by id."""
        labels = () if self.labels is None else self.labels
        made = [
            Prediction(
                prediction_id=f"p-{hand.hand_id}", hand_id=hand.hand_id, model="world", keypoints=joints,
                confidence=np.full(21, 0.5), hand_confidence=0.9, side=hand.side, side_confidence=0.8,
            )
            for hand, joints in zip(self.world.hands, labels, strict=False)
        ]  # fmt: skip
        return {p.prediction_id: p for p in made}

    def panel(self) -> Panel:
        """The answers as `hint qc` sees them."""
        return build_panel(self.submissions(), self.world.hands, self.world.frames)


_POSES: list[np.ndarray] = []


def poses() -> np.ndarray:
    """(N_POSES, 21, 3) joints of a right hand, m, made once."""
    if not _POSES:
        model, rng = load_hand_model(), np.random.default_rng(0)
        anatomy = HandAnatomy.of(model, np.zeros(10))
        drawn = np.stack([anatomy.draw(rng) for _ in range(N_POSES)])
        posed = pose_hands(model, np.zeros((N_POSES, 3)), drawn, np.zeros((N_POSES, 10)))
        joints = posed.joints.copy()
        for finger in FINGERS:
            joints[:, FINGER_JOINTS[finger]] += rng.normal(0, PALM_M, (N_POSES, 1, 3))
        _POSES.append(joints)
    return _POSES[0]


def make_world(n: int, seed: int) -> World:
    """`n` hands, two to a picture, eight pictures to a clip."""
    rng = np.random.default_rng(seed)
    chosen = poses()[rng.integers(0, N_POSES, n)]
    q = rng.normal(size=(n, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    w, x, y, z = q.T
    turn = np.stack(
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
         2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=1,
    ).reshape(n, 2, 3)  # fmt: skip
    flat = np.einsum("nxk,njk->njx", turn, chosen)
    left = rng.random(n) < 0.5
    flat[left, :, 0] *= -1
    flat -= flat.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.ptp(flat, axis=1).prod(axis=1))
    size_px = rng.uniform(60, 200, n)
    place = np.stack([np.where(np.arange(n) % 2 == 0, 500, 900), np.full(n, 500)], axis=1) + rng.normal(0, 40, (n, 2))
    joints = flat * (size_px / scale)[:, None, None] + place[:, None]
    hidden_finger = rng.random((n, 5)) < FINGER_HIDDEN
    hidden = np.concatenate([rng.random((n, 1)) < WRIST_HIDDEN, np.repeat(hidden_finger, 4, axis=1)], axis=1)
    visibility = np.where(hidden & (rng.random((n, 21)) < JOINT_HIDDEN), 1, 2)
    sides = np.where(left, "left", "right")
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    hands = [Hand(hand_id=f"h{i:06d}", frame_id=f"f{i // 2:06d}", side=str(sides[i]), box=boxes[i]) for i in range(n)]
    frames = [
        Frame(
            frame_id=f"f{i:06d}", source="ego4d" if i % 4 else "epick", video=f"v{i // 8:05d}", clip=f"c{i // 8:05d}",
            width_px=1400, height_px=1000, path=f"frames/{i}.jpg", sha256="", pixel_sha256="", origin="",
        )
        for i in range((n + 1) // 2)
    ]  # fmt: skip
    return World(joints, size_px, visibility, sides, hands, frames)


def prelabel(world: World, seed: int) -> np.ndarray:
    """(n, 21, 2) px: what a model says of a world."""
    rng = np.random.default_rng(seed)
    n = len(world.scale)
    longer = np.ptp(world.joints, axis=1).max(axis=1)
    sigma = LABEL_SIGMA * longer * rng.lognormal(0, LABEL_HANDS, n)
    joints = world.joints.copy()
    dice, by = rng.random((n, 5)), rng.uniform(*SLID, (n, 5))
    for h, f in np.argwhere(dice < LABEL_ASTRAY + LABEL_SLID).tolist():
        own, finger = list(_of(f)), world.joints[h, list(_of(f))]
        if dice[h, f] < LABEL_ASTRAY:
            joints[h, own] = world.joints[h, list(_of(f - 1 if f == 4 or (f and by[h, f] < 0.65) else f + 1))]
        else:
            bones = np.diff(finger, axis=0, append=2 * finger[-1:] - finger[-2:-1])
            joints[h, own] += by[h, f] * bones
    error = rng.normal(size=(n, 21, 2))
    error[:, 1:] = (error[:, 1:] + np.repeat(rng.normal(size=(n, 5, 2)), 4, axis=1)) / np.sqrt(2)
    hidden = np.where(world.visibility == 1, LABEL_HIDDEN, 1.0)
    return joints + error * (sigma[:, None] * hidden)[..., None]


def answer(
    world: World,
    people: int,
    seed: int,
    *,
    noise: float = 1.0,
    rates: dict[str, float] | None = None,
    labels: np.ndarray | None = None,
) -> Round:
    """What `people` say of a world; each answer gets at most one mistake, drawn by `rates` (kind -> chance).

    They begin from `labels` where there are any, and leave what looks right enough (`LEFT_ALONE`).
    """
    rng = np.random.default_rng(seed)
    n = len(world.scale)
    errors = rng.normal(size=(n, people, 21, 2)) * (noise * world.sigma)[:, None, :, None]
    joints = world.joints[:, None] + errors
    said = np.repeat(world.visibility[:, None], people, axis=1)
    sides = np.repeat(world.sides[:, None], people, axis=1)
    made = Round(world, joints, said, sides, {k: set() for k in rates or {}})
    dice = rng.random((n, people))
    low = 0.0
    for kind, rate in (rates or {}).items():
        for h, a in np.argwhere((dice >= low) & (dice < low + rate)).tolist():
            if _PLANT[kind](made, h, a, rng):
                made.planted[kind].add((h, a))
        low += rate
    if labels is not None:
        made.labels = labels
        apart = np.linalg.norm(made.joints - labels[:, None], axis=-1)
        alone = apart < LEFT_ALONE * noise * world.sigma[:, None]
        made.joints = np.where(alone[..., None], labels[:, None], made.joints)
    return made


def _swap(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    truth, scale = made.world.joints[h], made.world.scale[h]
    far = [
        (f, g)
        for f in range(5)
        for g in range(f + 1, 5)
        if np.linalg.norm(truth[list(_of(f))] - truth[list(_of(g))], axis=1).mean() > APART * scale
    ]
    if not far:
        return False
    f, g = far[rng.integers(len(far))]
    order = np.arange(21)
    order[list(_of(f))], order[list(_of(g))] = _of(g), _of(f)
    made.joints[h, a] = made.joints[h, a][order]
    return True


def _neighbours(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    """Two fingers side by side, however near they are."""
    f = int(rng.integers(4))
    order = np.arange(21)
    order[list(_of(f))], order[list(_of(f + 1))] = _of(f + 1), _of(f)
    made.joints[h, a] = made.joints[h, a][order]
    return True


def _reversed(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    """A finger from tip to base; fingers one can see in length."""
    truth, scale = made.world.joints[h], made.world.scale[h]
    long = [f for f in range(5) if np.linalg.norm(truth[_of(f)[3]] - truth[_of(f)[0]]) > 2 * APART * scale]
    if not long:
        return False
    joints = list(_of(long[rng.integers(len(long))]))
    made.joints[h, a][joints] = made.joints[h, a][joints[::-1]]
    return True


def _side(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    made.sides[h, a] = "left" if made.sides[h, a] == "right" else "right"
    return True


def _of(finger: int) -> tuple[int, ...]:
    return FINGER_JOINTS[FINGERS[finger]]


def _mirror(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    points = made.joints[h, a]
    mirrored = 2 * points[:, 0].mean() - points[:, 0]
    if np.abs(mirrored - points[:, 0]).mean() < 2 * APART * made.world.scale[h]:
        return False  # a hand that is its own mirror image
    made.joints[h, a, :, 0] = mirrored
    return True


def _other(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    other = h ^ 1
    if other >= len(made.joints):
        return False
    made.joints[h, a] = made.world.joints[other] + rng.normal(size=(21, 2)) * made.world.sigma[other][:, None]
    return True


def _shift(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    """A finger labelled one joint too far, the last joint put beyond the tip; fingers one can see in length."""
    truth, scale = made.world.joints[h], made.world.scale[h]
    bones = [np.linalg.norm(np.diff(truth[list(_of(f))], axis=0), axis=1).min() for f in range(5)]
    long = [f for f in range(5) if bones[f] > APART * scale]
    if not long:
        return False
    joints = list(_of(long[rng.integers(len(long))]))
    own = np.random.default_rng((h, a))  # so that what is drawn here moves nothing else
    tip, before = truth[joints[3]], truth[joints[2]]
    error = made.joints[h, a, joints[3]] - tip
    beyond = tip + own.uniform(*BEYOND) * (tip - before) + np.linalg.norm(error) * _direction(own)
    made.joints[h, a][joints] = np.concatenate([made.joints[h, a][joints[1:]], beyond[None]])
    return True


def _direction(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _slip(made: Round, h: int, a: int, rng: np.random.Generator) -> bool:
    """One joint a sixth to a third of the hand away."""
    angle = rng.uniform(0, 2 * np.pi)
    away = rng.uniform(0.17, 0.33) * made.world.scale[h] * np.array([np.cos(angle), np.sin(angle)])
    made.joints[h, a, rng.integers(21)] += away
    return True


_PLANT = {
    "swap": _swap,
    "neighbours": _neighbours,
    "reversed": _reversed,
    "mirror": _mirror,
    "other hand": _other,
    "shifted": _shift,
    "slip": _slip,
    "side": _side,
}
