"""Anybody's pictures and videos: every file below a folder, at any depth.

A picture is one candidate. A video gives one candidate for each stretch of `every_s` seconds, at a place inside the
stretch drawn by a keyed hash: the same file gives the same frames wherever it lies and whatever lies beside it.
"""

from __future__ import annotations

import bisect
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hint_tools.core.errors import DataError
from hint_tools.core.findings import Finding, Severity
from hint_tools.core.ids import unit_interval
from hint_tools.core.progress import track
from hint_tools.media.video import probe
from hint_tools.parallel.engine import Engine, Lost
from hint_tools.sources.candidates import Candidate, HandBox, SourceReading, Tally
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.project import MARKER
from hint_tools.store.remote import RemotePath, SourcePath

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".gif"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp"}
)

Boxes = Mapping[str, tuple[HandBox, ...]]
"""Hands of pictures, by path relative to the root."""
_PROBED_FRAMES = 8
"""How many frames could be extracted while the packets of a video are read."""


@dataclass(frozen=True, slots=True)
class _Video:
    """A video to look at, as it travels to a worker."""

    file: SourcePath
    relative: str
    seed: int
    every_s: float
    cache: Cache


@dataclass(frozen=True, slots=True)
class _Looked:
    """(frame number, time in s) of one frame in each stretch, and what is wrong: with its end, or with all of it.

    `whole` says why every packet was read to count the frames; it is empty where the file's own tables told.
    """

    places: tuple[tuple[int, float], ...] = ()
    damage: str = ""
    unreadable: str = ""
    whole: str = ""


def read_folder(
    root: SourcePath,
    *,
    engine: Engine,
    cache: Cache,
    seed: int = 0,
    every_s: float = 1.0,
    boxes: Boxes | None = None,
    licence: str = "unknown",
    redistributable: bool = False,
) -> SourceReading:
    """The candidates below `root`, ordered by path and frame.

    Args:
        root: of the pictures and videos.
        engine: looks at the videos, several at a time.
        cache: for remote videos while they are looked at.
        seed: of the places inside a video's stretches.
        every_s: length of a stretch of video that gives one candidate, s.
        boxes: hands of pictures, by path relative to the root.
        licence: of everything below the root.
        redistributable: whether that licence lets the pictures be passed on.

    Raises:
        DataError: `root` is no folder, is a project, or holds neither a picture nor a video.
    """
    if not root.is_dir():
        raise DataError(
            f"{root}: expected a folder of pictures and videos, found none", hint=f"ls {shlex.quote(str(root.parent))}"
        )
    skipped = Tally()
    images, videos, ignored = _sorted_files(root, skipped)
    if not images and not videos:
        raise DataError(
            f"{root}: expected pictures or videos in this folder or below, found {len(ignored)} files of other kinds",
            hint=f"find {shlex.quote(str(root))} -type f | head",
        )
    known, candidates = boxes or {}, []
    findings: list[Finding] = []
    for relative in images:
        folder = str(PurePosixPath(relative).parent)
        candidates.append(
            Candidate(
                file=root / relative, origin=relative, unit=relative, video=folder, hands=known.get(relative, ()),
                licence=licence, redistributable=redistributable, collection="folder",
            )
        )  # fmt: skip
    n_whole = 0
    jobs = [_Video(root / relative, relative, seed, every_s, cache) for relative in videos]
    looked = engine.each(_look, jobs, name=_called, units=_PROBED_FRAMES * len(jobs), ordered=True)
    for job, found in track(looked, "looking at videos", total=len(jobs)):
        relative = job.relative
        why = found.why if isinstance(found, Lost) else found.unreadable
        if isinstance(found, Lost) or why:
            skipped.add("unreadable video", f"{relative} ({why})")
            continue
        n_whole += bool(found.whole)
        if found.damage:
            findings.append(_cut_off(relative, found.damage))
        candidates.extend(
            Candidate(
                file=root / relative, origin=relative, unit=relative, video=relative, frame_index=number,
                time_s=time_s, licence=licence, redistributable=redistributable, collection="folder",
            )
            for number, time_s in found.places
        )  # fmt: skip
    findings += skipped.findings("sources", "places")
    findings += _unmatched(known, set(images))
    counts = {"pictures": len(images), "videos": len(videos), "other files": len(ignored)}
    counts |= {"videos read whole to count frames": n_whole} if n_whole else {}
    counts |= {f"skipped: {reason}": n for reason, n in skipped.counts().items()}
    return SourceReading(candidates=tuple(candidates), counts=counts, findings=tuple(findings))


