"""A network over an evaluation set: its answers, back in the frame and on the hands' own sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from hint_tools.benchmark.batches import Batches, Shard
from hint_tools.benchmark.cropping import prepared
from hint_tools.benchmark.visibility import states_of
from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.hamer.camera import frame_translation
from hint_tools.mano.seen import Skin

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

_EXAMPLES: Final = 3
_FAR_M: Final = 40.0
"""HaMeR's camera of 5000 px for a crop of 256 sees a hand that fills half of the crop from so far away."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says of n hands, in the order of their set.

    Args:
        keypoints_2d: (n, 21, 2) px of the frame.
        keypoints_3d: (n, 21, 3) m; a left hand's are a left hand's. NaN from a model that says nothing of space.
        states: (n, 21) `Visibility` of the joints by the predicted meshes' own skin; None where nobody asked.
    """

    keypoints_2d: Floats
    keypoints_3d: Floats
    states: npt.NDArray[np.int8] | None = None

    @property
    def spatial(self) -> bool:
        """There is anything in space to score."""
        return bool(np.isfinite(self.keypoints_3d).all())


def evaluate(
    network: torch.nn.Module,
    hands: EvaluationSet,
    *,
    batch_size: int,
    device: torch.device,
    workers: int = 0,
) -> Answers:
    """The network's answers for all hands of a set, nothing kept on disk.

    Args:
        network: takes HaMeR's batch, gives `pred_keypoints_2d` (crop units) and `pred_keypoints_3d` (m).
        hands: the set.
        batch_size: hands at a time.
        device: where the network runs; it is moved there.
        workers: processes that prepare crops; 0 prepares them in threads beside the network.

    Raises:
        DataError: an image can't be read, or the network answers what is not finite.
    """
    todo = list(range(batch_count(hands, batch_size)))
    answers = answer_batches(network, hands, todo, batch_size, device, workers)
    return gathered(hands, (a for _, a in answers))


def evaluate_into(
    batches: Batches,
    network: torch.nn.Module,
    hands: EvaluationSet,
    shard: Shard,
    *,
    batch_size: int,
    device: torch.device,
    workers: int = 0,
    cameras: Floats | None = None,
    skin: Skin | None = None,
) -> int:
    """Answer the batches of `shard` that are missing and keep them; how many there were.

    Args:
        batches: where they are kept.
        network: as in `evaluate`.
        hands: the set.
        shard: which of the batches are this process's.
        batch_size: hands at a time.
        device: where the network runs.
        workers: as in `evaluate`.
        cameras: (n, 3, 3) px: keep vertices and the place before the camera as well.
        skin: of the network's meshes: keep which joints they hide as well.

    Raises:
        DataError: as `evaluate`.
        EnvironmentFault: the answers can't be written.
    """
    todo = [i for i in batches.missing() if shard.takes(i)]
    for i, answer in answer_batches(network, hands, todo, batch_size, device, workers, cameras, skin):
        batches.save(i, answer)
    return len(todo)


def batch_count(hands: EvaluationSet, batch_size: int) -> int:
    """How many batches the hands make."""
    return -(-len(hands) // batch_size)


def gathered(hands: EvaluationSet, parts: Iterable[dict[str, Array]]) -> Answers:
    """The answers of all batches of a set as one.

    Raises:
        DataError: some are not finite: the first few hands, and how many of all.
    """
    columns = list(_finite(hands, parts))
    flat, deep, states = (
        np.concatenate([c[name] for c in columns]) if name in columns[0] else None
        for name in ("keypoints_2d", "keypoints_3d", "states")
    )
    return Answers(np.asarray(flat), np.asarray(deep), states)


def require_finite(hands: EvaluationSet, parts: Iterable[dict[str, Array]]) -> None:
    """Every number of every batch of a set is finite; holds one batch at a time.

    Raises:
        DataError: the first few hands of which this does not hold, and how many of all.
    """
    for _ in _finite(hands, parts):
        pass


def _finite(hands: EvaluationSet, parts: Iterable[dict[str, Array]]) -> Iterator[dict[str, Array]]:
    """The parts, and at the end an error if anything in them was not finite."""
    broken: list[npt.NDArray[np.bool_]] = []
    for part in parts:
        broken.append(_broken(part))
        yield part
    lost = np.concatenate(broken)
    if lost.any():
        raise _not_finite(hands, np.flatnonzero(lost), "")


def _broken(part: dict[str, Array]) -> npt.NDArray[np.bool_]:
    """(b,) the hands of a batch of whose answers anything is not finite."""
    whole = [np.isfinite(values).reshape(len(values), -1).all(axis=1) for values in part.values()]
    return np.asarray(~np.all(whole, axis=0), dtype=np.bool_)


def _not_finite(hands: EvaluationSet, which: npt.NDArray[np.int64], more: str) -> DataError:
    sides = np.where(hands.right[which], "right", "left")
    shown = ", ".join(f"{n} {s}" for n, s in zip(hands.names[which][:_EXAMPLES], sides[:_EXAMPLES], strict=True))
    return DataError(
        f"{hands.name}: the network's answer is not finite for {len(which)} of {len(hands)} hands{more}: {shown}",
        hint="look at the checkpoint: its training may have diverged; in half precision, try --precision fp32",
    )


def answer_batches(
    network: torch.nn.Module,
    hands: EvaluationSet,
    todo: list[int],
    batch_size: int,
    device: torch.device,
    workers: int = 0,
    cameras: Floats | None = None,
    skin: Skin | None = None,
) -> Iterator[tuple[int, dict[str, Array]]]:
    """Number and answers of each batch in `todo`; as `evaluate_into`.

    With `cameras` there are also `vertices` and `translation`, with `skin` also `states`.

    Some answers of a batch may not be finite (`require_finite`); where all are, it goes no further.
    """
    network = network.to(device)
    # `train(False)`: HaMeR's backbone answers `eval()` with None
    network.train(False)
    rows = [range(i * batch_size, min((i + 1) * batch_size, len(hands))) for i in todo]
    sides_px = hands.crop_sides_px
    with torch.inference_mode(), work(f"scoring {hands.name}", sum(map(len, rows))) as progress:
        for number, row, crops in zip(todo, rows, prepared(hands, rows, workers, device), strict=True):
            answer = network({"img": crops.to(device, non_blocking=True)})
            part = slice(row.start, row.stop)
            found = _answers(answer, hands, part, sides_px[part], None if cameras is None else cameras[part])
            if skin is not None:
                found["states"] = _states(answer, skin)
            if _broken(found).all():
                raise _not_finite(hands, np.array(row), ", all of a batch; it was stopped there")
            yield number, found
            progress.advance(len(row))


def _answers(
    answer: Any, hands: EvaluationSet, part: slice, side_px: Floats, cameras: Floats | None
) -> dict[str, Array]:
    """The network's answer for the hands of one batch, `part` of the set, in the frame and on their own sides."""
    names = ["pred_keypoints_2d", "pred_keypoints_3d", *(["pred_vertices", "pred_cam"] if cameras is not None else [])]
    found = {name: answer[name].float().cpu().numpy() for name in names}
    left, center = ~hands.right[part], hands.centers_px[part]
    kept: dict[str, Array] = {
        "keypoints_2d": to_frame(found["pred_keypoints_2d"], left, center, side_px),
        "keypoints_3d": unmirrored(found["pred_keypoints_3d"], left),
    }
    if cameras is not None:
        kept["vertices"] = unmirrored(found["pred_vertices"], left).astype(np.float32)
        kept["translation"] = _translation(found["pred_cam"], left, center, side_px, cameras)
    return kept


