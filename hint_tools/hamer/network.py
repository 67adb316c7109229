"""HaMeR: a crop of a right hand to its mesh, joints and camera.

Pavlakos et al., Reconstructing Hands in 3D with Transformers, 2024. State-dict keys and shapes are those of
the published code, so its checkpoints load, and ours load there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from hint_tools.hamer.backbone import VisionTransformer
from hint_tools.hamer.camera import crop_translation, project
from hint_tools.hamer.config import HamerConfig
from hint_tools.hamer.discriminator import Discriminator
from hint_tools.hamer.head import HandPrediction, ManoHead
from hint_tools.hamer.mean_parameters import MeanParameters, mean_of_hand
from hint_tools.mano.assets import HandModel
from hint_tools.mano.layer import ManoLayer


class Hamer(nn.Module):
    """The network, of any size.

    Args:
        config: sizes and camera.
        hand_model: the right hand whose parameters are predicted.
        mean: where predictions start from; made from the hand model's mean pose when absent.
    """

    initialized: Tensor
    backbone_type: torch.dtype | None = None
    """What the backbone computes in, whatever autocast says; set by `precision.keep_in`."""

    def __init__(self, config: HamerConfig, hand_model: HandModel, *, mean: MeanParameters | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = VisionTransformer(config.backbone)
        self.mano_head = ManoHead(config.decoder, mean or mean_of_hand(hand_model.hands_mean))
        self.discriminator = Discriminator()
        self.mano = ManoLayer(hand_model)
        # Only there because the published checkpoints carry it.
        self.register_buffer("initialized", torch.tensor(False))

    def forward(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The hand in each crop, in HaMeR's names.

        Args:
            batch: `img` (B, 3, S, S) float32, normalised RGB crops of right hands, S = `config.image_px`.

        Returns:
            `pred_cam` (B, 3) scale and shift; `pred_mano_params`: `global_orient` (B, 1, 3, 3), `hand_pose`
            (B, 15, 3, 3), `betas` (B, 10); `pred_cam_t` (B, 3) m; `focal_length` (B, 2) px of the crop;
            `pred_vertices` (B, 778, 3) and `pred_keypoints_3d` (B, 21, 3) m, before `pred_cam_t` is added;
            `pred_keypoints_2d` (B, 21, 2) in widths of the crop from its centre.

        Raises:
            ValueError: the crops have another size.
        """
        image: Tensor = batch["img"]
        kept = self.backbone_type
        with nullcontext() if kept is None else torch.autocast(device_type=image.device.type, dtype=kept):
            features = self.backbone(self._middle(image))
        # Small and sensitive: half precision would cost millimetres here and save nothing.
        with torch.autocast(device_type=image.device.type, enabled=False):
            return self._hand(self.mano_head(features.float()))

    def _middle(self, image: Tensor) -> Tensor:
        """The part of the square crop that the backbone sees."""
        side = self.config.image_px
        if image.shape[-2:] != (side, side):
            raise ValueError(f"expected crops of {side} x {side} px, got {tuple(image.shape)}")
        vit = self.config.backbone
        top, left = (side - vit.image_height_px) // 2, (side - vit.image_width_px) // 2
        return image[..., top : top + vit.image_height_px, left : left + vit.image_width_px]

    def _hand(self, prediction: HandPrediction) -> dict[str, Any]:
        config = self.config
        root, fingers = prediction.rotations[:, :1], prediction.rotations[:, 1:]
        hand = self.mano(root, fingers, prediction.betas)
        translation = crop_translation(prediction.camera, config.focal_px, config.image_px)
        focal = torch.full_like(translation[:, :2], config.focal_px)
        return {
            "pred_cam": prediction.camera,
            "pred_mano_params": {"global_orient": root, "hand_pose": fingers, "betas": prediction.betas},
            "pred_cam_t": translation,
            "focal_length": focal,
            "pred_vertices": hand.vertices,
            "pred_keypoints_3d": hand.joints,
            "pred_keypoints_2d": project(hand.joints, translation, focal / config.image_px),
        }
