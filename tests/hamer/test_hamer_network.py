from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hint_tools.core.errors import ConfigError, DataError
from hint_tools.hamer.camera import crop_translation, frame_focal, frame_translation, project
from hint_tools.hamer.config import (
    PRESETS,
    BackboneConfig,
    DecoderConfig,
    HamerConfig,
    LossWeights,
    config_from_dict,
    config_to_dict,
)
from hint_tools.hamer.losses import keypoints_2d_loss, keypoints_3d_loss, supervised_losses
from hint_tools.hamer.mean_parameters import read_mean_parameters
from hint_tools.hamer.model_config import config_from_fields, read_model_config, write_model_config
from hint_tools.hamer.network import Hamer
from hint_tools.mano.assets import load_hand_model


@pytest.fixture(scope="module")
def tiny() -> Hamer:
    torch.manual_seed(0)
    return Hamer(PRESETS["tiny"], load_hand_model())


def crops(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 256, 256, generator=torch.Generator().manual_seed(1))


def test_a_hand_does_not_depend_on_its_batch(tiny) -> None:
    tiny.eval()
    with torch.no_grad():
        together, alone = tiny({"img": crops(3)}), tiny({"img": crops(3)[1:2]})
    torch.testing.assert_close(together["pred_vertices"][1:2], alone["pred_vertices"], rtol=0, atol=1e-6)


def test_only_the_middle_of_the_crop_is_seen(tiny) -> None:
    tiny.eval()
    image = crops(1)
    margins = image.clone()
    margins[..., :30] = margins[..., -30:] = 0  # the patches' padding reaches no further than the middle
    with torch.no_grad():
        assert torch.equal(tiny({"img": image})["pred_cam"], tiny({"img": margins})["pred_cam"])


def test_crops_of_another_size_are_refused(tiny) -> None:
    with pytest.raises(ValueError, match="256 x 256"):
        tiny({"img": torch.zeros(1, 3, 224, 224)})


def test_half_precision_leaves_head_and_hand_in_single(tiny) -> None:
    tiny.eval()
    with torch.no_grad():
        full = tiny({"img": crops(2)})
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = tiny({"img": crops(2)})
    assert half["pred_vertices"].dtype == torch.float32
    assert 0 < (half["pred_vertices"] - full["pred_vertices"]).abs().max() < 0.01


def test_stochastic_depth_keeps_the_mean() -> None:
    config = PRESETS["tiny"]
    sizes = BackboneConfig(dim=64, depth=2, heads=4, drop_path=0.5)
    network = Hamer(HamerConfig(backbone=sizes, decoder=config.decoder), load_hand_model())
    block = network.backbone.blocks[1].train()
    assert [b.drop_path for b in network.backbone.blocks] == [0.0, 0.5]
    torch.manual_seed(0)
    kept = block._sometimes(torch.ones(20_000, 1, 1))
    assert sorted(kept.unique().tolist()) == [0.0, 2.0]
    assert kept.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(block.eval()._sometimes(torch.ones(5, 1, 1)), torch.ones(5, 1, 1))


@given(
    st.floats(0.3, 8), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3),
    st.floats(0, 1500), st.floats(0, 900), st.floats(60, 700),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_the_frame_camera_sees_the_hand_where_the_crop_camera_does(s, tx, ty, cx, cy, box) -> None:
    """Exactly so for points at the hand's own depth; for the others as far as a long focal length allows."""
    camera, points = torch.tensor([[s, tx, ty]], dtype=torch.float64), torch.zeros(1, 4, 3, dtype=torch.float64)
    points[0, :, :2] = torch.tensor([[0.0, 0], [0.1, 0], [0, 0.1], [-0.05, 0.02]])
    crop_focal = torch.full((1, 2), 5000 / 256, dtype=torch.float64)
    in_crop = project(points, crop_translation(camera, 5000, 256), crop_focal)
    expected = in_crop * box + torch.tensor([cx, cy])
    size = torch.tensor([[1600.0, 1000.0]], dtype=torch.float64)
    focal = frame_focal(size, 5000, 256)
    center, side = torch.tensor([[cx, cy]], dtype=torch.float64), torch.tensor([box], dtype=torch.float64)
    moved = frame_translation(camera, center, side, size, focal)
    in_frame = project(points, moved, focal[:, None].expand(1, 2), size / 2)
    torch.testing.assert_close(in_frame, expected, rtol=1e-6, atol=1e-4)


