"""Files that are either the old one or the new one, never torn.

Temporary file in the same folder, fsync, replace, fsync of the folder. Every file this package
writes for keeps goes through here.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hint_tools.core.errors import DataError, EnvironmentFault

TEMPORARY_MARK = ".hint-tmp-"


@contextlib.contextmanager
def atomic_path(target: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """A temporary path to write to; it becomes `target` when the block ends well, else it is removed.

    Raises:
        EnvironmentFault: no space, no permission, or a read-only file system.
    """
    temporary = target.with_name(f"{TEMPORARY_MARK}{secrets.token_hex(6)}-{target.name}"[-200:])
    _make_folder_of(target)
    try:
        with writing(target):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):  # of a read-only disk: told above; what stays is swept by the next command
            temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes, *, mode: int = 0o644) -> None:
    """`target` holds exactly `data`.

    Raises:
        EnvironmentFault: it could not be written; the old file, if any, is untouched.
    """
    with atomic_path(target, mode=mode) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str, *, mode: int = 0o644) -> None:
    """`target` holds `text` as UTF-8. Raises as `write_bytes`."""
    write_bytes(target, text.encode(), mode=mode)


def write_json(target: Path, value: Any, *, mode: int = 0o644) -> None:
    """`target` holds `value` as indented JSON with sorted keys: the same value, the same bytes.

    Raises:
        ValueError: NaN or infinity inside; as `write_bytes` otherwise.
    """
    write_text(target, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", mode=mode)


class _Text(Protocol):
    """A `Path`, or what reads like one (`store.remote`)."""

    def read_text(self, encoding: str) -> str: ...


def read_json(source: _Text) -> Any:
    """The JSON value in `source`.

    Raises:
        DataError: missing, a folder, or not JSON.
    """
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{source}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise DataError(f"{source}: expected JSON, got something else ({error})") from error


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """`target` becomes the folder that `fill` made, in one step; an older folder is replaced.

    Raises:
        EnvironmentFault: it could not be written; whatever `fill` raises.
    """
    _make_folder_of(target)
    staging = target.with_name(f"{TEMPORARY_MARK}{secrets.token_hex(6)}-{target.name}")
    old = staging.with_name(staging.name + "-old")
    try:
        with writing(target):
            staging.mkdir()
            fill(staging)
            if target.exists():
                target.rename(old)
            staging.rename(target)
            _sync_folder(target.parent)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        for leftover in (staging, old):
            shutil.rmtree(leftover, ignore_errors=True)


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files of killed runs directly in `folder`; how many there were."""
    count = 0
    for path in folder.glob(f"{TEMPORARY_MARK}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        count += 1
    return count


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say which file and what to do, where the system only says a number.

    Raises:
        EnvironmentFault: no space, no permission, no place for it, or a read-only file system.
    """
    try:
        yield
    except OSError as error:
        advice = {
            errno.ENOSPC: "free some space on this disk",
            errno.EFBIG: "free some space, or raise the file size limit",
            errno.EDQUOT: "free some of your quota",
            errno.EACCES: f"give yourself write permission: chmod u+w {shlex.quote(str(target.parent))}",
            errno.EPERM: f"give yourself write permission: chmod u+w {shlex.quote(str(target.parent))}",
            errno.EROFS: "use a project on a writable disk",
            errno.ENOTDIR: f"a file stands where a folder of {target} should be: move it",
            errno.ENAMETOOLONG: "choose a shorter name",
            errno.EEXIST: f"a file stands where a folder of {target} should be: move it",
            errno.EISDIR: f"a folder stands where the file should be: move it, {target}",
            errno.ELOOP: f"a link of {target} leads back to itself: remove it",
        }.get(error.errno or 0)
        if advice is None:
            raise
        raise EnvironmentFault(f"{target}: can't be written ({error.strerror})", hint=advice) from error


def _make_folder_of(target: Path) -> None:
    with writing(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # /proc and its like take no folders
            raise EnvironmentFault(
                f"{target}: can't be written (no folder can be made there: {error.strerror})",
                hint="name a place on a disk you may write to",
            ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
