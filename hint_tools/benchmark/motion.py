"""How much a model shakes: acceleration errors over consecutive frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_M_TO_MM = 1000.0


def acceleration_error_mm(
    joints_m: Floats, truth_m: Floats, sequence: npt.NDArray[np.str_], frame: npt.NDArray[np.int64]
) -> Floats:
    """(t,) mean joint acceleration error, mm per frame², of each three consecutive frames of one sequence.

    |(p₋ - 2p + p₊) - (q₋ - 2q + q₊)| averaged over joints, p predicted and q true, both relative to their wrists
    (Kanazawa et al., "Learning 3D Human Dynamics from Video", 2019, sec. 5). Empty where no three frames follow.

    Args:
        joints_m: (n, 21, 3) m.
        truth_m: (n, 21, 3) m.
        sequence: (n,) which sequence each hand is of.
        frame: (n,) its number there.
    """
    order = np.lexsort((frame, sequence))
    ordered, numbers = sequence[order], frame[order]
    together = (ordered[2:] == ordered[:-2]) & (numbers[2:] - numbers[:-2] == 2) & (numbers[1:-1] - numbers[:-2] == 1)
    difference = ((joints_m - joints_m[:, :1]) - (truth_m - truth_m[:, :1]))[order]
    bend = difference[:-2] - 2 * difference[1:-1] + difference[2:]
    error: Floats = np.linalg.norm(bend[together], axis=-1).mean(axis=-1) * _M_TO_MM
    return error
