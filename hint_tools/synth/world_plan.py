"""How large a world is, where its parts lie, and what has to be drawn for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hint_tools.synth.fho_annotations import uid
from hint_tools.synth.jobs import ClipJob, Job, StillJob
from hint_tools.synth.truth import Truth

_PLACES = ("kitchen", "desk", "bench", "room", "garden")
_STILL_SIZES = ((640, 480), (480, 640), (800, 600))
_CLIP_SIZE = (640, 480)
_EVAL_SIZE = (480, 480)
_HELD = ("can", "", "screwdriver", "bottle", "", "cup", "hammer")
_VIDEO_FRAMES = 40
_VIDEO_CODECS = ("libx264", "mpeg4")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """How large the world is; the same plan gives the same files.

    Args:
        seed: decides everything else.
        n_images: pictures of the plain folder.
        n_clips: clips in Ego4D's layout.
        clip_frames: length of each, at least 90 for one action.
        n_videos: videos of the plain folder.
        n_eval: pictures of the evaluation set.
    """

    seed: int = 0
    n_images: int = 16
    n_clips: int = 4
    clip_frames: int = 150
    n_videos: int = 2
    n_eval: int = 12


@dataclass(frozen=True, slots=True)
class World:
    """A world on disk.

    Args:
        root: its folder.
        plan: what it was made with.
    """

    root: Path
    plan: WorldPlan

    @property
    def ego4d(self) -> Path:
        """Root of the Ego4D layout."""
        return self.root / "ego4d"

    @property
    def footage(self) -> Path:
        """Root of the plain folder."""
        return self.root / "footage"

    @property
    def eval_npz(self) -> Path:
        """Evaluation file in HaMeR's format, with 3D joints."""
        return self.root / "eval3d" / "synth_all.npz"

    @property
    def eval_images(self) -> Path:
        """Folder its image names are relative to."""
        return self.root / "eval3d" / "images"

    def truth(self) -> Truth:
        """What is true of every hand in it.

        Raises:
            DataError: the table is missing or damaged.
        """
        return Truth.read(self.root / "truth.parquet")


def world_jobs(world: World) -> list[Job]:
    """Everything that has to be drawn."""
    plan, parts = world.plan, world.root / ".parts"
    jobs: list[Job] = []
    for i in range(plan.n_clips):
        clip_uid, video = uid(plan.seed, "clip", i), i // 2 if i < 2 else i - 1
        jobs.append(
            ClipJob(
                seed=plan.seed,
                target=world.ego4d / "v2" / "clips" / f"{clip_uid}.mp4",
                part=parts / f"clip-{i}.parquet",
                name=f"v2/clips/{clip_uid}.mp4",
                where=_PLACES[i % len(_PLACES)],
                view="egocentric",
                size_px=_CLIP_SIZE,
                n_frames=plan.clip_frames,
                two_hands=i % 3 != 2,
                held=_HELD[i % len(_HELD)],
                participant=video // 2,
                codec="libx264",
                video_uid=uid(plan.seed, "video", video),
            )
        )
    jobs += [_footage_video(world, i) for i in range(plan.n_videos)]
    for i in range(plan.n_images):
        where = _PLACES[i % len(_PLACES)]
        name = f"{where}/IMG_{i:04d}.jpg"
        view = "egocentric" if i % 3 == 0 else "upright"
        size = _STILL_SIZES[i % len(_STILL_SIZES)]
        jobs.append(
            StillJob(plan.seed, world.footage / name, parts / f"still-{i}.parquet", name, where, view, size, 2, True)
        )
    for i in range(plan.n_eval):
        name = f"eval_{i:04d}.jpg"
        part = parts / f"eval-{i}.parquet"
        where = _PLACES[(i + 1) % len(_PLACES)]
        view = "egocentric" if i % 2 else "upright"
        jobs.append(StillJob(plan.seed, world.eval_images / name, part, name, where, view, _EVAL_SIZE, 1, False))
    return jobs


def _footage_video(world: World, i: int) -> ClipJob:
    where = _PLACES[(2 * i + 1) % len(_PLACES)]
    name = f"{where}/VID_{i:02d}.mp4"
    return ClipJob(
        seed=world.plan.seed,
        target=world.footage / name,
        part=world.root / ".parts" / f"video-{i}.parquet",
        name=name,
        where=where,
        view="upright",
        size_px=_CLIP_SIZE,
        n_frames=_VIDEO_FRAMES,
        two_hands=False,
        held="",
        participant=100 + i,
        codec=_VIDEO_CODECS[i % len(_VIDEO_CODECS)],
        video_uid="",
    )
