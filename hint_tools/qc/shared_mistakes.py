"""Mistakes everybody made alike: answers that agree, and contradict the pre-label as a mirror image does.

A model looks at the picture and may name fingers wrongly, but it does not put them where there are none, as a tool does
that shows pictures turned over. Which of the two is wrong nobody can tell without looking: so it is a question.
"""

from __future__ import annotations

import numpy as np

from hint_tools.qc.identity import is_mirrored
from hint_tools.qc.joints import Joints
from hint_tools.qc.mistakes import Mistake, named
from hint_tools.qc.panel import Panel

MIRROR_DOUBTFUL = "mirror-doubtful"


def mirrored_by_all(panel: Panel, joints: Joints, threshold: float) -> list[Mistake]:
    """Hands whose consensus is the mirror image of the pre-label, and no answer is known to be wrong.

    Args:
        panel: the answers.
        joints: what is known of them.
        threshold: fall of d²/σ² once mirrored, to be exceeded.
    """
    labels = joints.labels
    if labels is None:
        return []
    spread = np.einsum("hjxx->hj", joints.positions.covariance) / 2
    mirrored, gain = is_mirrored(joints.positions.mean, labels.points, spread, labels.variance, threshold)
    explained = {r.hand for r in joints.renamings} | {m.hand for m in joints.elsewhere}
    found = []
    for hand in np.flatnonzero(mirrored).tolist():
        if hand in explained:
            continue
        slots = np.flatnonzero(panel.has_joints[hand]).tolist()
        who = " and ".join(named(panel, hand, k) for k in slots)
        message = f"{who} placed the joints mirrored left to right, or the pre-label did"
        found.append(Mistake(MIRROR_DOUBTFUL, hand, tuple(slots), message, certain=False, gain=float(gain[hand])))
    return found
