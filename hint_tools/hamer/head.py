"""The head: features of an image to hand parameters and a camera."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hint_tools.hamer.config import DecoderConfig
from hint_tools.hamer.decoder import TransformerDecoder
from hint_tools.hamer.mean_parameters import MeanParameters
from hint_tools.hamer.rotations import rotation_6d_to_matrix


@dataclass(frozen=True, slots=True)
class HandPrediction:
    """What the head answers.

    Args:
        rotations: (B, 16, 3, 3), the root and 15 joints in the hand model's order.
        betas: (B, 10) shape.
        camera: (B, 3) scale and shift of the crop's weak-perspective camera.
    """

    rotations: Tensor
    betas: Tensor
    camera: Tensor


class ManoHead(nn.Module):
    """Predicts differences to mean parameters, in one step.

    Args:
        config: sizes of the decoder.
        mean: where predictions start from; kept as buffers, so checkpoints bring their own.
    """

    init_hand_pose: Tensor
    init_betas: Tensor
    init_cam: Tensor

    def __init__(self, config: DecoderConfig, mean: MeanParameters) -> None:
        super().__init__()
        self.transformer = TransformerDecoder(config)
        self.decpose = nn.Linear(config.dim, len(mean.pose))
        self.decshape = nn.Linear(config.dim, len(mean.shape))
        self.deccam = nn.Linear(config.dim, len(mean.camera))
        for name, values in (("init_hand_pose", mean.pose), ("init_betas", mean.shape), ("init_cam", mean.camera)):
            self.register_buffer(name, torch.tensor(values)[None])

    def forward(self, features: Tensor) -> HandPrediction:
        """Parameters and camera of the hand in `features` (B, context_dim, rows, columns)."""
        answer = self.transformer(features.flatten(2).transpose(1, 2))
        pose = self.decpose(answer) + self.init_hand_pose
        return HandPrediction(
            rotations=rotation_6d_to_matrix(pose.unflatten(-1, (-1, 6))),
            betas=self.decshape(answer) + self.init_betas,
            camera=self.deccam(answer) + self.init_cam,
        )
