from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.utils.data import DataLoader

from hint_tools import HInt
from hint_tools.data.augment import NONE, RELEASED, Augmentation, draw
from hint_tools.data.hamer_item import HandTruth, hamer_item, rows_shown
from hint_tools.media.crops import crop_affine, crop_side, cut
from hint_tools.media.images import read_image

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"
golden = pytest.mark.skipif(not (GOLDEN / "crop_inputs").is_dir(), reason="the reference photographs are not here")
AUGMENTED = (0, 3, 6, 9, 12)


def reference_hand(i: int) -> tuple[np.ndarray, HandTruth]:
    data = np.load(GOLDEN / "crops_dataset.npz")
    pose = data["hand_pose"][i].astype(np.float64)
    hand = HandTruth(
        center=data["center"][i],
        size=data["scale"][i],
        right=bool(data["right"][i]),
        keypoints_2d=data["hand_keypoints_2d"][i],
        keypoints_3d=data["hand_keypoints_3d"][i].astype(np.float64),
        global_orient=pose[:3],
        hand_pose=pose[3:],
        betas=data["betas"][i].astype(np.float64),
        has_pose=True,
        has_betas=True,
    )
    record = json.loads((GOLDEN / "crops_records.json").read_text())[i]
    return read_image(GOLDEN / "crop_inputs" / "images" / record["img"]), hand


@pytest.mark.shared
@golden
@pytest.mark.parametrize("i", range(13))
def test_evaluation_items_equal_the_references(i: int) -> None:
    image, hand = reference_hand(i)
    item, expected = hamer_item(image, hand), np.load(GOLDEN / "crops.npz")
    for key in (
        "img",
        "keypoints_2d",
        "keypoints_3d",
        "orig_keypoints_2d",
        "box_center",
        "box_size",
        "img_size",
        "right",
    ):
        if f"ds2_{i:02d}_{key}" in expected:
            np.testing.assert_allclose(item[key].numpy(), expected[f"ds2_{i:02d}_{key}"], rtol=1e-6, atol=1e-6)
    for key, value in item["mano_params"].items():
        np.testing.assert_allclose(value.numpy(), expected[f"ds2_{i:02d}_mano_{key}"], rtol=1e-6, atol=1e-6)


@pytest.mark.shared
@golden
@pytest.mark.parametrize("i", AUGMENTED)
def test_augmented_items_equal_the_references(i: int) -> None:
    image, hand = reference_hand(i)
    expected = np.load(GOLDEN / "crops.npz")
    change = expected[f"aug_{i:02d}_params"]
    item = hamer_item(image, hand, Augmentation(change[0], change[1], change[7:9], change[4:7]))
    for key in ("img", "keypoints_2d", "keypoints_3d"):
        np.testing.assert_allclose(item[key].numpy(), expected[f"aug_{i:02d}_{key}"], rtol=1e-6, atol=1e-6)
    for key in ("global_orient", "hand_pose"):
        np.testing.assert_allclose(item["mano_params"][key].numpy(), expected[f"aug_{i:02d}_mano_{key}"], atol=1e-6)


def camera_hand(*, right: bool) -> HandTruth:
    """Keypoints that are the picture of 3D points far away, so that turning both can be compared."""
    points = np.random.default_rng(3).uniform(-0.08, 0.08, (21, 3))
    keypoints = points[:, :2] * 500 + [150, 120]
    return HandTruth(
        center=np.array([150.0, 120.0]),
        size=np.array([80.0, 60.0]),
        right=right,
        keypoints_2d=np.column_stack([keypoints, np.ones(21)]),
        keypoints_3d=np.column_stack([points, np.ones(21)]),
        global_orient=np.array([0.3, -0.2, 0.5]),
        hand_pose=np.arange(45) / 100,
        betas=np.arange(10) / 10,
        has_pose=True,
        has_betas=True,
    )


@pytest.mark.parametrize("right", [True, False])
def test_picture_keypoints_3d_and_orientation_turn_together(right: bool) -> None:
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    hand = camera_hand(right=right)
    plain = hamer_item(image, hand)
    turned = hamer_item(image, hand, Augmentation(1.0, 25.0, np.zeros(2), np.ones(3)))
    # an orthographic picture of the 3D points, in crop units
    for item in (plain, turned):
        np.testing.assert_allclose(
            item["keypoints_2d"][:, :2].numpy(), item["keypoints_3d"][:, :2].numpy() * 500 / 160, atol=1e-4
        )
    before = Rotation.from_rotvec(plain["mano_params"]["global_orient"].numpy())
    after = Rotation.from_rotvec(turned["mano_params"]["global_orient"].numpy())
    moved = (after * before.inv()).apply(plain["keypoints_3d"][:, :3].numpy())
    np.testing.assert_allclose(moved, turned["keypoints_3d"][:, :3].numpy(), atol=1e-5)


