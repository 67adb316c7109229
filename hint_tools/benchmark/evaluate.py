"""A network over an evaluation set: its answers, back in the frame and on the hands' own sides."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, default_collate

from hint_tools.benchmark.batches import Batches, Shard
from hint_tools.core.errors import DataError
from hint_tools.core.progress import work
from hint_tools.data.evaluation import EvaluationSet
from hint_tools.hamer.camera import frame_translation

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

_AHEAD: Final = 2
"""Batches whose crops are cut while the network works, and threads that cut them."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says of n hands, in the order of their set.

    Args:
        keypoints_2d: (n, 21, 2) px of the frame.
        keypoints_3d: (n, 21, 3) m; a left hand's are a left hand's. NaN from a model that says nothing of space.
    """

    keypoints_2d: Floats
    keypoints_3d: Floats

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
    return gathered(a for _, a in answer_batches(network, hands, todo, batch_size, device, workers))


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

    Raises:
        DataError: as `evaluate`.
        EnvironmentFault: the answers can't be written.
    """
    todo = [i for i in batches.missing() if shard.takes(i)]
    for i, answer in answer_batches(network, hands, todo, batch_size, device, workers, cameras):
        batches.save(i, answer)
    return len(todo)


def batch_count(hands: EvaluationSet, batch_size: int) -> int:
    """How many batches the hands make."""
    return -(-len(hands) // batch_size)


def gathered(parts: Iterator[dict[str, Array]]) -> Answers:
    """The answers of all batches as one."""
    flat, deep = [], []
    for part in parts:
        flat.append(part["keypoints_2d"])
        deep.append(part["keypoints_3d"])
    return Answers(np.concatenate(flat), np.concatenate(deep))


def answer_batches(
    network: torch.nn.Module,
    hands: EvaluationSet,
    todo: list[int],
    batch_size: int,
    device: torch.device,
    workers: int = 0,
    cameras: Floats | None = None,
) -> Iterator[tuple[int, dict[str, Array]]]:
    """Number and answers of each batch in `todo`; with `cameras` also `vertices` and `translation`. As `evaluate`."""
    network = network.to(device)
    # `train(False)`: HaMeR's backbone answers `eval()` with None
    network.train(False)
    rows = [range(i * batch_size, min((i + 1) * batch_size, len(hands))) for i in todo]
    with torch.inference_mode(), work(f"scoring {hands.name}", sum(map(len, rows))) as progress:
        for number, batch in zip(todo, _prepared(hands, rows, workers, device), strict=True):
            answer = network({"img": batch["img"].to(device)})
            yield number, _answers(answer, batch, hands, cameras)
            progress.advance(len(batch["right"]))


def _prepared(hands: EvaluationSet, rows: list[range], workers: int, device: torch.device) -> Iterator[dict[str, Any]]:
    """The batches of `rows`, the next ones cut out while the last one is used."""
    if workers:
        context = "spawn" if device.type == "cuda" else None
        yield from DataLoader(
            hands, batch_sampler=[list(r) for r in rows], num_workers=workers, multiprocessing_context=context
        )
        return
    # decoding and warping leave Python's lock, so threads do it beside the network without copies between processes
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting = [[pool.submit(hands.__getitem__, i) for i in row] for row in rows[:_AHEAD]]
        for k in range(len(rows)):
            ready = default_collate([item.result() for item in waiting.pop(0)])
            if k + _AHEAD < len(rows):
                waiting.append([pool.submit(hands.__getitem__, i) for i in rows[k + _AHEAD]])
            yield ready


def _answers(answer: Any, batch: dict[str, Any], hands: EvaluationSet, cameras: Floats | None) -> dict[str, Array]:
    two, three = (answer[name].float().cpu().numpy() for name in ("pred_keypoints_2d", "pred_keypoints_3d"))
    broken = ~(np.isfinite(two).all(axis=(1, 2)) & np.isfinite(three).all(axis=(1, 2)))
    if broken.any():
        names = ", ".join(np.array(batch["imgname"])[broken][:3].tolist())
        raise DataError(
            f"{hands.name}: the network's answer is not finite for {int(broken.sum())} of the {len(broken)} hands of a "
            f"batch: {names}",
            hint="look at the checkpoint: its training may have diverged",
        )
    left = batch["right"].numpy() < 0.5
    center, side = batch["box_center"].numpy(), batch["box_size"].numpy()
    kept: dict[str, Array] = {
        "keypoints_2d": to_frame(two, left, center, side),
        "keypoints_3d": unmirrored(three, left),
    }
    if cameras is not None:
        kept["vertices"] = unmirrored(answer["pred_vertices"].float().cpu().numpy(), left).astype(np.float32)
        kept["translation"] = _translation(answer["pred_cam"].float().cpu(), left, batch, cameras)
    return kept


def _translation(camera: torch.Tensor, left: npt.NDArray[np.bool_], batch: dict[str, Any], cameras: Floats) -> Floats:
    """(b, 3) m: where the hands stand before the calibrated cameras of their images."""
    own = torch.from_numpy(cameras[batch["index"].numpy()]).float()
    turned = camera.clone()
    turned[torch.from_numpy(left), 1] *= -1
    # `frame_translation` takes the middle of the frame for the principal point
    size = 2 * own[:, :2, 2]
    moved = frame_translation(turned, batch["box_center"], batch["box_size"], size, own[:, 0, 0])
    return moved.numpy().astype(np.float64)


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
