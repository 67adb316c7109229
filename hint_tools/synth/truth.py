"""What is really true of every hand of the synthetic world, and how to find it again from a project's records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from hint_tools.core.geometry import box_of_points, clip_box, iou
from hint_tools.core.ids import content_id
from hint_tools.core.records import Floats, Frame, Hand, Ints, Record, Side, array
from hint_tools.core.skeleton import N_JOINTS
from hint_tools.mano.camera import Camera
from hint_tools.mano.joint_visibility import visibility
from hint_tools.mano.kinematics import PosedHand
from hint_tools.mano.raster import Raster
from hint_tools.store.tables import Table, read_table, write_table
from hint_tools.synth.mesh import Mesh
from hint_tools.synth.scene import HandState

MIN_IOU = 0.1
"""A sampled box that overlaps a true one less than this is of no hand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruthHand(Record):
    """One hand in one frame, exactly. Names as in `core.records.Fit`; keypoints in px of the frame."""

    truth_id: str
    file: str
    """The picture or clip, relative to the root of its source, with forward slashes."""
    frame_index: int
    """From 0 in presentation order within `file`; -1 for a still picture."""
    side: str
    box: Floats = array(4)
    """Of all of the hand's surface that is inside the image, hidden or not; without the arm."""
    keypoints: Floats = array(N_JOINTS, 2)
    visibility: Ints = array(N_JOINTS, dtype="int8")
    keypoints_3d: Floats = array(N_JOINTS, 3)
    global_orient: Floats = array(3)
    hand_pose: Floats = array(45)
    betas: Floats = array(10)
    transl: Floats = array(3)
    focal_px: float
    principal_point: Floats = array(2)
    hand_model: str


TRUTH = Table("truth", TruthHand, "truth_id", 1, "hint demo")


def truth_of(
    *, file: str, frame_index: int, state: HandState, posed: PosedHand, number: int, mesh: Mesh, raster: Raster,
    camera: Camera, hand_model: str,
) -> TruthHand | None:  # fmt: skip
    """The truth of one rendered hand; None when no part of its surface is inside the image.

    Args:
        file: the picture or clip, relative to its source's root.
        frame_index: within the clip; -1 for a still.
        state: its parameters.
        posed: its vertices and joints.
        number: the hand's number in `mesh.owner`.
        mesh: everything that was rendered.
        raster: of the mesh, one ray a pixel.
        camera: of the picture.
        hand_model: identity of the hand model.
    """
    box = clip_box(box_of_points(camera.project(posed.vertices)), camera.width_px, camera.height_px)
    if not (box[2:] > box[:2]).all():
        return None
    keypoints = camera.project(posed.joints)
    return TruthHand(
        truth_id=content_id("truth", file, frame_index, number),
        file=file,
        frame_index=frame_index,
        side=state.side,
        box=box,
        keypoints=keypoints,
        visibility=visibility(raster, mesh.owner, mesh.part, number, keypoints, posed.joints),
        keypoints_3d=posed.joints,
        global_orient=state.global_orient,
        hand_pose=state.hand_pose,
        betas=state.betas,
        transl=state.transl,
        focal_px=camera.focal_px,
        principal_point=np.array([camera.cx, camera.cy]),
        hand_model=hand_model,
    )


class Truth:
    """All true hands of a world, found by picture and place.

    Args:
        hands: rows of the truth table.
    """

    def __init__(self, hands: Iterable[TruthHand]) -> None:
        self.hands = sorted(hands, key=lambda h: h.truth_id)
        self._at: dict[tuple[str, int], list[TruthHand]] = {}
        for hand in self.hands:
            self._at.setdefault(_key(hand.file, hand.frame_index), []).append(hand)

    @classmethod
    def read(cls, path: Path) -> Truth:
        """The truth kept in a table.

        Raises:
            DataError: missing, damaged or another table.
        """
        return cls(read_table(path, TRUTH))

    def write(self, path: Path) -> None:
        """Keep it as a table."""
        write_table(path, TRUTH, self.hands)

    def in_frame(self, frame: Frame) -> list[TruthHand]:
        """The hands in a sampled frame, found by the file it was taken from and the frame's number there."""
        return self._at.get(_key(frame.origin, frame.frame_index), [])

    def match(self, frame: Frame, hand: Hand) -> TruthHand | None:
        """The true hand a sampled hand is; None when its box is on no hand.

        The side is not compared, so that a wrong side shows.
        """
        return self.match_box(frame, hand.box)

    def match_box(self, frame: Frame, box: npt.NDArray[np.float64]) -> TruthHand | None:
        """The true hand of a frame whose box overlaps `box` most, at least by `MIN_IOU`."""
        best = max(self.in_frame(frame), key=lambda t: float(iou(t.box, box)), default=None)
        return best if best is not None and float(iou(best.box, box)) >= MIN_IOU else None


def _key(file: str, frame_index: int) -> tuple[str, int]:
    """Files are told apart by their name without folders: a source may be read from any folder above it."""
    return PurePosixPath(file).stem, frame_index


def side_of(hand: TruthHand) -> Side:
    """The hand's true side."""
    return Side(hand.side)
