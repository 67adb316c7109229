"""A network over an evaluation set: its answers, back in the frame and on the hands' own sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from hint_tools.core.errors import EnvironmentFault
from hint_tools.core.progress import work
from hint_tools.data.evaluation import EvaluationSet

Floats = npt.NDArray[np.float64]
Network = Callable[[dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says of n hands, in the order of their set.

    Args:
        keypoints_2d: (n, 21, 2) px of the frame.
        keypoints_3d: (n, 21, 3) m; a left hand's are a left hand's.
    """

    keypoints_2d: Floats
    keypoints_3d: Floats


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one.

    Raises:
        EnvironmentFault: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise EnvironmentFault(f"device {name!r} can't be used ({reason})", hint="--device cpu") from error
    return device


def evaluate(
    network: torch.nn.Module,
    hands: EvaluationSet,
    *,
    batch_size: int,
    device: torch.device,
    workers: int = 0,
) -> Answers:
    """The network's answers for all hands of a set.

    Args:
        network: takes HaMeR's batch, gives `pred_keypoints_2d` (crop units) and `pred_keypoints_3d` (m).
        hands: the set.
        batch_size: hands at a time.
        device: where the network runs; it is moved there.
        workers: processes that prepare crops.

    Raises:
        DataError: an image can't be read.
    """
    network = network.to(device)
    # `train(False)`: HaMeR's backbone answers `eval()` with None
    network.train(False)
    context = "spawn" if workers and device.type == "cuda" else None
    loader = DataLoader(hands, batch_size=batch_size, num_workers=workers, multiprocessing_context=context)
    flat, deep = [], []
    with torch.inference_mode(), work(f"scoring {hands.name}", len(hands)) as progress:
        for batch in loader:
            answer = network({"img": batch["img"].to(device)})
            two = answer["pred_keypoints_2d"].float().cpu().numpy()
            three = answer["pred_keypoints_3d"].float().cpu().numpy()
            left = batch["right"].numpy() < 0.5
            flat.append(to_frame(two, left, batch["box_center"].numpy(), batch["box_size"].numpy()))
            deep.append(unmirrored(three, left))
            progress.advance(len(left))
    return Answers(np.concatenate(flat), np.concatenate(deep))


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
