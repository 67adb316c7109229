"""Answers kept batch by batch while an evaluation runs, so that a killed one continues and several processes share one.

A folder named by everything the answers depend on holds one file a batch, written atomically. It goes when the report
is written: what is kept is unfinished work only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.store.atomic import atomic_path

Array = npt.NDArray[Any]

PREFIX: Final = ".unfinished-"
_KEY_DIGITS: Final = 16
_PATIENCE_S: Final = 600.0
"""How long the first process waits for a further batch of the others."""
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` of `count`: every `count`-th batch, from `index` on."""

    index: int = 0
    count: int = 1

    def takes(self, batch: int) -> bool:
        """`batch` belongs to this part."""
        return batch % self.count == self.index


def parse_shard(text: str) -> Shard:
    """The shard that `text` names: `i/n` with i from 0 to n - 1; empty is everything.

    Raises:
        ConfigError: it says anything else.
    """
    if not text:
        return Shard()
    first, _, second = text.partition("/")
    if first.isdecimal() and second.isdecimal() and int(first) < int(second):
        return Shard(int(first), int(second))
    raise ConfigError(f"shard: expected i/n with i from 0 to n - 1, such as 0/4, got {text!r}")


def shard_of_environment() -> Shard | None:
    """The part torchrun gave this process (RANK of WORLD_SIZE); None outside of it.

    Raises:
        ConfigError: the variables hold no such numbers.
    """
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None or size is None or size == "1":
        return None
    return parse_shard(f"{rank}/{size}")


class Batches:
    """The batches of one evaluation.

    Args:
        folder: where reports go; the answers' own folder is made in it.
        parts: everything the answers depend on; another value, another folder.
        count: how many batches there are.
    """

    def __init__(self, folder: Path, parts: Mapping[str, Any], count: int) -> None:
        text = json.dumps(parts, sort_keys=True)
        self.folder = folder / f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]}"
        self.count = count

    def missing(self) -> list[int]:
        """The batches that no process has answered yet."""
        there = {p.name for p in self.folder.glob("batch-*.npz")} if self.folder.is_dir() else set()
        return [i for i in range(self.count) if _name(i) not in there]

    def save(self, batch: int, arrays: Mapping[str, Array]) -> None:
        """Keep the answers of a batch.

        Raises:
            EnvironmentFault: they can't be written.
        """
        with atomic_path(self.folder / _name(batch)) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    def load(self) -> Iterator[dict[str, Array]]:
        """The answers of all batches, in order, one at a time.

        Raises:
            DataError: one is missing or damaged.
        """
        for i in range(self.count):
            path = self.folder / _name(i)
            try:
                with np.load(path, allow_pickle=False) as stored:
                    arrays = {name: stored[name] for name in stored.files}
            except (OSError, ValueError, EOFError) as error:
                raise DataError(
                    f"{path}: can't be read ({error})", hint=f"delete {path.parent} and run again"
                ) from error
            yield arrays

    def wait(self) -> None:
        """Return when all batches are there.

        Raises:
            EnvironmentFault: no further one came for ten minutes.
        """
        left, since = len(self.missing()), time.monotonic()
        while left:
            time.sleep(_POLL_S)
            now = len(self.missing())
            if now < left:
                left, since = now, time.monotonic()
            elif time.monotonic() - since > _PATIENCE_S:
                raise EnvironmentFault(
                    f"{self.folder}: {left} of {self.count} batches of the other processes are still missing",
                    hint="look why they stopped; the same command continues",
                )

    def remove(self) -> None:
        """Delete the folder: the report is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _name(batch: int) -> str:
    return f"batch-{batch:06d}.npz"
