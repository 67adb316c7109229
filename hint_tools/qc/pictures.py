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
Floats = npt.NDArray[np.float64]

CROP_PX = 208
CONTEXT = 1.5
"""Side of a crop over the longer side of the hand: as tight as shows where a slipped joint went."""
FAR = 4.0
"""σ from the consensus from which on a joint gets a line to it: an honest one in 3,000."""
LEGEND = (
    "Thumb orange, index yellow, middle green, ring blue, pinky pink; rings and dashes: called hidden; red lines: from "
    f"joints more than {FAR:.0f} σ off to where the consensus has them; orange frame: the answer that is meant; "
    "ellipses: where the consensus lies with 95 %."
)
"""What the drawings mean."""
_FRAME = np.array([3.0, 3.0, CROP_PX - 4.0, CROP_PX - 4.0])
_MARK_COLOUR = (255, 92, 40)
_LINE_COLOUR = (230, 20, 60)
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
        apart: (H, A, 21) distance of every answer's joints to the consensus over σ.

    Attributes:
        unreadable: frame ids, with what the reader said.
        apart: as it was given.
    """

    def __init__(self, project: Project, frames: Mapping[str, Frame], hands: Mapping[str, Hand], apart: Floats) -> None:
        self._project = project
        self._frames = frames
        self._hands = hands
        self.apart = apart
        self._kept: dict[str, Image] = {}
        self.unreadable: dict[str, str] = {}

    def gallery(
        self,
        panel: Panel,
        hand: int,
        consensus: Consensus,
        caption: str,
        note: str,
        marked: Collection[int] = (),
        anchor: str = "",
    ) -> Gallery | None:
        """Every answer in a crop of its own, the consensus last; None without a picture.

        Args:
            panel: the answers.
            hand: index.
            consensus: of this hand.
            caption: above the crops.
            note: small words under the caption.
            marked: answers with a mistake: they get a frame.
            anchor: by which links find it.
        """
        found = self._crop(panel, hand, consensus)
        if found is None:
            return None
        slots = np.flatnonzero(panel.answered[hand]).tolist()
        figures = [self._answer(*found, panel, hand, slot, consensus, marked=slot in marked) for slot in slots]
        figures.append(_consensus_figure(*found, consensus))
        return Gallery(figures, max(len(figures), 4), caption, anchor, note)

    def whereabouts(self, hand_id: str) -> str:
        """The hand's id and the picture it is in, for those who look for it."""
        frame = self._frames.get(self._hands[hand_id].frame_id)
        return f"hand {hand_id}" + (f", {frame.path}" if frame else "")

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
        own = self._answer(*found, panel, hand, slot, consensus, marked=False)
        return Figure(own.image, caption, own.alt), _consensus_figure(*found, consensus)

    def _answer(
        self, crop: Image, affine: Floats, panel: Panel, hand: int, slot: int, consensus: Consensus, *, marked: bool
    ) -> Figure:
        """One answer, with lines to the consensus from where it is far off."""
        name = panel.annotators[panel.annotator[hand, slot]]
        said = [name, _side_or_rejection(panel, hand, slot), "see here" if marked else ""]
        drawn = crop
        if panel.has_joints[hand, slot]:
            points = apply_affine(affine, panel.keypoints[hand, slot])
            drawn = draw_hand(crop, points, panel.visibility[hand, slot])
            far = self.apart[hand, slot] > FAR
            drawn = _lines(drawn, points[far], apply_affine(affine, np.asarray(consensus.keypoints))[far])
        if marked:
            drawn = draw_box(drawn, _FRAME, _MARK_COLOUR, width_px=3)
        return Figure(drawn, " · ".join(s for s in said if s), f"crop with {name}'s joints")

    def _crop(self, panel: Panel, hand: int, consensus: Consensus) -> tuple[Image, Floats] | None:
        """The hand's surroundings, and the affine map from px of the frame to theirs."""
        image = self._image(self._hands[consensus.hand_id].frame_id)
        if image is None:
            return None
        return hand_crop(image, self._box(panel, hand, consensus), size_px=CROP_PX, context=CONTEXT)

    def _box(self, panel: Panel, hand: int, consensus: Consensus) -> Floats:
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


def _consensus_figure(crop: Image, affine: Floats, consensus: Consensus) -> Figure:
    points = apply_affine(affine, np.asarray(consensus.keypoints))
    agreed = _ellipses(draw_hand(crop, points, consensus.visibility), points, affine, consensus)
    state = "rejected" if consensus.rejected else consensus.side
    caption = " · ".join(s for s in ("consensus", state) if s)
    return Figure(agreed, caption, "crop with the consensus joints and their 95 % ellipses")


def _lines(image: Image, starts: Floats, ends: Floats) -> Image:
    """Thin lines, each with a dot where it ends."""
    drawn = image.copy()
    for start, end in zip(starts, ends, strict=True):
        if not (np.isfinite(start).all() and np.isfinite(end).all()) or max(np.abs(start).max(), np.abs(end).max()) > (
            10 * CROP_PX
        ):
            continue
        a, b = (tuple(np.round(16 * v).astype(int).tolist()) for v in (start, end))
        cv2.line(drawn, a, b, _LINE_COLOUR, 2, cv2.LINE_AA, 4)
        for colour, radius in (((255, 255, 255), 3), (_LINE_COLOUR, 2)):
            cv2.circle(drawn, b, radius * 16, colour, -1, cv2.LINE_AA, 4)
    return drawn


def _side_or_rejection(panel: Panel, hand: int, slot: int) -> str:
    if panel.rejected[hand, slot]:
        return "rejected"
    return "" if panel.side[hand, slot] == ABSENT else SIDES[panel.side[hand, slot]]


def _ellipses(image: Image, points: Floats, affine: Floats, row: Consensus) -> Image:
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
