"""Atomic files: whatever fails, at whatever call, the file is the old one or the new one."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.store import atomic

CALLS = ("os.open", "os.fsync", "Path.replace", "Path.write_bytes")


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(atomic.TEMPORARY_MARK)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kth", [1, 2])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_every_crash_point_leaves_old_or_new(tmp_path, monkeypatch, call, kth, number):
    target = tmp_path / "t.bin"
    target.write_bytes(b"old")
    owner, name = {"os": os, "Path": Path}[call.split(".")[0]], call.split(".")[1]
    real, seen = getattr(owner, name), []

    def failing(*args, **kwargs):
        seen.append(1)
        if len(seen) == kth:
            raise OSError(number, os.strerror(number))
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, failing)
    failed = False
    try:
        atomic.write_bytes(target, b"new")
    except (EnvironmentFault, OSError):
        failed = True
    monkeypatch.undo()
    assert target.read_bytes() in ((b"old", b"new") if failed else (b"new",))
    assert leftovers(tmp_path) == []


def test_a_full_disk_says_which_file_and_what_to_do(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from hint_tools.store.atomic import write_bytes\n"
        "from hint_tools.core.errors import EnvironmentFault\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bytes(Path(sys.argv[1]), b'x' * 5000)\n"
        "except EnvironmentFault as e: print(int(e.exit_code), e.message, '|', e.hint)\n"
    )
    target = tmp_path / "t.bin"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"6 {target}: can't be written")
    assert "free some space" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_disk_that_became_read_only_is_named_too(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(EnvironmentFault, match="Read-only file system") as caught:
        atomic.write_bytes(tmp_path / "t.bin", b"x")
    assert caught.value.hint == "use a project on a writable disk"


def test_a_killed_writer_leaves_the_old_file_and_its_rubbish_is_swept(tmp_path):
    target = tmp_path / "t.bin"
    target.write_bytes(b"old")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from hint_tools.store.atomic import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as t:\n"
        "    t.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    assert atomic.remove_leftovers(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["t.bin"]


def test_json_is_the_same_bytes_for_the_same_value(tmp_path):
    atomic.write_json(tmp_path / "a", {"b": 1, "a": [1.5, None]})
    atomic.write_json(tmp_path / "b", {"a": [1.5, None], "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        atomic.write_json(tmp_path / "a", float("nan"))
    assert atomic.read_json(tmp_path / "a") == {"a": [1.5, None], "b": 1}


def test_reading_what_is_not_json_names_the_file(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff{")
    with pytest.raises(DataError, match=r"x\.json: expected JSON"):
        atomic.read_json(tmp_path / "x.json")
    with pytest.raises(DataError, match="no such file"):
        atomic.read_json(tmp_path / "y.json")


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "release"

    def fill(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        atomic.write_folder(target, fill)
    assert list(tmp_path.iterdir()) == []
    atomic.write_folder(target, lambda folder: (folder / "a").write_text("2") and None)
    with pytest.raises(RuntimeError):
        atomic.write_folder(target, fill)
    assert (target / "a").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["release"]


@pytest.mark.parametrize("place", ["folder", "/proc/none/t.bin", "y" * 300 + "/t.bin"])
def test_a_place_no_file_can_be_at_is_named(tmp_path, place):
    (tmp_path / "folder").mkdir()
    with pytest.raises(EnvironmentFault, match="can't be written") as caught:
        atomic.write_bytes(tmp_path / place, b"new")
    assert caught.value.hint
    assert leftovers(tmp_path) == []


def test_a_folder_where_the_file_should_be_is_a_plain_word(tmp_path):
    (tmp_path / "t.json").mkdir()
    with pytest.raises(EnvironmentFault, match=r"t\.json: can't be written \(Is a directory\)") as told:
        atomic.write_text(tmp_path / "t.json", "{}")
    assert "move it" in told.value.hint
    assert leftovers(tmp_path) == []
    with pytest.raises(DataError, match="expected JSON"):
        atomic.read_json(tmp_path / "t.json")
