"""Hands that move: from key pose to key pose along shortest rotations, with pauses and a little tremor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from hint_tools.synth.scene import HandState

Floats = npt.NDArray[np.float64]

_TREMOR_M = 0.0012
_PAUSE = 0.25
"""Share of each stretch in which the hand rests at its key pose."""


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """One hand through a clip.

    Args:
        states: the hand at every frame.
    """

    states: tuple[HandState, ...]


def move(rng: np.random.Generator, keys: Sequence[HandState], n_frames: int) -> Movement:
    """The hand at each of `n_frames` frames, passing its key poses at even distances.

    Rotations go along the shortest arc (`scipy`'s `Slerp`), joint by joint; positions along a straight line.
    Shape, side and look are the first key's.

    Args:
        rng: decides the tremor.
        keys: at least two key poses.
        n_frames: how many frames.

    Raises:
        ValueError: fewer than two keys.
    """
    if len(keys) < 2:
        raise ValueError(f"expected at least two key poses, got {len(keys)}")
    at = _eased(np.linspace(0, len(keys) - 1, n_frames, dtype=np.float64), len(keys))
    vectors = np.stack([np.concatenate([k.global_orient, k.hand_pose]).reshape(16, 3) for k in keys])
    times = np.arange(len(keys))
    turned = np.stack([Slerp(times, Rotation.from_rotvec(vectors[:, j]))(at).as_rotvec() for j in range(16)], axis=1)
    places = np.stack([k.transl for k in keys])
    moved = np.stack([np.interp(at, times, places[:, k]) for k in range(3)], axis=1) + _tremor(rng, n_frames)
    first = keys[0]
    return Movement(
        tuple(
            HandState(first.side, v[0], v[1:].ravel(), first.betas, t, first.look, first.wrist_bend)
            for v, t in zip(turned, moved, strict=True)
        )
    )


def _eased(at: Floats, n_keys: int) -> Floats:
    """Times slowed down around the keys: rest, smooth step, rest."""
    key = np.minimum(np.floor(at), n_keys - 2)
    share = np.clip((at - key - _PAUSE / 2) / (1 - _PAUSE), 0, 1)
    return np.asarray(key + share * share * (3 - 2 * share))


def _tremor(rng: np.random.Generator, n_frames: int) -> Floats:
    """Slow wandering of the whole hand `(n, 3)` m."""
    knots = rng.normal(0, _TREMOR_M, (max(2, n_frames // 8 + 2), 3))
    at = np.linspace(0, len(knots) - 1, n_frames)
    return np.stack([np.interp(at, np.arange(len(knots)), knots[:, k]) for k in range(3)], axis=1)
