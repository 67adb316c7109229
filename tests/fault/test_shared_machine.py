"""Two commands on one project, a full disk, a home that can't be written: a plain word, and nothing broken."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from as_a_user import User, digests
from fault_stages import stages

pytestmark = pytest.mark.slow

_HOLD = """
import sys
from pathlib import Path
from hint_tools.store.project import open_project
with open_project(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def somebody_in(root: Path) -> Iterator[int]:
    """The id of another process that writes in the project."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(root)], **pipes) as child:
        assert child.stdout.readline() == "held\n"
        yield child.pid
        child.communicate("done\n")


@pytest.mark.parametrize("name", ["sample", "prelabel", "qc", "release"])
def test_the_second_of_two_commands_names_the_first(name: str, rounds: dict[str, Path], user: User) -> None:
    root = user.here / "round"
    shutil.copytree(rounds[name], root)
    before = digests(root)
    with somebody_in(root) as pid:
        message = user.at(root).types(*stages()[name]).error(6)
    assert f"in use by process {pid}" in message
    assert digests(root) == before


def test_two_at_once_end_as_one(rounds: dict[str, Path], user: User) -> None:
    root = user.here / "round"
    shutil.copytree(rounds["sample"], root)
    both = [user.at(root).start(*stages()["sample"]) for _ in range(2)]
    told = [child.communicate(timeout=120) for child in both]
    codes = sorted(child.returncode for child in both)
    assert codes in ([0, 0], [0, 6]), told
    assert digests(root, ".hint/journal") == digests(rounds["after sample"], ".hint/journal")


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


@pytest.mark.parametrize("name", ["sample", "qc"])
def test_a_full_disk(name: str, rounds: dict[str, Path], user: User) -> None:
    """The file that could not be written is named, what was there stays, and with space the command goes on."""
    root = user.here / "round"
    shutil.copytree(rounds[name], root)
    before = digests(root, ".hint/journal")
    message = user.at(root).types(*stages()[name], preexec_fn=_small_files).error(6)
    assert message.startswith(str(root))
    assert "can't be written" in message
    after = digests(root, ".hint/journal")
    assert {k: after.get(k) for k in before} == before
    assert user.at(root).types(*stages()[name]).code == 0
    skip = (".hint/journal",)
    assert digests(root, *skip) == digests(rounds[f"after {name}"], *skip)


@pytest.mark.parametrize("words", [("server", "up"), ("prelabel", "--download-only")])
def test_a_home_that_cant_be_written(words: tuple[str, ...], rounds: dict[str, Path], user: User) -> None:
    home = user.here / "home"
    home.write_text("a file")
    message = user.at(rounds["qc"], HINT_HOME=str(home)).types(*words).error(6)
    assert str(home) in message


def test_a_file_where_a_folder_should_be(rounds: dict[str, Path], user: User) -> None:
    root = user.here / "round"
    shutil.copytree(rounds["sample"], root)
    (root / "frames").write_text("a file")
    assert "can't be written" in user.at(root).types(*stages()["sample"]).error(6)
