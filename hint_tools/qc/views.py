"""Which part of its picture a hand is shown in: tight, and wider where an answer reaches farther."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hint_tools.core.errors import HintError
from hint_tools.core.geometry import apply_affine
from hint_tools.core.records import Consensus, Frame, Hand
from hint_tools.media.draw import hand_crop
from hint_tools.media.images import read_image
from hint_tools.report.photo import Photo, encoded
from hint_tools.store.project import Project

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

VIEW_PX = 384
"""Side of a photograph: 1.5 times what four in a row are shown at."""
_CONTEXT = 1.5
"""Side of a view over the longer side of the hand."""
_MARGIN = 1.15
"""Side of a wider view over what must be in it."""
_WIDEST = 6.0
"""Side of the widest view over the usual one: beyond it the hand is a dot."""
_MAX_PICTURES_KEPT = 8


@dataclass(frozen=True, eq=False)
class View:
    """A photograph of a hand's surroundings.

    Args:
        photo: square.
        affine: (2, 3) from px of the frame to px of the photograph.
        asked: x0, y0, x1, y1 px of the photograph of the hand that was asked for; None in the usual view, which is
            about that hand.
    """

    photo: Photo
    affine: Floats
    asked: Floats | None = None


class Views:
    """Photographs of the hands of a project; hands whose picture can't be read are left out and remembered.

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
        self._usual: dict[str, View] = {}
        self.unreadable: dict[str, str] = {}

    def usual(self, consensus: Consensus) -> View | None:
        """About the consensus and the hand's own box; None without a picture."""
        hand_id = consensus.hand_id
        if hand_id not in self._usual:
            image = self._image(self._hands[hand_id].frame_id)
            if image is None:
                return None
            crop, affine = hand_crop(image, self._box(consensus), size_px=VIEW_PX, context=_CONTEXT)
            self._usual[hand_id] = View(encoded(crop), affine)
        return self._usual[hand_id]

    def around(self, usual: View, consensus: Consensus, points: Floats) -> View:
        """The usual view, or a wider one where some of (N, 2) px of the frame are outside it."""
        points = points[np.isfinite(points).all(axis=1)]
        inside = not len(points) or _all_inside(apply_affine(usual.affine, points))
        image = None if inside else self._image(self._hands[consensus.hand_id].frame_id)
        if image is None:
            return usual
        own = self._box(consensus)
        reach = _WIDEST / 2 * _CONTEXT * float((own[2:] - own[:2]).max())
        center = (own[:2] + own[2:]) / 2
        points = np.clip(points, center - reach, center + reach)
        wide = np.concatenate([np.minimum(own[:2], points.min(axis=0)), np.maximum(own[2:], points.max(axis=0))])
        crop, affine = hand_crop(image, wide, size_px=VIEW_PX, context=_MARGIN)
        return View(encoded(crop), affine, apply_affine(affine, own.reshape(2, 2)).reshape(4))

    def whereabouts(self, hand_id: str) -> str:
        """The hand's id and the picture it is in, for those who look for it."""
        frame = self._frames.get(self._hands[hand_id].frame_id)
        return f"hand {hand_id}" + (f", {frame.path}" if frame else "")

    def _box(self, consensus: Consensus) -> Floats:
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


def _all_inside(points: Floats) -> bool:
    """Whether (N, 2) px of a view lie in it."""
    return bool(((points >= 0) & (points <= VIEW_PX - 1)).all())
