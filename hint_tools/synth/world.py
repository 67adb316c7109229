"""The whole synthetic world as files: Ego4D's layout, a plain folder, evaluation pictures, and the truth.

::

    ego4d/ego4d.json, ego4d/v2/clips/<uid>.mp4, ego4d/v2/annotations/fho_main.json
    footage/<place>/IMG_0000.jpg, footage/<place>/VID_00.mp4
    eval3d/images/*.jpg, eval3d/synth_all.npz
    truth.parquet       every hand of every frame
    world.json          what it was made with; written last
    .parts/             what single pictures and clips left, so that a killed build goes on
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError
from hint_tools.core.progress import track
from hint_tools.formats.hamer_npz import HamerSet, encode
from hint_tools.store.atomic import read_json, write_bytes, write_json
from hint_tools.store.tables import read_table
from hint_tools.synth.ego4d_files import FilmedClip, ego4d_json, fho_main, uid
from hint_tools.synth.jobs import ClipJob, Job, StillJob, run_job
from hint_tools.synth.truth import TRUTH, Truth, TruthHand

FORMAT_VERSION = 1
_PLACES = ("kitchen", "desk", "bench", "room", "garden")
_STILL_SIZES = ((640, 480), (480, 640), (800, 600))
_CLIP_SIZE = (640, 480)
_EVAL_SIZE = (480, 480)
_HELD = ("can", "", "screwdriver", "bottle", "", "cup", "hammer")
_FIRST_FRAME = 240
_CLIP_GAP = 900
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


def build_world(root: Path, plan: WorldPlan, *, workers: int | None = None) -> World:
    """The world of a plan in `root`; what is there already is not made again.

    Args:
        root: an empty folder, or one an earlier build was made or begun in.
        plan: how large it is.
        workers: processes; by default one a core, at most 4.

    Raises:
        DataError: `root` holds a world of another plan.
    """
    world = World(root.resolve(), plan)
    made_with = {"format": FORMAT_VERSION, **asdict(plan)}
    _check_plan(world.root, made_with)
    if (world.root / "world.json").exists():
        return world
    write_json(world.root / ".parts" / "plan.json", made_with)
    jobs = _jobs(world)
    _run_all([j for j in jobs if not j.done()], workers)
    truth = [hand for job in jobs if job.counts for hand in read_table(job.part, TRUTH)]
    Truth(truth).write(world.root / "truth.parquet")
    _write_ego4d(world, [j for j in jobs if isinstance(j, ClipJob) and j.video_uid])
    _write_eval(world, [j for j in jobs if not j.counts])
    write_json(world.root / "world.json", made_with)
    return world


def _check_plan(root: Path, made_with: dict[str, Any]) -> None:
    for name in ("world.json", ".parts/plan.json"):
        path = root / name
        if path.exists() and (found := read_json(path)) != made_with:
            raise DataError(
                f"{path}: expected a world made with {made_with}, got one made with {found}",
                hint=f"choose another folder, or delete {root}",
            )


def _run_all(jobs: list[Job], workers: int | None) -> None:
    """Run what is left, long jobs first; each leaves finished files or nothing."""
    ordered = sorted(jobs, key=lambda j: (-j.cost, str(j.target)))
    n_workers = min(len(ordered), workers or min(4, os.cpu_count() or 1))
    if n_workers <= 1:
        for job in track(ordered, "making the world"):
            run_job(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, mp_context=context) as pool:
        for _ in track(pool.map(run_job, ordered), "making the world", total=len(ordered)):
            pass


def _jobs(world: World) -> list[Job]:
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


def _write_ego4d(world: World, jobs: list[ClipJob]) -> None:
    clips = []
    for place_in_video, job in _numbered(jobs):
        rows = read_table(job.part, TRUTH)
        objects = read_json(job.objects)
        clips.append(
            FilmedClip(
                clip_uid=job.target.stem,
                video_uid=job.video_uid,
                participant=job.participant,
                start_frame=_FIRST_FRAME + place_in_video * (job.n_frames + _CLIP_GAP),
                n_frames=job.n_frames,
                width_px=job.size_px[0],
                height_px=job.size_px[1],
                held=job.held,
                hand_boxes=_boxes_by_frame(rows, job.n_frames),
                object_boxes=[None if b is None else np.array(b) for b in objects],
            )
        )
    clips.append(_never_downloaded(world, clips[-1]))
    write_json(world.ego4d / "v2" / "annotations" / "fho_main.json", fho_main(world.plan.seed, clips))
    write_json(world.ego4d / "ego4d.json", ego4d_json(clips))


def _numbered(jobs: list[ClipJob]) -> Iterable[tuple[int, ClipJob]]:
    """Each clip with its place among the clips of its video."""
    seen: dict[str, int] = {}
    for job in jobs:
        yield seen.get(job.video_uid, 0), job
        seen[job.video_uid] = seen.get(job.video_uid, 0) + 1


def _boxes_by_frame(rows: list[TruthHand], n_frames: int) -> list[dict[str, npt.NDArray[np.float64]]]:
    boxes: list[dict[str, npt.NDArray[np.float64]]] = [{} for _ in range(n_frames)]
    for row in rows:
        boxes[row.frame_index][row.side] = row.box
    return boxes


def _never_downloaded(world: World, like: FilmedClip) -> FilmedClip:
    """A clip the annotations name and the disk does not hold, as happens with the real data."""
    return FilmedClip(
        clip_uid=uid(world.plan.seed, "clip", "lost"),
        video_uid=like.video_uid,
        participant=like.participant,
        start_frame=like.start_frame + like.n_frames + 2 * _CLIP_GAP,
        n_frames=like.n_frames,
        width_px=like.width_px,
        height_px=like.height_px,
        held=like.held,
        hand_boxes=like.hand_boxes,
        object_boxes=like.object_boxes,
    )


def _write_eval(world: World, jobs: list[Job]) -> None:
    """The evaluation file: 2D joints with a confidence of 1, 3D joints in m, boxes tight around the hand."""
    rows = sorted((h for job in jobs for h in read_table(job.part, TRUTH)), key=lambda h: h.file)
    ones = np.ones((len(rows), 21, 1))
    boxes = np.stack([h.box for h in rows])
    data = HamerSet(
        imgname=np.array([h.file for h in rows]),
        center=(boxes[:, :2] + boxes[:, 2:]) / 2,
        scale=boxes[:, 2:] - boxes[:, :2],
        right=np.array([h.side == "right" for h in rows], np.float32),
        hand_keypoints_2d=np.concatenate([np.stack([h.keypoints for h in rows]), ones], axis=2),
        hand_keypoints_3d=np.concatenate([np.stack([h.keypoints_3d for h in rows]), ones], axis=2).astype(np.float32),
    )
    write_bytes(world.eval_npz, encode(data))