def _sorted_files(root: SourcePath, closed: Tally) -> tuple[list[str], list[str], list[str]]:
    """Relative paths of pictures, videos and other files, each list sorted."""
    images: list[str] = []
    videos: list[str] = []
    ignored: list[str] = []
    walked = _walk_remote(root, closed) if isinstance(root, RemotePath) else _walk(root, closed)
    for relative in sorted(walked):
        suffix = PurePosixPath(relative).suffix.lower()
        kind = images if suffix in IMAGE_SUFFIXES else videos if suffix in VIDEO_SUFFIXES else ignored
        kind.append(relative)
    return images, videos, ignored


def _walk(root: Path, closed: Tally) -> Iterator[str]:
    """Relative paths of all files; linked folders are entered once, projects, hidden files and hidden folders never."""

    def refused(error: OSError) -> None:
        closed.add("unreadable folder", f"{error.filename} ({error.strerror})")

    entered = set()
    for place, folders, files in os.walk(root, followlinks=True, onerror=refused):
        folder = Path(place)
        identity = (folder.stat().st_dev, folder.stat().st_ino)
        if identity in entered:
            folders.clear()
            continue
        entered.add(identity)
        if MARKER in files:  # a project's frames and crops are no footage
            _refuse_project(root, folder)
            closed.add("hint project", folder.relative_to(root).as_posix())
            folders.clear()
            continue
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in files:
            if not name.startswith("."):
                yield (folder / name).relative_to(root).as_posix()


def _walk_remote(root: RemotePath, closed: Tally) -> Iterator[str]:
    """As `_walk`, at a URL."""
    for folder, folders, files in root.walk():
        within = folder.url[len(root.url) + 1 :]
        if MARKER in files:
            _refuse_project(root, folder)
            closed.add("hint project", within)
            folders.clear()
            continue
        folders[:] = [f for f in folders if not f.startswith(".")]
        yield from (f"{within}/{name}".lstrip("/") for name in files if not name.startswith("."))


def _refuse_project(root: SourcePath, folder: SourcePath) -> None:
    if folder == root:
        raise DataError(f"{root}: is a hint project, not footage", hint="name the folder of your pictures and videos")


def _called(job: _Video) -> str:
    return job.relative


def _look(job: _Video) -> _Looked:
    """One frame in each stretch of a video."""
    try:
        with ranged_file(job.file, job.cache) as video:
            info = probe(video)
    except DataError as error:
        return _Looked(unreadable=error.message)
    places = []
    for stretch in range(int(info.times_s[-1] // job.every_s) + 1):
        first = bisect.bisect_left(info.times_s, stretch * job.every_s)
        end = bisect.bisect_left(info.times_s, (stretch + 1) * job.every_s)
        if end > first:
            number = first + int(unit_interval(job.seed, "place", job.relative, stretch) * (end - first))
            places.append((number, info.times_s[number]))
    return _Looked(places=tuple(places), damage=info.damage, whole=info.read_whole)


def _cut_off(relative: str, damage: str) -> Finding:
    return Finding(
        code="sources.video-cut-off",
        severity=Severity.WARNING,
        message=f"{relative}: the end of this video is missing ({damage}); frames before it are used",
        suggestion="copy the file again",
        subjects=(relative,),
    )


def _unmatched(boxes: Boxes, images: set[str]) -> tuple[Finding, ...]:
    absent = Tally()
    for relative in boxes:
        if relative not in images:
            absent.add("boxes without a picture", relative)
    return absent.findings("sources", "pictures named in the box file")
