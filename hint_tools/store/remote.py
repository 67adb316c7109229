"""Source material at a URL (`s3://bucket/folder`, `gs://...`, `memory://...`): the few methods of `Path` readers use.

fsspec opens it; credentials and endpoints come from its drivers' own environment and files, never from here. A folder
is listed once and remembered: stores of objects charge for, and take their time over, each question.
"""

from __future__ import annotations

import contextlib
import functools
import io
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from hint_tools.core.errors import ConfigError, DataError, EnvironmentFault, RemoteError
from hint_tools.store.config import is_url, resolve_path

_INSTALL = {
    "s3": 'pip install "hint-tools[s3]"', "s3a": 'pip install "hint-tools[s3]"',
    "gs": 'pip install "hint-tools[gcs]"', "gcs": 'pip install "hint-tools[gcs]"',
}  # fmt: skip
_HERE_ONLY = frozenset({"memory"})
"""Protocols whose files exist in one process alone."""
_MARKS = (
    "size", "ETag", "etag", "md5Hash", "crc32c", "generation", "LastModified", "Last-Modified", "mtime", "created",
)  # fmt: skip
"""What drivers call that which changes with a file."""


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What a store says of a file.

    Args:
        size_bytes: of it; None where that is not told.
        marks: change whenever the file does, as far as the store says.
        in_parts: whether parts of it can be asked for, unless it turns out otherwise.
    """

    size_bytes: int | None
    marks: str
    in_parts: bool


@dataclass(frozen=True, slots=True, order=True)
class RemotePath:
    """A file or folder at a URL.

    Args:
        url: with its protocol, without a slash at the end.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str | PurePosixPath) -> RemotePath:
        return RemotePath(f"{self.url}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> RemotePath:
        """The folder it is in."""
        return RemotePath(self.url.rpartition("/")[0])

    @property
    def protocol(self) -> str:
        """What stands before `://`."""
        return self.url.partition("://")[0]

    def is_file(self) -> bool:
        """Whether a file is there. Raises as `read_bytes`, but not for one that is missing."""
        return (self._entry() or {}).get("type") == "file"

    def is_dir(self) -> bool:
        """Whether a folder is there. Raises as `is_file`."""
        return (self._entry() or {}).get("type") == "directory" or bool(_listing(self.url))

    def iterdir(self) -> Iterator[RemotePath]:
        """What is in the folder, by name. Raises as `is_file`."""
        yield from (self / name for name in sorted(_listing(self.url)))

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """What is in the folder and matches `pattern`, by name. Raises as `is_file`."""
        yield from (p for p in self.iterdir() if PurePosixPath(p.name).match(pattern))

    def walk(self) -> Iterator[tuple[RemotePath, list[str], list[str]]]:
        """Each folder from here down with the names of its folders and files; as `os.walk`, sorted."""
        listed = _listing(self.url)
        folders = sorted(n for n, e in listed.items() if e["type"] == "directory")
        yield self, folders, sorted(n for n, e in listed.items() if e["type"] == "file")
        for name in folders:
            yield from (self / name).walk()

    def read_bytes(self, start: int | None = None, end: int | None = None) -> bytes:
        """The content, or a part of it.

        Raises:
            DataError: no such file, or it may not be read.
            RemoteError: whoever keeps it can't be reached.
            EnvironmentFault: the driver for this kind of URL is not installed.
        """
        with asking(self.url):
            system, path = _system(self.url)
            return bytes(system.cat_file(path, start=start, end=end))

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text. Raises as `read_bytes`."""
        return self.read_bytes().decode(encoding, errors)

    def open(self, mode: str = "r", encoding: str = "utf-8", newline: str | None = None) -> IO[Any]:
        """The file, to be read from wherever is wanted: only what is asked for is fetched. Raises as `read_bytes`."""
        with asking(self.url):
            system, path = _system(self.url)
            opened = system.open(path, "rb")
        return opened if "b" in mode else io.TextIOWrapper(opened, encoding=encoding, newline=newline)

    def open_ranges(self) -> IO[bytes]:
        """The file, of which the bytes that are read are fetched and no others. Raises as `read_bytes`."""
        with asking(self.url):
            system, path = _system(self.url)
            return system.open(path, "rb", cache_type="none")  # type: ignore[no-any-return]

    def copy_to(self, target: Path) -> None:
        """`target` holds the file, read from its start to its end. Raises as `read_bytes`."""
        with asking(self.url):
            system, path = _system(self.url)
            system.get_file(path, str(target))

    def size_bytes(self) -> int:
        """Of the file. Raises as `read_bytes`."""
        size = self._known().get("size")
        if not isinstance(size, int):
            raise DataError(f"{self}: its size is not told; expected a store that knows its files' sizes")
        return size

    def state(self) -> str:
        """Changes whenever the file does, as far as its store says. Raises as `read_bytes`."""
        return _marks(self._known())

    def asked_anew(self) -> RemoteState:
        """What its store says of the file now, whatever was said before. Raises as `read_bytes`."""
        with asking(self.url):
            system, path = _system(self.url)
            system.invalidate_cache(path)
            entry = dict(system.info(path))
        return RemoteState(entry.get("size"), _marks(entry), entry.get("partial") is not False)

    def _known(self) -> dict[str, Any]:
        entry = self._entry()
        if entry is None:
            raise DataError(f"{self}: no such file")
        if entry.get("size") is None:  # listings of plain web servers name files and no more
            with asking(self.url):
                system, path = _system(self.url)
                entry = dict(system.info(path))
        return entry

    def _entry(self) -> dict[str, Any] | None:
        return _listing(self.parent.url).get(self.name) if "/" in self.url.partition("://")[2] else None


def _marks(entry: dict[str, Any]) -> str:
    return " ".join(f"{m}={entry[m]}" for m in _MARKS if entry.get(m) is not None)


SourcePath = Path | RemotePath
"""Where source material lies: on a disk (a network's too), or at a URL."""


def source_path(value: str | Path, base: Path) -> SourcePath:
    """Where `value` points: an absolute path (`file://` is one too), or a URL. What is there is asked anew.

    Args:
        value: a path, or a URL.
        base: what a relative path counts from.

    Raises:
        EnvironmentFault: the driver for this kind of URL is not installed.
        ConfigError: nobody knows this kind of URL.
    """
    if not is_url(value):
        return resolve_path(Path(value), base)
    url = str(value).rstrip("/")
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    _listing.cache_clear()
    with asking(url):
        _system(url)[0].invalidate_cache()
    return RemotePath(url)


def below(file: SourcePath, root: SourcePath) -> str | None:
    """The path of `file` below `root`, with forward slashes; None where it is not below it."""
    if isinstance(file, Path):
        return file.relative_to(root).as_posix() if isinstance(root, Path) and file.is_relative_to(root) else None
    return file.url[len(str(root)) + 1 :] if file.url.startswith(f"{root}/") else None


def file_state(file: SourcePath) -> str:
    """Changes whenever the file does; empty when it is gone."""
    try:
        if isinstance(file, RemotePath):
            return file.state()
        status = file.stat()
    except (OSError, DataError):
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def file_size(file: SourcePath) -> int:
    """Bytes of a file."""
    return file.size_bytes() if isinstance(file, RemotePath) else file.stat().st_size


def in_this_process_only(file: SourcePath) -> bool:
    """Whether no other process can read it."""
    return isinstance(file, RemotePath) and file.protocol in _HERE_ONLY


def _system(url: str) -> tuple[Any, str]:
    """The file system for a URL, and its word for the place."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system, str(path)


@functools.lru_cache(maxsize=None)  # noqa: UP033  (cleared by `source_path`)
def _listing(url: str) -> dict[str, dict[str, Any]]:
    """Name -> what is known, of everything in a folder; empty where there is none."""
    with asking(url):
        system, path = _system(url)
        try:
            entries = system.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        own = path.rstrip("/")
        found = {}
        for entry in entries:
            place = str(entry["name"]).rstrip("/")
            if place != own and posixpath.dirname(place).rstrip("/") == own:
                found[posixpath.basename(place)] = entry
        return found


class NoPartsError(Exception):
    """Whoever keeps a file gives it as a whole only."""


@contextlib.contextmanager
def asking(url: str) -> Iterator[None]:
    """Whatever a driver raises, as what it means to the user.

    Raises:
        DataError: no such file, it may not be read, or it is not what it was.
        RemoteError: whoever keeps it can't be reached.
        EnvironmentFault: the driver is not installed.
        ConfigError: nobody knows this kind of URL.
        NoPartsError: a part was asked for, and only the whole is given.
    """
    protocol = url.partition("://")[0]
    try:
        yield
    except (DataError, RemoteError):
        raise
    except FileNotFoundError:
        raise DataError(f"{url}: no such file") from None
    except (PermissionError, IsADirectoryError) as error:
        raise DataError(f"{url}: can't be read ({error})", hint="give its driver your credentials") from error
    except ImportError as error:
        install = _INSTALL.get(protocol, str(error))
        raise EnvironmentFault(f"{url}: reading {protocol}:// needs a driver ({error})", hint=install) from error
    except ValueError as error:
        if "range requests" in str(error):
            raise NoPartsError(url) from error
        if "rotocol" not in str(error):
            raise
        raise ConfigError(f"{url}: {error}", hint="expected a folder, s3://..., gs://..., file://...") from error
    except Exception as error:  # every driver has errors of its own
        if type(error).__name__ == "FileExpired":  # the driver for s3 asks for the version it found first
            raise DataError(f"{url}: has changed while it was read", hint="run it again") from error
        raise RemoteError(
            f"{url}: can't be reached ({type(error).__name__}: {error})",
            hint="check address and credentials as its driver reads them (environment, files); then run it again",
        ) from error
