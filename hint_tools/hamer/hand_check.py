"""Is the hand model at hand the one a checkpoint was trained with?

Checkpoints carry the hand's arrays, or, where those were left out for their licence, two sums of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hint_tools.core.findings import Finding, Severity
from hint_tools.mano.assets import HandModel

PREFIX = "mano."
_ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights")
_SAME_HAND_M = 1e-6
_SAME_SUM = 1e-5
"""Relative; two hands differ by far more, single precision by far less."""


def fingerprint(state: Mapping[str, Tensor]) -> dict[str, list[float]] | None:
    """Sum and root of the sum of squares of each of a hand's arrays in a state dict; None where one is not there.

    A mirrored hand has the same lengths but other sums. Nothing of the hand's shape can be told from it.
    """
    if any(PREFIX + name not in state for name in _ARRAYS):
        return None
    values = {name: state[PREFIX + name].double() for name in _ARRAYS}
    return {name: [float(v.sum()), float(v.square().sum().sqrt())] for name, v in values.items()}


def hand_findings(
    state: Mapping[str, Tensor],
    at_hand: Mapping[str, Tensor],
    hand: HandModel,
    document: Mapping[str, Any],
    path: Path,
    *,
    chosen: bool,
) -> tuple[Finding, ...]:
    """A finding when the checkpoint was trained with another hand than the one at hand.

    Args:
        state: of the checkpoint.
        at_hand: the arrays (`mano.*`) of the hand at hand.
        hand: it.
        document: what the file says beside its arrays: `hand_model`, `hand_fingerprint`.
        path: of the file, for the message.
        chosen: the user named the hand.
    """
    carried = f"{PREFIX}v_template" in state
    stored = str(document.get("hand_model", ""))
    if carried:
        names = [PREFIX + name for name in _ARRAYS if PREFIX + name in state]
        differs = not all(_same(state[name], at_hand[name]) for name in names)
    else:
        differs = _other_sums(document.get("hand_fingerprint"), fingerprint(at_hand), stored, hand.identity)
    if not differs:
        return ()
    use = "the checkpoint's own hand is used" if carried else "the hand model at hand is used"
    return (
        Finding(
            code="hamer.hand-model-differs",
            severity=Severity.WARNING if chosen or not carried else Severity.INFO,
            message=f"{path}: trained with hand model {stored or 'of another shape'}, expected {hand.identity}; {use}",
            suggestion="compare meshes and shape parameters only among hands of one model; name a hand with --mano",
            subjects=(str(path),),
        ),
    )


def _same(stored: Tensor, ours: Tensor) -> bool:
    """Equal, or equal once they were rounded to 16 bits, as in files that keep half precision."""
    if torch.allclose(stored, ours, rtol=0, atol=_SAME_HAND_M):
        return True
    return any(torch.equal(stored, ours.to(kind).to(stored.dtype)) for kind in (torch.float16, torch.bfloat16))


def _other_sums(kept: Any, ours: dict[str, list[float]] | None, stored: str, identity: str) -> bool:
    """Whether a file without a hand was trained with another one; by its name where it has no sums."""
    if not isinstance(kept, dict) or ours is None:
        return bool(stored) and stored != identity
    try:
        return not all(
            math.isclose(float(a), b, rel_tol=0, abs_tol=_SAME_SUM * ours[name][1])
            for name in _ARRAYS
            for a, b in zip(kept[name], ours[name], strict=True)
        )
    except (KeyError, TypeError, ValueError):
        return True