def _states(answer: Any, skin: Skin) -> npt.NDArray[np.int8]:
    """What the meshes say of their joints' visibility; mirroring changes nothing.

    Seen from far away along the axis, as the crop's camera sees them within a degree, wherever it puts them: what a
    hand hides of itself is a matter of its pose alone, and a weak network may put it behind the camera.
    """
    far = np.array([0.0, 0.0, _FAR_M])
    vertices, joints = (
        answer[name].float().cpu().numpy().astype(np.float64) + far for name in ("pred_vertices", "pred_keypoints_3d")
    )
    return states_of(vertices, joints, skin)


def _translation(
    camera: Array, left: npt.NDArray[np.bool_], center_px: Floats, side_px: Floats, cameras: Floats
) -> Floats:
    """(b, 3) m: where the hands stand before the calibrated cameras (b, 3, 3) of their images."""
    turned, own = torch.from_numpy(camera.astype(np.float64)), torch.from_numpy(cameras)
    turned[torch.from_numpy(left), 1] *= -1
    # `frame_translation` takes the middle of the frame for the principal point
    size = 2 * own[:, :2, 2]
    center, side = torch.from_numpy(center_px), torch.from_numpy(side_px)
    moved: Floats = frame_translation(turned, center, side, size, own[:, 0, 0]).numpy()
    return moved


def unmirrored(points: npt.NDArray[np.floating[Any]], left: npt.NDArray[np.bool_]) -> Floats:
    """A copy of `points` (n, k, 2 or 3), with x turned round where the hand is a left one."""
    sign = np.where(left, -1.0, 1.0)[:, None]
    turned: Floats = np.concatenate([points[..., :1] * sign[..., None], points[..., 1:]], axis=-1).astype(np.float64)
    return turned


def to_frame(
    crop_units: npt.NDArray[np.floating[Any]],
    left: npt.NDArray[np.bool_],
    center_px: npt.NDArray[np.floating[Any]],
    side_px: npt.NDArray[np.floating[Any]],
) -> Floats:
    """(n, 21, 2) px of the frame of keypoints in crop units (0 is the crop's middle, 1 its side).

    Args:
        crop_units: (n, 21, 2), of the mirrored crop where the hand is a left one.
        left: (n,).
        center_px: (n, 2) middle of the crop.
        side_px: (n,) side of the crop.
    """
    moved: Floats = unmirrored(crop_units, left) * side_px[:, None, None] + center_px[:, None, :]
    return moved
