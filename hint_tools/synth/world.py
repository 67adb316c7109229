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

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import DataError, EnvironmentFault
from hint_tools.core.progress import track
from hint_tools.formats.hamer_npz import HamerSet, encode
from hint_tools.parallel.engine import Engine, Lost
from hint_tools.store.atomic import read_json, write_bytes, write_json
from hint_tools.store.tables import read_table
from hint_tools.synth.ego4d_files import ego4d_json
from hint_tools.synth.fho_annotations import FilmedClip, fho_main, uid
from hint_tools.synth.jobs import ClipJob, Job, run_job
from hint_tools.synth.truth import TRUTH, Truth, TruthHand
from hint_tools.synth.world_plan import World, WorldPlan, world_jobs

__all__ = ["World", "WorldPlan", "build_world"]

FORMAT_VERSION = 1
_FIRST_FRAME = 240
_CLIP_GAP = 900
_MOST_WORKERS = 4


def build_world(root: Path, plan: WorldPlan, *, workers: int | None = None) -> World:
    """The world of a plan in `root`; what is there already is not made again.

    Args:
        root: an empty folder, or one an earlier build was made or begun in.
        plan: how large it is.
        workers: processes; by default one a core, at most 4.

    Raises:
        DataError: `root` holds a world of another plan.
        EnvironmentFault: no space, no permission, or a process was killed.
    """
    world = World(root.resolve(), plan)
    made_with = {"format": FORMAT_VERSION, **asdict(plan)}
    _check_plan(world.root, made_with)
    if (world.root / "world.json").exists():
        return world
    write_json(world.root / ".parts" / "plan.json", made_with)
    jobs = world_jobs(world)
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
    with Engine(workers=workers or min(_MOST_WORKERS, os.cpu_count() or 1)) as engine:
        done = engine.each(run_job, ordered, name=lambda j: str(j.target), units=len(ordered))
        for _, result in track(done, "making the world", total=len(ordered)):
            if isinstance(result, Lost):
                raise EnvironmentFault(
                    f"{result.why}; most often for want of memory",
                    hint="run the same command again: it continues with what is left",
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
