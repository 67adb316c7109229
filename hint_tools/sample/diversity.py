"""The most different crops of many: k-center by farthest-first traversal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hint_tools.sample.table import Ints


def most_different(features: npt.NDArray[np.float32], k: int) -> Ints:
    """Places of at most `k` features, each the farthest from all before it, the first one first.

    No choice of k leaves a feature much worse covered: the largest distance to the nearest chosen one is at most twice
    the best possible (Gonzalez 1985). At a tie the earlier one is taken.

    Args:
        features: `(n, d)` in the order in which they were drawn.
        k: how many.
    """
    chosen: list[int] = []
    distance = np.full(len(features), np.inf)
    while len(chosen) < min(k, len(features)):
        best = int(np.argmax(distance))
        chosen.append(best)
        distance = np.minimum(distance, ((features - features[best]) ** 2).sum(axis=1))
        distance[best] = -np.inf
    return np.array(chosen, np.int64)
