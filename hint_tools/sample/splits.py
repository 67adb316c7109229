"""Train, val and test by whole participants and videos.

Why not a plain threshold on a hash of the group: with the few videos of a pilot it often leaves val or test empty.
Why not shares of a sorted list: one more video would move others from test to train, and a model trained on the old
release would have seen the new test set. So a group keeps the split it has in the project's table, and only new groups
are assigned: in hash order, first one to each split that has none (train, test, val), then each to the split that
lacks most of its share of frames. The same inputs in a fresh project give the same splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hint_tools.core.errors import DataError
from hint_tools.core.ids import order_key
from hint_tools.core.records import Frame, Split
from hint_tools.sources.candidates import known_everywhere

_STRICTEST_FIRST = (Split.TEST, Split.VAL, Split.TRAIN)
"""Where groups with different splits turn out to belong together, all of them go to the first of these."""
_FILLED_FIRST = (Split.TRAIN, Split.TEST, Split.VAL)


@dataclass(frozen=True, slots=True)
class Origin:
    """What decides a frame's split: its video and, where known, the person filmed.

    Args:
        video: the video's name.
        participant: the person's; may be empty.
        source: within which the names mean something; empty where they mean the same in every source.
    """

    video: str
    participant: str = ""
    source: str = ""

    @classmethod
    def of(cls, source: str, video: str, participant: str) -> Origin:
        """The origin of a frame of `source`: one video that comes by two sources must not be in two splits either."""
        return cls(video, participant, "" if known_everywhere(video) else source)

    def names(self) -> tuple[str, ...]:
        """Names that must not appear in two splits."""
        within = f" of source {self.source}" if self.source else ""
        person = (f"participant {self.participant}{within}",) if self.participant else ()
        return (f"video {self.video}{within}", *person)


def assign(
    frames: Sequence[Origin],
    before: Mapping[Origin, str],
    *,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> dict[Origin, Split]:
    """The split of every origin in `frames`.

    Args:
        frames: the origin of each frame taken, one entry a frame.
        before: splits that earlier runs gave.
        val_fraction: share of frames wanted in val.
        test_fraction: share of frames wanted in test.
        seed: of the order in which new groups are assigned.
    """
    groups = _groups([*frames, *before])
    held: dict[str, set[str]] = {}
    for origin, split in before.items():
        held.setdefault(groups[origin], set()).add(split)
    weights: dict[str, int] = {}
    for origin in frames:
        weights[groups[origin]] = weights.get(groups[origin], 0) + 1
    share = {Split.TRAIN: 1 - val_fraction - test_fraction, Split.VAL: val_fraction, Split.TEST: test_fraction}
    filled = dict.fromkeys(Split, 0)
    splits: dict[str, Split] = {}
    for group in sorted(held):
        splits[group] = next(s for s in _STRICTEST_FIRST if s in held[group])
        filled[splits[group]] += weights.get(group, 0)
    for group in sorted(weights.keys() - held.keys(), key=lambda g: order_key(seed, "split", g)):
        splits[group] = _neediest(share, filled, len(frames))
        filled[splits[group]] += weights[group]
    return {origin: splits[groups[origin]] for origin in dict.fromkeys(frames)}


def assert_no_leak(frames: Iterable[Frame]) -> None:
    """Nothing, when no video and no participant stands in two splits.

    Raises:
        DataError: one does.
    """
    for key, splits in leaks(frames).items():
        raise DataError(
            f"{key} is in splits {' and '.join(splits)}: expected one",
            hint="hint sample (again, with the settings of the first time)",
        )


def leaks(frames: Iterable[Frame]) -> dict[str, tuple[str, ...]]:
    """Videos and participants that stand in more than one split, with the splits in the order they were met."""
    seen: dict[str, dict[str, None]] = {}
    for frame in frames:
        for key in Origin.of(frame.source, frame.video, frame.participant).names():
            seen.setdefault(key, {})[frame.split] = None
    return {key: tuple(splits) for key, splits in seen.items() if len(splits) > 1}


def _neediest(share: Mapping[Split, float], filled: Mapping[Split, int], total: int) -> Split:
    wanted = [s for s in _FILLED_FIRST if share[s] > 0]
    empty = [s for s in wanted if not filled[s]]
    return empty[0] if empty else max(wanted, key=lambda s: share[s] * total - filled[s])


def _groups(origins: Iterable[Origin]) -> dict[Origin, str]:
    """The name of each origin's group: origins that share a video or a participant, over any number of steps."""
    parent: dict[str, str] = {}

    def top(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    distinct = list(dict.fromkeys(origins))
    for origin in distinct:
        first, *others = (top(k) for k in origin.names())
        for other in others:
            low, high = sorted((first, top(other)))
            parent[high] = low
            first = low
    return {origin: top(origin.names()[0]) for origin in distinct}
