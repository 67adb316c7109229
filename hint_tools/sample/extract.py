"""Frames into the project, each written once, remembered in a journal; several files are read at a time.

Workers read and decode (`pictures`), this process alone writes: a worker may die at any moment, on any machine, and
leaves nothing half-done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hint_tools.core.progress import work
from hint_tools.parallel.engine import Engine, Item
from hint_tools.sample.pictures import Failure, Picture, PictureJob, VideoRead, Wanted, pictures_of
from hint_tools.sample.table import frame_id
from hint_tools.sources.candidates import Candidate, by_unit
from hint_tools.store.atomic import write_bytes
from hint_tools.store.fetch import Cache
from hint_tools.store.journal import Journal
from hint_tools.store.project import Project
from hint_tools.store.remote import SourcePath, file_state

LOST = "lost with its worker"
"""Reason of frames whose worker was killed; the next run tries them again."""
_TOGETHER = 16
"""Plain pictures of one job."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A frame's picture in the project.

    Args:
        path: relative to the project.
        width_px: of the picture.
        height_px: of the picture.
        size_bytes: of the file.
        sha256: of the file.
        pixel_sha256: of the picture decoded from the file.
        decoder: what decoded the source and encoded the file.
    """

    path: str
    width_px: int
    height_px: int
    size_bytes: int
    sha256: str
    pixel_sha256: str
    decoder: str


class Extractor:
    """Stores frames of one source; what an earlier run stored is not read again while its file is unchanged.

    Args:
        project: where to.
        label: of the source.
        journal: opened, remembers what was done.
        engine: reads files.
        cache: for remote files while they are read.
        bare: plain pictures are stored without what cameras write into them.

    Attributes:
        reads: of the videos this run read.
    """

    def __init__(
        self, project: Project, label: str, journal: Journal, engine: Engine, cache: Cache, *, bare: bool
    ) -> None:
        self._project = project
        self._label = label
        self._journal = journal
        self._engine = engine
        self._cache = cache
        self._bare = bare
        self.reads: list[VideoRead] = []
        self._done = {e["frame"]: e for e in journal.entries if "frame" in e}

    def extract(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Stored | Failure]]:
        """Each candidate with its stored picture, or with why there is none; ordered by file and frame."""
        ordered = [c for same in by_unit(candidates).values() for c in same]
        states = {c.file: file_state(c.file) + self._how(c) for c in {c.file: c for c in ordered}.values()}
        frames = [frame_id(self._label, c) for c in ordered]
        results: dict[str, Stored | Failure] = {}
        wanted = []
        for candidate, frame in zip(ordered, frames, strict=True):
            known = self._remembered(frame, states[candidate.file])
            if known is None:
                wanted.append(Wanted(frame, candidate.file, candidate.frame_index, candidate.member, self._bare))
            else:
                results[frame] = known
        with work("extracting frames", len(ordered)) as progress:
            if results:
                progress.advance(len(results))
            for frame, result in self._fresh(wanted, states):
                results[frame] = result
                progress.advance()
        for candidate, frame in zip(ordered, frames, strict=True):
            yield candidate, results[frame]

    def how_read(self) -> dict[str, Any]:
        """How many videos this run read, of how many all of it and why, and what was fetched of remote ones."""
        whole = Counter(read.read_whole for read in self.reads if read.read_whole)
        return {
            "videos": len(self.reads),
            "read whole to count frames": dict(sorted(whole.items())),
            "remote bytes": sum(read.size_bytes for read in self.reads),
            "fetched bytes": sum(read.fetched_bytes for read in self.reads),
        }

    def _how(self, candidate: Candidate) -> str:
        """What of the settings decides what is stored of a file."""
        return "-bare" if self._bare and candidate.frame_index < 0 and not candidate.member else ""

    def _remembered(self, frame: str, state: str) -> Stored | Failure | None:
        entry = self._done.get(frame)
        if entry is None or entry["file"] != state:
            return None
        if "failure" in entry:
            return Failure(**entry["failure"])
        stored = Stored(**entry["stored"])
        path = self._project.path(stored.path)
        return stored if path.is_file() and path.stat().st_size == stored.size_bytes else None

    def _fresh(self, wanted: Sequence[Wanted], states: dict[SourcePath, str]) -> Iterator[tuple[str, Stored | Failure]]:
        left = {w.frame: states[w.file] for w in wanted}
        for event in self._engine.stream(pictures_of, _jobs(wanted, self._cache), name=_name, units=len(wanted)):
            if not isinstance(event, Item):
                for frame in (w.frame for w in event.job.wanted if w.frame in left):
                    yield frame, Failure(LOST, event.lost)
            elif isinstance(event.value, VideoRead):
                self.reads.append(event.value)
            else:
                frame, got = event.value
                yield frame, self._kept(frame, got, left.pop(frame))

    def _kept(self, frame: str, got: Picture | Failure, state: str) -> Stored | Failure:
        """What became of a frame, once it is on disk and on record."""
        if isinstance(got, Failure):
            self._remember({"frame": frame, "file": state, "failure": asdict(got)})
            return got
        path = f"frames/{self._label}/{frame}.jpg"
        write_bytes(self._project.path(path), got.data)
        stored = Stored(
            path, got.width_px, got.height_px, len(got.data), got.sha256, got.pixel_sha256, got.decoder
        )  # fmt: skip
        self._remember({"frame": frame, "file": state, "stored": asdict(stored)})
        return stored

    def _remember(self, entry: dict[str, Any]) -> None:
        self._journal.append(entry)
        self._done[entry["frame"]] = entry


def _name(job: PictureJob) -> str:
    return job.name


def _jobs(wanted: Sequence[Wanted], cache: Cache) -> list[PictureJob]:
    """One for each video and each archive, the others some at a time; the largest first, so that none is last."""
    together: dict[tuple[str, int], list[Wanted]] = {}
    n_plain = 0
    for one in wanted:
        if one.frame_index >= 0 or one.member:
            together.setdefault((str(one.file), 0), []).append(one)
        else:
            together.setdefault(("", n_plain // _TOGETHER), []).append(one)
            n_plain += 1
    jobs = [PictureJob(str(group[0].file), tuple(group), cache) for group in together.values()]
    return sorted(jobs, key=lambda j: (-len(j.wanted), j.name))
