"""The `hint` command in a process that is struck at an exact moment, however fast the machine is.

``python moments.py KIND NUMBER SIGNAL COUNTS words...`` sends SIGNAL to its process group, as a terminal does, just
before the NUMBER-th moment of KIND. A `change` is a file of the working folder opened for writing, renamed, linked or
removed, a folder made or removed, or data flushed to disk: what a power cut leaves behind changes at these moments
alone. An `import` is a module being looked for. Without a NUMBER (0) the command ends by itself, and how many moments
of each kind there were is written to COUNTS.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"}


class Moments:
    """Counts the moments of this process, not of its children, and strikes at one of them."""

    def __init__(self, kind: str, number: int, signal: int) -> None:
        self.kind, self.number, self.signal = kind, number, signal
        self.here = f"{Path.cwd()}{os.sep}"
        self.process = os.getpid()
        self.counts = {"change": 0, "import": 0}

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            self.passed("import")
        elif (event in CHANGES or (event == "open" and arguments[2] & WRITING)) and self.is_here(arguments[0]):
            self.passed("change")

    def is_here(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and str(Path.cwd() / path).startswith(self.here)

    def passed(self, kind: str) -> None:
        if os.getpid() != self.process:
            return
        self.counts[kind] += 1
        if kind == self.kind and self.counts[kind] == self.number:
            os.killpg(os.getpgrp(), self.signal)


def main() -> None:
    kind, number, signal, counts, *words = sys.argv[1:]
    from hint_tools.cli.main import main as hint

    moments = Moments(kind, int(number), int(signal))
    flush = os.fsync

    def counted_flush(descriptor: Any) -> None:  # the one change Python does not tell audit hooks of
        moments.passed("change")
        flush(descriptor)

    os.fsync = counted_flush
    sys.argv = ["hint", *words]
    sys.addaudithook(moments.hook)
    try:
        hint()
    finally:
        Path(counts).write_text(json.dumps(moments.counts))


if __name__ == "__main__":
    main()
