"""Single pieces of the world, each drawn in whichever process is free: a picture, or a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hint_tools.core.records import Side
from hint_tools.mano.assets import load_hand_model
from hint_tools.media.images import encode_jpeg
from hint_tools.store.atomic import write_bytes, write_json
from hint_tools.store.tables import write_table
from hint_tools.synth.clips import ClipPlan, film
from hint_tools.synth.scene import sample_person
from hint_tools.synth.stills import make_still, seeded
from hint_tools.synth.truth import TRUTH, TruthHand
from hint_tools.synth.video import write_video

_STILL_COST = 6
"""A still is drawn with more rays than a frame of a clip: what it costs, in frames."""
_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class StillJob:
    """A picture to draw.

    Args:
        seed: of the world.
        target: the JPEG.
        part: table of its truth, written when the picture is complete.
        name: of the picture in the truth.
        where: one of `background.PLACES`.
        view: `upright` or `egocentric`.
        size_px: width and height.
        max_hands: 1 or 2.
        counts: belongs to the world's truth; evaluation pictures keep theirs apart.
    """

    seed: int
    target: Path
    part: Path
    name: str
    where: str
    view: str
    size_px: tuple[int, int]
    max_hands: int
    counts: bool

    @property
    def cost(self) -> int:
        """Work, in frames of a clip."""
        return _STILL_COST

    def done(self) -> bool:
        """Whether an earlier build finished it."""
        return self.part.exists() and self.target.exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipJob:
    """A clip to film; arguments as in `StillJob` and `clips.ClipPlan`.

    Args:
        two_hands: both hands, else the right one alone.
        participant: whose hands; the same number is the same person in every clip.
        codec: of the file.
        video_uid: of the long Ego4D video it was cut from; empty for the plain folder.
    """

    seed: int
    target: Path
    part: Path
    name: str
    where: str
    view: str
    size_px: tuple[int, int]
    n_frames: int
    two_hands: bool
    held: str
    participant: int
    codec: str
    video_uid: str
    counts: bool = True

    @property
    def cost(self) -> int:
        """Work, in frames of a clip."""
        return self.n_frames

    @property
    def objects(self) -> Path:
        """Boxes of the held thing, one entry a frame."""
        return self.part.with_suffix(".objects.json")

    def done(self) -> bool:
        """Whether an earlier build finished it."""
        return self.part.exists() and self.target.exists()


Job = StillJob | ClipJob


def run_job(job: Job) -> None:
    """The job's files exist, its truth table last."""
    if isinstance(job, StillJob):
        _draw(job)
    else:
        _film(job)


def _draw(job: StillJob) -> None:
    width_px, height_px = job.size_px
    still = make_still(
        seeded(job.seed, "still", job.part.stem),
        load_hand_model(),
        file=job.name,
        where=job.where,
        view=job.view,
        width_px=width_px,
        height_px=height_px,
        max_hands=job.max_hands,
    )
    write_bytes(job.target, encode_jpeg(still.picture, quality=_JPEG_QUALITY))
    write_table(job.part, TRUTH, still.hands)


def _film(job: ClipJob) -> None:
    width_px, height_px = job.size_px
    plan = ClipPlan(
        file=job.name,
        person=sample_person(seeded(job.seed, "person", job.participant)),
        sides=(Side.LEFT, Side.RIGHT) if job.two_hands else (Side.RIGHT,),
        where=job.where,
        held=job.held,
        view=job.view,
        n_frames=job.n_frames,
        width_px=width_px,
        height_px=height_px,
    )
    truth: list[TruthHand] = []
    boxes: list[list[float] | None] = []

    def pictures() -> Iterator[npt.NDArray[np.uint8]]:
        for frame in film(seeded(job.seed, "clip", job.part.stem), load_hand_model(), plan):
            truth.extend(frame.hands)
            boxes.append(None if frame.object_box is None else frame.object_box.tolist())
            yield frame.picture

    write_video(job.target, pictures(), width_px, height_px, codec=job.codec)
    write_json(job.objects, boxes)
    write_table(job.part, TRUTH, truth)
