"""Near-duplicate crops by difference hashes, without comparing every pair.

Two hashes of 64 bits that differ in at most d bits agree in at least one of d + 1 bands (pigeonhole), so only hashes
that share a band are compared: exact, and far fewer pairs than all. Going through the hands in the order in which they
were drawn, one is dropped when it is near one that was kept: unlike joining everything that is connected, this neither
lets a slow pan shrink to one frame nor lets later hands undo earlier choices.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.sample.table import Bools, Ints, Keys

N_BITS = 64
_SIDE = 8
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
    for band in _bands(hashes, max_bits + 1):
        order = np.argsort(band, kind="stable")
        for a, b in _sharing(band[order]):
            one, other = order[a], order[b]
            near = np.bitwise_count(hashes[one] ^ hashes[other]) <= max_bits
            one, other = one[near], other[near]
            lows.append(np.minimum(one, other))
            highs.append(np.maximum(one, other))
    return np.concatenate(lows), np.concatenate(highs)


def _bands(hashes: Keys, n: int) -> Iterator[Keys]:
    """The hashes' bits, scattered, in `n` parts of as equal a width as can be."""
    for places in np.array_split(_SCATTER, n):
        band = np.zeros_like(hashes)
        for i, place in enumerate(places):
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
