"""Near-duplicate crops by difference hashes, without comparing every pair.

Two hashes of 64 bits that differ in at most d bits agree in at least g of d + g parts (pigeonhole), so only hashes that
share g parts are compared: exact, and far fewer pairs than all. The more hashes there are, the larger g is chosen, so
that the shared bits tell them apart and the work grows little faster than their number.

Going through the hands in the order in which they were drawn, one is dropped when it is near one that was kept: unlike
joining everything that is connected, this neither lets a slow pan shrink to one frame nor lets later hands undo earlier
choices.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.sample.table import Bools, Ints, Keys

N_BITS = 64
_SIDE = 8
_MOST_AGREEING = 4
_SORTING = 8
"""What sorting one hash costs, in comparisons of a pair."""
_SCATTER = np.random.default_rng(64).permutation(N_BITS).astype(np.uint64)
"""Where each bit goes before the bands are cut: neighbouring bits are alike, and a dark corner would fill a band."""


def difference_hash(grey: npt.NDArray[np.uint8]) -> int:
    """64 bits: whether each of 8 x 8 places is brighter than its left neighbour (dHash, Krawetz 2013).

    Args:
        grey: `(H, W)` picture.
    """
    small = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def leaders(hashes: Keys, max_bits: int) -> Ints:
    """For each hand the earlier kept one it is near; -1 where it is kept itself.

    Args:
        hashes: `(n,)` in the order in which the hands were drawn.
        max_bits: hashes that differ in at most so many bits are near.
    """
    distinct, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    kept, leader = _first_come(len(distinct), *_near_pairs(distinct[order], max_bits))
    own = np.where(kept, first[order], first[order][leader])
    found = own[rank[group]]
    return np.asarray(np.where(found == np.arange(len(hashes)), -1, found))


def _near_pairs(hashes: Keys, max_bits: int) -> tuple[Ints, Ints]:
    """All pairs (earlier, later) of places at most `max_bits` apart, some of them several times."""
    lows, highs = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for band in _bands(hashes, max_bits, _agreeing(len(hashes), max_bits)):
        order = np.argsort(band, kind="stable")
        for a, b in _sharing(band[order]):
            one, other = order[a], order[b]
            near = np.bitwise_count(hashes[one] ^ hashes[other]) <= max_bits
            one, other = one[near], other[near]
            lows.append(np.minimum(one, other))
            highs.append(np.maximum(one, other))
    return np.concatenate(lows), np.concatenate(highs)


def _agreeing(n: int, max_bits: int) -> int:
    """How many parts should agree for the least work: sorting once a choice of parts, and comparing chance pairs."""

    def work(g: int) -> float:
        shared_bits = N_BITS * g // (max_bits + g)
        return float(math.comb(max_bits + g, g) * n * (_SORTING + n / 2.0 ** (shared_bits + 1)))

    return min(range(1, _MOST_AGREEING + 1), key=work)


def _bands(hashes: Keys, max_bits: int, g: int) -> Iterator[Keys]:
    """The hashes' bits, scattered and cut into `max_bits + g` parts, for every choice of `g` of them."""
    for parts in itertools.combinations(np.array_split(_SCATTER, max_bits + g), g):
        band = np.zeros_like(hashes)
        for i, place in enumerate(np.concatenate(parts)):
            band |= ((hashes >> place) & np.uint64(1)) << np.uint64(i)
        yield band


def _sharing(band: Keys) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of places with equal values in a sorted array; each pass pairs everything with its next neighbour but k."""
    active: Ints = np.arange(len(band))
    k = 0
    while True:
        k += 1
        active = active[active + k < len(band)]
        active = active[band[active] == band[active + k]]
        if not len(active):
            return
        yield active, active + k


def _first_come(n: int, low: Ints, high: Ints) -> tuple[Bools, Ints]:
    """Who is kept when each comes in order and is refused for a kept neighbour, and one such neighbour.

    Solved in rounds: whoever has no undecided or kept earlier neighbour is kept, their later neighbours are refused.
    """
    kept, refused = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    leader = np.full(n, n, np.int64)
    while True:
        live = ~refused[low] & ~refused[high] & ~kept[high]
        low, high = low[live], high[live]
        waiting = np.zeros(n, np.bool_)
        waiting[high] = True
        fresh = ~(waiting | kept | refused)
        kept |= fresh
        decided = kept[low]
        np.minimum.at(leader, high[decided], low[decided])
        refused[high[decided]] = True
        if (kept | refused).all():
            return kept, np.where(kept, -1, leader)
