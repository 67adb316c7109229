"""Remote files as local ones, for decoders that seek: fetched in pieces, gone on with, bounded, removed after use."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from hint_tools.core.errors import DataError, RemoteError
from hint_tools.store.atomic import writing
from hint_tools.store.remote import RemotePath, SourcePath

PIECE_BYTES = 8 << 20
"""Fetched at a time: what an interruption may cost."""
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Cache:
    """Where fetched files stand.

    Args:
        folder: of the project; a machine that does not have it uses its own folder for temporary files.
        limit_bytes: of files that are kept; what is being read comes on top, at most one file a worker.
        keep: leave files for the next run instead of removing each after use.
    """

    folder: Path
    limit_bytes: int
    keep: bool = False

    def here(self) -> Path:
        """The folder on this machine, made."""
        folder = self.folder
        if not folder.is_dir():
            folder = Path(tempfile.gettempdir()) / f"hint-cache-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder


@contextlib.contextmanager
def local_file(file: SourcePath, cache: Cache) -> Iterator[Path]:
    """A path that holds `file` while the block runs: itself where it is local, else what was fetched.

    Raises:
        DataError: no such file, or it is larger than the cache.
        RemoteError: whoever keeps it can't be reached, or gave something else than announced.
        EnvironmentFault: the cache can't be written.
    """
    if not isinstance(file, RemotePath):
        yield file
        return
    size = file.size_bytes()
    if size > cache.limit_bytes:
        raise DataError(
            f"{file}: has {size / 1e9:.2f} GB, more than the cache may hold ({cache.limit_bytes / 1e9:.2f} GB)",
            hint="allow more: --cache-gb",
        )
    folder = cache.here()
    named = hashlib.sha256(f"{file} {file.state()}".encode()).hexdigest()[:32]
    target = folder / (named + PurePosixPath(file.name).suffix)
    with FileLock(folder / f"{target.name}.lock"):  # who makes room leaves it alone
        if not target.is_file() or target.stat().st_size != size:
            _make_room(folder, cache.limit_bytes - size)
            _fetch(file, size, target)
        target.touch()
        try:
            yield target
        except DataError as error:  # what is wrong with the copy is wrong with the file
            raise DataError(error.message.replace(str(target), str(file)), hint=error.hint) from error
        finally:
            if not cache.keep:
                target.unlink(missing_ok=True)
    if not cache.keep:
        (folder / f"{target.name}.lock").unlink(missing_ok=True)


def _fetch(file: RemotePath, size: int, target: Path) -> None:
    """`target` holds the remote file; pieces an interrupted run left are gone on with."""
    part = target.with_name(target.name + _PART)
    with writing(part), part.open("ab") as out:
        while (have := out.tell()) < size:
            piece = file.read_bytes(have, min(have + PIECE_BYTES, size))
            if len(piece) != min(PIECE_BYTES, size - have):
                out.truncate(0)
                raise RemoteError(f"{file}: asked for {size - have} bytes from {have}, got {len(piece)}")
            out.write(piece)
            out.flush()
    part.replace(target)


def _make_room(folder: Path, room: int) -> None:
    """Remove files that nobody reads, the longest unused first, until at most `room` bytes are left."""
    files = [(p.stat().st_mtime, p.stat().st_size, p) for p in folder.iterdir() if p.suffix not in (_PART, ".lock")]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= room:
            return
        lock = FileLock(folder / f"{path.name}.lock", timeout=0)
        with contextlib.suppress(Timeout), lock:
            path.unlink(missing_ok=True)
            total -= size


def open_cache(cache: Cache, source: SourcePath) -> None:
    """Make the folder where `source` is remote, so that workers who see this disk use it.

    Raises:
        EnvironmentFault: it can't be made.
    """
    if isinstance(source, RemotePath):
        with writing(cache.folder):
            cache.folder.mkdir(parents=True, exist_ok=True)


def clear_cache(cache: Cache) -> None:
    """Remove what killed runs left, unless it is to be kept."""
    if cache.folder.is_dir() and not cache.keep:
        for path in cache.folder.iterdir():
            if path.suffix != _PART:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # pieces of an interrupted run are gone on with
            cache.folder.rmdir()
