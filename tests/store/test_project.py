"""The project folder: found, opened, locked, never misread."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault
from hint_tools.store.project import create_project, find_project, open_project
from hint_tools.store.tables import HANDS


def test_making_twice_keeps_the_first(tmp_path):
    first = create_project(tmp_path / "r", 'a "quoted" näme')
    again = create_project(tmp_path / "r", "other")
    assert again.project_id == first.project_id
    assert again.name == 'a "quoted" näme'


def test_found_from_below(tmp_path):
    project = create_project(tmp_path / "r", "r")
    (tmp_path / "r" / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "r" / "a" / "b") == project.root
    with pytest.raises(ConfigError, match=r"no hint\.toml here or above") as error:
        find_project(tmp_path)
    assert int(error.value.exit_code) == 3
    assert "hint init" in error.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not toml [", "expected TOML"),
        ("[project]\nname = 'x'\n", "expected \\[project\\] with name, id and format"),
        (
            "[project]\nname = 'x'\nid = 'y'\nformat = 99\n",
            "made for project format 99; this hint-tools reads format 1",
        ),
    ],
)
def test_a_marker_that_does_not_fit(tmp_path, text, says):
    (tmp_path / "hint.toml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        open_project(tmp_path)


def test_paths_stay_inside(tmp_path):
    project = create_project(tmp_path / "r", "r")
    with pytest.raises(DataError, match="leads out"):
        project.path("../../etc/passwd")


@pytest.mark.parametrize("name", ["a\0b", "loop"])
def test_paths_that_lead_nowhere_are_a_plain_word(tmp_path, name):
    project = create_project(tmp_path / "r", "r")
    (project.root / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="is no path in the project"):
        project.path(name)


def test_reading_before_sampling_names_the_command(tmp_path):
    with pytest.raises(DataError) as error:
        create_project(tmp_path / "r", "r").read(HANDS)
    assert error.value.hint == "hint sample"


HOLD = """
import sys, time; from pathlib import Path
from hint_tools.store.project import open_project
with open_project(Path(sys.argv[1])).lock():
    print("held", flush=True); time.sleep(60)
"""


def test_a_lock_on_a_read_only_disk_is_a_plain_word(tmp_path, monkeypatch):
    project = create_project(tmp_path / "r", "r")

    def refused(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    refusal = r"\.hint/lock: can't be written \(Read-only file system\)"
    with pytest.raises(EnvironmentFault, match=refusal), project.lock():
        pytest.fail("it was locked")


def test_a_second_process_is_told_who_holds_the_lock(tmp_path):
    project = create_project(tmp_path / "r", "r")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(project.root)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentFault, match=f"in use by process {holder.pid} on"), project.lock():
            pass
        os.kill(holder.pid, signal.SIGKILL)
    started = time.monotonic()
    with project.lock():  # a dead process holds nothing
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("left", ["", "{oops", "[1]"])
def test_a_lock_whose_holder_had_no_time_to_say_who_it_is_is_a_lock(tmp_path, left):
    project = create_project(tmp_path / "r", "r")
    with project.lock():
        (project.root / ".hint/lock.json").write_text(left)
        with pytest.raises(EnvironmentFault, match=r"in use by process \? on \?"), project.lock():
            pass


def test_a_read_only_project_says_so(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    project = create_project(tmp_path / "r", "r")
    project.root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(EnvironmentFault, match="can't be written"), project.lock():
        pass
    project.root.chmod(0o755)
