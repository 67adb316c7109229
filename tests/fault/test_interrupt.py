"""Ctrl-C at any moment: a plain word, exit code 130, and the same command then ends as if nothing had happened.

The moments are shares of the time the undisturbed command takes, from while it still loads to its last writes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from as_a_user import User, digests
from fault_stages import stages

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # whether a signal lands in the middle depends on the machine's speed, which the gate should not
    pytest.mark.skipif(bool(os.environ.get("CI")), reason="depends on timing: run it by hand, pytest tests/fault"),
]

SHARES = (0.15, 0.5, 0.85)
WORD = "interrupted: what was done is kept; the same command continues"
CHANGING = (".hint/journal", "runs/first/.lock")
"""What may differ between a disturbed and an undisturbed run: the order of a journal's lines."""


def what_counts(root: Path) -> dict[str, str]:
    return digests(root, *CHANGING)


def is_polite(ended: object) -> None:
    assert ended.code == 130, ended
    assert "Traceback" not in ended.err, ended.err
    assert "error:" not in ended.err, ended.err
    assert ended.err.count(WORD) == 1, ended.err


@pytest.mark.parametrize("name", stages())
def test_ctrl_c_then_the_same_again(name: str, rounds: dict[str, Path], user: User) -> None:
    words = stages()[name]
    root = user.here / "round"
    shutil.copytree(rounds[name], root)
    here = user.at(root)
    began = time.monotonic()
    timing = user.here / "timing"
    shutil.copytree(rounds[name], timing)
    assert user.at(timing).types(*words).code == 0
    whole_s = time.monotonic() - began
    chance = random.Random(name)
    stopped = 0
    for share in SHARES:
        ended = here.interrupts(whole_s * share * chance.uniform(0.9, 1.05), *words)
        if ended is not None and ended.code != 0:
            is_polite(ended)
            stopped += 1
        for before, digest in what_counts(rounds[name]).items():  # what was there stays, until a stage replaces it
            assert (root / before).exists(), (before, digest)
    assert stopped >= 1
    ended = here.types(*words)
    assert ended.code == 0, ended
    assert what_counts(root) == what_counts(rounds[f"after {name}"])
    assert not list(root.rglob(".hint-tmp-*"))


@pytest.mark.parametrize("name", ["sample", "prelabel", "release"])
def test_kill_then_the_same_again(name: str, rounds: dict[str, Path], user: User) -> None:
    """As a power cut: nothing gets the chance to tidy up."""
    words = stages()[name]
    root = user.here / "round"
    shutil.copytree(rounds[name], root)
    here = user.at(root)
    began = time.monotonic()
    here.types(*words, "--dry-run")
    loading_s = time.monotonic() - began
    chance = random.Random(name)
    killed = sum(
        here.interrupts(loading_s * chance.uniform(0.8, 1.6), *words, number=signal.SIGKILL) is not None
        for _ in range(4)
    )
    assert killed >= 1
    assert here.types(*words).code == 0
    assert what_counts(root) == what_counts(rounds[f"after {name}"])
    assert not list(root.rglob(".hint-tmp-*"))
