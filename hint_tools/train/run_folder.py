"""The folder of one training: `runs/NAME/`.

::

    config.yaml          settings and network
    log.jsonl            losses
    checkpoints/         step-000200.ckpt, the newest few
    last.ckpt            the newest of them
    card.md              what was trained, on what, how it went
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from hint_tools.core.errors import EnvironmentFault
from hint_tools.store.atomic import atomic_path, remove_leftovers

_STEP_NAME = re.compile(r"step-(\d{6,})\.ckpt")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of a run, and the care for its checkpoints."""

    root: Path

    @property
    def last(self) -> Path:
        """The newest checkpoint, under a name that stays."""
        return self.root / "last.ckpt"

    @property
    def log(self) -> Path:
        """The losses."""
        return self.root / "log.jsonl"

    @property
    def card(self) -> Path:
        """What was trained, for people."""
        return self.root / "card.md"

    @property
    def config(self) -> Path:
        """Settings and network."""
        return self.root / "config.yaml"

    def checkpoint(self, step: int) -> Path:
        """Where the checkpoint of a step lives."""
        return self.root / "checkpoints" / f"step-{step:06d}.ckpt"

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, rising."""
        names = (_STEP_NAME.fullmatch(p.name) for p in (self.root / "checkpoints").glob("step-*.ckpt"))
        return sorted(int(m[1]) for m in names if m)

    def publish(self, step: int, *, keep: int, every: int) -> None:
        """Make the checkpoint of `step` the last one, and delete what is not kept; again, it changes nothing.

        Args:
            step: the newest.
            keep: how many stay: the newest ones of the schedule, and this one. What an interrupt saved in between
                goes, so that a run that was stopped ends with the files of one that was not.
            every: steps of the schedule.

        Raises:
            EnvironmentFault: it could not be written.
        """
        newest = self.checkpoint(step)
        if not (self.last.exists() and self.last.samefile(newest)):
            with atomic_path(self.last) as temporary:
                temporary.unlink()
                try:
                    os.link(newest, temporary)
                except OSError:  # a file system without hard links
                    shutil.copyfile(newest, temporary)
        stay = [s for s in self.steps() if s % every == 0 or s == step][-keep:]
        for old in set(self.steps()) - set(stay):
            self.checkpoint(old).unlink()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Only one training writes here; the project stays free for other commands meanwhile.

        Raises:
            EnvironmentFault: another process holds it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / ".lock", timeout=0):
                for folder in (self.root, self.root / "checkpoints"):
                    if folder.is_dir():
                        remove_leftovers(folder)
                yield
        except Timeout:
            raise EnvironmentFault(
                f"{self.root}: another training writes here", hint="wait for it, or choose another --name"
            ) from None
