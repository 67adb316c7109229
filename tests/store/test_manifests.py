"""Checksum lists: as sha256sum reads them, and every kind of damage is told."""

import subprocess

import pytest

from hint_tools.core.errors import DataError
from hint_tools.store.manifests import CHECKSUMS, verify_checksums, write_checksums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(b"picture")
    (tmp_path / "y ä.json").write_text("{}")
    write_checksums(tmp_path)
    return tmp_path


def test_sha256sum_agrees(folder):
    done = subprocess.run(["sha256sum", "-c", CHECKSUMS], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert verify_checksums(folder) == []


def test_missing_changed_and_unlisted_files_are_each_told(folder):
    (folder / "a" / "x.jpg").write_bytes(b"Picture")
    (folder / "y ä.json").unlink()
    (folder / "new").write_text("")
    codes = {f.code: f.subjects for f in verify_checksums(folder)}
    assert codes == {
        "release.file-missing": ("y ä.json",),
        "release.file-differs": ("a/x.jpg",),
        "release.file-unlisted": ("new",),
    }


@pytest.mark.parametrize("line", ["nonsense", "0" * 64 + "  ../outside", "0" * 64 + "  /etc/passwd"])
def test_a_hostile_list_is_refused(folder, line):
    (folder / CHECKSUMS).write_text(line + "\n")
    with pytest.raises(DataError, match="expected '<sha256>"):
        verify_checksums(folder)
