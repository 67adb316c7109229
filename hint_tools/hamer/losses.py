"""The paper's losses. Every one is a sum over the batch, not a mean: the learning rate belongs to a batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hint_tools.hamer.config import LossWeights
from hint_tools.hamer.rotations import axis_angle_to_matrix

MANO_PARAMETERS = ("global_orient", "hand_pose", "betas")


def keypoints_2d_loss(predicted: Tensor, labelled: Tensor) -> Tensor:
    """Sum of absolute differences, each joint times its confidence.

    Args:
        predicted: (B, 21, 2) in widths of the crop.
        labelled: (B, 21, 3) the same with confidence.
    """
    return (labelled[..., 2:] * (predicted - labelled[..., :2]).abs()).sum()


def keypoints_3d_loss(predicted: Tensor, labelled: Tensor) -> Tensor:
    """Sum of absolute differences relative to the wrist, each joint times its confidence.

    Args:
        predicted: (B, 21, 3) metres.
        labelled: (B, 21, 4) metres with confidence.
    """
    position = labelled[..., :3]
    difference = (predicted - predicted[:, :1]) - (position - position[:, :1])
    return (labelled[..., 3:] * difference.abs()).sum()


def parameter_loss(predicted: Tensor, labelled: Tensor, known: Tensor) -> Tensor:
    """Sum of squared differences of the hands whose parameters are known.

    Args:
        predicted: (B, ...) values.
        labelled: (B, ...) values of the same number.
        known: (B,) 1 or 0.
    """
    squared = (predicted.flatten(1) - labelled.flatten(1)).square().sum(dim=1)
    return (known * squared).sum()


def labelled_parameters(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The batch's hand parameters with rotations as matrices (B, n, 3, 3), whatever they were stored as."""
    made: dict[str, Tensor] = {}
    for name in MANO_PARAMETERS:
        values: Tensor = batch["mano_params"][name]
        if name != "betas" and bool(torch.as_tensor(batch["mano_params_is_axis_angle"][name]).all()):
            values = axis_angle_to_matrix(values.reshape(len(values), -1, 3))
        made[name] = values
    return made


def supervised_losses(output: Mapping[str, Any], batch: Mapping[str, Any], weights: LossWeights) -> dict[str, Tensor]:
    """Each loss by name, unweighted, and their weighted sum as `loss`.

    Args:
        output: what `Hamer` answered.
        batch: HaMeR's batch: `keypoints_2d`, `keypoints_3d`, `mano_params`, `has_mano_params`,
            `mano_params_is_axis_angle`.
        weights: what each is multiplied by in the sum.
    """
    losses = {
        "keypoints_2d": keypoints_2d_loss(output["pred_keypoints_2d"], batch["keypoints_2d"]),
        "keypoints_3d": keypoints_3d_loss(output["pred_keypoints_3d"], batch["keypoints_3d"]),
    }
    labelled = labelled_parameters(batch)
    for name in MANO_PARAMETERS:
        known = batch["has_mano_params"][name]
        losses[name] = parameter_loss(output["pred_mano_params"][name], labelled[name], known)
    total = torch.stack([getattr(weights, name) * value for name, value in losses.items()]).sum()
    return {"loss": total, **losses}


def generator_loss(scores: Tensor) -> Tensor:
    """How far predicted hands are from passing for real ones, a hand: mean over B of the sum of (score - 1)².

    Args:
        scores: (B, 17) of the discriminator for predictions. Least squares: Mao et al., 2017.
    """
    return (scores - 1).square().sum() / len(scores)


def discriminator_losses(predicted: Tensor, real: Tensor) -> dict[str, Tensor]:
    """How badly the discriminator tells predictions from real hands: `fake` and `real`, to be added.

    Both are divided by the number of predictions; the reference draws two real hands for each prediction,
    so real ones weigh double.

    Args:
        predicted: (B, 17) scores of predictions.
        real: (2B, 17) scores of real hands.
    """
    return {"fake": predicted.square().sum() / len(predicted), "real": (real - 1).square().sum() / len(predicted)}