def test_a_left_hand_is_the_mirrored_right_hand_of_the_mirrored_frame() -> None:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    left, width = camera_hand(right=False), image.shape[1]
    mirrored_points = left.keypoints_2d.copy()
    mirrored_points[:, 0] = width - 1 - mirrored_points[:, 0]
    mirrored_3d = left.keypoints_3d * [-1, 1, 1, 1]
    right = replace(
        left,
        right=True,
        center=np.array([width - 1 - left.center[0], left.center[1]]),
        keypoints_2d=mirrored_points,
        keypoints_3d=mirrored_3d,
        global_orient=left.global_orient * [1, -1, -1],
        hand_pose=(left.hand_pose.reshape(15, 3) * [1, -1, -1]).ravel(),
    )
    ours = hamer_item(image, left)
    theirs = hamer_item(np.ascontiguousarray(image[:, ::-1]), right)
    for key in ("img", "keypoints_2d", "keypoints_3d"):
        torch.testing.assert_close(ours[key], theirs[key])
    torch.testing.assert_close(ours["mano_params"], theirs["mano_params"])
    # what stays as it was
    np.testing.assert_allclose(ours["orig_keypoints_2d"].numpy(), left.keypoints_2d, rtol=1e-6)
    assert float(ours["right"]) == 0.0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_augmentation_depends_on_seed_epoch_and_index_alone(release: Path) -> None:
    hands = HInt(release, "train").as_hamer(train=True, seed=5)
    first = [i["img"] for i in hands]
    loader = DataLoader(hands, batch_size=None, num_workers=2, persistent_workers=True)
    assert all(torch.equal(a, b["img"]) for a, b in zip(first, loader, strict=True))
    hands.set_epoch(1)  # reaches workers that are already running
    second = [i["img"] for i in loader]
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(a, hands[i]["img"]) for i, a in enumerate(second))
    plain = HInt(release, "train").as_hamer(train=True, augment=False)
    assert torch.equal(plain[0]["img"], HInt(release, "train").as_hamer()[0]["img"])


def test_the_draws_keep_hamers_limits() -> None:
    draws = [draw(0, 0, i) for i in range(4000)]
    scale, turn = np.array([d.scale for d in draws]), np.array([d.rotation_deg for d in draws])
    colour, shift = np.array([d.colour for d in draws]), np.array([d.shift for d in draws])
    assert scale.min() == pytest.approx(0.7)
    assert scale.max() == pytest.approx(1.3)
    assert np.abs(turn).max() == pytest.approx(60)
    assert (turn != 0).mean() == pytest.approx(RELEASED.rotation_rate, abs=0.03)
    assert np.abs(shift).max() == pytest.approx(0.02)
    assert colour.min() >= 0.8
    assert colour.max() <= 1.2
    assert colour.mean() == pytest.approx(1, abs=0.01)


def test_batches_have_hamers_shapes(release: Path) -> None:
    hands = HInt(release, "train").as_hamer(train=True)
    batch = next(iter(DataLoader(hands, batch_size=5)))
    shapes = {
        "img": (5, 3, 256, 256), "keypoints_2d": (5, 21, 3), "keypoints_3d": (5, 21, 4), "box_center": (5, 2),
        "box_size": (5,), "img_size": (5, 2), "right": (5,), "personid": (5,), "orig_keypoints_2d": (5, 21, 3),
    }  # fmt: skip
    assert {k: tuple(batch[k].shape) for k in shapes} == shapes
    assert batch["img"].dtype == torch.float32
    assert {k: tuple(v.shape) for k, v in batch["mano_params"].items()} == {
        "global_orient": (5, 3), "hand_pose": (5, 45), "betas": (5, 10),
    }  # fmt: skip
    assert batch["mano_params_is_axis_angle"]["hand_pose"].all()
    assert not batch["mano_params_is_axis_angle"]["betas"].any()
    fitted = torch.from_numpy(hands.hint.hands.fitted)
    assert torch.equal(batch["has_mano_params"]["hand_pose"] > 0, fitted)
    assert torch.equal(batch["keypoints_3d"][:, 0, 3] > 0, fitted)
    weights = torch.tensor(hands.hint.hands.weight, dtype=torch.float32)
    torch.testing.assert_close(batch["keypoints_2d"][:, :, 2], weights)


def test_confidences_say_all_annotated_joints_when_not_training(release: Path) -> None:
    hands = HInt(release, "train").as_hamer()
    for i, item in enumerate(hands):
        state = hands.hint.hands.visibility[i]
        assert (item["keypoints_2d"][:, 2].numpy() == (state > 0)).all()
        from_center = item["keypoints_2d"][:, :2].numpy() * float(item["box_size"])
        if float(item["right"]) == 0:
            from_center = from_center * [-1, 1]
        np.testing.assert_allclose(from_center + item["box_center"].numpy(), hands.hint.keypoints(i), atol=1e-3)


@pytest.mark.parametrize("augment", [False, True])
def test_items_are_those_of_whole_frames_though_less_is_decoded(release: Path, augment: bool) -> None:
    hands = HInt(release, "train")
    batches = hands.as_hamer(train=True, seed=3, augment=augment)
    shorter = 0
    for epoch in range(6):
        batches.set_epoch(epoch)
        for i in range(len(hands)):
            change = draw(3, epoch, i) if augment else NONE
            expected = hamer_item(hands.frame(i), batches.truth(i), change, rescale=hands.rescale)
            item = batches[i]
            for name in ("img", "keypoints_2d", "img_size", "box_size"):
                np.testing.assert_array_equal(item[name].numpy(), expected[name].numpy())
            rows = rows_shown(batches.truth(i), change, rescale=hands.rescale)
            shorter += len(hands.upper_part(i, rows)[0]) < len(hands.frame(i))
    assert shorter > 0


def test_the_crop_is_that_of_the_whole_frame(release: Path) -> None:
    hands = HInt(release, "train", rescale=1.0)
    for i, item in enumerate(hands):
        box = hands.hands.box[i]
        to_crop = crop_affine((box[:2] + box[2:]) / 2, crop_side(box[2:] - box[:2], factor=1.0))
        np.testing.assert_array_equal(item["image"].numpy(), cut(hands.frame(i), to_crop))
