"""Which candidates to take: a seeded order in which new data never reshuffles what was there.

Every choice sorts by a hash of the thing itself. Frames are taken round by round, one from each video a round, so that
no video gives more than its share while another still has some left (water-filling), and a larger `n` only adds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from hint_tools.core.ids import content_id, order_key
from hint_tools.sources.candidates import Candidate, HandBox


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates worth taking, one for each frame.

    Args:
        candidates: in a fixed order.
        dropped: number of candidates left out, by reason.
        hands_dropped: number of hands left out of candidates that stay, by reason.
    """

    candidates: tuple[Candidate, ...]
    dropped: Counter[str]
    hands_dropped: Counter[str]


def frame_id(label: str, candidate: Candidate) -> str:
    """The id of a candidate's frame in the tables of source `label`."""
    return content_id("frame", label, candidate.unit, candidate.frame_index)


def make_pool(candidates: Sequence[Candidate], *, per_action: int, min_hand_px: float, seed: int) -> Pool:
    """The candidates that may be taken: hands large enough, `per_action` frames of an action, no frame twice.

    Args:
        candidates: of one source.
        per_action: frames of each action, chosen by hash; candidates without an action all stay.
        min_hand_px: least length of the longer side of a hand's box.
        seed: of the choice among an action's frames.
    """
    dropped: Counter[str] = Counter()
    hands_dropped: Counter[str] = Counter()
    large = []
    for candidate in candidates:
        kept = tuple(h for h in candidate.hands if _longer_side(h) >= min_hand_px)
        if candidate.hands and not kept:
            dropped["hands too small"] += 1
            continue
        hands_dropped["too small"] += len(candidate.hands) - len(kept)
        large.append(replace(candidate, hands=kept))
    picked = _per_action(large, per_action, seed)
    dropped["another frame of the action was taken"] = len(large) - len(picked)
    merged, repeated = _merged(picked)
    hands_dropped["annotated again under another action"] = repeated
    dropped["same frame under another action"] = len(picked) - len(merged)
    return Pool(tuple(merged), +dropped, +hands_dropped)


def take(
    pool: Iterable[Candidate], n: int | None, seed: int, without: Collection[tuple[str, int]] = ()
) -> list[Candidate]:
    """At most `n` candidates, in the order in which they were drawn.

    Args:
        pool: to draw from.
        n: how many; None for all.
        seed: of the order.
        without: (unit, frame index) of candidates that turned out to be unusable.
    """
    videos: dict[str, list[Candidate]] = {}
    for candidate in pool:
        if (candidate.unit, candidate.frame_index) not in without:
            videos.setdefault(candidate.video, []).append(candidate)
    drawn = []
    for video, frames in videos.items():
        turn = order_key(seed, "video", video)
        ordered = sorted(frames, key=lambda c: order_key(seed, "frame", c.unit, c.frame_index))
        drawn += [(round_number, turn, c) for round_number, c in enumerate(ordered)]
    drawn.sort(key=lambda d: d[:2])
    return [c for _, _, c in drawn[:n]]


def _longer_side(hand: HandBox) -> float:
    x0, y0, x1, y1 = hand.box
    return max(x1 - x0, y1 - y0)


def _per_action(candidates: Sequence[Candidate], per_action: int, seed: int) -> list[Candidate]:
    actions: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        if candidate.action:
            actions.setdefault((candidate.unit, candidate.action), []).append(candidate)
    kept = {
        id(c)
        for frames in actions.values()
        for c in sorted(frames, key=lambda c: order_key(seed, "action", c.unit, c.action, c.frame_type))[:per_action]
    }
    return [c for c in candidates if not c.action or id(c) in kept]


def _merged(candidates: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """One candidate for each frame, with the hands of all; a side that comes again is left out and counted."""
    frames: dict[tuple[str, int], Candidate] = {}
    repeated = 0
    for candidate in sorted(candidates, key=lambda c: (c.unit, c.frame_index, c.action, c.frame_type)):
        key = (candidate.unit, candidate.frame_index)
        first = frames.get(key)
        if first is None:
            frames[key] = candidate
            continue
        known = {h.side for h in first.hands}
        fresh = tuple(h for h in candidate.hands if h.side not in known)
        repeated += len(candidate.hands) - len(fresh)
        frames[key] = replace(first, hands=first.hands + fresh)
    return list(frames.values()), repeated
