"""The pictures of one clip after another into the tree, several clips at a time.

Workers read clips and make pictures, this process alone writes. A file that stands there already is never written over
unless that is asked for: it is compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.media.ffmpeg51 import Ffmpeg51, find_ffmpeg51, jpeg_comment
from hint_tools.media.images import decode_image, pixel_sha256
from hint_tools.media.official import official_pictures
from hint_tools.parallel.engine import Engine, Item
from hint_tools.store.atomic import write_bytes
from hint_tools.store.fetch import Cache, ranged_file
from hint_tools.store.remote import SourcePath, file_size


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One clip to extract.

    Args:
        uid: of the clip.
        clip: its file.
        tree: the folder the files belong below.
        files: number of the frame -> files below the tree.
        ffmpeg: FFmpeg 5.1, where there is one.
        replace: write over standing files that differ.
        ours: sha256 of files an earlier rebuild wrote: those are always written over.
        cache: for a remote clip while it is read.
    """

    uid: str
    clip: SourcePath
    tree: Path
    files: Mapping[int, tuple[str, ...]]
    ffmpeg: Ffmpeg51 | None
    replace: bool
    cache: Cache
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What a worker needs to know of a clip; arguments as in `ClipTask`."""

    uid: str
    clip: SourcePath
    numbers: tuple[int, ...]
    ffmpeg: Ffmpeg51 | None
    cache: Cache


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a clip as a JPEG file; what is said of it as in `MadePicture`."""

    number: int
    data: bytes
    pixel_sha256: str
    width_px: int
    height_px: int
    way: str


@dataclass(frozen=True, slots=True)
class NoFrame:
    """Why a frame could not be had."""

    number: int
    why: str


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
        interrupted: whoever read it did not live to the end, so it is to be tried again.
    """

    uid: str
    clip_bytes: int
    pictures: tuple[MadePicture, ...]
    missing: Mapping[str, str]
    written: int
    interrupted: bool = False


@dataclass(slots=True)
class _Making:
    """A clip whose pictures are coming."""

    task: ClipTask
    left: dict[int, None]
    made: list[MadePicture] = field(default_factory=list)
    lost: dict[int, str] = field(default_factory=dict)
    written: int = 0

    def add(self, frame: Frame | NoFrame) -> None:
        """Put a frame into its files."""
        if isinstance(frame, NoFrame):
            self.lost[frame.number] = frame.why
            return
        del self.left[frame.number]
        digest = hashlib.sha256(frame.data).hexdigest()
        for file in self.task.files[frame.number]:
            standing, new = _put(self.task, self.task.tree / file, frame.data, frame.pixel_sha256)
            self.written += new
            self.made.append(
                MadePicture(
                    file=file, frame=frame.number, sha256=digest, pixel_sha256=frame.pixel_sha256,
                    size_bytes=len(frame.data), width_px=frame.width_px, height_px=frame.height_px, way=frame.way,
                    standing=standing,
                )
            )  # fmt: skip

    def result(self, why_lost: str) -> ClipResult:
        """What came of the clip; `why_lost` when whoever read it did not live to the end."""
        missing = {
            file: why_lost or self.lost.get(number, "it never came out of the clip")
            for number in self.left
            for file in self.task.files[number]
        }
        made = tuple(sorted(self.made, key=lambda p: p.file))
        size = file_size(self.task.clip)
        return ClipResult(self.task.uid, size, made, dict(sorted(missing.items())), self.written, bool(why_lost))


def run_tasks(tasks: Sequence[ClipTask], engine: Engine) -> Iterator[ClipResult]:
    """The result of each clip as soon as it is there.

    Args:
        tasks: the clips.
        engine: reads them.

    Raises:
        EnvironmentFault: the tree can't be written, workers keep dying, or a machine lacks what this one has.
        RemoteError: the clips are at a URL, and whoever keeps them can't be reached.
    """
    ordered = sorted(tasks, key=lambda t: (-len(t.files), t.uid))
    making = {t.uid: _Making(t, dict.fromkeys(t.files)) for t in ordered}
    jobs = (ClipJob(t.uid, t.clip, tuple(t.files), t.ffmpeg, t.cache) for t in ordered)
    n_frames = sum(len(t.files) for t in ordered)
    for event in engine.stream(frames_of, jobs, name=lambda j: str(j.clip), units=n_frames):
        if isinstance(event, Item):
            making[event.job.uid].add(event.value)
        else:
            yield making.pop(event.job.uid).result(event.lost)


def frames_of(job: ClipJob) -> Iterator[Frame | NoFrame]:
    """The wanted frames of a clip; a clip that can't be read gives none, with the reason for each.

    Raises:
        EnvironmentFault: this machine lacks the FFmpeg 5.1 the others use, or has no room to fetch the clip to.
        RemoteError: whoever keeps the clip can't be reached.
    """
    _same_ffmpeg(job.ffmpeg)
    lost: dict[int, str] = {}
    left = dict.fromkeys(job.numbers)
    try:
        with ranged_file(job.clip, job.cache) as video:
            for picture in official_pictures(video, job.numbers, ffmpeg=job.ffmpeg, on_missing=lost.__setitem__):
                rgb = decode_image(picture.data, f"{job.clip}: picture {picture.number}")
                del left[picture.number]
                height_px, width_px = rgb.shape[:2]
                yield Frame(
                    picture.number, picture.data, pixel_sha256(rgb), width_px, height_px, picture.way.value
                )  # fmt: skip
    except DataError as error:
        lost |= dict.fromkeys(left, error.message)
    yield from (NoFrame(number, why) for number, why in sorted(lost.items()))


def _same_ffmpeg(ffmpeg: Ffmpeg51 | None) -> None:
    """See that the program is here too: a worker may be another machine."""
    if ffmpeg is None:
        return
    here = find_ffmpeg51(ffmpeg.program)
    if here != ffmpeg:
        found = "another version" if here is None else here.version
        raise EnvironmentFault(f"{ffmpeg.program}: expected FFmpeg {ffmpeg.version} on every machine, found {found}")


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
