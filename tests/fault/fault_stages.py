"""The stages that are interrupted, in order, sized so that each has something to interrupt; and the interruption."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from signal import Signals

from as_a_user import Ended, User, world

MOMENTS = Path(__file__).with_name("moments.py")
COUNTS = "counts.json"
"""Lies beside the project: how many moments a command had that nothing disturbed."""


def struck(here: User, words: tuple[str, ...], kind: str, number: int, by: Signals) -> Ended:
    """A command with a signal to all its processes just before its `number`-th moment of a kind; 0: none."""
    order = (sys.executable, MOMENTS, kind, number, int(by), here.here.parent / COUNTS, *words)
    child = subprocess.run(
        [str(word) for word in order], cwd=here.here, env=here.variables(), start_new_session=True,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return Ended(child.returncode, child.stdout, child.stderr)


def stages() -> dict[str, tuple[str, ...]]:
    """Name -> words of the command."""
    return {
        "sample": ("sample", "--source", "folder", "--root", str(world().footage), "--every-s", "0.5"),
        "prelabel": ("prelabel",),
        "qc": ("qc",),
        "fit": ("fit",),
        "release": ("release", "build", "r1"),
        "train": (
            "train", "--release", "releases/r1", "--preset", "tiny", "--steps", "6", "--batch-size", "2",
            "--save-every", "2",
        ),
        "benchmark": ("benchmark", "runs/first/last.ckpt", "--release", "releases/r1", "--split", "train"),
        "predict": (
            "predict", "runs/first/last.ckpt", "--release", "releases/r1", "--split", "train", "--mesh", "obj",
            "--no-overlay",
        ),
    }  # fmt: skip
