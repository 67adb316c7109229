"""The pictures of one clip after another into the tree, several clips at a time.

A file that stands there already is never written over unless that is asked for: it is compared.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.media.ffmpeg51 import Ffmpeg51, jpeg_comment
from hint_tools.media.images import decode_image, pixel_sha256
from hint_tools.media.official import OfficialPicture, official_pictures
from hint_tools.store.atomic import write_bytes


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One clip to extract, as it travels to a worker.

    Args:
        uid: of the clip.
        clip: its file.
        tree: the folder the files belong below.
        files: number of the frame -> files below the tree.
        ffmpeg: FFmpeg 5.1, where there is one.
        replace: write over standing files that differ.
        ours: sha256 of files an earlier rebuild wrote: those are always written over.
    """

    uid: str
    clip: Path
    tree: Path
    files: Mapping[int, tuple[str, ...]]
    ffmpeg: Ffmpeg51 | None
    replace: bool
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MadePicture:
    """One file of the tree, as the clip gives it.

    Args:
        file: below the tree.
        frame: number in the clip.
        sha256: of the file as the clip gives it.
        pixel_sha256: of its pixels: the same whoever decoded the clip or wrote the JPEG (`media.images`).
        size_bytes: of the file.
        width_px: of the picture.
        height_px: of the picture.
        way: how it was made (`media.official.Way`).
        standing: why the standing file, which was kept, is another one; empty when the tree holds this one.
    """

    file: str
    frame: int
    sha256: str
    pixel_sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    way: str
    standing: str = ""


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What came of one clip.

    Args:
        uid: of the clip.
        clip_bytes: size of its file.
        pictures: made, by file.
        missing: file -> why it could not be made.
        written: files that were not there before.
    """

    uid: str
    clip_bytes: int
    pictures: tuple[MadePicture, ...]
    missing: Mapping[str, str]
    written: int


def run_tasks(tasks: Sequence[ClipTask], workers: int | None) -> Iterator[ClipResult]:
    """The result of each clip as soon as it is there.

    Args:
        tasks: the clips.
        workers: processes; None takes one a core.

    Raises:
        EnvironmentFault: the tree can't be written, or a worker was killed.
    """
    ordered = sorted(tasks, key=lambda t: (-len(t.files), t.uid))
    n_workers = min(len(ordered), workers or os.cpu_count() or 1)
    if n_workers <= 1:
        yield from map(extract_clip, ordered)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, mp_context=context, initializer=_quiet_worker) as pool:
        try:
            for future in as_completed([pool.submit(extract_clip, task) for task in ordered]):
                yield future.result()
        except BrokenProcessPool as error:
            raise EnvironmentFault(
                "a process that read a clip was killed, most often for want of memory",
                hint="run the same command again with fewer --workers: it continues with what is left",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _quiet_worker() -> None:
    """Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def extract_clip(task: ClipTask) -> ClipResult:
    """Make the wanted pictures of a clip; a clip that can't be read gives none, with the reason for each.

    Raises:
        EnvironmentFault: the tree can't be written.
    """
    lost: dict[int, str] = {}
    made: list[MadePicture] = []
    left, written = dict.fromkeys(task.files), 0
    try:
        for picture in official_pictures(task.clip, task.files, ffmpeg=task.ffmpeg, on_missing=lost.__setitem__):
            files, new = _store(task, picture)
            del left[picture.number]
            made += files
            written += new
    except DataError as error:
        lost |= dict.fromkeys(left, error.message)
    missing = {
        file: lost.get(number, "it never came out of the clip") for number in left for file in task.files[number]
    }
    ordered = tuple(sorted(made, key=lambda p: p.file))
    return ClipResult(task.uid, task.clip.stat().st_size, ordered, dict(sorted(missing.items())), written)


def _store(task: ClipTask, picture: OfficialPicture) -> tuple[list[MadePicture], int]:
    """The files of one frame, and how many of them were written."""
    rgb = decode_image(picture.data, f"{task.clip}: picture {picture.number}")
    digest, pixels = hashlib.sha256(picture.data).hexdigest(), pixel_sha256(rgb)
    made, written = [], 0
    for file in task.files[picture.number]:
        standing, new = _put(task, task.tree / file, picture.data, pixels)
        written += new
        made.append(
            MadePicture(
                file=file,
                frame=picture.number,
                sha256=digest,
                pixel_sha256=pixels,
                size_bytes=len(picture.data),
                width_px=rgb.shape[1],
                height_px=rgb.shape[0],
                way=picture.way.value,
                standing=standing,
            )
        )
    return made, written


def _put(task: ClipTask, target: Path, data: bytes, pixels: str) -> tuple[str, bool]:
    """Why another file stands at `target` and was kept (empty otherwise), and whether `data` was written."""
    if target.is_file():
        standing = target.read_bytes()
        if standing == data:
            return "", False
        if not task.replace and hashlib.sha256(standing).hexdigest() not in task.ours:
            return why_other_jpeg(standing, data, pixels), False
    write_bytes(target, data)
    return "", True


def why_other_jpeg(standing: bytes, made: bytes, made_pixels: str) -> str:
    """What tells a JPEG file from the one that was made of the same frame.

    Args:
        standing: the file that is there.
        made: the file that was made.
        made_pixels: `pixel_sha256` of the latter.
    """
    try:
        same = pixel_sha256(decode_image(standing, "standing")) == made_pixels
    except DataError:
        return "it is damaged or no picture"
    theirs, ours = jpeg_comment(standing) or "an unnamed encoder", jpeg_comment(made)
    if same:
        return f"same pixels, other bytes: written by {theirs}, not by {ours}"
    return f"other pixels: written by {theirs}, not by {ours}" if theirs != ours else "other pixels: another frame"