def test_the_crop_camera_in_numbers() -> None:
    """z = 2·5000 / (256·2); a point 0.1 m right of the axis lands at f/256 · 0.1 / z."""
    translation = crop_translation(torch.tensor([[2.0, 0.0, 0.0]]), 5000, 256)
    assert translation[0, 2].item() == pytest.approx(19.53125)
    seen = project(torch.tensor([[[0.1, 0.0, 0.0]]]), translation, torch.full((1, 2), 5000 / 256))
    assert seen[0, 0].tolist() == pytest.approx([0.1, 0.0])


def test_losses_are_sums_that_skip_what_is_unknown(tiny) -> None:
    predicted, labelled = torch.zeros(2, 21, 2), torch.ones(2, 21, 3)
    labelled[1, :, 2] = 0
    assert keypoints_2d_loss(predicted, labelled) == 42
    points, known = torch.randn(2, 21, 3), torch.ones(2, 21, 4)
    known[..., :3] = points + torch.tensor([0.3, -0.2, 1.0])  # moved as a whole: no loss
    assert keypoints_3d_loss(points, known) < 1e-4
    output = tiny.eval()({"img": crops(2)})
    batch = {
        "keypoints_2d": torch.zeros(2, 21, 3),
        "keypoints_3d": torch.zeros(2, 21, 4),
        "mano_params": {n: torch.randn(2, k) for n, k in (("global_orient", 3), ("hand_pose", 45), ("betas", 10))},
        "has_mano_params": {n: torch.zeros(2) for n in ("global_orient", "hand_pose", "betas")},
        "mano_params_is_axis_angle": {n: torch.tensor(n != "betas") for n in ("global_orient", "hand_pose", "betas")},
    }
    assert supervised_losses(output, batch, LossWeights())["loss"] == 0


def test_sizes_that_do_not_fit_are_all_listed() -> None:
    with pytest.raises(ConfigError) as caught:
        HamerConfig(
            backbone=BackboneConfig(dim=100, depth=1, heads=3, patch_px=17),
            decoder=DecoderConfig(dim=64, depth=1, heads=1, dim_head=64, mlp_dim=64, context_dim=99),
        )
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_configuration_survives_both_its_files(tmp_path, preset) -> None:
    config = PRESETS[preset]
    write_model_config(tmp_path / "model_config.yaml", config)
    assert read_model_config(tmp_path / "model_config.yaml") == config
    assert config_from_dict(config_to_dict(config)) == config


@pytest.mark.shared
def test_the_released_configuration_is_the_papers(golden) -> None:
    assert read_model_config(golden / "model_config.yaml") == PRESETS["vit_h"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"MODEL": 3}, "must be a section"),
        ({"MODEL": {"BACKBONE": {"TYPE": "resnet"}}}, "expected TYPE vit"),
        ({"EXTRA": {"FOCAL_LENGTH": "long"}}, "FOCAL_LENGTH: expected a number"),
        ({"MODEL": {"IMAGE_MEAN": [0.5]}}, "three numbers"),
        ({"MODEL": {"BACKBONE": {"HEADS": 7}}}, "divisor"),
        ({"MODEL": {"BACKBONE": {"DEPTH": -1}}}, "more than 0"),
        ({"MODEL": {"BACKBONE": {"DEPTH": 1.5}}}, "expected a number like 32"),
    ],
)
def test_a_wrong_model_config_says_where(fields, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        config_from_fields(fields, source="file.yaml")
    assert str(caught.value).startswith("file.yaml")


@pytest.mark.parametrize("content", [b"a: [", b"!!python/object/apply:os.system [true]", b"- 1", b"\xff\xfe\x00"])
def test_a_broken_model_config_is_a_data_error(tmp_path, content) -> None:
    (tmp_path / "model_config.yaml").write_bytes(content)
    with pytest.raises(DataError, match=r"model_config\.yaml"):
        read_model_config(tmp_path / "model_config.yaml")


def test_mean_parameters_of_other_shapes_are_refused(tmp_path) -> None:
    path = tmp_path / "mean.npz"
    with pytest.raises(DataError, match="no such file"):
        read_mean_parameters(path)
    np.savez(path, pose=np.zeros(90), shape=np.zeros(10), cam=np.zeros(3))
    with pytest.raises(DataError, match="pose: expected 96"):
        read_mean_parameters(path)
    np.savez(path, pose=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="npz with pose"):
        read_mean_parameters(path)
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match="npz with pose"):
        read_mean_parameters(path)


def test_the_learned_scale_starts_where_a_hand_fills_part_of_the_crop() -> None:
    """The mean camera's scale of 4 shows a hand of 0.19 m in 0.19 · 4 / 2 = 0.38 crops."""
    translation = crop_translation(torch.tensor([[4.0, 0, 0]]), 5000, 256)
    assert math.isclose(5000 / 256 * 0.19 / translation[0, 2].item(), 0.38, rel_tol=1e-6)
