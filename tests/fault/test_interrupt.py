"""Ctrl-C or a power cut at any moment: the same command then ends as if nothing had happened.

The moments are counted in the command itself (`moments.py`), not timed, so that they land on any machine.
"""

from __future__ import annotations

import random
import shutil
import signal
from itertools import pairwise
from pathlib import Path

import pytest
from as_a_user import User, digests
from fault_stages import stages, struck

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORD = "interrupted: what was done is kept; the same command continues"
NOT_COMPARED = ".hint/journal"
"""The order of a journal's lines, which may differ between a disturbed and an undisturbed run."""


@pytest.fixture
def here(name: str, rounds: dict[str, Path], user: User) -> User:
    """Somebody in a copy of the project as it stands before the stage."""
    shutil.copytree(rounds[name], user.here / "round")
    return user.at(user.here / "round")


def parts(count: int, name: str) -> list[int]:
    """Three numbers that together come to at most `count`: work left, whatever each of three runs saves of its own."""
    cuts = sorted(random.Random(name).sample(range(1, count), 2))
    return [b - a for a, b in pairwise([0, *cuts, count])]


def ends_as_undisturbed(name: str, here: User, rounds: dict[str, Path]) -> None:
    ended = here.types(*stages()[name])
    assert ended.code == 0, ended
    assert digests(here.here, NOT_COMPARED) == digests(rounds[f"after {name}"], NOT_COMPARED)
    assert not list(here.here.rglob(".hint-tmp-*"))


def nothing_is_lost(name: str, here: User, rounds: dict[str, Path]) -> None:
    """What was there before the stage is there still."""
    for file in digests(rounds[name], NOT_COMPARED):
        assert (here.here / file).exists(), file


@pytest.mark.parametrize("name", stages())
def test_ctrl_c_then_the_same_again(
    name: str, here: User, rounds: dict[str, Path], counted: dict[str, dict[str, int]]
) -> None:
    """Once while it still loads, then wherever it changes files: a plain word and exit code 130 each time."""
    moments = [("import", random.Random(name).randrange(1, counted[name]["import"]))]
    moments += [("change", part) for part in parts(counted[name]["change"], name)[:2]]
    for kind, number in moments:
        ended = struck(here, stages()[name], kind, number, signal.SIGINT)
        assert ended.code == 130, ended
        assert "Traceback" not in ended.err, ended.err
        assert "error:" not in ended.err, ended.err
        assert ended.err.count(WORD) == 1, ended.err
        nothing_is_lost(name, here, rounds)
    ends_as_undisturbed(name, here, rounds)


@pytest.mark.parametrize("name", stages())
def test_kill_then_the_same_again(
    name: str, here: User, rounds: dict[str, Path], counted: dict[str, dict[str, int]]
) -> None:
    """As a power cut: nothing gets the chance to tidy up."""
    for number in parts(counted[name]["change"], f"kill {name}"):
        ended = struck(here, stages()[name], "change", number, signal.SIGKILL)
        assert ended.code == -signal.SIGKILL, ended
        nothing_is_lost(name, here, rounds)
    ends_as_undisturbed(name, here, rounds)
