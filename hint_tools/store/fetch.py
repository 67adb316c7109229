"""Remote files as local ones, for decoders that seek: fetched as far as they are read, bounded, removed after use."""

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
from hint_tools.store.ranges import LIST, PART, PIECE_BYTES, RangedFile
from hint_tools.store.remote import RemotePath, RemoteState, SourcePath


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
def ranged_file(file: SourcePath, cache: Cache) -> Iterator[Path | RangedFile]:
    """`file` while the block runs: its path where it is local, else what fetches the parts of it that are read.

    Raises:
        DataError: no such file, what is read of it is more than the cache may hold, or it changes meanwhile.
        RemoteError: whoever keeps it can't be reached, or gave something else than announced.
        EnvironmentFault: the cache can't be written.
    """
    if not isinstance(file, RemotePath):
        yield file
        return
    with _copied(file, file.asked_anew(), cache) as ranged:
        yield ranged


@contextlib.contextmanager
def _copied(file: RemotePath, state: RemoteState, cache: Cache) -> Iterator[RangedFile]:
    folder = cache.here()
    named = hashlib.sha256(f"{file} {state.marks}".encode()).hexdigest()[:32]
    target = folder / (named + PurePosixPath(file.name).suffix)
    with FileLock(folder / f"{target.name}.lock"):  # who makes room leaves it alone
        ranged = RangedFile(file, target, state, lambda size: _make_room(folder, cache, file, target, size))
        _used_now(target)
        try:
            yield ranged
        except (RemoteError, KeyboardInterrupt):  # the next run goes on with what is here
            raise
        except BaseException:
            _leave(ranged, cache)
            raise
        else:
            _leave(ranged, cache)
        finally:
            ranged.close()
    if not cache.keep:
        (folder / f"{target.name}.lock").unlink(missing_ok=True)


@contextlib.contextmanager
def local_file(file: SourcePath, cache: Cache) -> Iterator[Path]:
    """A path that holds all of `file` while the block runs: itself where it is local. Raises as `ranged_file`."""
    if not isinstance(file, RemotePath):
        yield file
        return
    size = file.size_bytes()
    state = RemoteState(size, file.state(), True) if size <= PIECE_BYTES else file.asked_anew()
    with _copied(file, state, cache) as ranged:
        path = ranged.whole()
        try:
            yield path
        except DataError as error:  # what is wrong with the copy is wrong with the file
            raise DataError(error.message.replace(str(path), str(file)), hint=error.hint) from error


def _used_now(target: Path) -> None:
    for path in (target, target.with_name(target.name + PART)):
        if path.is_file():
            path.touch()


def _leave(ranged: RangedFile, cache: Cache) -> None:
    if not cache.keep:
        ranged.remove()


def _make_room(folder: Path, cache: Cache, file: RemotePath, target: Path, size: int) -> None:
    """Files that nobody reads are removed, the longest unused first, until there is room for `size` bytes of `file`.

    Raises:
        DataError: that is more than there ever is.
    """
    if size > cache.limit_bytes:
        raise DataError(
            f"{file}: {size / 1e9:.2f} GB of it are to be read, more than the cache may hold "
            f"({cache.limit_bytes / 1e9:.2f} GB)",
            hint="allow more: --cache-gb",
        )
    kept = []
    for path in folder.iterdir():
        of = path.name.removesuffix(PART)
        if of != target.name and path.suffix not in (".lock", LIST):
            status = path.stat()
            kept.append((status.st_mtime, status.st_blocks * 512 if path.suffix == PART else status.st_size, of))
    total = sum(took for _, took, _ in kept)
    for _, took, of in sorted(kept):
        if total <= cache.limit_bytes - size:
            return
        lock = FileLock(folder / f"{of}.lock", timeout=0)
        with contextlib.suppress(Timeout), lock:
            for path in (folder / of, folder / (of + PART), folder / (of + LIST)):
                path.unlink(missing_ok=True)
            total -= took


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
            if path.suffix not in (PART, LIST):
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # pieces of an interrupted run are gone on with
            cache.folder.rmdir()
