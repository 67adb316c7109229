"""Crops of a hand, side by side: each annotator's skeleton and the consensus."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import HintError
from hint_tools.core.geometry import apply_affine
from hint_tools.core.records import Consensus, Frame, Hand
from hint_tools.media.draw import draw_box, draw_hand, hand_crop
from hint_tools.media.images import read_image
from hint_tools.qc.panel import ABSENT, SIDES, Panel
from hint_tools.report.page import Figure, Gallery
from hint_tools.store.project import Project

Image = npt.NDArray[np.uint8]

CROP_PX = 208
CONTEXT = 1.5
"""Side of a crop over the longer side of the hand: as tight as shows where a slipped joint went."""
LEGEND = (
    "Thumb orange, index yellow, middle green, ring blue, pinky pink; rings and dashes: called hidden; ellipses: where "
    "the consensus lies with 95 %."
)
"""What the drawings mean."""
_FRAME = np.array([3.0, 3.0, CROP_PX - 4.0, CROP_PX - 4.0])
_MARK_COLOUR = (255, 92, 40)
_ELLIPSE_COLOUR = (255, 255, 255)
_CHI2_95 = 5.991
"""Of χ² with two degrees of freedom."""
_MAX_PICTURES_KEPT = 8


class Pictures:
    """Draws hands of a project; hands whose picture can't be read are left out and remembered.

    Args:
        project: where the pictures are.
        frames: by id.
        hands: by id.

    Attributes:
        unreadable: frame ids, with what the reader said.
    """

    def __init__(self, project: Project, frames: Mapping[str, Frame], hands: Mapping[str, Hand]) -> None:
        self._project = project
        self._frames = frames
        self._hands = hands
        self._kept: dict[str, Image] = {}
        self.unreadable: dict[str, str] = {}

    def gallery(
        self, panel: Panel, hand: int, consensus: Consensus, caption: str, marked: Collection[int] = ()
    ) -> Gallery | None:
        """Every answer in a crop of its own, the consensus last; None without a picture.

        Args:
            panel: the answers.
            hand: index.
            consensus: of this hand.
            caption: above the crops.
            marked: answers with a mistake: they get a frame.
        """
        found = self._crop(panel, hand, consensus)
        if found is None:
            return None
        slots = np.flatnonzero(panel.answered[hand]).tolist()
        figures = [_answer_figure(*found, panel, hand, slot, marked=slot in marked) for slot in slots]
        figures.append(_consensus_figure(*found, consensus))
        return Gallery(figures, max(len(figures), 4), caption)

    def beside_consensus(
        self, panel: Panel, hand: int, slot: int, consensus: Consensus, caption: str
    ) -> tuple[Figure, Figure] | None:
        """One answer, and the consensus of the same hand; None without a picture.

        Args:
            panel: the answers.
            hand: index.
            slot: of the answer.
            consensus: of this hand.
            caption: under the answer.
        """
        found = self._crop(panel, hand, consensus)
        if found is None:
            return None
        own = _answer_figure(*found, panel, hand, slot, marked=False)
        return Figure(own.image, caption, own.alt), _consensus_figure(*found, consensus)

    def _crop(self, panel: Panel, hand: int, consensus: Consensus) -> tuple[Image, npt.NDArray[np.float64]] | None:
        """The hand's surroundings, and the affine map from px of the frame to theirs."""
        image = self._image(self._hands[consensus.hand_id].frame_id)
        if image is None:
            return None
        return hand_crop(image, self._box(panel, hand, consensus), size_px=CROP_PX, context=CONTEXT)

    def _box(self, panel: Panel, hand: int, consensus: Consensus) -> npt.NDArray[np.float64]:
        """Around the consensus and the hand's own box; answers on another hand don't widen it."""
        own = self._hands[consensus.hand_id].box
        box = np.concatenate([np.minimum(own, consensus.box)[:2], np.maximum(own, consensus.box)[2:]])
        size = np.maximum(box[2:] - box[:2], 1.0)
        center = (box[:2] + box[2:]) / 2
        return np.concatenate([center - size / 2, center + size / 2])

    def _image(self, frame_id: str) -> Image | None:
        if frame_id in self.unreadable:
            return None
        if frame_id not in self._kept:
            frame = self._frames.get(frame_id)
            try:
                if frame is None:
                    raise FileNotFoundError("no such frame in the table")
                found = read_image(self._project.path(frame.path))
            except (HintError, OSError) as error:
                self.unreadable[frame_id] = str(error)
                return None
            if len(self._kept) >= _MAX_PICTURES_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[frame_id] = found
        return self._kept[frame_id]


def _answer_figure(
    crop: Image, affine: npt.NDArray[np.float64], panel: Panel, hand: int, slot: int, *, marked: bool
) -> Figure:
    name = panel.annotators[panel.annotator[hand, slot]]
    said = [name, _side_or_rejection(panel, hand, slot), "see here" if marked else ""]
    drawn = crop
    if panel.has_joints[hand, slot]:
        drawn = draw_hand(crop, apply_affine(affine, panel.keypoints[hand, slot]), panel.visibility[hand, slot])
    if marked:
        drawn = draw_box(drawn, _FRAME, _MARK_COLOUR, width_px=3)
    return Figure(drawn, " · ".join(s for s in said if s), f"crop with {name}'s joints")


def _consensus_figure(crop: Image, affine: npt.NDArray[np.float64], consensus: Consensus) -> Figure:
    points = apply_affine(affine, np.asarray(consensus.keypoints))
    agreed = _ellipses(draw_hand(crop, points, consensus.visibility), points, affine, consensus)
    state = "rejected" if consensus.rejected else consensus.side
    caption = " · ".join(s for s in ("consensus", state) if s)
    return Figure(agreed, caption, "crop with the consensus joints and their 95 % ellipses")


def _side_or_rejection(panel: Panel, hand: int, slot: int) -> str:
    if panel.rejected[hand, slot]:
        return "rejected"
    return "" if panel.side[hand, slot] == ABSENT else SIDES[panel.side[hand, slot]]


def _ellipses(image: Image, points: npt.NDArray[np.float64], affine: npt.NDArray[np.float64], row: Consensus) -> Image:
    """95 % ellipses of the consensus joints drawn around them."""
    drawn = image.copy()
    for at, covariance in zip(points, affine[:, :2] @ row.covariance @ affine[:, :2].T, strict=True):
        if not (np.isfinite(at).all() and np.isfinite(covariance).all()) or np.abs(at).max() > 10 * CROP_PX:
            continue
        values, vectors = np.linalg.eigh(covariance)
        axes = np.minimum(np.sqrt(np.maximum(values, 0) * _CHI2_95), CROP_PX)
        angle_deg = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        center, size = (tuple(np.round(16 * v).astype(int).tolist()) for v in (at, axes[::-1]))
        for colour, width in (((0, 0, 0), 3), (_ELLIPSE_COLOUR, 1)):
            cv2.ellipse(drawn, center, size, angle_deg, 0, 360, colour, width, cv2.LINE_AA, 4)
    return drawn
