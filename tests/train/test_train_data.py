"""What the data room hands over and what the losses expect are one thing: the truth has no loss."""

from __future__ import annotations

import pytest
import torch
from drawn_release import FOCAL_PX, HEIGHT_PX, WIDTH_PX
from torch.utils.data import default_collate

from hint_tools.data.hint import HInt
from hint_tools.hamer.config import LossWeights
from hint_tools.hamer.losses import labelled_parameters, supervised_losses
from hint_tools.mano.layer import ManoLayer


@pytest.mark.parametrize("augment", [False, True])
def test_the_labelled_hand_itself_has_no_loss_left_hands_included(release, hand_model, augment) -> None:
    data = HInt(release).as_hamer(train=True, augment=augment)
    batch = default_collate([data[i] for i in range(len(data))])
    parameters = labelled_parameters(batch)
    known = batch["has_mano_params"]["betas"]
    assert int(known.sum()) == 11
    joints = ManoLayer(hand_model)(parameters["global_orient"], parameters["hand_pose"], parameters["betas"]).joints
    output = {
        "pred_mano_params": parameters,
        "pred_keypoints_3d": joints,
        "pred_keypoints_2d": batch["keypoints_2d"][..., :2],
    }
    losses = supervised_losses(output, batch, LossWeights())
    assert losses["keypoints_3d"] < 1e-3  # 11 hands x 63 numbers, float32 metres
    assert losses["hand_pose"] == losses["betas"] == losses["keypoints_2d"] == 0


def test_labelled_3d_joints_project_onto_the_labelled_2d_ones(release) -> None:
    data = HInt(release).as_hamer(train=True, augment=False)
    for i in range(len(data)):
        item = data[i]
        if not item["has_mano_params"]["betas"]:
            continue
        points = item["keypoints_3d"][:, :3]
        frame = points[:, :2] / points[:, 2:] * FOCAL_PX
        center = item["box_center"] - torch.tensor([WIDTH_PX, HEIGHT_PX]) / 2
        if not item["right"]:
            center = center * torch.tensor([-1.0, 1.0])
        crop = (frame - center) / item["box_size"]
        # the crop's convention puts its centre half a pixel from the box's: far less than a swapped finger
        assert (crop - item["keypoints_2d"][:, :2]).abs().max() < 0.01
