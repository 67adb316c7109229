"""What is sent: one task a hand, with its picture, its frame and the model's prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from hint_tools.core.errors import DataError
from hint_tools.core.ids import task_key
from hint_tools.core.records import Frame, Hand, Prediction, Visibility
from hint_tools.formats.labelstudio import Picture, Region, build_result
from hint_tools.formats.labelstudio_answers import parse_result
from hint_tools.labelstudio.crops import Crop, crop_around
from hint_tools.labelstudio.second_look import SecondLook

CROPS: Final = "crops"
_LOCAL: Final = "/data/local-files/?d="

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A task that should be on the server.

    Args:
        key: the same for the same hand and round, whatever else changes.
        round: 0 for the first, then one more each time the hand comes back from the queue.
        look: what is shown beside the picture of a hand that comes back.
    """

    key: str
    round: int
    hand: Hand
    frame: Frame
    prediction: Prediction | None
    crop: Crop
    look: SecondLook | None = None

    @property
    def crop_path(self) -> str:
        """Of the shown picture, relative to the project."""
        return f"{CROPS}/{self.key}.jpg"

    @property
    def earlier_path(self) -> str:
        """Of the picture of the earlier answers, relative to the project."""
        return f"{CROPS}/{self.key}-earlier.jpg"


def plan(
    hands: Mapping[str, int], by_id: Mapping[str, Hand], frames: Mapping[str, Frame],
    predictions: Mapping[str, Prediction], crop_factor: float, looks: Mapping[str, SecondLook] | None = None,
) -> tuple[list[Planned], dict[str, list[str]]]:  # fmt: skip
    """The tasks of some hands, sorted by key, and the hands that can't be sent, by reason.

    Args:
        hands: hand id -> round.
        by_id: hands by id.
        frames: frames by id.
        predictions: by hand id.
        crop_factor: shown picture in units of the hand's box.
        looks: by hand id, for hands that come back.
    """
    again = looks or {}
    planned: list[Planned] = []
    dropped: dict[str, list[str]] = {}
    for hand_id, round_number in sorted(hands.items()):
        hand = by_id.get(hand_id)
        frame = frames.get(hand.frame_id) if hand else None
        if hand is None or frame is None:
            dropped.setdefault("hand or frame not in the tables", []).append(hand_id)
            continue
        try:
            crop = crop_around(hand.box, crop_factor, frame.width_px, frame.height_px)
        except DataError as error:
            dropped.setdefault(f"no picture can be shown: {error.message}", []).append(hand_id)
            continue
        key = task_key(hand_id, round_number)
        prediction = predictions.get(hand_id)
        planned.append(Planned(key, round_number, hand, frame, prediction, crop, again.get(hand_id)))
    return sorted(planned, key=lambda p: p.key), dropped


def picture_folders(planned: Iterable[Planned]) -> list[str]:
    """Folders of the project, relative to it, that hold pictures of these tasks; never the project itself."""
    return sorted({CROPS} | {p.frame.path.partition("/")[0] for p in planned if "/" in p.frame.path})


def build_task(planned: Planned, image_sha256: str, image_prefix: str) -> Json:
    """A task as the server's import takes it.

    Args:
        planned: what to send.
        image_sha256: of the shown picture's file.
        image_prefix: where the server finds the project's pictures; empty for the local folders.
    """
    frame, picture = planned.frame, planned.crop.picture
    data: Json = {
        "hint_key": planned.key,
        "hand_id": planned.hand.hand_id,
        "round": planned.round,
        "image": picture_address(planned.crop_path, image_prefix),
        "context": picture_address(frame.path, image_prefix),
        "crop": {
            "x0": picture.x0_px, "y0": picture.y0_px, "scale": picture.scale,
            "width": picture.width_px, "height": picture.height_px,
        },
        "image_sha256": image_sha256,
        "frame_id": frame.frame_id,
        "source": frame.source,
        "video": frame.video,
        "frame_index": frame.frame_index,
        "prediction_id": planned.prediction.prediction_id if planned.prediction else "",
    }  # fmt: skip
    if planned.look is not None:
        data["reason"] = planned.look.reason
        data["earlier"] = picture_address(planned.earlier_path, image_prefix)
    task: Json = {"data": data}
    if planned.prediction is not None:
        task["predictions"] = [build_prediction(planned.prediction, planned)]
    return task


def picture_address(relative: str, prefix: str) -> str:
    """What the task says of where a picture is."""
    return f"{prefix.rstrip('/')}/{quote(relative)}" if prefix else _LOCAL + quote(relative)


def build_prediction(prediction: Prediction, planned: Planned) -> Json:
    """A prediction as the server's import takes it; what is outside the frame says so, the rest is `visible`.

    Raises:
        DataError: read back, it would not say what it should.
    """
    picture, keypoints = planned.crop.picture, np.asarray(prediction.keypoints)
    size = np.array([planned.frame.width_px, planned.frame.height_px])
    inside = ((keypoints >= -0.5) & (keypoints <= size - 0.5)).all(axis=1)
    visibility = np.where(inside, Visibility.VISIBLE, Visibility.NOT_ANNOTATABLE).astype(np.int8)
    result = build_result(
        picture,
        keypoints=keypoints,
        visibility=visibility,
        box=np.asarray(planned.hand.box),
        side=planned.hand.side or prediction.side,
        prediction_id=prediction.prediction_id,
    )
    _check(result, picture, prediction)
    return {"result": result, "score": float(prediction.hand_confidence), "model_version": prediction.model}


def _check(result: list[Region], picture: Picture, prediction: Prediction) -> None:
    """The server takes nearly anything and the editor then drops it silently: so read it back before it is sent."""
    problems = [p.message for p in parse_result(result, picture).problems if p.fatal and p.code != "missing-side"]
    if problems:
        raise DataError(f"prediction {prediction.prediction_id}: {'; '.join(problems)}", hint="hint prelabel")
